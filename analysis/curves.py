"""Learning curves: the mean over runs, with its interval, on a grid common to the runs.

A failed run goes on at the lowest value that it reported; a curve ends where the shortest run of
its group ends that has not failed.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.names import DONE, FAILED
from analysis.statistics import GROUP, Array, interval


def curves(runs: pd.DataFrame, x: str, y: str, steps: int | None = None) -> pd.DataFrame:
    """Mean of `y` over runs, with its interval, on a grid of `x` common to the group's runs.

    The grid is every `x` reported, or so many even `steps`, to which each run is interpolated.
    Column `n` counts runs, `unfinished` those not finished.
    """
    frames = []
    worst = runs.groupby("env")[y].min().to_dict()
    for key, group in runs.groupby([*GROUP, "tried"], sort=True, dropna=False):
        constant: dict[str, Any] = dict(zip([*GROUP, "tried"], key, strict=True))
        each = _curve(group, (x, y), steps, worst[constant["env"]])
        frames.append(each.assign(**constant))
    columns = [*GROUP, "tried", "x", "mean", "low", "high", "n", "unfinished"]
    return pd.concat(frames, ignore_index=True)[columns]


def _curve(
    group: pd.DataFrame, axes: tuple[str, str], steps: int | None, worst: float
) -> pd.DataFrame:
    """The curve of one group; a failed run that reported nothing counts as `worst` throughout."""
    x, y = axes
    own = group[["run_id", "status", x, y]]  # few columns: each run is taken out of them
    reported = own.dropna(subset=[y]).sort_values(["run_id", x])
    paths = [path for _, path in reported.groupby("run_id", sort=True)]
    grid = _grid(paths, x, steps) if paths else np.empty(0)
    status = group.drop_duplicates("run_id").set_index("run_id").status
    silent = (status.drop(reported.run_id.unique()) == FAILED).sum()
    values = [_on_grid(path, x, y, grid) for path in paths] + [np.full(len(grid), worst)] * silent
    stacked = np.stack(values) if values else np.empty((0, 0))  # (n, grid)
    low, high = interval(stacked)
    unfinished = int((~status.isin([DONE, FAILED])).sum())
    mean = stacked.mean(axis=0) if values else grid
    each = {"x": grid, "mean": mean, "low": low, "high": high}
    return pd.DataFrame({**each, "n": len(values), "unfinished": unfinished})


def _grid(paths: Sequence[pd.DataFrame], x: str, steps: int | None) -> Array:
    """From the latest first to the earliest last point of the runs that did not fail."""
    alive = [path for path in paths if path.status.iloc[0] != FAILED] or paths
    start = max(path[x].iloc[0] for path in alive)
    ends = [path[x].iloc[-1] for path in alive]
    end = min(ends) if alive is not paths else max(ends)
    if steps:
        return np.linspace(start, end, steps)
    points = np.unique(np.concatenate([path[x].to_numpy() for path in paths]))
    return np.asarray(points[(points >= start) & (points <= end)])


def _on_grid(path: pd.DataFrame, x: str, y: str, grid: Array) -> Array:
    """One run's values on the grid; after a failure, the lowest value that the run reported."""
    values = path[y].to_numpy()
    beyond = values.min() if path.status.iloc[0] == FAILED else None
    return np.asarray(np.interp(grid, path[x].to_numpy(), values, right=beyond))
