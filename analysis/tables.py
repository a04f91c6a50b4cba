"""Tables as text: what the statistics found, laid out for a reader. Nothing is estimated here."""

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from analysis.names import (
    SAMPLERS,
    look,
    method_rank,
    number,
    sampler_rank,
    step_size,
    task,
    task_rank,
)

REFERENCE = Path(__file__).parent / "reference"
COMPARABLE = ["half_cheetah", "hopper", "swimmer", "walker2d"]
"""Tasks whose v5 can be compared with published v1 to v3 numbers."""

UNITS = {"q_samples": "Q samples", "estimate_steps": "simulator steps"}


def final_scores(table: pd.DataFrame, *contexts: pd.Series) -> pd.DataFrame:
    """`statistics.summary` in words; contexts are more columns, indexed by (env, method)."""
    ordered = table.sort_values(["env", "method", "step_size"], key=_by_rank)
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
    keys = list(zip(ordered.env, ordered.method, strict=True))
    for context in contexts:
        words[context.name] = [context.get(key, "–") for key in keys]
    return words.reset_index(drop=True)


def _by_rank(column: pd.Series) -> pd.Series:
    """What a column is sorted by: names by their rank, everything else by itself."""
    rank = {"env": task_rank, "method": method_rank, "sampler": sampler_rank, "unit": _unit_rank}
    return column.map(rank[str(column.name)]) if column.name in rank else column


def _unit_rank(unit: str) -> int:
    return list(UNITS).index(unit)


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


def paper_figure4_at(updates: pd.Series) -> pd.Series:
    """The paper's reward per step where our runs end, by (env, method).

    updates: by (env, method), the policy iterations that our last batch had behind it. Between
    the points that were read off, linear; where we ran longer, the paper's last point.
    """
    ours, words = updates.to_dict(), {}
    for key, curve in paper_figure4().sort_values("iteration").groupby(["env", "method"]):
        if key in ours:
            last = curve.iteration.max()
            at = min(int(ours[key]), last)
            reward = number(float(np.interp(at, curve.iteration, curve.reward_per_step)))
            words[key] = f"{reward} (iteration {at}{', its last' if ours[key] > last else ''})"
    return pd.Series(words, name="paper, Figure 4", dtype="object")


def tuned(choices: pd.DataFrame) -> pd.Series:
    """How step sizes were chosen (`statistics.chosen`), by (env, method)."""
    words = {}
    for row in choices.to_dict("records"):
        size = step_size(row["method"], row["step_size"])
        where = f"tuning_{row['panel']} at {row['scale']}"
        best = f"best of {row['tried']} on seeds {row['seeds']}"
        words[row["panel"], row["method"]] = f"{size}, {best} ({where})"
    return pd.Series(words, name="tuned", dtype="object")


def tuning(table: pd.DataFrame) -> pd.DataFrame:
    """`statistics.tuning` in words."""
    ordered = table.sort_values(["env", "step_size"], key=_by_rank)
    return pd.DataFrame(
        {
            "task": ordered.env.map(task),
            "method": ordered.method.map(lambda method: look(method).label),
            "step size": _rowwise(step_size, ordered[["method", "step_size"]]),
            "runs": _rowwise(_counted, ordered[["n", "runs"]]),
            "final reward per step [95 % interval]": _rowwise(
                with_interval, ordered[["mean", "low", "high"]]
            ),
            "failed": ordered.failed,
            "chosen": ordered.chosen.map({True: "←", False: ""}),
        }
    )


def variance(table: pd.DataFrame) -> pd.DataFrame:
    """`noise.compare` in words."""
    ordered = table.sort_values(["env", "trained", "unit", "sampler"], key=_by_rank)
    return pd.DataFrame(
        {
            "task": ordered.env.map(task),
            "TRPO iterations before": ordered.trained.astype(int),
            "at the same number of": ordered.unit.map(UNITS),
            "compared": ordered.sampler.map(lambda name: f"{SAMPLERS[name].label} / vine"),
            "variance ratio [95 % interval]": _rowwise(
                with_interval, ordered[["ratio", "low", "high"]]
            ),
            "runs": _rowwise(_counted, ordered[["n", "seeds"]]),
            "without a signal": ordered.silent,
        }
    )


def exact_bounds(table: pd.DataFrame, words: Mapping[str, tuple[str, str, str]]) -> pd.DataFrame:
    """`theory.bounds` in words; `words` are each bound's penalty, source and proof."""
    return pd.DataFrame(
        {
            "bound": table.bound.map(lambda name: f"L − {words[name][0]}"),
            "from": table.bound.map(lambda name: words[name][1]),
            "proved": table.bound.map(lambda name: words[name][2]),
            "MDPs": table.env,
            "runs": table.n,
            "median slack [95 % interval]": _rowwise(
                with_interval, table[["median", "low", "high"]]
            ),
            "least slack": table.least,
            "violations": _rowwise(_of_all, table[["violations", "checked"]]),
        }
    )


def exact_steps(table: pd.DataFrame) -> pd.DataFrame:
    """`theory.steps` in words."""
    ranked = table.assign(rank=table.method.map(method_rank))
    ordered = ranked.sort_values(["env", "rank"])
    return pd.DataFrame(
        {
            "MDPs": ordered.env,
            "method": ordered.method.map(lambda method: look(method).label),
            "runs": ordered.n,
            "steps that lowered η": _rowwise(_of_all, ordered[["lowered", "taken"]]),
            "KL of a step [95 % interval]": _rowwise(
                with_interval, ordered[["kl", "kl_low", "kl_high"]]
            ),
            "last regret [95 % interval]": _rowwise(
                with_interval, ordered[["regret", "low", "high"]]
            ),
        }
    )


def exact_line(table: pd.DataFrame) -> pd.DataFrame:
    """`theory.points` in words."""
    names = {"eta": "η", "surrogate": "L", "minorant": "M", "kl_max": "max KL"}
    return table[["point", "position", *names]].rename(columns=names)


def _of_all(count: int, of: int) -> str:
    return f"{count:,} of {of:,}"


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
