"""Sums over a batch that are the same bits for any number of threads.

A batch is cut into fixed chunks; each chunk is worked on by one thread, and their results are
added in the order of the chunks. Chunks also keep what a layer needs inside the cache.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from operator import add
from typing import Any, TypeVar

from trpo.types import Map, Tensor

CHUNK = 1024  # states; fits a core's cache for layers of 64, and gives two threads work at 2,048

T = TypeVar("T", bound=tuple[Any, ...])


def chunks(batch: T, size: int = CHUNK) -> list[T]:
    """Cut a named tuple of tensors (B, ...) into a list of the same with at most `size` states."""
    pieces = zip(*(field.split(size) for field in batch), strict=True)
    return [type(batch)(*piece) for piece in pieces]


def total(pmap: Map, f: Callable[[Any], Tensor], batch: Sequence[Any]) -> Tensor:
    """Σ f(chunk), the chunks spread over `pmap`, the sum taken in their order."""
    summed: Tensor = reduce(add, pmap(f, batch))
    return summed
