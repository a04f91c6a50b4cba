"""Effects around the pure maths of `trpo`: configuration, simulators, files, signals, display.

Numerical libraries get one thread each, set here because they read it when first imported:
their own threading changes bits, and runs side by side would throttle each other.
"""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"
