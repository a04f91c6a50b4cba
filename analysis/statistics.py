"""DataFrame in, DataFrame out: scores, intervals, learning curves. Randomness is an argument.

The unit is the run. Intervals are 95 % percentile bootstraps over runs, never over episodes.

A run that failed is a run, not a gap: its score is the *lowest* value it ever reported (or,
where it reported none, the lowest of any run on that task), since it delivered no policy; its
curve goes on at that value. A run that has not finished has no score; curves of its group end
where the shortest run of the group ends.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.names import PENALISED

Array = np.ndarray[Any, np.dtype[Any]]

RESAMPLES = 2000
LEVEL = 0.95
POINTS = 100
GROUP = ["env", "method", "step_size"]


def as_panels(runs: pd.DataFrame) -> pd.DataFrame:
    """Runs of `figure4_<panel>` experiments with the panel as their `env`; others unchanged.

    Adds `updates`, the policy updates made before an iteration's batch: the paper counts from 0.
    """
    panel = runs.experiment.str.extract(r"^figure4_(.+)$", expand=False)
    return runs.assign(env=panel.fillna(runs.env), updates=runs.iteration - 1)


def interval(values: Array, rng: np.random.Generator) -> tuple[Array, Array]:
    """Bounds of the bootstrapped mean over runs; NaN for fewer than two runs.

    values: (n, ...), one row per run. Returns (low, high), each of shape values.shape[1:].
    """
    n = len(values)
    if n < 2:
        nan = np.full(values.shape[1:], np.nan)
        return nan, nan.copy()
    means = values[rng.integers(n, size=(RESAMPLES, n))].mean(axis=1)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2], axis=0)
    return low, high


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


def summary(scored: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row per task, method and step size: mean, interval and range over the runs with a score.

    `n` of all `runs` have one: not the unfinished, nor those in which no episode ended.
    """
    rows = []
    for key, group in scored.groupby(GROUP, sort=True, dropna=False):
        values = group.score.dropna().to_numpy()
        low, high = interval(values, rng)
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
    scored = scores(runs, metric)
    mean = scored.groupby(GROUP, dropna=False).score.mean().reset_index()
    cells = ["env", "method"]
    mean["tried"] = mean.groupby(cells).score.transform("size")
    ranked = mean.sort_values([*cells, "score", "step_size"], ascending=[True, True, False, True])
    return runs.merge(ranked.drop_duplicates(cells)[[*GROUP, "tried"]], on=GROUP)


def curves(runs: pd.DataFrame, x: str, y: str, rng: np.random.Generator) -> pd.DataFrame:
    """Mean of `y` over runs, with its interval, on a grid of `x` common to the group's runs.

    The grid is every `x` reported where these are iterations, else `POINTS` even steps, to
    which each run is interpolated. Column `n` counts runs, `unfinished` those not finished.
    """
    frames = []
    worst = runs.groupby("env")[y].min().to_dict()
    for key, group in runs.groupby([*GROUP, "tried"], sort=True, dropna=False):
        constant: dict[str, Any] = dict(zip([*GROUP, "tried"], key, strict=True))
        each = _curve(group, x, y, worst[constant["env"]], rng)
        frames.append(each.assign(**constant))
    columns = [*GROUP, "tried", "x", "mean", "low", "high", "n", "unfinished"]
    return pd.concat(frames, ignore_index=True)[columns]


def _curve(
    group: pd.DataFrame, x: str, y: str, worst: float, rng: np.random.Generator
) -> pd.DataFrame:
    """The curve of one group; a failed run that reported nothing counts as `worst` throughout."""
    reported = group.dropna(subset=[y])
    paths = [path.sort_values(x) for _, path in reported.groupby("run_id", sort=True)]
    grid = _grid(paths, x) if paths else np.empty(0)
    status = group.drop_duplicates("run_id").set_index("run_id").status
    silent = (status.drop(reported.run_id.unique()) == "failed").sum()
    values = [_on_grid(path, x, y, grid) for path in paths] + [np.full(len(grid), worst)] * silent
    stacked = np.stack(values) if values else np.empty((0, 0))  # (n, grid)
    low, high = interval(stacked, rng)
    unfinished = int((~status.isin(["done", "failed"])).sum())
    mean = stacked.mean(axis=0) if values else grid
    each = {"x": grid, "mean": mean, "low": low, "high": high}
    return pd.DataFrame({**each, "n": len(values), "unfinished": unfinished})


def _grid(paths: Sequence[pd.DataFrame], x: str) -> Array:
    """From the latest first to the earliest last point of the runs that did not fail."""
    alive = [path for path in paths if path.status.iloc[0] != "failed"] or paths
    start = max(path[x].iloc[0] for path in alive)
    ends = [path[x].iloc[-1] for path in alive]
    end = min(ends) if alive is not paths else max(ends)
    if x == "env_steps":
        return np.linspace(start, end, POINTS)
    points = np.unique(np.concatenate([path[x].to_numpy() for path in paths]))
    return np.asarray(points[(points >= start) & (points <= end)])


def _on_grid(path: pd.DataFrame, x: str, y: str, grid: Array) -> Array:
    """One run's values on the grid; after a failure, the lowest value that the run reported."""
    values = path[y].to_numpy()
    beyond = values.min() if path.status.iloc[0] == "failed" else None
    return np.asarray(np.interp(grid, path[x].to_numpy(), values, right=beyond))


def difference(left: Array, right: Array, rng: np.random.Generator) -> tuple[float, float, float]:
    """Mean of `left` (n,) minus mean of `right` (m,), and its 95 % bootstrap interval.

    Each side is resampled on its own. The bounds are NaN where a side has fewer than two runs.
    """
    estimate = float(left.mean() - right.mean())
    if min(len(left), len(right)) < 2:
        return estimate, float("nan"), float("nan")
    sides = [v[rng.integers(len(v), size=(RESAMPLES, len(v)))].mean(axis=1) for v in (left, right)]
    low, high = np.quantile(sides[0] - sides[1], [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return estimate, float(low), float(high)


def sweep(runs: pd.DataFrame, rng: np.random.Generator) -> tuple[pd.DataFrame, pd.DataFrame]:
    """What each step size ends at: (one row per step size, one row per run).

    Column `step` grows with the length of the step in every rule: δ, and 1/λ where the rule
    divides by a penalty λ (Eq. 17). Column `start` is the mean return of the first policies,
    `trpo` the mean score of TRPO at its best step size.
    """
    scored = scores(runs, "return_100")
    table = summary(scored, rng)
    first = runs.dropna(subset=["return_mean"]).sort_values("iteration").groupby("run_id")
    start = float(first.return_mean.first().mean())
    trpo = table[table.method == "trpo_single_path"]["mean"].max()
    return _with_step(table).assign(start=start, trpo=trpo), _with_step(scored)


def _with_step(frame: pd.DataFrame) -> pd.DataFrame:
    penalised = frame.method.isin(PENALISED)
    return frame.assign(step=frame.step_size.where(~penalised, 1 / frame.step_size))


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
