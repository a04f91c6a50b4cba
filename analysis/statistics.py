"""DataFrame in, DataFrame out: scores, intervals, sweeps. Nothing is drawn at random.

The unit is the run. Intervals are Student's t over runs, never over episodes: they cover the mean
as often as they say from two runs on where runs are normal, as final scores nearly are.

A run that failed is a run, not a gap: its score is the *lowest* value it ever reported (or,
where it reported none, the lowest of any run on that task), since it delivered no policy. A run
that has not finished has no score.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from analysis.names import penalised

Array = np.ndarray[Any, np.dtype[Any]]

LEVEL = 0.95
GROUP = ["env", "method", "step_size"]


def as_panels(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of `figure4_<panel>` and `tuning_<panel>` with the panel as their `env`.

    Runs of other experiments keep theirs. Adds `updates`, the policy updates made before an
    iteration's batch: the paper counts from 0.
    """
    panel = runs.experiment.str.extract(r"^(?:figure4|tuning)_(.+)$", expand=False)
    return runs.assign(env=panel.fillna(runs.env), updates=runs.iteration - 1)


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
    own, other = left.var(ddof=1) / n, right.var(ddof=1) / m
    if own + other == 0:
        return estimate, estimate, estimate
    share = own / (own + other)
    freedom = 1 / (share**2 / (n - 1) + (1 - share) ** 2 / (m - 1))
    half = float(stats.t.ppf((1 + level) / 2, freedom) * np.sqrt(own + other))
    return estimate, estimate - half, estimate + half


def scores(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """One row per run: `score`, the metric at its last row, and `peak`, its highest value."""
    ordered = runs.sort_values(["run_id", "iteration"])
    by_run = ordered.groupby("run_id", sort=True)
    each = by_run[[*GROUP, "seed", "status", "iteration", "env_steps"]].last().reset_index()
    lowest, peak = by_run[metric].min(), by_run[metric].max()
    final = by_run[metric].nth(-1).to_numpy()
    worst = lowest.groupby(each.set_index("run_id").env).transform("min")
    failed = (each.status == "failed").to_numpy()
    done = (each.status == "done").to_numpy()
    pessimistic = lowest.fillna(worst).to_numpy()
    each["score"] = np.where(failed, pessimistic, np.where(done, final, np.nan))
    each["peak"] = peak.to_numpy()
    return each


def averages(runs: pd.DataFrame, metric: str) -> pd.DataFrame:
    """`scores` where a finished run's is its mean over all iterations (trapezoid rule)."""
    reported = runs.dropna(subset=[metric]).sort_values(["run_id", "iteration"])
    areas = {
        run: _area(path.iteration.to_numpy(dtype=float), path[metric].to_numpy(dtype=float))
        for run, path in reported.groupby("run_id")
    }
    each = scores(runs, metric)
    return each.assign(score=each.score.where(each.status != "done", each.run_id.map(areas)))


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
                "failed": int((group.status == "failed").sum()),
                "unfinished": int((~group.status.isin(["done", "failed"])).sum()),
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
    return runs.merge(_best(scores(runs, metric))[[*GROUP, "tried"]], on=GROUP)


def _best(scored: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method: the step size with the best mean `score`."""
    cells = ["env", "method"]
    mean = scored.groupby(GROUP, dropna=False).score.mean().reset_index()
    mean["tried"] = mean.groupby(cells).score.transform("size")
    ranked = mean.sort_values([*cells, "score", "step_size"], ascending=[True, True, False, True])
    return ranked.drop_duplicates(cells)


def chosen(frame: pd.DataFrame, scale: str = "desk") -> pd.DataFrame:
    """The step size that each `tuning_<panel>` experiment chose, by `best_step_size`'s rule.

    Columns: panel, method, step_size, among how many it was `tried`, on which `seeds`, and at
    which `scale`: where there is no tuning at the one asked for, that of `desk` is taken.
    Without a finished run there is no choice.
    """
    runs = frame[frame.experiment.str.startswith("tuning_", na=False)]
    own = runs[runs.scale == scale]
    desk = (runs.scale == "desk") & ~runs.experiment.isin(own.experiment)
    runs = pd.concat([own, runs[desk]])
    runs = runs.assign(env=runs.experiment.str.removeprefix("tuning_"))
    best = _best(scores(runs, "reward_per_step")).dropna(subset=["score"])
    by = runs.groupby(["env", "method"])
    told = by.seed.agg(_spans).to_frame("seeds").assign(scale=by.scale.first())
    best = best.join(told, on=["env", "method"]).rename(columns={"env": "panel"})
    columns = ["panel", "method", "step_size", "tried", "seeds", "scale"]
    return best[columns].reset_index(drop=True)


def _spans(seeds: Iterable[int]) -> str:
    """Seeds in words: 0, 1, 2, 7 are “0–2, 7”."""
    each = sorted(set(seeds))
    first = [s for s in each if s - 1 not in each]
    last = [s for s in each if s + 1 not in each]
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(first, last, strict=True))


def tuning(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each step size of a tuning ends at: (one row per step size, one row per run).

    runs: of `tuning_<panel>` experiments at one scale. Column `chosen` marks the best.
    """
    scored = scores(runs, "reward_per_step")
    table = summary(scored)
    best = chosen(runs, str(runs.scale.iloc[0])).set_index(["panel", "method"]).step_size
    own = [best.get((env, method)) for env, method in zip(table.env, table.method, strict=True)]
    return table.assign(chosen=table.step_size == own), scored


def last_updates(runs: pd.DataFrame) -> pd.Series:
    """How many updates the longest run of each (env, method) had made before its last batch."""
    return runs.groupby(["env", "method"]).updates.max().clip(lower=0)


def sweep(runs: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each step size ends at: (one row per step size, one row per run).

    Column `step` grows with the length of the step in every rule: δ, and 1/λ where the rule
    divides by a penalty λ (Eq. 17). Column `start` is the mean return of the first policies,
    `trpo` the mean score of TRPO at its best step size.
    """
    scored = scores(runs, "return_100")
    table = summary(scored)
    first = runs.dropna(subset=["return_mean"]).sort_values("iteration").groupby("run_id")
    start = float(first.return_mean.first().mean())
    trpo = table[table.method == "trpo_single_path"]["mean"].max()
    return _with_step(table).assign(start=start, trpo=trpo), _with_step(scored)


def _with_step(frame: pd.DataFrame) -> pd.DataFrame:
    inverse = frame.method.map(penalised)
    return frame.assign(step=frame.step_size.where(~inverse, 1 / frame.step_size))


def overview(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment and scale: runs, how they ended, steps, hours, commits."""
    last = runs.sort_values(["run_id", "iteration"]).groupby("run_id").last().reset_index()
    groups = last.groupby(["experiment", "scale"], sort=True)
    ended = pd.crosstab([last.experiment, last.scale], last.status)
    done, failed = (ended.get(name, 0) for name in ("done", "failed"))
    table = groups.agg(
        runs=("run_id", "size"),
        env_steps=("env_steps", "sum"),
        hours=("wall_seconds", lambda seconds: seconds.sum() / 3600),
        commits=("commit", lambda commits: ", ".join(sorted(set(commits.dropna())))),
    )
    table.insert(1, "failed", failed)
    table.insert(2, "unfinished", table.runs - done - failed)
    return table.reset_index()


def failures(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that failed, each with its error."""
    return runs[runs.status == "failed"].drop_duplicates("run_id")[["run_id", "scale", "error"]]
