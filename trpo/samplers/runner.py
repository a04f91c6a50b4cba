"""Runners: rows × policy × noise in, what each row did out.

Two of them have one contract: `lockstep` for any simulator and any policy, and `compiled` for
MuJoCo's tasks under fully connected Gaussian policies. Samplers, searches and evaluation are
written once over it. A row's noise and resets are its own streams, so that nothing which a row does
depends on how many rows, threads, processes or blocks there are. In compiled code their order does
not matter either; in lockstep a row's number is its place in the products of a policy, whose last
bits depend on it.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol, Self

import numpy as np

from trpo.moments import Filter
from trpo.policies import Policy
from trpo.simulators.protocol import Simulator
from trpo.types import Array, Observations, Tensor

Seed = np.random.SeedSequence


class Row(NamedTuple):
    """How one row begins, and what its randomness comes from."""

    noise: Seed  # of its actions, drawn step after step; rows that share it share their noise
    resets: Seed  # of its new episodes, drawn one after another
    snapshot: Any = None  # where it goes on; None is a new episode
    age: int = 0  # steps of the episode before the snapshot
    action: Array | None = None  # (A,) what it does first, instead of asking the policy


def fresh(seed: Seed, count: int) -> list[Row]:
    """So many rows that begin with an episode each; `seed` may spawn."""
    return [row(each) for each in seed.spawn(count)]


def row(seed: Seed, snapshot: Any = None, age: int = 0) -> Row:
    """A row whose randomness comes from a seed of its own, which may spawn."""
    noise, resets = seed.spawn(2)
    return Row(noise, resets, snapshot, age)


def seed_of(rng: np.random.Generator) -> Seed:
    """What the generator was made from, and others can be."""
    seed = rng.bit_generator.seed_seq
    assert isinstance(seed, Seed)
    return seed


class Until(NamedTuple):
    """When a row stops: after `most` steps, or at an episode's end once it took `least`."""

    least: int
    most: int | None = None

    def over(self, steps: int, ended: bool) -> bool:
        """Whether a row stops that took so many steps, the last of which ended an episode or not.

        A row has taken one step at least.
        """
        return (ended and steps >= self.least) or steps == self.most


class Acting(NamedTuple):
    """What acts."""

    theta: Tensor | Array  # (P,) in all rows, or (N, P): each row's own
    see: Filter
    greedy: bool = False  # a Gaussian's mean or the likeliest choice, instead of sampling


class Track(NamedTuple):
    """What one row did in its n steps, episode after episode."""

    obs: Observations  # (n, *O) raw
    actions: Array  # (n, A) as sampled
    dist: Array  # (n, M) float32
    rewards: Array  # (n,) float64
    terminal: Array  # (n,) bool
    truncated: Array  # (n,) bool, by the time limit
    failed: Array  # (n,) bool, in the engine
    after: Array  # (c, *O) raw, what was seen after each cut: a time limit, or the row's stop
    snapshot: Any  # where the row stopped, if it was asked for

    @property
    def over(self) -> Array:
        """(n,) bool: the steps that ended an episode."""
        ended: Array = self.terminal | self.truncated
        return ended

    def ages(self, first: int) -> Array:
        """(n,) steps of its episode before each step, of which the first episode had `first`."""
        steps = np.arange(len(self.rewards))
        begins = np.concatenate([[-first], 1 + np.flatnonzero(self.over)])
        found: Array = steps - begins[np.searchsorted(begins, steps, side="right") - 1]
        return found


class Keep(Protocol):
    """Told of states that are visited, while these can still be saved."""

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """States (n,) of these rows, at these steps of each and so old; `save(i)` saves one."""

    def merge(self, other: Self) -> None:
        """Take what was offered to a copy, which was made before anything was offered to this."""


class Runner(Protocol):
    """Runs a policy in rows of a task."""

    @property
    def name(self) -> str:
        """What provenance calls it."""

    @property
    def simulator(self) -> Simulator:
        """The task."""

    @property
    def policy(self) -> Policy:
        """Whose parameters `run` is given."""

    def run(
        self,
        rows: Sequence[Row],
        acting: Acting,
        until: Until,
        *,
        keep: Keep | None = None,
        save: bool = False,
    ) -> Iterator[Track]:
        """Run any number of rows and give what they did, in their order.

        Args:
            rows: how each begins.
            acting: the policy's parameters, and how it sees.
            until: when a row stops.
            keep: told of every state that is visited, in any order.
            save: whether tracks have the snapshot where they stopped.
        """
