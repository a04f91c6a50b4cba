"""Experiments of one's own, and runs of none: a figure and a table of what no chapter reads.

Lines are told apart by task, method and step size; where an experiment sweeps anything else, by
what of its command differs.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import pandas as pd

from analysis import kinds, load, tidy
from analysis.chapter import Chapter, Data, Table
from analysis.drawing import Figure, legend, rows_of, style
from analysis.learned import Learned, learned
from analysis.names import DONE, METHODS, Look, look, task
from analysis.panels import by_rank, learning_curves, method_lines, notes, run_counts
from analysis.statistics import GROUP
from analysis.words import final_scores, ordered, rowwise

COLOURS = (
    *("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"),
    *("#882255", "#332288", "#44AA99"),
)
"""For methods that have no colour of their own."""
SEED = "seed"
OTHERS = "Other runs"


class Axes(NamedTuple):
    """What is drawn against what: columns of `metrics.csv` and their words."""

    metric: str
    x: str
    points: int | None  # even steps of a curve; None is every x that was reported
    metric_words: str
    x_words: str


USUAL = Axes("return_100", "env_steps", 100, "return, last 100 episodes", "environment steps")
BY_PROTOCOL: Mapping[str, Axes] = {
    "paper": Axes("reward_per_step", "iteration", None, "reward per time step", "iteration")
}


class Measured(NamedTuple):
    """What was measured of some runs, and how many iterations the finished ones of a cell have.

    Args:
        learned: their scores and curves, a method's name followed by what tells it apart; all
            finished runs of a cell end with its shortest.
        lengths: one row per task, method and step size: `low` and `high`.
        axes: what was measured.
    """

    learned: Learned
    lengths: pd.DataFrame
    axes: Axes


def chapters(runs: pd.DataFrame, others: Iterable[Chapter[Any]]) -> list[Chapter[Measured]]:
    """One for each experiment that none of the others reads, and one for runs of none.

    runs: as `kinds.marked` leaves them.
    """
    mine = runs[unread(runs, others)]
    groups = mine.groupby("experiment", sort=True)
    return [chapter_of(str(name), group) for name, group in groups if measures(group)]


def unread(runs: pd.DataFrame, others: Iterable[Chapter[Any]]) -> pd.Series:
    """Which rows are of an experiment that none of the others reads."""
    return ~runs.experiment.isin([name for each in others for name in each.experiments])


def unshown(runs: pd.DataFrame, others: Iterable[Chapter[Any]]) -> list[str]:
    """A line about each experiment that neither they nor a chapter from here shows."""
    groups = runs[unread(runs, others)].groupby("experiment", sort=True)
    silent = ((str(name) or OTHERS, group.study) for name, group in groups if not measures(group))
    return [
        f"{name}: runs of the study {', '.join(sorted(study.unique()))} are kept, and shown by no "
        "chapter"
        for name, study in silent
    ]


def measures(runs: pd.DataFrame) -> bool:
    """Whether runs train a policy, or have the metric of those that do."""
    return bool(runs.study.isin(load.DUE).any() or runs[axes(runs).metric].notna().any())


def axes(runs: pd.DataFrame) -> Axes:
    """What runs are judged by: what their protocol says, if they have one in common."""
    protocol, *more = runs.protocol.unique()
    return USUAL if more else BY_PROTOCOL.get(protocol, USUAL)


def chapter_of(experiment: str, runs: pd.DataFrame) -> Chapter[Measured]:
    """The chapter of an experiment without one; "" is that of runs of none."""
    judged = axes(runs)
    what = f"of the experiment `{experiment}`, which has no chapter" if experiment else "of none"
    text = (
        f"Runs {what}: {judged.metric_words}, by task and method, each method at its best step "
        "size. No claim is judged by them."
    )
    cut = [
        f" {task(row.env)}, {look(row.method).label} ({row.scale}): finished runs have {low} to "
        f"{high} iterations, and are compared at {low}."
        for row, low, high in kinds.unequal(runs)
    ]
    return Chapter(
        name=f"own_{tidy.name(experiment)}",
        title=experiment or OTHERS,
        text=text + "".join(cut),
        experiments=(experiment,),
        measure=partial(measure, judged),
        draw=draw,
        tabulate=tabulate,
        alternative=(
            f"One panel a task: {judged.metric_words} against {judged.x_words}, a line with a "
            "band for each method."
        ),
    )


def measure(judged: Axes, runs: pd.DataFrame, every: Data) -> Measured:
    """Final scores and curves, each cell as far as its shortest finished run went."""
    apart = runs.assign(method=runs.method + told_apart(runs))
    done = apart.status == DONE
    last = apart[done].groupby([*GROUP, "run_id"], dropna=False).iteration.max()
    lengths = last.groupby(GROUP, dropna=False).agg(low="min", high="max").reset_index()
    low = apart[GROUP].merge(lengths, on=GROUP, how="left").low.set_axis(apart.index)
    kept = apart[~done | (apart.iteration <= low)]
    found = learned(kept, judged.metric, judged.x, judged.points)
    return Measured(found, lengths, judged)


def told_apart(runs: pd.DataFrame) -> pd.Series:
    """What of a run's command sets it apart from others of its cell; "" where nothing does."""
    each = runs.drop_duplicates("run_id")
    said = dict[str, str]()
    for _, cell in each.groupby(GROUP, dropna=False):
        first = cell.drop_duplicates("settings")
        words = _differences([_overrides(text) for text in first.overrides])
        known = dict(zip(first.settings, words, strict=True))
        for settings in known if len(set(words)) < len(words) else ():
            known[settings] = f"{known[settings]} (settings {settings})"
        said |= dict(zip(cell.run_id, cell.settings.map(known), strict=True))
    return runs.run_id.map(said)


