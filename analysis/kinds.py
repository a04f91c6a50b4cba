"""Which runs may stand in one row: those that differ in nothing but the seed.

What a chapter draws and judges are the runs as their experiment has them. A run that departs
from it, or that is of settings that the experiment had before, keeps a row of its own.
"""

from collections.abc import Iterator

import pandas as pd

from analysis.names import DONE

CELL = ["experiment", "scale", "env", "method", "step_size", "departures"]
"""What the tables tell rows apart by."""


def marked(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds `departs`: how a run differs from what its experiment says, "" where it does not.

    These are its departures. Where runs of one cell have several hashes of settings, the
    experiment itself has changed: those of the run that started last are what it says now, and
    others are told by their hash.
    """
    by_start = frame.sort_values("started", na_position="first", kind="stable")
    newest = by_start.groupby(CELL, dropna=False).settings.transform("last").loc[frame.index]
    other = "(settings " + frame.settings.astype(str) + ")"
    words = frame.departures.astype(str).str.cat(other.where(frame.settings != newest, ""), " ")
    return frame.assign(departs=words.str.strip())


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
