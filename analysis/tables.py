"""Tables as text: what the statistics found, laid out for a reader. Nothing is estimated here."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.names import look, method_rank, number, step_size, task, task_rank

REFERENCE = Path(__file__).parent / "reference"
COMPARABLE = ["half_cheetah", "hopper", "swimmer", "walker2d"]
"""Tasks whose v5 can be compared with published v1 to v3 numbers."""


def final_scores(table: pd.DataFrame, context: pd.Series | None = None) -> pd.DataFrame:
    """`statistics.summary` in words; `context` is another column, indexed by (env, method)."""
    ordered = table.sort_values(
        ["env", "method", "step_size"],
        key=lambda c: c.map({"env": task_rank, "method": method_rank}.get(str(c.name), float)),
    )
    words = pd.DataFrame(
        {
            "task": ordered.env.map(task),
            "method": ordered.method.map(lambda method: look(method).label),
            "step size": _rowwise(step_size, ordered[["method", "step_size"]]),
            "runs": _rowwise(_counted, ordered[["n", "runs"]]),
            "mean [95 % interval]": _rowwise(with_interval, ordered[["mean", "low", "high"]]),
            "lowest to highest": _rowwise(_range, ordered[["min", "max"]]),
            "failed": ordered.failed,
            "unfinished": ordered.unfinished,
        }
    )
    if context is not None:
        keys = zip(ordered.env, ordered.method, strict=True)
        words[context.name] = [context.get(key, "–") for key in keys]
    return words.reset_index(drop=True)


def with_interval(mean: float, low: float, high: float) -> str:
    """`mean [low, high]`, without the brackets where there is no interval."""
    return number(mean) + ("" if low != low else f" [{number(low)}, {number(high)}]")


def _rowwise(words: Callable[..., str], columns: pd.DataFrame) -> list[str]:
    return [words(*row) for row in columns.itertuples(index=False)]


def _counted(n: int, runs: int) -> str:
    return f"{n}" if n == runs else f"{n} of {runs}"


def _range(low: float, high: float) -> str:
    return "–" if low != low else f"{number(low)} to {number(high)}"


def published() -> pd.Series:
    """Published means at one million steps: lowest – highest of the sources, by (env, method)."""
    rows = pd.read_csv(REFERENCE / "published_results.csv")
    rows = rows[rows.env_steps == 1e6]
    rows["env"] = rows.task.map({task(env): env for env in COMPARABLE})
    rows["method"] = rows.algorithm.map({"trpo": "trpo_single_path", "npg": "natural_gradient"})
    groups = rows.dropna(subset=["env"]).groupby(["env", "method"]).value
    words = {key: _sources(values) for key, values in groups}
    return pd.Series(words, name="published at 1M steps", dtype="object")


def _sources(values: pd.Series) -> str:
    low, high, n = number(values.min()), number(values.max()), len(values)
    return f"{low} (1 source)" if n == 1 else f"{low} to {high} ({n} sources)"


def paper_figure4() -> pd.DataFrame:
    """The paper's Figure 4, read off its vector graphics: mean of five runs, reward per step."""
    return pd.read_csv(REFERENCE / "figure4.csv").rename(columns={"panel": "env"})


def paper_final() -> pd.Series:
    """The last point of each curve of the paper's Figure 4, by (env, method)."""
    last = paper_figure4().sort_values("iteration").groupby(["env", "method"]).last()
    pairs = zip(last.reward_per_step, last.iteration, strict=True)
    words = [f"{number(reward)} (iteration {iteration})" for reward, iteration in pairs]
    return pd.Series(words, index=last.index, name="paper, Figure 4", dtype="object")


def readable(table: pd.DataFrame) -> pd.DataFrame:
    """The table with its numbers in words, as a page or a README shows them."""
    return table.map(_cell)


def _cell(value: object) -> str:
    if isinstance(value, int | np.integer):
        return f"{value:,}"
    return number(value) if isinstance(value, float) else str(value)


def markdown(table: pd.DataFrame) -> str:
    """The table, its numbers in words, as Markdown."""
    lines = [list(table.columns), ["---"] * len(table.columns)]
    lines += [list(row) for row in readable(table).itertuples(index=False)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)
