"""Functions that are compiled when they are first called, and kept on disk where there is room.

A compiled function holds no lock of Python's, so threads run several at once. A cache knows only
the file that a function stands in: one that calls another has it in its own file.
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numba.extending
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The same function in machine code, its floating-point operations as they are written."""
    return _kept(function, fastmath=False)


def contracted(function: F) -> F:
    """The same, a product and a sum made one operation where the processor can."""
    return _kept(function, fastmath={"contract"})


def intrinsic(function: Callable[..., Any]) -> Any:
    """LLVM code that is written out where a compiled function calls it."""
    return numba.extending.intrinsic(function)


def _kept(function: F, **options: Any) -> F:
    """Compile for the disk; where no folder can be written, for this process alone."""
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        found: F = njit(cache=True, **options)(function)
    except RuntimeError:
        found = njit(**options)(function)
    return found
