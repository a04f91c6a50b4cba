"""Numbers and tables in words. Nothing is estimated here."""

from collections.abc import Callable, Iterable, Mapping

import numpy as np
import pandas as pd

from analysis.names import METHODS, SAMPLERS, TASKS, look, penalised, rank, task

NOTHING = "–"
RANKS: Mapping[str, Iterable[str]] = {"env": TASKS, "method": METHODS, "sampler": SAMPLERS}
"""Columns that are sorted by the order of what they name."""


def number(value: float) -> str:
    """A number in three to four digits, and a dash where there is none."""
    if value != value:
        return NOTHING
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def steps(count: float) -> str:
    """A number of simulator steps, in thousands or millions."""
    return f"{count / 1e6:.3g}M" if count >= 1e6 else f"{count / 1e3:.3g}K"


def step_size(method: str, value: float) -> str:
    """A method's step size with its symbol, and a dash where it has none."""
    if value != value:
        return NOTHING
    return f"{'λ' if penalised(method) else 'δ'} = {number(value)}"


def with_interval(mean: float, low: float, high: float) -> str:
    """`mean [low, high]`, without the brackets where there is no interval."""
    return number(mean) + ("" if low != low else f" [{number(low)}, {number(high)}]")


def counted(n: int, runs: int) -> str:
    """How many of all runs a number stands for."""
    return f"{n}" if n == runs else f"{n} of {runs}"


def of_all(count: int, of: int) -> str:
    """How often something happened of all times that it could."""
    return f"{count:,} of {of:,}"


def rowwise(words: Callable[..., str], columns: pd.DataFrame) -> list[str]:
    """What `words` makes of each row's values."""
    return [words(*row) for row in columns.itertuples(index=False)]


def intervals(rows: pd.DataFrame, *columns: str) -> list[str]:
    """`with_interval` of each row; columns: the mean, the low and the high end."""
    return rowwise(with_interval, rows[list(columns)])


def ordered(table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """The table sorted by these columns: names by their rank, everything else by itself."""
    return table.sort_values(list(columns), key=_by_rank)


def _by_rank(column: pd.Series) -> pd.Series:
    """Unknown names come last, by themselves."""
    among = RANKS.get(str(column.name))
    if among is None:
        return column
    known = list(among)
    every = [*known, *sorted(set(column.dropna()) - set(known))]
    return column.map(lambda name: rank(name, every))


def labels(methods: pd.Series) -> pd.Series:
    """The methods' labels."""
    return methods.map(lambda method: look(method).label)


def final_scores(table: pd.DataFrame, *contexts: pd.Series) -> pd.DataFrame:
    """`statistics.summary` in words; contexts are more columns, indexed by (env, method)."""
    rows = ordered(table, "env", "method", "step_size")
    words = pd.DataFrame(
        {
            "task": rows.env.map(task),
            "method": labels(rows.method),
            "step size": rowwise(step_size, rows[["method", "step_size"]]),
            "runs": rowwise(counted, rows[["n", "runs"]]),
            "mean [95 % interval]": intervals(rows, "mean", "low", "high"),
            "lowest to highest": rowwise(_range, rows[["min", "max"]]),
            "failed": rows.failed,
            "unfinished": rows.unfinished,
        }
    )
    keys = list(zip(rows.env, rows.method, strict=True))
    for context in contexts:
        words[context.name] = [context.get(key, NOTHING) for key in keys]
    return words.reset_index(drop=True)


def _range(low: float, high: float) -> str:
    return NOTHING if low != low else f"{number(low)} to {number(high)}"


def spans(numbers: pd.Series) -> str:
    """Whole numbers in words: 0, 1, 2, 7 are “0–2, 7”."""
    each = sorted(set(numbers))
    first = [s for s in each if s - 1 not in each]
    last = [s for s in each if s + 1 not in each]
    return ", ".join(f"{a}" if a == b else f"{a}–{b}" for a, b in zip(first, last, strict=True))


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
