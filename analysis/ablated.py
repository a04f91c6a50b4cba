"""What TRPO ends at with one setting changed, and how many of its steps are catastrophic."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import kinds
from analysis.chapter import Data
from analysis.names import DONE, FAILED, TRPO
from analysis.statistics import GROUP, Array, averages, scores, summary

METRIC = "reward_per_step"
CG_STEPS, EVERY, DELTA = "cg_steps", "every", "step_size"
SWEPT = {CG_STEPS: "algo.direction.cg_steps", EVERY: "algo.direction.every"}
"""The settings of these columns; δ is every run's step size."""
PAPER = {CG_STEPS: 10.0, EVERY: 10.0, DELTA: 0.01}
"""What the paper has (Appendix C, Table 2)."""
CELL = ["experiment", *GROUP, *SWEPT]
"""What tells the rows of the table apart; an experiment that does not sweep a setting has NaN."""
SHOWN = {"score": "", "average": "average_", "rate": "rate_"}
"""What is told of each cell, a value a run, and how its columns begin."""


class Measured(NamedTuple):
    """All that is estimated.

    Args:
        runs: one row per run: `score`, the reward per step that it ended at; `average`, its mean
            over all iterations; `updates` and how many were `catastrophic`; `rate`, these in a
            hundred.
        table: one row per cell, with the mean and the interval of each of `SHOWN`.
        tenths: a tenth of what TRPO gains with the paper's settings, by experiment.
    """

    runs: pd.DataFrame
    table: pd.DataFrame
    tenths: dict[str, float]

    def values(self, column: str, experiment: str, method: str = TRPO, **other: float) -> Array:
        """A column of the finished runs that have the paper's settings but for the others (n,)."""
        own = self.runs[(self.runs.experiment == experiment) & (self.runs.method == method)]
        return own[having(own, PAPER | other)][column].dropna().to_numpy(dtype=float)


def having(frame: pd.DataFrame, settings: dict[str, float]) -> pd.Series:
    """Which rows have these settings, or have them in no sweep."""
    there = frame[list(settings)]
    return (there.eq(pd.Series(settings)) | there.isna()).all(axis=1)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Where runs end, how fast they get there, and how many of their steps are catastrophic."""
    runs = runs.assign(**{name: kinds.swept(runs, key) for name, key in SWEPT.items()})
    by_run = runs.sort_values("iteration").groupby("run_id")
    each = scores(runs, METRIC).set_index("run_id")
    each = each.join(by_run[["experiment", *SWEPT]].first())
    each["average"] = averages(runs, METRIC).set_index("run_id").score
    each["gain"] = each.score - by_run[METRIC].first()
    usual = each[(each.method == TRPO) & having(each, PAPER)]
    tenths = (usual.groupby("experiment").gain.mean() / 10).where(lambda tenth: tenth > 0)
    floors = each.experiment.map(tenths)
    paths = {str(run): path[METRIC].dropna().to_numpy(float) for run, path in by_run}
    counted = [_counted(paths[run], str(each.status[run]), floors[run]) for run in each.index]
    each[["catastrophic", "updates"]] = counted
    each["rate"] = 100 * each.catastrophic / each.updates.where(each.updates > 0)
    each = each.reset_index()
    by_experiment = {name: float(tenths.get(name, np.nan)) for name in each.experiment.unique()}
    return Measured(each, _table(each), by_experiment)


def catastrophes(rewards: Array, floor: float) -> int:
    """How many steps of a run were catastrophic: here is what that means.

    A step is, where reward per step falls from one iteration to the next by more than half of
    what the run had gained by then, at its best, over its first iteration, and by more than the
    floor. Half, because then a single step has undone most of what all steps before it brought,
    which no slow decline does. The floor, because at first the noise between two batches is more
    than half of nothing: it is a tenth of what TRPO gains on the task.

    rewards: (T,) at each iteration.
    """
    gained = np.maximum.accumulate(rewards) - rewards[:1]
    return int((-np.diff(rewards) > np.maximum(gained[:-1] / 2, floor)).sum())


def _counted(rewards: Array, status: str, floor: float) -> tuple[float, float]:
    """Catastrophic steps and updates of a run; NaN unless it has ended and there is a floor.

    A failed run has one of each more: the step of which it failed.
    """
    failed = status == FAILED
    if floor != floor or not (failed or status == DONE):
        return float("nan"), float("nan")
    updates = max(len(rewards) - 1, 0)
    return float(catastrophes(rewards, floor) + failed), float(updates + failed)


def _table(each: pd.DataFrame) -> pd.DataFrame:
    """One row per cell: `summary` of each of `SHOWN`, and the steps counted over all its runs."""
    rows = []
    for key, group in each.groupby(CELL, dropna=False, sort=True):
        row = dict(zip(CELL, key, strict=True))
        for column, begin in SHOWN.items():
            [found] = summary(group.assign(score=group[column])).to_dict("records")
            names = found if not begin else ("mean", "low", "high")
            row |= {f"{begin}{name}": found[name] for name in names if name not in CELL}
        counts = group[["catastrophic", "updates"]].sum().astype(int)
        rows.append(row | counts.to_dict())
    return pd.DataFrame(rows)
