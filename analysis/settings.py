"""The paper's Tables 2 and 3 beside what our configuration has; each difference with its reason.

`python -m runners.paper_settings` composes the configuration and writes what it has.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis import published
from analysis.chapter import Table
from analysis.names import rank
from analysis.page import Section
from analysis.words import NOTHING, number

FILE = "configuration.csv"
KEY = ["table", "row", "column"]
TITLES = {
    "table2": "Table 2: settings of the continuous tasks",
    "table3": "Table 3: settings of the Atari games",
}
"""The tables, by the name of their files."""
TEXT = (
    "What our configuration has at `scale=paper`, composed anew and not copied. Where the paper "
    "has another value, it stands behind the sign ≠, and the reason in the last column."
)
COLUMNS = {"swimmer": "Swimmer", "hopper": "Hopper", "walker": "Walker", "all_games": "all games"}
ROWS = {
    "state_dim": "state dimensions",
    "action_dim": "control dimensions",
    "policy_params": "policy parameters",
    "single_path_steps_per_iteration": "simulator steps an iteration, single path",
    "vine_steps_per_iteration": "simulator steps an iteration, vine",
    "iterations": "policy iterations",
    "max_kl": "δ (mean KL)",
    "hidden_units": "units of a hidden layer",
    "discount": "discount γ",
    "vine_rollout_length": "vine: steps of a branch",
    "vine_rollouts_per_state": "vine: branches a state",
    "vine_q_values_per_batch": "vine: “Q-values per batch”, here states",
    "vine_trunks": "vine: trunks",
    "vine_trunk_length": "vine: steps of a trunk",
    "vine_minutes": "vine: computation time, minutes",
    "vine_hours_16_cores": "vine: hours on 16 cores",
    "single_path_paths": "single path: paths, here side by side",
    "single_path_length": "single path: steps of a path",
    "single_path_minutes": "single path: computation time, minutes",
    "single_path_hours_16_cores": "single path: hours on 16 cores",
}
"""The rows in words, in order."""
ORDER = {"table": TITLES, "row": ROWS, "column": COLUMNS}


WHY = "why"


class Reason(NamedTuple):
    """Why our value of some rows and columns of a table is not the paper's."""

    table: str
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    words: str


MEASURED = "measured and no setting: how long our runs took stands where they are listed"
REASONS = (
    Reason("table2", ("state_dim",), ("walker",),
           "the text of §8.1 says 18, which is the model's nine positions and nine velocities"),
    Reason("table2", ("policy_params",), ("hopper",),
           "one layer of 50 units on 12 inputs has 806; the paper's 4,806 would need 92 inputs, "
           "or 41 with two layers, and it names neither"),
    Reason("table2", ("policy_params",), ("walker",),
           "one layer of 50 units on 18 inputs has 1,262; the paper's 8,206 fits no whole number "
           "of inputs, with one layer or with two, if the log standard deviations count"),
    Reason("table2", ("vine_q_values_per_batch",), ("swimmer",),
           "500 states × 4 branches × 50 steps are 100,000, twice the paper's own steps an "
           "iteration; with 170 and the trunks they are 50,000"),
    Reason("table2", ("vine_steps_per_iteration",), ("hopper", "walker"),
           "2,500 states × 4 branches × 100 steps are the paper's million; we count the "
           "16 × 1,000 steps of the trunks too"),
    Reason("table2", ("single_path_paths",), ("walker",),
           "10,000 paths of 1,000 steps are 10 M, ten times the paper's own steps an iteration, "
           "which we keep"),
    Reason("table2", ("vine_minutes", "single_path_minutes"), ("swimmer", "hopper", "walker"),
           MEASURED),
    Reason("table3", ("vine_hours_16_cores", "single_path_hours_16_cores"), ("all_games",),
           MEASURED),
)  # fmt: skip
"""The one place that says why; each is needed, which is tested."""


def compared(data: Path) -> pd.DataFrame:
    """Every row and column of the tables: `ours`, `paper`, whether it `differs`, the `reason`.

    NaN where one side has no such value. Empty where the configuration has not been written.
    Raises ValueError where it is damaged.
    """
    path = data / FILE
    if not path.exists():
        return pd.DataFrame(columns=[*KEY, "ours", "paper", "differs", "reason"])
    both = _ours(path).merge(published.settings(), on=KEY, how="outer").sort_values(KEY, key=_rank)
    both["differs"] = both.ours != both.paper
    said = reasons()
    both["reason"] = [said.get(key, "") for key in both[KEY].itertuples(index=False, name=None)]
    return both.reset_index(drop=True)


def _ours(path: Path) -> pd.DataFrame:
    """What `python -m runners.paper_settings` wrote. Raises ValueError where it is not that."""
    try:
        read = pd.read_csv(path, usecols=[*KEY, "value"]).astype({"value": float})
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if read.duplicated(KEY).any():
        raise ValueError(f"{path}: a value is there twice")
    return read[[*KEY, "value"]].rename(columns={"value": "ours"})


def _rank(names: pd.Series) -> pd.Series:
    """The places of tables, rows or columns, those that are not known last."""
    return names.map(lambda name: rank(name, ORDER[str(names.name)]))


def reasons() -> dict[tuple[str, str, str], str]:
    """Why, by table, row and column."""
    return {
        (each.table, row, column): each.words
        for each in REASONS
        for row in each.rows
        for column in each.columns
    }


def tables(found: pd.DataFrame) -> Iterator[tuple[str, Table]]:
    """Each table by the name of its files, as numbers and in words."""
    for name in TITLES:
        own = found[found.table == name]
        if len(own):
            yield name, Table(own, _in_words(own))


def _in_words(own: pd.DataFrame) -> pd.DataFrame:
    """A row of the paper's table a line, a task a column, and why they differ."""
    lines = []
    for row in dict.fromkeys(own.row):
        cells = own[own.row == row].set_index("column")
        shown = {
            COLUMNS.get(str(column), str(column)): _cell(ours, paper)
            for column, ours, paper in cells[["ours", "paper"]].itertuples()
        }
        lines.append({"setting": ROWS.get(row, row), **shown, WHY: _why(cells.reason)})
    words = pd.DataFrame(lines).fillna(NOTHING)
    return words[[*(name for name in words if name != WHY), WHY]]


def _cell(ours: float, paper: float) -> str:
    """Our value, and the paper's where it is another."""
    return number(ours) if ours == paper else f"{number(ours)} ≠ {number(paper)}"


def _why(told: Mapping[str, str]) -> str:
    """The reasons of a row, each with its columns."""
    by_words: dict[str, list[str]] = {}
    for column, words in told.items():
        by_words.setdefault(words, []).append(COLUMNS.get(column, column))
    each = [f"{', '.join(names)}: {words}" for words, names in by_words.items() if words]
    return "; ".join(each) or NOTHING


def sections(found: pd.DataFrame) -> list[Section]:
    """Both tables for a page."""
    return [Section(TITLES[name], [TEXT, table.words]) for name, table in tables(found)]
