"""What runs on Atari scored at the paper's iterations, and their curves: what Figure 5 shows."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis import published
from analysis.chapter import Data
from analysis.learned import learned
from analysis.names import FAILED, TRPO
from analysis.sides import tenth_of
from analysis.statistics import Array, interval

METRIC = "return_mean"
HALF = 2
"""A score at an iteration is the mean over it and so many before and after it."""
EARLY, PONG = 25, 50
"""The iterations at which claims compare the samplers, and judge Pong."""
MARKS = (10, 20, EARLY, 30, 40, PONG, 100, 200, 300, 400, 499)
"""The iterations of the table."""
AXES = {"updates": "policy iterations", "env_steps": "simulator steps"}
"""What curves have as x, and in words."""


class Measured(NamedTuple):
    """All that is estimated.

    Args:
        curves: by the column that is x, `curves.curves` of every game and method.
        runs: those behind the curves, one row per run and iteration.
        scored: one row per run and mark: env, method, mark, score (NaN where it was not reached).
        first: the same columns less the mark: the first return that each run reported.
        table: one row per game, method and mark, the paper's score beside ours.
    """

    curves: dict[str, pd.DataFrame]
    runs: pd.DataFrame
    scored: pd.DataFrame
    first: pd.DataFrame
    table: pd.DataFrame

    def at(self, env: str, method: str, mark: int) -> Array:
        """The score of each run that reached the mark (n,)."""
        rows = self.scored[self.scored.mark == mark]
        return _values(rows, env, method)

    def tenth_of_gain(self, env: str, mark: int) -> float:
        """A tenth of what single path gains up to the mark; NaN if that is none."""
        reached, first = self.at(env, TRPO, mark), _values(self.first, env, TRPO)
        gain = reached.mean() - first.mean() if len(reached) and len(first) else float("nan")
        return tenth_of(gain)


def _values(rows: pd.DataFrame, env: str, method: str) -> Array:
    own = rows[(rows.env == env) & (rows.method == method)]
    return own.score.dropna().to_numpy(dtype=float)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Ours over the updates made before an iteration's batch: the paper counts from 0."""
    runs = runs.assign(updates=runs.iteration - 1)
    last = int(runs.updates.max())
    marks = [mark for mark in MARKS if mark <= last] or [max(last, 0)]
    scored = around(runs, sorted({*marks, EARLY, PONG}))
    table = _summary(scored[scored.mark.isin(marks)])
    first = runs.dropna(subset=[METRIC]).sort_values("iteration").drop_duplicates("run_id")
    by_axis = {x: learned(runs, METRIC, x) for x in AXES}
    return Measured(
        {x: ours.curves for x, ours in by_axis.items()},
        by_axis["updates"].best,
        scored,
        first.assign(score=first[METRIC])[["env", "method", "score"]],
        table,
    )


def around(runs: pd.DataFrame, marks: Sequence[int]) -> pd.DataFrame:
    """One row per run and mark: the mean return of the iterations within `HALF` of it.

    NaN where a run has not come so far; one that failed before counts as on its curve, with the
    lowest value that it reported.
    """
    runs = runs.sort_values(["run_id", "updates"])
    each = runs.groupby("run_id").agg(
        env=("env", "first"),
        method=("method", "first"),
        status=("status", "first"),
        last=("updates", "max"),
        lowest=(METRIC, "min"),
    )
    lowest = each.lowest.fillna(each.groupby("env").lowest.transform("min"))
    beyond = lowest.where(each.status == FAILED)
    frames = []
    for mark in marks:
        near = runs[(runs.updates - mark).abs() <= HALF].groupby("run_id")[METRIC].mean()
        score = near.reindex(each.index).where(each["last"] >= mark, beyond)
        frames.append(each[["env", "method"]].assign(mark=mark, score=score))
    return pd.concat(frames).reset_index()


def _summary(scored: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over runs, and what the paper has at the same iterations."""
    rows, cells = [], ["env", "method", "mark"]
    paper = published.figure5()
    for key, group in scored.groupby(cells, sort=True):
        values = group.score.dropna().to_numpy(dtype=float)
        low, high = interval(values)
        own: dict[str, Any] = dict(zip(cells, key, strict=True))
        mean = float(values.mean()) if len(values) else float("nan")
        found = {"n": len(values), "mean": mean, "low": float(low), "high": float(high)}
        rows.append(own | found | {"paper": _papers(paper, **own)})
    return pd.DataFrame(rows, columns=[*cells, "n", "mean", "low", "high", "paper"])


def _papers(paper: pd.DataFrame, env: str, method: str, mark: int) -> float:
    """The paper's score at an iteration, NaN where its curve has ended or not begun."""
    own = paper[(paper.env == env) & (paper.method == method)]
    if mark not in set(own.iteration):
        return float("nan")
    return float(own[(own.iteration - mark).abs() <= HALF].return_mean.mean())
