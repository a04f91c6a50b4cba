"""Methods over several tasks: scores made comparable, then put together.

On each task 0 is the mean of the runs' first reported values, before anything has been learned to
speak of, and 1 the best mean score there of the methods that are put together. A task on which
none of them ends above its start has no scale and is left out.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.aggregate import Tasks, bootstrap, iqm, mean, median, optimality_gap, profile
from analysis.names import METHODS, TASKS, TRPO, rank
from analysis.pairs import NOTHING, chance
from analysis.statistics import Array, best_step_size, scores

TAUS = np.round(np.linspace(0.0, 1.2, 61), 2)
"""Where the performance profiles are told."""
COLUMNS = [
    *("method", "tasks", "n", "iqm", "iqm_low", "iqm_high", "mean", "median"),
    *("gap", "gap_low", "gap_high", "above_trpo", "above_trpo_low", "above_trpo_high"),
]


class Across(NamedTuple):
    """What methods come to over all tasks that they share.

    Args:
        tasks: index: the task; where 0 and 1 are on it (`zero`, `one`).
        table: a method a row: `COLUMNS`.
        profiles: by method and tau, the share of runs above it, and its interval.
    """

    tasks: pd.DataFrame
    table: pd.DataFrame
    profiles: pd.DataFrame


def shared(scored: pd.DataFrame) -> tuple[list[str], list[str]]:
    """The methods that have scores on several tasks, and the tasks on which all of them have."""
    there = scored.dropna(subset=["score"]).groupby("method").env.agg(set)
    several = there[there.map(len) > 1]
    tasks = set.intersection(*several) if len(several) else set()
    return (
        sorted(several.index, key=lambda method: (rank(method, METHODS), method)),
        sorted(tasks, key=lambda env: (rank(env, TASKS), env)),
    )


def enough(scored: pd.DataFrame) -> bool:
    """Whether at least two methods share at least two tasks."""
    return min(map(len, shared(scored))) > 1


def ends(runs: pd.DataFrame, scored: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Where 0 and 1 are on each task that has a scale (`zero`, `one`)."""
    reported = runs.dropna(subset=[metric]).sort_values("iteration").groupby(["env", "run_id"])
    zero = reported[metric].first().groupby("env").mean()
    one = scored.groupby(["env", "method"]).score.mean().groupby("env").max()
    both = pd.DataFrame({"zero": zero, "one": one})
    return both[both.one > both.zero]


def across(runs: pd.DataFrame, metric: str) -> Across:
    """Measure all methods, each at its best step size, on the tasks that they share."""
    best = best_step_size(runs, metric)
    scored = scores(best, metric)
    methods, tasks = shared(scored)
    reported, scored = (frame[frame.method.isin(methods)] for frame in (best, scored))
    scale = ends(reported, scored, metric)
    scale = scale.loc[[env for env in tasks if env in scale.index]]
    sides = {method: normalised(scored, method, scale) for method in methods if len(scale)}
    rows = [_row(method, own, sides.get(TRPO, [])) for method, own in sides.items()]
    profiles = [_profile(method, own) for method, own in sides.items()]
    empty = pd.DataFrame(columns=["method", "tau", "share", "low", "high"])
    return Across(scale, pd.DataFrame(rows, columns=COLUMNS), pd.concat(profiles or [empty]))


def normalised(scored: pd.DataFrame, method: str, scale: pd.DataFrame) -> list[Array]:
    """A method's scores on each task of the scale, as shares of the way from 0 to 1."""
    own = scored[scored.method == method].dropna(subset=["score"])
    return [
        (own.score[own.env == env].to_numpy(dtype=float) - zero) / (one - zero)
        for env, zero, one in scale[["zero", "one"]].itertuples()
    ]


def _row(method: str, own: Tasks, trpo: Sequence[Array]) -> list[object]:
    """What one method comes to, beside TRPO's scores on the same tasks, if there are any."""
    others = NOTHING if own is trpo or not trpo else chance(own, trpo)
    middle = bootstrap(iqm, own, purpose=f"IQM of {method}")
    gap = bootstrap(optimality_gap, own, purpose=f"gap of {method}")
    return [
        *(method, len(own), sum(map(len, own)), float(iqm(own)), *map(float, middle)),
        *(float(mean(own)), float(median(own)), float(optimality_gap(own)), *map(float, gap)),
        *others,
    ]


def _profile(method: str, own: Tasks) -> pd.DataFrame:
    """The performance profile of one method."""
    low, high = bootstrap(lambda x: profile(x, TAUS), own, purpose=f"profile of {method}")
    share = profile(own, TAUS)
    return pd.DataFrame({"method": method, "tau": TAUS, "share": share, "low": low, "high": high})
