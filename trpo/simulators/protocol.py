"""What every simulator can do; single path, vine and crash recovery need nothing more."""

from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from trpo.types import Array


class Space(NamedTuple):
    """Shapes and bounds of a task, as a policy must know them."""

    obs: tuple[int, ...]  # the observation's shape O
    actions: int  # A action dimensions if continuous, number of choices if discrete
    discrete: bool
    low: Array  # (A,) bounds that a sampled action is clipped to; (0,) if discrete
    high: Array  # (A,)
    horizon: int  # time limit of an episode, in steps


class Step(NamedTuple):
    """What a step of n rows returned."""

    reward: Array  # (n,) float64
    terminal: Array  # (n,) bool: the task ended here
    truncated: Array  # (n,) bool: the time limit came, and the task did not end (never both)


class Simulator(Protocol):
    """N rows of one task. `rows` is always an int array (n,) of distinct row numbers.

    Laws, tested for every simulator: the same state and action give the same result bit for
    bit; the order and number of rows, of threads and of workers do not change a row; a
    restored row replays exactly.
    """

    space: Space
    count: int  # N
    unstable: int  # steps so far that the engine gave up on and that ended their episode

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin a new episode in each of these rows."""

    def observe(self, rows: Array) -> Array:
        """Observations (n, *O) of the rows' present states, float64 (or uint8 for pixels)."""

    def step(self, actions: Array, rows: Array) -> Step:
        """Apply actions (n, A) (discrete: (n, 1) integers) to the rows, one step each."""

    def save(self, rows: Array) -> list[Any]:
        """One opaque, picklable snapshot a row, the episode's elapsed steps included."""

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Continue these rows exactly from the snapshots (which may repeat)."""

    def close(self) -> None:
        """Release threads, processes and engines."""

    def __enter__(self) -> Self:
        """Enter a context that closes the simulator at its end."""

    def __exit__(self, *error: object) -> None:
        """Close."""
