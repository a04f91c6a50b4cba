"""Tables as text: what the statistics found, laid out for a reader. Nothing is estimated here."""

from pathlib import Path

import pandas as pd

from analysis.names import look, method_rank, number, task, task_rank

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
            "step size": ordered.step_size.map(number),
            "runs": ordered.n,
            "mean [95 % interval]": [_with_interval(row) for row in ordered.itertuples()],
            "lowest – highest": [_range(row) for row in ordered.itertuples()],
            "failed": ordered.failed,
            "unfinished": ordered.unfinished,
        }
    )
    if context is not None:
        keys = zip(ordered.env, ordered.method, strict=True)
        words[context.name] = [context.get(key, "–") for key in keys]
    return words.reset_index(drop=True)


def _with_interval(row: "tuple[object, ...]") -> str:
    mean, low, high = (number(getattr(row, name)) for name in ("mean", "low", "high"))
    return mean if low == "–" else f"{mean} [{low}, {high}]"


def _range(row: "tuple[object, ...]") -> str:
    low, high = number(getattr(row, "min")), number(getattr(row, "max"))
    return "–" if low == "–" else f"{low} – {high}"


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
    return f"{low} (1 source)" if n == 1 else f"{low} – {high} ({n} sources)"


def paper_figure4() -> pd.DataFrame:
    """The paper's Figure 4, read off its vector graphics: mean of five runs, reward per step."""
    return pd.read_csv(REFERENCE / "figure4.csv").rename(columns={"panel": "env"})


def paper_final() -> pd.Series:
    """The last point of each curve of the paper's Figure 4, by (env, method)."""
    last = paper_figure4().sort_values("iteration").groupby(["env", "method"]).last()
    words = [
        f"{number(row.reward_per_step)} (iteration {row.iteration})" for row in last.itertuples()
    ]
    return pd.Series(words, index=last.index, name="paper, Figure 4", dtype="object")


def markdown(table: pd.DataFrame) -> str:
    """A Markdown table; numbers of a column are printed as they are."""
    lines = [list(map(str, table.columns)), ["---"] * len(table.columns)]
    lines += [[_cell(value) for value in row] for row in table.itertuples(index=False)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: object) -> str:
    return number(value) if isinstance(value, float) else str(value).replace("|", "\\|")
