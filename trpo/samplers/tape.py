"""What running a policy leaves: steps row after row, whole episodes, paths under way."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np

from trpo.observations import joined, reals
from trpo.reports import check_finite
from trpo.samplers.runner import Track
from trpo.types import Array, Observations, Rollout

NOTHING = np.empty(0, np.float32)


class Carried(NamedTuple):
    """Paths under way between two batches; nothing when every batch begins afresh."""

    snapshots: list[Any]  # one a row
    returns: Array  # (N,) undiscounted rewards so far
    lengths: Array  # (N,) steps so far


class Sampled(NamedTuple):
    """One batch."""

    rollout: Rollout
    rows: Array  # (N,) where each row's steps begin in the rollout
    batch_end: Array  # (B,) bool, cut by the batch's end and not by a time limit
    returns: Array  # (E,) raw undiscounted returns of the episodes that ended
    lengths: Array  # (E,) their lengths in steps
    carried: Carried | None
    unstable: int  # steps that failed in the engine, counted as terminations

    @property
    def steps(self) -> int:
        """Simulator steps taken."""
        return len(self.rollout.rewards)


def nothing(count: int) -> Carried:
    """What is carried into so many rows that begin afresh."""
    return Carried([None] * count, np.zeros(count), np.zeros(count, int))


def taped(tracks: Iterable[Track], before: Carried, go_on: bool) -> Sampled:
    """One batch of what rows did.

    Args:
        tracks: of N rows; of each its observations are let go before the next is asked for.
        before: what was carried into them.
        go_on: whether the next batch begins where this one stopped.

    Raises:
        FloatingPointError: a reward or an observation is not finite.
    """
    rest: list[Track] = []

    def seen() -> Iterator[Observations]:
        for track in tracks:
            rest.append(track._replace(obs=NOTHING))
            yield track.obs

    obs, tracks = joined(seen()), rest
    ends = np.cumsum([len(track.rewards) for track in tracks])
    last = np.zeros(ends[-1], bool)
    last[ends - 1] = True
    names = ("actions", "dist", "rewards", "terminal", "failed", "after")
    fields = (np.concatenate([getattr(track, name) for track in tracks]) for name in names)
    actions, dist, rewards, terminal, failed, after = fields
    over = np.concatenate([track.over for track in tracks])
    check_finite("observations", reals(obs))
    check_finite("observations", after)
    check_finite("rewards", rewards)
    told = [
        episodes(track, *start)
        for track, start in zip(tracks, zip(*before[1:], strict=True), strict=True)
    ]
    returns, lengths, still, age = zip(*told, strict=True)
    snapshots = [track.snapshot for track in tracks]
    ended = over | last
    return Sampled(
        Rollout(obs, actions, dist, rewards, ended, cut=ended & ~terminal, cut_obs=after),
        ends - [len(track.rewards) for track in tracks],
        batch_end=last & ~over,
        returns=np.concatenate(returns),
        lengths=np.concatenate(lengths),
        carried=Carried(snapshots, np.array(still), np.array(age)) if go_on else None,
        unstable=int(failed.sum()),
    )


def episodes(track: Track, returned: float, age: int) -> tuple[Array, Array, float, int]:
    """Returns and lengths of a row's episodes, then of the one under way.

    `returned` and `age` are of the first episode, before this.
    """
    ends = np.flatnonzero(track.over) + 1
    sums = np.add.reduceat(track.rewards, [0, *ends[ends < len(track.rewards)]])
    lengths = np.diff([0, *ends, len(track.rewards)])
    sums = np.append(sums, 0.0)[: len(lengths)]  # nothing yet where an episode ended last
    sums[0] += returned
    lengths[0] += age
    return sums[:-1], lengths[:-1], float(sums[-1]), int(lengths[-1])
