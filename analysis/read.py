"""All tidy data, read and measured once: the chapters that were found, and the ledger of claims.

No other module knows which chapters there are.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import evaluations, kinds, settings, tidy
from analysis.chapter import Data, Found, find
from analysis.chapters import own
from analysis.chapters.all import CHAPTERS
from analysis.collection import Collected, collect
from analysis.files import DamagedError
from analysis.ledger import ledger
from analysis.names import COMMITTED


class Read(NamedTuple):
    """All tidy runs, and what was made of them.

    Args:
        runs: those of all files that can be read.
        found: the chapters that read no damaged file.
        ledger: every claim, judged.
        settings: ours beside the paper's.
        doubts: a line about each run that is left out, or cell of runs of unequal length.
        damaged: a line about each file that cannot be read, and each chapter not made for it.
    """

    runs: pd.DataFrame
    found: Sequence[Found[Any]]
    ledger: pd.DataFrame
    settings: pd.DataFrame
    doubts: Sequence[str] = ()
    damaged: Sequence[str] = ()

    def committed(self) -> "Read":
        """The scales whose data are committed."""
        found = [each for each in self.found if each.scale in COMMITTED]
        runs = self.runs[self.runs.scale.isin(COMMITTED)]
        return self._replace(runs=runs, found=found, ledger=ledger(found, CHAPTERS))


def collected_from(results: Path, data: Path) -> Collected:
    """Merge fresh runs into the tidy data, with what their chapters read of them."""
    return collect(results, data, CHAPTERS)


def read(data: Path) -> Read:
    """All tidy data, each run marked by how it departs from its experiment; chapters measured.

    A chapter that reads a damaged file is left out, lest it be made again of less. Raises
    ValueError where there is nothing to read.
    """
    runs, damaged = tidy.read_all(data)
    evaluated = evaluations.NONE
    try:
        evaluated = evaluations.read(data / evaluations.TIDY)
    except DamagedError as error:
        damaged[data / evaluations.TIDY] = str(error)
    runs, twice = kinds.once(runs)
    runs = kinds.marked(runs)
    doubts = [f"left out: {line}" for line in twice] + list(map(_unequal, kinds.unequal(runs)))
    mine = own.chapters(runs, CHAPTERS)
    runs = runs.assign(departs=runs.departs.mask(own.unread(runs, CHAPTERS), ""))
    lost = {tidy.experiment_of(path) for path in damaged}
    found, waiting = list[Found[Any]](), list[str]()
    for chapter in [*CHAPTERS, *mine]:
        if lost & {tidy.name(each) for each in [*chapter.experiments, *chapter.beside]}:
            waiting.append(f"not made, a file of its data is damaged: {chapter.title}")
        else:
            found += find([chapter], Data(runs, evaluated))
    doubts += own.unshown(runs, CHAPTERS)
    told = [*damaged.values(), *waiting]
    return Read(runs, found, ledger(found, CHAPTERS), settings.compared(data), doubts, told)


def _unequal(cell: tuple[pd.Series, int, int]) -> str:
    """The line about a cell of runs of unequal length."""
    first, low, high = cell
    what = f"{first.experiment}, {first.scale}: {first.env}, {first.method}"
    return f"runs of {low} to {high} iterations stand in one row: {what} {first.departs}".rstrip()
