"""Which runs somebody asks for: a run's directory, a directory of runs, or a filter.

A filter is `column=value,column=value` over the tidy data, by the columns that say which run it
is. Whatever finds nothing says so in one line, and what there is.
"""

import difflib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import load, tidy
from analysis.load import RUN

CONDITIONS = r",(?=\w+=)"
"""Where one condition ends and the next begins; a value may hold a comma."""
SHOWN = 12
"""So many things at most are named in one line."""


class Selected(NamedTuple):
    """Runs, one row per (run, iteration), and a line about whatever is wrong with their files."""

    runs: pd.DataFrame
    damaged: list[str]


def select(asked: str, data: Path) -> Selected:
    """The runs of a directory, or those of the tidy data in `data` that a filter leaves.

    Raises ValueError where there are none, or a run is there twice.
    """
    column, is_filter, _ = asked.partition("=")
    if Path(asked).is_dir():
        loaded = load.runs(Path(asked))
        found = Selected(loaded.runs, loaded.damaged + loaded.unreported)
    elif is_filter and column.isidentifier():
        kept = tidy.read_all(data)
        found = Selected(filtered(kept.runs, asked), list(kept.damaged.values()))
    else:
        raise ValueError(f"{asked}: no such directory, and no filter such as env=hopper")
    if found.runs.empty:
        raise ValueError("; ".join(found.damaged) or f"{asked}: there are no runs in it")
    _once(found.runs, asked)
    return found


def filtered(runs: pd.DataFrame, asked: str) -> pd.DataFrame:
    """The runs for which all conditions hold.

    Raises ValueError at the first that leaves none: it names what there is, the nearest first.
    """
    left, held = runs, list[str]()
    for condition in re.split(CONDITIONS, asked):
        column, _, value = condition.partition("=")
        if column not in RUN:
            raise ValueError(f"{asked}: no column {column}; there are {nearest(column, RUN)}")
        kept = left[_equal(left[column], value)]
        if kept.empty:
            where = f" where {','.join(held)}" if held else ""
            known = left[column].dropna().astype(str)
            raise ValueError(f"no run has {condition}{where}; there are {nearest(value, known)}")
        left = kept
        held.append(condition)
    return left


def _equal(column: pd.Series, value: str) -> pd.Series:
    """Where the column has the value, a number however it is written."""
    if not pd.api.types.is_numeric_dtype(column):
        return column.fillna("").astype(str) == value
    try:
        return column == float(value)
    except ValueError:
        return column.isin([])


def nearest(word: str, known: Iterable[str]) -> str:
    """What is known, the most similar to the word first."""
    ordered = sorted(dict.fromkeys(known))
    ordered.sort(key=lambda x: -difflib.SequenceMatcher(None, word, x).ratio())
    more = f", and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(ordered[:SHOWN]) + more if ordered else "none"


def _once(runs: pd.DataFrame, asked: str) -> None:
    """Raises ValueError where a run is there under several experiments or scales."""
    for column in ("experiment", "scale"):
        places = runs.groupby("run_id")[column].agg(lambda x: sorted(set(x.dropna().astype(str))))
        if len(twice := places[places.map(len) > 1]):
            raise ValueError(
                f"{asked}: {twice.index[0]} is there as {column}={twice.iloc[0][0]} and "
                f"{column}={twice.iloc[0][1]}; say which"
            )
