"""A figure or table of the paper as a value, and what runs it finds."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Generic, NamedTuple, TypeVar

import pandas as pd

from analysis.claim import Claim
from analysis.drawing import Figure
from analysis.names import SCALES
from analysis.traces import Curves
from analysis.words import NOTHING

F = TypeVar("F")
DEPARTS = "departs in"
"""The column that a table gains where some of its rows are of runs that depart."""


class Data(NamedTuple):
    """All that was read, of every experiment and scale: runs, and evaluations of policies.

    Args:
        runs: none of them departs from its experiment, or all do in one way.
        evaluations: as `evaluations.load` gives them, whatever was evaluated.
    """

    runs: pd.DataFrame
    evaluations: pd.DataFrame


class Table(NamedTuple):
    """A table as numbers, and the same rows in words."""

    numbers: pd.DataFrame
    words: pd.DataFrame


@dataclass(frozen=True)
class Chapter(Generic[F]):
    """A figure or table of the paper, made from our runs.

    Args:
        name: what its files are called, before their scale.
        title: its heading.
        text: what a reader of the report has to know to read it.
        experiments: whose runs it reads.
        measure: all that is estimated, once: of its runs at one scale, and of all data.
        draw: the picture of what was measured, at a scale; computes nothing.
        tabulate: the table of what was measured.
        claims: what the paper says of it.
        columns: of `metrics.csv`, that it reads beyond those that every frame has.
        whole: whether it reads every iteration of a run.
        headline: of what was measured, what the front page shows.
        alternative: what its picture shows, in a sentence for who does not see it.
        curves: of what was measured, what the report draws with values to point at.
        fits: whether there are enough runs for it, of those that do not depart; without, the
            chapter is absent.
        beside: other experiments, and files of the data, that it reads from all data.
    """

    name: str
    title: str
    text: str
    experiments: tuple[str, ...]
    measure: Callable[[pd.DataFrame, Data], F]
    draw: Callable[[F, str], Figure]
    tabulate: Callable[[F], Table]
    claims: tuple[Claim[F, Any], ...] = ()
    columns: tuple[str, ...] = ()
    whole: bool = False
    headline: Callable[[F], pd.DataFrame] | None = None
    alternative: str = ""
    curves: Callable[[F], Curves] | None = None
    fits: Callable[[pd.DataFrame], bool] = lambda runs: True
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class Found(Generic[F]):
    """A chapter at one scale: its runs, and what it measured of them.

    Args:
        runs: all of them, those that depart too.
        own: what was measured of the runs as their experiments have them; None without any.
        departed: what was measured of the others, by how they depart.
    """

    chapter: Chapter[F]
    scale: str
    runs: pd.DataFrame
    own: F | None
    departed: dict[str, F]

    @property
    def stem(self) -> str:
        """The file name of everything made from it, without its suffix."""
        return f"{self.chapter.name}__{self.scale}"

    @cached_property
    def picture(self) -> Figure | None:
        """The figure, of the runs that do not depart."""
        return None if self.own is None else self.chapter.draw(self.own, self.scale)

    def curves(self) -> Curves | None:
        """What the report draws with values to point at, of the runs that do not depart."""
        shown = self.chapter.curves
        return None if self.own is None or shown is None else shown(self.own)

    @cached_property
    def table(self) -> Table:
        """The table; runs that depart have rows of their own, which say in what."""
        parts = [] if self.own is None else [("", self.chapter.tabulate(self.own))]
        parts += [(words, self.chapter.tabulate(f)) for words, f in self.departed.items()]
        if not self.departed:
            return parts[0][1]
        numbers = [table.numbers.assign(departs=words) for words, table in parts]
        words = [table.words.assign(**{DEPARTS: words or NOTHING}) for words, table in parts]
        return Table(pd.concat(numbers, ignore_index=True), pd.concat(words, ignore_index=True))

    def headline(self) -> pd.DataFrame:
        """What the front page shows, of the runs that do not depart."""
        shown = self.chapter.headline
        return pd.DataFrame() if self.own is None or shown is None else shown(self.own)

    def bears_on(self, claim: Claim[F, Any]) -> bool:
        """Whether there are runs that it is about and that do not depart."""
        return not claim.bearing(self.runs[~self.runs.departs.astype(bool)]).empty


def scales(of: pd.Series) -> list[str]:
    """Ours, the largest first, and those of one's own by their names."""
    return [*SCALES, *sorted(set(of.dropna().unique()) - set(SCALES))]


def find(chapters: Sequence[Chapter[Any]], data: Data) -> Iterator[Found[Any]]:
    """Each chapter at each scale that has runs, the largest scale first.

    data: all of it, the runs as `kinds.marked` leaves them.
    """
    frame, departs = data.runs, data.runs.departs.astype(bool)
    kept = data._replace(runs=frame[~departs])
    for chapter in chapters:
        mine = frame.experiment.isin(chapter.experiments)
        for scale in scales(frame.scale):
            runs = frame[mine & (frame.scale == scale)]
            if not runs.empty and chapter.fits(runs[~runs.departs.astype(bool)]):
                groups = {str(k): group for k, group in runs.groupby("departs", sort=True)}
                own = groups.pop("", None)
                yield Found(
                    chapter,
                    scale,
                    runs,
                    None if own is None else chapter.measure(own, kept),
                    {
                        words: chapter.measure(group, data._replace(runs=group))
                        for words, group in groups.items()
                    },
                )
