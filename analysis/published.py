"""Numbers that others published: the paper's own, and results at one million steps.

The paper's are read once, and left as they are by those who ask for them.
"""

from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.names import NATURAL, TRPO, TRPO_VINE, task
from analysis.words import number

REFERENCE = Path(__file__).parent / "reference"
COMPARABLE = ["half_cheetah", "hopper", "swimmer", "walker2d"]
"""Tasks whose v5 can be compared with published v1 to v3 numbers."""


@cache
def figure4() -> pd.DataFrame:
    """The paper's Figure 4, read off its vector graphics: mean of five runs, reward per step.

    Columns: env (our task of the panel), method, iteration, reward_per_step, half_error_bar.
    """
    read = pd.read_csv(REFERENCE / "figure4.csv").rename(columns={"panel": "env"})
    return read.assign(env=read.env.replace({"walker": "walker2d"}))


def figure4_at(updates: pd.Series) -> pd.Series:
    """The paper's reward per step where our runs end, by (env, method).

    updates: by (env, method), the policy iterations that our last batch had behind it. Between
    the points that were read off, linear; where we ran longer, the paper's last point.
    """
    ours, words = updates.to_dict(), {}
    for key, curve in figure4().sort_values("iteration").groupby(["env", "method"]):
        if key in ours:
            last = curve.iteration.max()
            at = min(int(ours[key]), last)
            reward = number(float(np.interp(at, curve.iteration, curve.reward_per_step)))
            words[key] = f"{reward} (iteration {at}{', its last' if ours[key] > last else ''})"
    return pd.Series(words, name="paper, Figure 4", dtype="object")


def figure4_value(env: str, method: str, iteration: int) -> tuple[float, float]:
    """The paper's reward per step at an iteration, and what it has gained by then.

    Between the points that were read off, linear; after its last, its last. NaN without a curve.
    """
    read = figure4()
    curve = read[(read.env == env) & (read.method == method)].sort_values("iteration")
    if curve.empty:
        return float("nan"), float("nan")
    value = float(np.interp(iteration, curve.iteration, curve.reward_per_step))
    return value, value - float(curve.reward_per_step.iloc[0])


STEPS = {TRPO: 100_000, TRPO_VINE: 400_000}
"""Simulator steps of an iteration on Atari, by method (Table 3)."""


@cache
def figure5() -> pd.DataFrame:
    """The paper's Figure 5, read off its vector graphics: one run, an iteration a row.

    Columns: env (our task of the panel), method, iteration, return_mean, env_steps that had been
    taken when the iteration's batch was complete.
    """
    read = pd.read_csv(REFERENCE / "figure5.csv")
    read = read.rename(columns={"game": "env", "score": "return_mean"})
    return read.assign(env_steps=(read.iteration + 1) * read.method.map(STEPS))


@cache
def table1() -> pd.DataFrame:
    """The paper's Table 1. Columns: player (as `names.PLAYERS`), env, score."""
    read = pd.read_csv(REFERENCE / "table1.csv").rename(columns={"method": "player"})
    return read.melt("player", var_name="env", value_name="score").astype({"score": float})


def table2() -> pd.DataFrame:
    """The paper's Table 2: a parameter a row, a task a column."""
    return pd.read_csv(REFERENCE / "table2.csv", index_col="parameter")


def table3() -> pd.DataFrame:
    """The paper's Table 3: a parameter a row, one column `all_games`."""
    return pd.read_csv(REFERENCE / "table3.csv", index_col="parameter")


BUDGETS = {
    "figure4_swimmer": 10e6,
    "figure4_hopper": 200e6,
    "figure4_walker": 200e6,
    "table1": 200e6,
}
"""Simulator steps of the paper's longest run, by our experiment, where it tells them.

Table 2: iterations times steps; Table 3: 500 iterations of the vine's 400K.
"""


BOTH = ("single_path_steps_per_iteration", "vine_steps_per_iteration")
"""What Table 2 says of both samplers in one row, and Table 3 in two."""


def settings() -> pd.DataFrame:
    """The paper's Tables 2 and 3. Columns: table, row, column, paper (the value)."""
    read = {name: pd.read_csv(REFERENCE / f"{name}.csv") for name in ("table2", "table3")}
    frames = [
        table.melt("parameter", var_name="column", value_name="paper").assign(table=name)
        for name, table in read.items()
    ]
    every = pd.concat(frames, ignore_index=True).astype({"paper": float})
    every["row"] = every.parameter.map({"steps_per_iteration": BOTH}).fillna(every.parameter)
    return every.explode("row", ignore_index=True)[["table", "row", "column", "paper"]]


def at_one_million() -> pd.Series:
    """Published means at one million steps: lowest – highest of the sources, by (env, method)."""
    rows = pd.read_csv(REFERENCE / "published_results.csv")
    rows = rows[rows.env_steps == 1e6]
    rows["env"] = rows.task.map({task(env): env for env in COMPARABLE})
    rows["method"] = rows.algorithm.map({"trpo": TRPO, "npg": NATURAL})
    groups = rows.dropna(subset=["env"]).groupby(["env", "method"]).value
    words = {key: _sources(values) for key, values in groups}
    return pd.Series(words, name="published at 1M steps", dtype="object")


def _sources(values: pd.Series) -> str:
    low, high, n = number(values.min()), number(values.max()), len(values)
    return f"{low} (1 source)" if n == 1 else f"{low} to {high} ({n} sources)"
