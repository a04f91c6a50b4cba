"""How observations are kept: vectors as they are, stacks of frames so that each frame is kept once.

A simulator's space says which of the two its observations are. A stack of S frames is seen anew in
every step, but only its newest frame is new.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch

from trpo.parameters import UnfitError
from trpo.types import Array, Batch, Observations, Stacks, Tensor


def batch(obs: Observations) -> Batch:
    """Observations as an update reads them; nothing is copied."""
    return obs if isinstance(obs, Stacks) else torch.from_numpy(obs)


def arrays(x: Batch) -> Observations:
    """A batch as observations; nothing is copied."""
    return x if isinstance(x, Stacks) else x.numpy()


def reals(obs: Observations) -> Array:
    """The real numbers among observations, of which frames have none."""
    return np.zeros(0) if isinstance(obs, Stacks) else obs


def width(shape: tuple[int, ...]) -> int:
    """Entries of observations that are vectors.

    Raises:
        UnfitError: they are of another shape.
    """
    if len(shape) != 1:
        raise UnfitError(f"it needs vector observations, not shape {shape}")
    return shape[0]


def stack(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """S, H and W of observations that are stacks of frames.

    Raises:
        UnfitError: they are of another shape.
    """
    if len(shape) != 3:
        raise UnfitError(f"it reads frames, not vectors of shape {shape}")
    frames, height, across = shape
    return frames, height, across


def images(x: Batch) -> Tensor:
    """A batch as one tensor (B, *O)."""
    return x.images() if isinstance(x, Stacks) else x


def joined(parts: Iterable[Observations]) -> Observations:
    """The observations of several rows, one after another.

    Of stacks none is held here once the next is asked for, so that frames are in memory once.
    """
    rest = iter(parts)
    first = next(rest)
    if not isinstance(first, Stacks):
        return np.concatenate([first, *rest])
    frames, at = first.frames.numpy().copy(), [first.at]
    for part in rest:
        assert isinstance(part, Stacks)
        count, more = len(frames), part.frames.numpy()
        frames.resize((count + len(more), *frames.shape[1:]), refcheck=False)  # moves no memory
        frames[count:] = more
        at.append(part.at + count)
    return Stacks(torch.from_numpy(frames), torch.cat(at))


class Kept(Protocol):
    """How what a row sees, step after step, is kept."""

    @property
    def filtered(self) -> bool:
        """Whether the observation filter is for such observations."""

    def seen(self, obs: Array) -> Array:
        """Observations (n, *O) of a simulator as policies are given them."""

    def part(self, obs: Array) -> Array:
        """What is kept of a step's observations (n, *O), as they are given to policies: a view."""

    def whole(self, parts: Array, first: Array, over: Array) -> Observations:
        """The observations of a row's n steps.

        Args:
            parts: (n, ·) what was kept of them.
            first: (*O) the first of them.
            over: (n,) bool, the steps that ended an episode.
        """


@dataclass(frozen=True)
class Vectors:
    """Observations (n, *O) kept as they are, in float32."""

    filtered: bool = True

    def seen(self, obs: Array) -> Array:
        """The same, new, in float32."""
        return obs.astype(np.float32)

    def part(self, obs: Array) -> Array:
        """All of it."""
        return obs

    def whole(self, parts: Array, first: Array, over: Array) -> Observations:
        """The parts."""
        return parts


@dataclass(frozen=True)
class Films:
    """Stacks (n, S, H, W) uint8 of which the newest frame is kept.

    Where an episode begins, every frame of the stack is its first one.
    """

    filtered: bool = False

    def seen(self, obs: Array) -> Array:
        """The same."""
        return obs

    def part(self, obs: Array) -> Array:
        """The newest frames (n, H, W)."""
        newest: Array = obs[:, -1]
        return newest

    def whole(self, parts: Array, first: Array, over: Array) -> Observations:
        """The stacks, which before a row's first step go back to what its first one holds."""
        steps, before = np.arange(len(parts)), len(first) - 1
        begins = np.concatenate([[-before], 1 + np.flatnonzero(over)])
        begin = begins[np.searchsorted(begins, steps, side="right") - 1]
        back = np.arange(-before, 1)
        at = before + np.maximum(steps[:, None] + back, begin[:, None])
        frames = np.concatenate([first[:-1], parts])
        return Stacks(torch.from_numpy(frames), torch.from_numpy(at.astype(np.int32)))
