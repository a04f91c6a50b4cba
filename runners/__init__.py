"""Effects around the pure maths of `trpo`: configuration, simulators, files, signals, display.

Numerical libraries get one thread each, set here because they read it when first imported:
their own threading changes bits, and runs side by side would throttle each other.
"""

import os
import sys
from types import TracebackType

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"


def _without_traceback(
    kind: type[BaseException], error: BaseException, trace: TracebackType | None
) -> None:
    """Show what nobody caught, unless it is Ctrl-C."""
    if not issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)


if sys.argv[:1] == ["-m"]:  # a command is being loaded, which takes seconds
    sys.excepthook = _without_traceback
