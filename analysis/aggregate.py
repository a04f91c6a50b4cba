"""Scores of runs on several tasks in one number, with its stratified bootstrap interval.

The definitions are those of Agarwal et al. 2021 (arXiv 2108.13264). Scores of different tasks are
put together only after they have been normalised. `tasks` is one array a task, of shape (..., n)
with a score per run on the last axis: tasks may have different numbers of runs. Every task weighs
the same, but for the IQM, which pools all runs.
"""

from collections.abc import Callable, Sequence

import numpy as np

from analysis.statistics import LEVEL, Array
from analysis.streams import stream

Tasks = Sequence[Array]
DRAWS = 2000


def iqm(tasks: Tasks) -> Array:
    """Interquartile mean: of all runs on all tasks, a quarter left out at each end; (...)."""
    pooled = np.sort(np.concatenate(tasks, axis=-1))
    cut = pooled.shape[-1] // 4
    return np.asarray(pooled[..., cut : pooled.shape[-1] - cut].mean(axis=-1))


def mean(tasks: Tasks) -> Array:
    """The mean over tasks of the mean over runs; (...)."""
    return np.asarray(np.mean([scores.mean(axis=-1) for scores in tasks], axis=0))


def median(tasks: Tasks) -> Array:
    """The median over tasks of the mean over runs; (...)."""
    return np.asarray(np.median([scores.mean(axis=-1) for scores in tasks], axis=0))


def optimality_gap(tasks: Tasks, target: float = 1.0) -> Array:
    """How much runs lack to the target on average; what is above it makes up for nothing; (...)."""
    return target - mean([np.minimum(scores, target) for scores in tasks])


def profile(tasks: Tasks, taus: Array) -> Array:
    """Performance profile: the share of runs that score above each of taus (t,); (..., t)."""
    return mean([scores[..., None, :] > taus[:, None] for scores in tasks])


def improvement(left: Tasks, right: Tasks) -> Array:
    """How likely a run of left scores above one of right on the same task, ties a half; (...).

    left, right: the same tasks in the same order. On one task it is Mann and Whitney's U / (n m).
    """
    pairs = [(own[..., :, None], other[..., None, :])
             for own, other in zip(left, right, strict=True)]  # fmt: skip
    each = [np.mean((a > b) + (a == b) / 2, axis=(-2, -1)) for a, b in pairs]
    return np.asarray(np.mean(each, axis=0))


def bootstrap(
    statistic: Callable[..., Array],
    *sides: Tasks,
    purpose: str,
    level: float = LEVEL,
    draws: int = DRAWS,
) -> tuple[Array, Array]:
    """Percentile interval (low, high) of a statistic of one or more sides, by resampling runs.

    Runs are drawn with replacement within each task of each side. The interval is of these tasks,
    not of others like them. NaN where a task has a single run. It covers less often than `level`
    where runs and tasks are few: `coverage.py` has how often.

    Args:
        statistic: of the sides, anything above.
        sides: each a side's tasks.
        purpose: what the generator is for; the same gives the same interval.
        level: how often it is to cover.
        draws: how many times it resamples.
    """
    rng = stream(f"bootstrap of {purpose}")
    drawn = statistic(*([_resampled(scores, draws, rng) for scores in side] for side in sides))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2], axis=0)
    few = any(scores.shape[-1] < 2 for side in sides for scores in side)
    return (low * np.nan, high * np.nan) if few else (low, high)


def _resampled(scores: Array, draws: int, rng: np.random.Generator) -> Array:
    """Runs of (..., n) drawn with replacement; (draws, ..., n)."""
    chosen = rng.integers(scores.shape[-1], size=(draws, *scores.shape))
    return np.take_along_axis(np.broadcast_to(scores, chosen.shape), chosen, axis=-1)
