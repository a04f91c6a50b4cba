"""Which runs may stand in one row: those that differ in nothing but the seed.

What a chapter draws and judges are the runs as their experiment has them. A run that departs
from it, or that is of settings that the experiment had before, keeps a row of its own.
"""

import pandas as pd

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
