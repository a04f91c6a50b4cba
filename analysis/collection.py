"""Runs and evaluations into the tidy data that are committed: merged, never replaced by less."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import evaluations, load, tidy
from analysis.chapter import Chapter
from analysis.files import DamagedError
from analysis.statistics import Array


class Collected(NamedTuple):
    """The files written, and what was found wrong, a line each.

    Args:
        written: the files.
        doubts: runs and evaluations that are left out, and values that count as not reported.
        damaged: tidy files that cannot be read: they stay as they are, and their new runs wait.
    """

    written: list[Path]
    doubts: list[str]
    damaged: list[str]


def collect(results: Path, data: Path, chapters: Sequence[Chapter[Any]]) -> Collected:
    """Merge runs into the tidy data of their experiments, and evaluations into theirs.

    Tidy data keep all that they hold.
    """
    frame, left_out, unreported = load.runs(results / "runs")
    evaluated = evaluations.load(results / "runs")
    left_out = [f"left out, damaged: {line}" for line in left_out + evaluated.damaged]
    found = Collected([], left_out + unreported, [])
    keys = ["experiment", "scale"]
    stems = frame[keys].drop_duplicates().sort_values(keys)
    for experiment, scale in stems.itertuples(index=False, name=None):
        same = frame.experiment.isna() if pd.isna(experiment) else frame.experiment == experiment
        places = np.flatnonzero(same & (frame.scale == scale))
        path = data / f"{tidy.stem(experiment, scale)}.csv"
        _merge(found, partial(_runs, frame, places, path, chapters))
    if len(evaluated.evaluations):
        merge = partial(_evaluations, evaluated.evaluations, data / evaluations.TIDY)
        _merge(found, merge)
    return found


def _merge(found: Collected, merge: Callable[[], list[Path]]) -> None:
    """Merge what is new into its file, unless that cannot be read."""
    try:
        found.written.extend(merge())
    except DamagedError as error:
        found.damaged.append(f"{error}; the file stays as it is, and its new runs wait")


def _runs(
    frame: pd.DataFrame, places: Array, path: Path, chapters: Sequence[Chapter[Any]]
) -> list[Path]:
    """Merge the runs at some places of a frame into the file of their experiment and scale.

    Beside what all have, it keeps the columns that some chapter reads; where none does, and not
    all runs train, every column.
    """
    experiment = frame.experiment.iloc[places[0]]
    readers = [each for each in chapters if each.experiments.count(experiment)]
    columns = [name for chapter in readers for name in chapter.columns]
    if not readers and not frame.study.iloc[places].isin(load.DUE).all():
        columns = list(map(str, frame))
    used = {*load.RUN, *load.METRICS, *columns}
    new = frame[[name for name in frame if name in used]].iloc[places]
    kept = new if any(chapter.whole for chapter in readers) else tidy.thin(new)
    del new
    both = tidy.merged(tidy.read(path), kept) if path.exists() else kept
    return tidy.save(both, path, list(dict.fromkeys(columns)))


def _evaluations(new: pd.DataFrame, path: Path) -> list[Path]:
    """Merge evaluations into their file."""
    return [evaluations.save(evaluations.merged(evaluations.read(path), new), path)]
