"""What every simulator can do; single path, vine and crash recovery need nothing more."""

from collections.abc import Sequence
from math import inf, log, prod
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from trpo.observations import Kept, Vectors
from trpo.types import Array


class Box(NamedTuple):
    """Real actions (A,) within bounds."""

    low: Array  # (A,)
    high: Array  # (A,)

    @property
    def kind(self) -> str:
        """What such actions are called."""
        return "continuous"

    @property
    def dimensions(self) -> int:
        """A."""
        return len(self.low)

    @property
    def number(self) -> float:
        """How many different actions there are."""
        return inf

    @property
    def log_volume(self) -> float:
        """Log ∫ da over the actions within the bounds."""
        return float(np.log(self.high - self.low).sum())

    def clip(self, actions: Array) -> Array:
        """The actions (n, A) that the task is given for those sampled (n, A)."""
        clipped: Array = np.minimum(np.maximum(actions, self.low), self.high)
        return clipped

    def uniform(self, noise: Array) -> Array:
        """Actions (n, A) uniform within the bounds, for noise (n, A) uniform within [0, 1)."""
        drawn: Array = self.low + noise * (self.high - self.low)
        return drawn


class Choices(NamedTuple):
    """One choice a factor: actions (A,) are indices, each below its count.

    One factor is Gymnasium's Discrete, several are its MultiDiscrete.
    """

    counts: tuple[int, ...]  # (A,)

    @property
    def kind(self) -> str:
        """What such actions are called."""
        return "discrete" if len(self.counts) == 1 else "factored"

    @property
    def dimensions(self) -> int:
        """A."""
        return len(self.counts)

    @property
    def number(self) -> int:
        """How many different actions there are."""
        return prod(self.counts)

    @property
    def log_volume(self) -> float:
        """Log of their number."""
        return log(self.number)

    def clip(self, actions: Array) -> Array:
        """The actions (n, A) themselves: every index that is sampled can be taken."""
        return actions

    def uniform(self, noise: Array) -> Array:
        """Every action (n, A) as likely, for noise (n, A) uniform within [0, 1)."""
        drawn: Array = (noise * np.array(self.counts)).astype(np.int64)
        return drawn

    def numbered(self, n: Array) -> Array:
        """Actions (..., A) by their numbers (...), each within [0, number)."""
        return np.stack(np.unravel_index(n, self.counts), axis=-1)


class Space(NamedTuple):
    """Shapes and bounds of a task, as a policy must know them."""

    obs: tuple[int, ...]  # the observation's shape O
    actions: Box | Choices
    horizon: int  # time limit of an episode, in steps
    kept: Kept = Vectors()  # how observations are kept
    doubts: tuple[str, ...] = ()  # what a user should know before trusting the task's numbers
    bounds: Box | None = None  # the task's own, where actions within ±1 are scaled to them

    def taken(self, actions: Array) -> Array:
        """Actions (n, A), as `actions.clip` gives them, as the task takes them."""
        if self.bounds is None:
            return actions
        low, high = self.bounds
        scaled: Array = low + (actions + 1) / 2 * (high - low)
        return scaled


class Step(NamedTuple):
    """What a step of n rows returned."""

    reward: Array  # (n,) float64
    terminal: Array  # (n,) bool: the task ended here
    truncated: Array  # (n,) bool: the time limit came, and the task did not end (never both)
    failed: Array  # (n,) bool: the engine gave up, which ended the episode (implies terminal)


class Simulator(Protocol):
    """N rows of one task. `rows` is always an int array (n,) of distinct row numbers.

    Laws, tested for every simulator: the same state and action give the same result bit for
    bit; the order and number of rows, of threads and of workers do not change a row; a
    restored row replays exactly.
    """

    space: Space
    count: int  # N

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin a new episode in each of these rows."""

    def observe(self, rows: Array) -> Array:
        """Observations (n, *O) of the rows' present states, float64 (or uint8 for pixels)."""

    def step(self, actions: Array, rows: Array) -> Step:
        """Apply actions (n, A), as `space.actions.clip` gives them, to the rows, one step each."""

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
