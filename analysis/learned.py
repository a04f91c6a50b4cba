"""What runs that learn ended at, and how they got there: each method at its best step size."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import pandas as pd

from analysis.curves import curves
from analysis.names import DONE, FAILED, TRPO
from analysis.sides import Likeness, Pairs, pair, tenth_of
from analysis.statistics import Array, averages, best_step_size, scores, summary

Values = Callable[[str, str], Array]
"""Of a task and a method, a value per run (n,)."""


class Learned(NamedTuple):
    """All that is estimated of runs that learn.

    Args:
        metric: what a run is judged by.
        best: of the runs, those of each task's and method's best step size, by iteration.
        scores: one row per run of `best`.
        averages: the same, a finished run's score being its mean over all iterations.
        table: one row per task, method and step size, the worse ones too.
        curves: of `best`, by task and method.
    """

    metric: str
    best: pd.DataFrame
    scores: pd.DataFrame
    averages: pd.DataFrame
    table: pd.DataFrame
    curves: pd.DataFrame

    def final(self, env: str, method: str) -> Array:
        """The score of each run of a method (n,)."""
        return _values(self.scores, env, method)

    def average(self, env: str, method: str) -> Array:
        """The mean over all iterations of each run of a method (n,)."""
        return _values(self.averages, env, method)

    def after(self, iteration: int) -> Values:
        """The score of each run after so many iterations; runs that stopped earlier are left out.

        A run that failed earlier counts, as it does everywhere.
        """
        reached = self.best.groupby("run_id").iteration.transform("max") >= iteration
        failed = self.best.status == FAILED
        own = self.best[(reached & (self.best.iteration <= iteration)) | failed]
        ended = own.assign(status=own.status.where(own.status == FAILED, DONE))
        return partial(_values, scores(ended, self.metric))

    def start(self, env: str) -> float:
        """What TRPO scores in its first iteration, mean over runs; NaN without one."""
        first = self._of_trpo(env).groupby("run_id")[self.metric].first()
        return float(first.mean())

    def tenth_of_rise(self, env: str) -> float:
        """A tenth of what TRPO gains from its first iteration to its last; NaN if that is none."""
        last = self.final(env, TRPO)
        rise = last.mean() - self.start(env) if len(last) else float("nan")
        return tenth_of(rise)

    def _of_trpo(self, env: str) -> pd.DataFrame:
        own = self.best[(self.best.env == env) & (self.best.method == TRPO)]
        return own.dropna(subset=[self.metric]).sort_values("iteration")

    def worse(self, env: str, method: str) -> Array:
        """Of each run (n,), in which share of its iterations it stood far below its best so far.

        Far is more than a tenth of what TRPO gains on the task. Of a failed run it is all of
        them, and a run that has not finished is left out.
        """
        own = self.best[(self.best.env == env) & (self.best.method == method)]
        own = own[own.status.isin([DONE, FAILED])].sort_values(["run_id", "iteration"])
        fallen = own.groupby("run_id")[self.metric].cummax() - own[self.metric]
        far = (fallen > self.tenth_of_rise(env)) | (own.status == FAILED)
        return far.groupby(own.run_id).mean().to_numpy(dtype=float)

    def above(self, env: str, left: str, right: str, values: Values) -> Pairs:
        """One method that is to be above another, by a tenth of TRPO's rise."""
        return pair(values(env, left), values(env, right), self.tenth_of_rise(env))

    def alike(self, env: str, left: str, right: str, values: Values) -> Likeness:
        """Two methods that are to differ by less than a tenth of TRPO's rise."""
        return Likeness(values(env, left), values(env, right), self.tenth_of_rise(env))


def learned(runs: pd.DataFrame, metric: str, x: str, steps: int | None = None) -> Learned:
    """Measure `metric` of the runs, and its curves over `x` (see `curves.curves`)."""
    best = best_step_size(runs, metric)
    drawn = curves(best, x, metric, steps)
    table = summary(scores(runs, metric))
    return Learned(metric, best, scores(best, metric), averages(best, metric), table, drawn)


def _values(scored: pd.DataFrame, env: str, method: str) -> Array:
    own = scored[(scored.env == env) & (scored.method == method)]
    return own.score.dropna().to_numpy(dtype=float)