def _overrides(text: str) -> list[str]:
    return [item for item in shlex.split(text) if item.partition("=")[0] != SEED]


def _differences(commands: Sequence[Sequence[str]]) -> list[str]:
    """What each command says that not all of them do."""
    shared = set(commands[0]).intersection(*commands)
    return ["".join(f" {item}" for item in own if item not in shared) for own in commands]


def looks(methods: Iterable[str]) -> Callable[[str], Look]:
    """The looks of some methods: those that have no colour of their own get one that is free."""
    names = by_rank(methods)
    taken = {look(name).colour for name in names if name in METHODS}
    free = [colour for colour in COLOURS if colour not in taken] or list(COLOURS)
    strange = [name for name in names if name not in METHODS]
    return {
        **{name: look(name) for name in names if name in METHODS},
        **{name: Look(label(name), free[i % len(free)]) for i, name in enumerate(strange)},
    }.__getitem__


def label(method: str) -> str:
    """A method in words, followed by what tells it apart."""
    name, space, more = method.partition(" ")
    return look(name).label + space + more


@style()
def draw(found: Measured, scale: str) -> Figure:
    """One panel a task, as many lines as there are methods."""
    from matplotlib.ticker import EngFormatter

    curves, envs = found.learned.curves, list(ordered(found.learned.table, "env").env.unique())
    shown = looks(found.learned.table.method)
    figure, panels = rows_of(len(envs), 3)
    for panel, env in zip(panels, envs, strict=True):
        own = curves[curves.env == env]
        learning_curves(panel, own, looks=shown)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set_title(f"{task(env)} ({run_counts(own)})")
        panel.set(xlabel=found.axes.x_words, ylabel=found.axes.metric_words)
    legend(figure, method_lines(curves.method, shown), notes(curves))
    figure.suptitle(f"{found.axes.metric_words.capitalize()} at scale “{scale}”")
    return figure


def tabulate(found: Measured) -> Table:
    """Final scores, and after how many iterations."""
    table = found.learned.table.merge(found.lengths, on=GROUP, how="left")
    table = table.rename(columns={"low_y": "shortest", "high_y": "longest"})
    table = table.rename(columns={"low_x": "low", "high_x": "high"})
    rows = ordered(table, "env", "method", "step_size")
    words = final_scores(rows)
    words["method"] = list(rows.method.map(label))
    words.insert(4, "iterations", rowwise(_length, rows[["shortest", "longest"]]))
    return Table(table, words)


def _length(shortest: float, longest: float) -> str:
    if shortest != shortest:
        return ""
    return f"{shortest:.0f}" + (f" (of up to {longest:.0f})" if shortest < longest else "")
