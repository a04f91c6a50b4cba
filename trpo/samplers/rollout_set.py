"""The rollout set of a vine (§5.2): states drawn from those that the trunks visit."""

from collections.abc import Callable
from heapq import heapify, heappush, heapreplace, nlargest
from typing import Any, Self

import numpy as np

from trpo.samplers.runner import Seed
from trpo.types import Array

BLOCK = 256  # steps of a row whose keys are drawn at once


class RolloutSet:
    """States drawn while they are visited, without knowing how many there will be.

    Weighted sampling without replacement through a reservoir (Efraimidis and Spirakis 2006):
    the states with the smallest log Exp(1) / weight stay. Only what stays is ever saved. A state's
    exponential is that of its row and step, so that it does not matter in which order they come.
    """

    def __init__(self, size: int, seed: Seed, decay: float = 1.0) -> None:
        """Keep up to `size` states; one that is t steps into its episode has weight decay^t."""
        self._size, self._seed, self._decay = size, seed, decay
        self._drawn: dict[int, tuple[np.random.Generator, Array]] = {}  # by row
        self._heap: list[tuple[float, int, int, Any]] = []  # (-key, row, step, snapshot)

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """States (n,) of these rows and steps, so many steps into their episodes, are visited."""
        exponentials = [self._of(row, step) for row, step in zip(rows, steps, strict=True)]
        keys = np.log(exponentials) - ages * np.log(self._decay)
        for i in np.flatnonzero(keys < self._worst()):
            if keys[i] < self._worst():
                push = heapreplace if len(self._heap) == self._size else heappush
                push(self._heap, (-float(keys[i]), int(rows[i]), int(steps[i]), save(int(i))))

    def merge(self, other: Self) -> None:
        """Take the states of another set of the same seed, to which other states were offered."""
        self._heap = nlargest(self._size, [*self._heap, *other._heap])
        heapify(self._heap)

    def states(self) -> tuple[tuple[Array, Array], list[Any]]:
        """Where the states stand in the rollout, as (rows, steps), and their snapshots."""
        kept = sorted(((row, step, snapshot) for _, row, step, snapshot in self._heap), key=_place)
        rows, steps = (np.array([state[i] for state in kept]) for i in range(2))
        return (rows, steps), [snapshot for _, _, snapshot in kept]

    def _worst(self) -> float:
        """The key that another state must be below."""
        return -self._heap[0][0] if len(self._heap) == self._size else np.inf

    def _of(self, row: int, step: int) -> float:
        """The exponential of a row's step."""
        if row not in self._drawn:
            seed = np.random.SeedSequence(
                self._seed.entropy, spawn_key=(*self._seed.spawn_key, row)
            )
            self._drawn[row] = np.random.default_rng(seed), np.zeros(0)
        rng, drawn = self._drawn[row]
        while step >= len(drawn):
            drawn = np.concatenate([drawn, rng.exponential(size=BLOCK)])
            self._drawn[row] = rng, drawn
        return float(drawn[step])


def _place(state: tuple[int, int, Any]) -> tuple[int, int]:
    return state[:2]
