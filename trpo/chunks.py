"""Sums over a batch that are the same bits for any number of threads.

A batch is cut into fixed chunks; each chunk is worked on by one thread, and their results are
added in the order of the chunks. Chunks also keep what a layer needs inside the cache, and so each
network says how long its own are.
"""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import reduce
from operator import add
from typing import Any, TypeVar

import torch

from trpo.types import Batch, Map, Tensor

CHUNK = 1024  # rows; with layers of 64 half a millisecond's work, which waking a thread is worth
FEW = 8  # chunks up to which work that can be done beside other work is better not spread

T = TypeVar("T")
X = TypeVar("X", Tensor, Batch)
Fields = TypeVar("Fields", bound=tuple[Any, ...])


def chunks(x: X, size: int) -> Sequence[X]:
    """Cut x (B, ...) into its chunks of at most `size`."""
    return x.tensor_split(tuple(range(size, len(x), size)))


def cut(batch: Fields, size: int) -> list[Fields]:
    """Cut a named tuple of tensors (B, ...) into a list of the same with at most `size` states."""
    ends = tuple(range(size, len(batch[0]), size))
    parts = zip(*(field.tensor_split(ends) for field in batch), strict=True)
    return [type(batch)(*part) for part in parts]


def each_span(pmap: Map, count: int, work: Callable[[int, int], T]) -> list[T]:
    """What `work(start, stop)` gives for each chunk of `count` rows, spread over `pmap`."""
    starts = range(0, count, CHUNK)
    return list(pmap(work, starts, (min(start + CHUNK, count) for start in starts)))


def total(pmap: Map, f: Callable[..., Tensor], *chunks: Iterable[Any]) -> Tensor:
    """Σ f(chunk), the chunks spread over `pmap`, the sum taken in their order."""
    summed: Tensor = reduce(add, pmap(f, *chunks))
    return summed


def joined(pmap: Map, f: Callable[..., Tensor], *chunks: Iterable[Any]) -> Tensor:
    """All rows of f(chunk), the chunks spread over `pmap`."""
    return torch.cat(list(pmap(f, *chunks)))


def beside(pmap: Map, rows: int, chunk: int, *jobs: Callable[[Map], Any]) -> Iterator[Any]:
    """What independent jobs on rows in such chunks give, each handed a map for its chunks.

    Few rows: each job is one thread's, side by side. Many: one after another, each over all.
    """
    if rows <= FEW * chunk:
        yield from pmap(lambda job: job(map), jobs)
    else:
        yield from (job(pmap) for job in jobs)
