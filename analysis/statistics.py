"""DataFrame in, DataFrame out: scores, intervals, sweeps. Nothing is drawn at random.

The unit is the run. Intervals are Student's t over runs, never over episodes: they cover the mean
as often as they say from two runs on where runs are normal; `coverage.py` says how often where
they are not.

A run that failed is a run, not a gap: its score is the *lowest* value it ever reported (or,
where it reported none, the lowest of any run on that task), since it delivered no policy. A run
that has not finished has no score.
"""

from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.names import DONE, FAILED

Array = np.ndarray[Any, np.dtype[Any]]

LEVEL = 0.95
GROUP = ["env", "method", "step_size"]


def interval(values: Array, level: float = LEVEL) -> tuple[Array, Array]:
    """Student's t interval of the mean over runs; NaN for fewer than two runs.

    values: (n, ...), one row per run. Returns (low, high), each of shape values.shape[1:].
    """
    n = len(values)
    if n < 2:
        nan = np.full(values.shape[1:], np.nan)
        return nan, nan.copy()
    mean, spread = values.mean(axis=0), values.std(axis=0, ddof=1)
    half = stats.t.ppf((1 + level) / 2, n - 1) * spread / np.sqrt(n)
    return mean - half, mean + half


def difference(left: Array, right: Array, level: float = LEVEL) -> tuple[float, float, float]:
    """Mean of `left` (n,) minus mean of `right` (m,), and Welch's t interval (low, high).

    The two sides may have different spreads. The bounds are NaN where one has fewer than two runs.
    """
    estimate, (n, m) = float(left.mean() - right.mean()), (len(left), len(right))
    if min(n, m) < 2:
        return estimate, float("nan"), float("nan")
    half = float(half_width(left.var(ddof=1) / n, right.var(ddof=1) / m, n, m, level))
    return estimate, estimate - half, estimate + half


def half_width(
    own: Array, other: Array, n: Array | int, m: Array | int, level: float = LEVEL
) -> Array:
    """Half the width of Welch's t interval of the difference of two means, of n and of m runs.

    own, other: their squared standard errors; all may be arrays that broadcast.
    """
    total = own + other
    share = np.divide(own, total, out=np.full_like(total, 0.5), where=total > 0)
    freedom = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
    return np.asarray(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(total))


def band(values: Array, share: float = 0.5) -> tuple[Array, Array]:
    """Between which values the middle share of the runs lies: (low, high), each (...).

    values: (n, ...), one row per run. It is of runs, not of their mean: more runs do not narrow it.
    """
    low, high = np.quantile(values, [(1 - share) / 2, (1 + share) / 2], axis=0)
    return low, high


def scores(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row per run: `score`, the metric at its last row, and `peak`, its highest value."""
    ordered = runs.sort_values(["run_id", "iteration"])
    by_run = ordered.groupby("run_id", sort=True)
    each = by_run[[*GROUP, "seed", "status", "iteration", "env_steps"]].last().reset_index()
    lowest, peak = by_run[metric].min(), by_run[metric].max()
    final = by_run[metric].nth(-1).to_numpy()
    worst = lowest.groupby(each.set_index("run_id").env).transform("min")
    failed = (each.status == FAILED).to_numpy()
    done = (each.status == DONE).to_numpy()
    pessimistic = lowest.fillna(worst).to_numpy()
    each["score"] = np.where(failed, pessimistic, np.where(done, final, np.nan))
    each["peak"] = peak.to_numpy()
    return each


def averages(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`scores` where a finished run's is its mean over all iterations (trapezoid rule)."""
    own = runs[["run_id", "iteration", metric]]  # few columns: each run is taken out of them
    reported = own.dropna(subset=[metric]).sort_values(["run_id", "iteration"])
    areas = {
        run: _area(path.iteration.to_numpy(dtype=float), path[metric].to_numpy(dtype=float))
        for run, path in reported.groupby("run_id")
    }
    each = scores(runs, metric)
    return each.assign(score=each.score.where(each.status != DONE, each.run_id.map(areas)))


def _area(x: Array, y: Array) -> float:
    """Mean height of the curve through (x, y), x ascending."""
    return float(np.trapezoid(y, x) / (x[-1] - x[0])) if len(x) > 1 else float(y[0])


def summary(scored: pd.DataFrame) -> pd.DataFrame:
    """One row per task, method and step size: mean, interval and range over the runs with a score.

    `n` of all `runs` have one: not the unfinished, nor those in which no episode ended.
    """
    rows = []
    for key, group in scored.groupby(GROUP, sort=True, dropna=False):
        values = group.score.dropna().to_numpy()
        low, high = interval(values)
        rows.append(
            {
                **dict(zip(GROUP, key, strict=True)),
                "runs": len(group),
                "n": len(values),
                "mean": _or_nan(values, np.mean),
                "low": float(low),
                "high": float(high),
                "min": _or_nan(values, np.min),
                "max": _or_nan(values, np.max),
                "peak": _or_nan(group.peak.dropna().to_numpy(), np.mean),
                "failed": int((group.status == FAILED).sum()),
                "unfinished": int((~group.status.isin([DONE, FAILED])).sum()),
            }
        )
    return pd.DataFrame(rows)


def _or_nan(values: Array, statistic: Any) -> float:
    return float(statistic(values)) if len(values) else float("nan")


def best_step_size(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """Keep, of each task and method, the step size with the best mean score.

    Section 8.1 sweeps the natural gradient's step size and shows the best by final performance.
    Column `tried` says among how many it was chosen: 1 where nothing was swept.
    """
    return runs.merge(best(scores(runs, metric))[[*GROUP, "tried"]], on=GROUP)


def best(scored: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method: the step size with the best mean `score`."""
    cells = ["env", "method"]
    mean = scored.groupby(GROUP, dropna=False).score.mean().reset_index()
    mean["tried"] = mean.groupby(cells).score.transform("size")
    ranked = mean.sort_values([*cells, "score", "step_size"], ascending=[True, True, False, True])
    return ranked.drop_duplicates(cells)
