"""One thread everywhere, set before anything numerical is imported, and repeatable properties."""

import os

for _variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_variable] = "1"

import pytest  # noqa: E402 (after the variables that torch reads)
import torch  # noqa: E402
from hypothesis import settings  # noqa: E402

from runners.run import opengl  # noqa: E402

opengl.choose()  # before anything imports MuJoCo
torch.set_num_threads(1)
settings.register_profile("suite", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("suite")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The analysis in the middle, where the second of two workers begins.

    It needs nothing compiled, while the first worker compiles what all others need, once.
    """
    parts: dict[bool, list[pytest.Item]] = {True: [], False: []}
    for item in items:
        parts[item.path.stem.startswith("test_analysis")].append(item)
    middle = len(items) // 2
    items[:] = [*parts[False][:middle], *parts[True], *parts[False][middle:]]
