"""The rollout set of a vine (§5.2): states drawn from those that the trunks visit."""

from collections.abc import Callable
from heapq import heappush, heapreplace
from typing import Any

import numpy as np

from trpo.types import Array


class RolloutSet:
    """States drawn while they are visited, without knowing how many there will be.

    Weighted sampling without replacement through a reservoir (Efraimidis and Spirakis 2006):
    the states with the smallest Exp(1) / weight stay. Only what stays is ever saved.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Keep up to `size` states."""
        self._size, self._rng = size, rng
        self._heap: list[tuple[float, int, int, Any]] = []  # (-key, step, row, snapshot)

    def offer(
        self, step: int, weights: Array, save: Callable[[Array], list[Any]], rows: Array
    ) -> None:
        """The rows (n,) with these weights (n,) are visited now; `save` gives their snapshots."""
        keys = self._rng.exponential(size=len(rows)) / weights
        worst = -self._heap[0][0] if len(self._heap) == self._size else np.inf
        for row, key in zip(rows[keys < worst], keys[keys < worst], strict=True):
            if len(self._heap) < self._size:
                heappush(self._heap, (-key, step, int(row), *save(np.array([row]))))
            elif key < -self._heap[0][0]:
                heapreplace(self._heap, (-key, step, int(row), *save(np.array([row]))))

    def states(self) -> tuple[tuple[Array, Array], list[Any]]:
        """Where the states stand in the rollout, as indices (step, row), and their snapshots."""
        kept = sorted((step, row, snapshot) for _, step, row, snapshot in self._heap)
        steps, rows = (np.array([state[i] for state in kept]) for i in range(2))
        return (steps, rows), [snapshot for _, _, snapshot in kept]
