"""Two sides of runs on one task: what is measured of each, and what of both."""

import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.aggregate import Tasks, bootstrap, improvement, iqm
from analysis.names import FAILED
from analysis.power import detectable
from analysis.significance import permutation, welch
from analysis.statistics import Array, averages, band, difference, interval, scores
from analysis.thresholds import steps_to, wall_seconds

NAN = math.nan


class Mean(NamedTuple):
    """A mean over runs, or a difference of two, with its interval; NaN where there is none."""

    mean: float
    low: float
    high: float


NOTHING = Mean(NAN, NAN, NAN)


class Reached(NamedTuple):
    """How many runs were at a threshold, of how many, and the median of their steps.

    It is infinite where more than half never were there.
    """

    there: int
    of: int
    median: float


class Side(NamedTuple):
    """One side on one task.

    Args:
        runs: how many there are.
        scores: at the end, of each run that has one (n,): not of the unfinished, nor of those in
            which no episode ended.
        failed: how many failed; they count, with the lowest value that they reported.
        means: of these scores, and of other ways to score the same runs, by their names.
        median: of the scores.
        iqm: their interquartile mean.
        band: between which the middle half of the runs lies.
        reached: how they came to the threshold.
        seconds: the median wall-clock time of a whole run.
    """

    runs: int
    scores: Array
    failed: int
    means: Mapping[str, Mean]
    median: float
    iqm: float
    band: tuple[float, float]
    reached: Reached
    seconds: float


class Pair(NamedTuple):
    """Both sides on one task, and left less right.

    Args:
        left: one side.
        right: the other.
        differences: of the means, by their names.
        welch: p by Welch's t test.
        permutation: p by permutation.
        improvement: how likely a run of left scores above one of right, and its interval.
        detectable: the difference that so many runs detect, in standard deviations.
    """

    left: Side
    right: Side
    differences: Mapping[str, Mean]
    welch: float
    permutation: float
    improvement: Mean
    detectable: float


FINAL = "mean at the end"
WAYS: Mapping[str, Callable[[pd.DataFrame, str], pd.DataFrame]] = {
    FINAL: scores,
    "mean over all iterations": averages,
    "mean of the best": lambda runs, metric: scores(runs, metric).assign(score=lambda x: x.peak),
}
"""How a run is scored, by what the mean of these scores is called."""


def compare(
    left: pd.DataFrame, right: pd.DataFrame, metric: str, threshold: float = math.inf
) -> Pair:
    """Measure both sides, of one task, as `load.runs` gives them.

    A run may be on both sides, and two runs of one name may be different ones.
    """
    sides = [runs.assign(run_id=f"{i} " + runs.run_id) for i, runs in enumerate((left, right))]
    both = pd.concat(sides, ignore_index=True)
    scored = {name: way(both, metric) for name, way in WAYS.items()}
    steps = steps_to(both, metric, threshold)
    own, other = ({name: _own(each, side) for name, each in scored.items()} for side in sides)
    ends = own[FINAL], other[FINAL]
    return Pair(
        _side(left, own, _own(steps, sides[0])),
        _side(right, other, _own(steps, sides[1])),
        {name: _difference(own[name], other[name]) for name in WAYS},
        welch(*ends),
        permutation(*ends),
        chance([ends[0]], [ends[1]]),
        detectable(min(map(len, ends))),
    )


def _own(scored: pd.DataFrame, side: pd.DataFrame) -> Array:
    """The scores of a side's runs (n,)."""
    own = scored[scored.run_id.isin(side.run_id)]
    return own.score.dropna().to_numpy(dtype=float)


def _side(runs: pd.DataFrame, values: Mapping[str, Array], steps: Array) -> Side:
    each, ends = runs.drop_duplicates("run_id"), values[FINAL]
    low, high = map(float, band(ends)) if len(ends) else (NAN, NAN)
    return Side(
        runs=len(each),
        scores=ends,
        failed=int((each.status == FAILED).sum()),
        means={name: _mean(own) for name, own in values.items()},
        median=_median(ends),
        iqm=float(iqm([ends])) if len(ends) else NAN,
        band=(low, high),
        reached=Reached(int(np.isfinite(steps).sum()), len(steps), _median(steps)),
        seconds=_median(wall_seconds(runs)),
    )


def _median(values: Array) -> float:
    return float(np.median(values)) if len(values) else NAN


def _mean(values: Array) -> Mean:
    return Mean(float(values.mean()), *map(float, interval(values))) if len(values) else NOTHING


def _difference(left: Array, right: Array) -> Mean:
    return Mean(*difference(left, right)) if len(left) and len(right) else NOTHING


def chance(left: Tasks, right: Tasks) -> Mean:
    """How likely a run of left scores above one of right on the same task, and its interval.

    left, right: an array of scores a task. Where every pair of runs goes one way, resampling knows
    no other, and there is no interval.
    """
    if not all(map(len, [*left, *right])):
        return NOTHING
    low, high = bootstrap(improvement, left, right, purpose="improvement")
    one_way = low == high
    mean = float(improvement(left, right))
    return Mean(mean, NAN, NAN) if one_way else Mean(mean, float(low), float(high))
