"""What running a policy leaves: transitions step by step, whole episodes, paths under way."""

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from trpo.reports import check_finite
from trpo.types import Array, Rollout


class Carried(NamedTuple):
    """Paths under way between two batches; nothing when every batch begins afresh."""

    snapshots: list[Any]  # one a row
    returns: Array  # (N,) undiscounted rewards so far
    lengths: Array  # (N,) steps so far


class Sampled(NamedTuple):
    """One batch."""

    rollout: Rollout
    batch_end: Array  # (T, N) bool, cut by the batch's end and not by a time limit
    returns: Array  # (E,) raw undiscounted returns of the episodes that ended
    lengths: Array  # (E,) their lengths in steps
    carried: Carried | None
    steps: int  # simulator steps taken
    unstable: int  # steps that failed in the engine, counted as terminations


class Transition(NamedTuple):
    """One step of n rows; once stacked, of T steps and N rows."""

    obs: Array  # (n, *O) float32, raw
    actions: Array  # (n, A) as sampled
    dist: Array  # (n, M)
    rewards: Array  # (n,)
    failed: Array  # (n,) bool, in the engine
    ended: Array  # (n,) bool, the path ends here
    cut: Array  # (n,) bool, and the task would have gone on
    batch_end: Array  # (n,) bool, and no time limit came


class Tape:
    """What was recorded step by step, of the rows that were still running."""

    def __init__(self, count: int, carried: Carried | None) -> None:
        """Record up to `count` rows a step, in which episodes begin or are carried on."""
        self.count = count
        self.returns = np.zeros(count) if carried is None else carried.returns.copy()
        self.lengths = np.zeros(count, int) if carried is None else carried.lengths.copy()
        self.cut_obs: list[Array] = []
        self._steps: list[Transition] = []
        self._rows: list[Array] = []
        self._finished: list[tuple[Array, Array]] = []

    def __len__(self) -> int:
        """T so far."""
        return len(self._rows)

    def write(self, rows: Array, step: Transition) -> None:
        """Add one step of these rows (n,)."""
        self._rows.append(rows)
        self._steps.append(step)
        self.returns[self._where(rows)] += step.rewards
        self.lengths[self._where(rows)] += 1

    def finish(self, rows: Array) -> None:
        """Episodes ended in these rows; the next ones begin."""
        self._finished.append((self.returns[rows], self.lengths[rows]))
        self.returns[rows], self.lengths[rows] = 0.0, 0

    def read(self, snapshots: list[Any] | None) -> Sampled:
        """Return everything time-major; entries of rows that had finished are zero.

        `snapshots` are of the rows that the next batch goes on from, if it does.
        """
        found = Transition(*(self._stack(field) for field in zip(*self._steps, strict=True)))
        self._steps.clear()
        valid = self._stack(np.ones(len(rows), bool) for rows in self._rows)
        cut_obs = np.concatenate([found.obs[:0, 0], *self.cut_obs])
        check_finite("observations", found.obs)
        check_finite("observations", cut_obs)
        check_finite("rewards", found.rewards)
        empty = (np.zeros(0), np.zeros(0, int))
        returns, lengths = (np.concatenate(x) for x in zip(empty, *self._finished, strict=True))
        return Sampled(
            Rollout(
                obs=found.obs,
                actions=found.actions,
                dist=found.dist,
                rewards=found.rewards,
                ended=found.ended,
                cut=found.cut,
                cut_obs=cut_obs,
                valid=valid,
            ),
            found.batch_end,
            returns,
            lengths,
            None if snapshots is None else Carried(snapshots, self.returns, self.lengths),
            steps=int(valid.sum()),
            unstable=int(found.failed.sum()),
        )

    def _where(self, rows: Array) -> Array | slice:
        """What indexes the rows: a slice, which is faster, if they are all of them."""
        return rows if len(rows) < self.count else slice(None)

    def _stack(self, arrays: Iterable[Array]) -> Array:
        """Arrays (n, ...), one a step, as (T, N, ...)."""
        fields = [*arrays]
        stacked = np.zeros((len(fields), self.count, *fields[0].shape[1:]), fields[0].dtype)
        for out, rows, array in zip(stacked, self._rows, fields, strict=True):
            out[self._where(rows)] = array
        return stacked
