"""What policies score on Atari when they learn no more, beside the paper's Table 1."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import published
from analysis.chapter import Data
from analysis.names import DONE, FAILED, HUMAN, RANDOM, TRPO, TRPO_VINE
from analysis.sides import tenth_of
from analysis.statistics import Array, interval, scores

ITERATIONS, STEPS = 500, 100_000
"""The paper's budget: how many iterations, of how many steps at least (Table 3)."""
HERE, PAPER = "here", "Table 1"
"""Where a score is from."""
LINE = ["player", "source", "greedy"]
PLAYED = ["env", "settings", "horizon"]
"""What episodes have to share to be compared."""
POINTS, SCALED = ["mean", "low", "high"], ["scaled", "scaled_low", "scaled_high"]
COLUMNS = [*LINE, "env", "n", "episodes", "iteration", "horizon", *POINTS, *SCALED]


class Measured(NamedTuple):
    """All that is estimated.

    Args:
        table: one row per player, source, way of choosing actions and game; `scaled` is 0 at the
            paper's random play and 1 at its human.
        scored: one row per run and way of choosing actions: env, method, greedy, score, and
            whether it was run for the paper's whole budget, `full`.
    """

    table: pd.DataFrame
    scored: pd.DataFrame

    def final(self, env: str, method: str) -> Array:
        """The score of each run of a method whose actions are drawn (n,)."""
        own = self.scored[(self.scored.env == env) & (self.scored.method == method)]
        return own.score[~own.greedy].to_numpy(dtype=float)

    def after_500(self, env: str, method: str) -> Array:
        """The same of the runs that had the paper's whole budget (n,)."""
        return self._replace(scored=self.scored[self.scored.full]).final(env, method)

    def chance(self, env: str) -> Array | float:
        """The mean score of random play, measured here; an empty array without one."""
        table = self.table[(self.table.player == RANDOM) & (self.table.source == HERE)]
        own = table[table.env == env]
        return np.empty(0) if own.empty else float(own["mean"].iloc[0])

    def tenth_of_gain(self, env: str) -> float:
        """A tenth of what single path ends above the paper's random play; NaN if it does not.

        Of the runs that had the paper's whole budget.
        """
        single_path = self.after_500(env, TRPO)
        gain = single_path.mean() - paper(env)[RANDOM] if len(single_path) else float("nan")
        return tenth_of(gain)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Our scores by evaluation, random play under the same settings, and the paper's table."""
    evaluated = every.evaluations
    scored = by_run(runs, evaluated)
    chance = _alike(evaluated[evaluated.method == RANDOM], scored).drop_duplicates("env")
    table = pd.concat([_papers(), _random(chance), _ours(scored)], ignore_index=True)
    return Measured(_scaled(table).reindex(columns=COLUMNS), scored)


def _alike(rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """Those of the rows that were played under the same settings as some of the others."""
    same = set(others[PLAYED].dropna().itertuples(index=False, name=None))
    each = [key in same for key in rows[PLAYED].itertuples(index=False, name=None)]
    return rows.loc[np.array(each, dtype=bool)]


def by_run(runs: pd.DataFrame, evaluated: pd.DataFrame) -> pd.DataFrame:
    """One row per evaluation of a finished run; a failed run has its lowest training return.

    A run that has not finished has no score.
    """
    ended = scores(runs, "return_mean").set_index("run_id")
    done = evaluated.run_id.map(ended.status) == DONE
    failed = ended[ended.status == FAILED].reset_index()
    parts = [
        evaluated[done].assign(score=lambda rows: rows.return_mean),
        failed[["run_id", "env", "method", "iteration", "score"]].assign(greedy=False),
    ]
    filled = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
    rows = filled.reindex(columns=parts[0].columns)
    budget = runs.drop_duplicates("run_id").set_index("run_id")
    full = (budget.iterations >= ITERATIONS) & (budget.steps_per_iteration >= STEPS)
    return rows.assign(full=rows.run_id.map(full).astype(bool), greedy=rows.greedy.astype(bool))


def towards_human(score: float | Array, env: str) -> Any:
    """A score on the line from the paper's random play, 0, to its human, 1."""
    ends = paper(env)
    return (score - ends[RANDOM]) / (ends[HUMAN] - ends[RANDOM])


def paper(env: str) -> pd.Series:
    """The paper's scores on a game, by player."""
    table = published.table1()
    return table[table.env == env].set_index("player").score


def _papers() -> pd.DataFrame:
    """The paper's rows; its TRPO was run once on each task."""
    table = published.table1()
    once = table.player.isin([TRPO, TRPO_VINE]).map({True: 1, False: np.nan})
    return table.rename(columns={"score": "mean"}).assign(source=PAPER, greedy=False, n=once)


def _random(chance: pd.DataFrame) -> pd.DataFrame:
    """Random play: it has no runs, and its interval is over episodes."""
    renamed = {f"return_{name}": name for name in POINTS}
    rows = chance.rename(columns=renamed)[["env", "episodes", "horizon", *POINTS]]
    return rows.assign(player=RANDOM, source=HERE, greedy=False)


def _ours(scored: pd.DataFrame) -> pd.DataFrame:
    """Mean and interval over runs of each method, way of choosing actions and game."""
    rows = []
    for cell, group in scored.groupby(["method", "greedy", "env"]):
        low, high = interval(group.score.to_numpy(dtype=float))
        told = {name: group[name].min() for name in ("episodes", "iteration", "horizon")}
        found = {"mean": group.score.mean(), "low": float(low), "high": float(high)}
        key = dict(zip(["player", "greedy", "env"], cell, strict=True))
        rows.append({**key, **told, **found, "source": HERE, "n": len(group)})
    return pd.DataFrame(
        rows, columns=[*LINE, "env", "n", "episodes", "iteration", "horizon", *POINTS]
    )


def _scaled(table: pd.DataFrame) -> pd.DataFrame:
    """Columns `SCALED`: those of `POINTS` on the line from random play to a human."""
    pairs = zip(SCALED, POINTS, strict=True)
    return table.assign(
        **{
            name: [towards_human(s, env) for s, env in zip(table[points], table.env, strict=True)]
            for name, points in pairs
        }
    )
