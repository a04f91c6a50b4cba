"""Functions that are compiled when they are first called, and kept on disk where there is room.

A compiled function holds no lock of Python's, so threads run several at once. A cache knows only
the file that a function stands in: one that calls another has it in its own file. What stands here
is written out in all that use it; whoever changes it empties the caches (`make clean`).
"""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

try:
    from llvmlite import ir
    from numba import extending, njit, types
    from numba.core import cgutils
except ImportError as error:
    raise ImportError(f"numba cannot be imported ({error}): `make setup` installs it") from error

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """The same function in machine code, its floating-point operations as they are written."""
    return _kept(function, fastmath=False)


def relaxed(function: F) -> F:
    """The same, its operations in an order that is fast, for networks; a NaN still is one."""
    return _kept(function, fastmath={"reassoc", "contract", "nsz", "arcp", "afn"})


def intrinsic(function: Callable[..., Any]) -> Any:
    """LLVM code that is written out where a compiled function calls it."""
    return extending.intrinsic(function)


def _kept(function: F, **options: Any) -> F:
    """Compile for the disk; where no folder can be written, for this process alone."""
    options |= {"nogil": True, "error_model": "numpy"}
    try:
        found: F = njit(cache=True, **options)(function)
    except RuntimeError:
        found = njit(**options)(function)
    return found


@intrinsic
def load(context: Any, address: Any) -> Any:
    """The double at an address."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.load(builder.inttoptr(args[0], ir.DoubleType().as_pointer()))

    return types.float64(types.intp), generate


@intrinsic
def borrowed(context: Any, value: Any) -> Any:
    """The same arrays, tuple or tuples of them, without counting who uses them.

    Counting costs more than what a step computes. The caller holds the arrays meanwhile.
    """

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return _uncounted(context, builder, signature.args[0], args[0])

    return value(value), generate


def _uncounted(context: Any, builder: Any, kind: Any, value: Any) -> Any:
    """The value with no array of it knowing its owner."""
    if isinstance(kind, types.Array):
        array = context.make_array(kind)(context, builder, value)
        array.meminfo = cgutils.get_null_value(array.meminfo.type)
        array.parent = cgutils.get_null_value(array.parent.type)
        return array._getvalue()
    for i, part in enumerate(kind.types if isinstance(kind, types.BaseTuple) else ()):
        inner = _uncounted(context, builder, part, builder.extract_value(value, i))
        value = builder.insert_value(value, inner, i)
    return value


LARGEST = np.float32(7.9053111)  # beyond, tanh is ±1 in single precision
P = np.array([4.893525e-3, 6.3726193e-4, 1.4857224e-5, 5.1222971e-8, -8.6046715e-11,
              2.0001879e-13, -2.7607685e-16], np.float32)  # fmt: skip
Q = np.array([4.8935252e-3, 2.2684346e-3, 1.1853471e-4, 1.1982584e-6], np.float32)


@relaxed
def tanh(x: Any) -> Any:
    """Tanh in single precision, as x P(x²) / Q(x²): within 4e-7, and it fits vector units."""
    z = min(max(x, -LARGEST), LARGEST)
    s = z * z
    p = P[0] + s * (P[1] + s * (P[2] + s * (P[3] + s * (P[4] + s * (P[5] + s * P[6])))))
    return z * p / (Q[0] + s * (Q[1] + s * (Q[2] + s * Q[3])))
