"""Which runs may stand in one row: those that differ in nothing but the seed.

What a chapter draws and judges are the runs as their experiment has them. A run that departs
from it, or that is of settings that the experiment had before, keeps a row of its own.
"""

import shlex
from collections.abc import Iterator

import pandas as pd

from analysis.names import DONE

CELL = ["experiment", "scale", "env", "method", "step_size", "departures"]
"""What the tables tell rows apart by, beside the values of what their experiment sweeps."""


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds `departs`: how a run differs from what its experiment says, "" where it does not.

    These are its departures. Where runs of one cell that has one value of what is swept have
    several hashes of settings, the experiment itself has changed: those of the run that started
    last are what it says now, and others are told by their hash. A run that does not say what of
    it was swept is held against its whole cell.
    """
    by_start = frame.sort_values("started", na_position="first", kind="stable")
    alike, cell = (
        by_start.groupby(names, dropna=False).settings.transform("last").loc[frame.index]
        for names in ([*CELL, "swept"], CELL)
    )
    newest = alike.where(frame.swept.astype(bool), cell)
    other = "(settings " + frame.settings.astype(str) + ")"
    words = frame.departures.astype(str).str.cat(other.where(frame.settings != newest, ""), " ")
    return frame.assign(departs=words.str.strip())


def swept(frame: pd.DataFrame, setting: str) -> pd.Series:
    """The value that each run has of a swept number, NaN where it is not swept."""
    values = {words: _said(words).get(setting, "nan") for words in frame.swept.unique()}
    return frame.swept.map(values).astype(float)


def _said(words: str) -> dict[str, str]:
    """Settings and their values, of the words in which `load` joins them."""
    parts = (item.partition("=") for item in shlex.split(words))
    return {name: value for name, _, value in parts}


def once(frame: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The frame with each seed of the same settings once, and a line about each run left out.

    Two of them are not two samples. One that is done stays, of several the one that went furthest,
    of those the one that started last.
    """
    each = frame.sort_values("iteration").drop_duplicates(["scale", "run_id"], keep="last")
    each = each.assign(done=each.status == DONE).sort_values(
        ["done", "iteration", "started", "run_id"], na_position="first", kind="stable"
    )
    alike = ["experiment", "scale", "settings", "seed"]
    each["stays"] = each.groupby(alike, dropna=False).run_id.transform("last")
    again = each[each.stays != each.run_id].sort_values(["scale", "run_id"])
    told = [
        f"{row.run_id} ({row.scale}): seed {row.seed} of the same settings as {row.stays}"
        for row in again.itertuples()
    ]
    gone = pd.MultiIndex.from_frame(again[["scale", "run_id"]])
    return frame[~pd.MultiIndex.from_frame(frame[["scale", "run_id"]]).isin(gone)], told


def unequal(marked: pd.DataFrame) -> Iterator[tuple[pd.Series, int, int]]:
    """Each cell whose finished runs have not as many iterations: its first row, fewest and most.

    marked: as `marked` leaves it.
    """
    done = marked[marked.status == DONE]
    last = done.sort_values("iteration").drop_duplicates(["scale", "run_id"], keep="last")
    for _, group in last.groupby([*CELL, "departs"], dropna=False):
        low, high = int(group.iteration.min()), int(group.iteration.max())
        if low < high:
            yield group.iloc[0], low, high
