"""Figure 4: reward per step against policy iterations on the paper's tasks."""

from typing import NamedTuple

import pandas as pd

from analysis import published
from analysis.chapter import Chapter, Data, Table
from analysis.chapters import tuning
from analysis.chapters.figure4_claims import CLAIMS, EXPERIMENTS, PANELS
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.learned import Learned, learned
from analysis.names import look, task
from analysis.panels import by_rank, learning_curves, method_lines, notes, run_counts, step_sizes
from analysis.traces import Curves, Published, behind, of_task
from analysis.words import NOTHING, final_scores, intervals, labels, ordered, spans, step_size


class Measured(NamedTuple):
    """Our scores and curves, how step sizes were tuned, and the paper's values at our ends."""

    learned: Learned
    tuned: pd.DataFrame  # `tuning.chosen`
    paper: pd.Series  # in words, by (env, method)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Ours over the updates made before an iteration's batch: the paper counts from 0."""
    runs = runs.assign(updates=runs.iteration - 1)
    last = runs.groupby(["env", "method"]).updates.max().clip(lower=0)
    tuned = tuning.chosen(every.runs, str(runs.scale.iloc[0]))
    ours = learned(runs, "reward_per_step", "updates")
    return Measured(ours, tuned, published.figure4_at(last))


@style()
def draw(found: Measured, scale: str) -> Figure:
    """The four panels; the paper's own curves are thin and dashed behind ours, with error bars."""
    curves, paper = found.learned.curves, published.figure4()
    figure, panels = grid(2, 2, panel=(4.9, 3.6))
    for panel, (env, name) in zip(panels, PANELS.items(), strict=True):
        ours, theirs = curves[curves.env == env], paper[paper.env == env]
        total = theirs.iteration.max()
        last = total if ours.empty else ours.x.max()
        _paper_curves(panel, theirs[theirs.iteration <= last])
        learning_curves(panel, ours, shade=0.13)
        panel.set_xlim(0, max(last, 1))
        panel.set_title(f"{name.capitalize()} ({run_counts(ours)})")
        panel.set_ylabel("reward per time step")
        panel.set_xlabel(f"policy iterations (the paper ran {total + 1})")
    methods = [*curves.method, *paper.method[paper.env.isin(PANELS)]]
    said = ["dashed: the paper's five runs", *notes(curves), *_tuned(curves, found.tuned)]
    legend(figure, method_lines(methods), said)
    figure.suptitle(f"Figure 4, trained here at scale “{scale}”")
    return figure


def _paper_curves(panel: Axes, paper: pd.DataFrame) -> None:
    """The paper's curves and its half error bars, faint."""
    for method in by_rank(paper.method):
        own, colour = paper[paper.method == method], look(method).colour
        panel.plot(own.iteration, own.reward_per_step, "--", color=colour, linewidth=0.9,
                   alpha=0.5, zorder=1)  # fmt: skip
        bars = own.dropna(subset=["half_error_bar"])
        panel.errorbar(bars.iteration, bars.reward_per_step, yerr=bars.half_error_bar, fmt="none",
                       ecolor=colour, elinewidth=0.6, alpha=0.35, zorder=1)  # fmt: skip


def curves(found: Measured) -> Curves:
    """The same panels, with the runs behind the means; the paper's as far as ours go."""
    ours, labels = found.learned, ("policy iterations", "reward per time step")
    runs, paper = behind(ours.best, "updates", ours.metric), published.figure4()
    last = paper.env.map(ours.curves.groupby("env").x.max()).fillna(paper.iteration)
    points = paper[paper.iteration <= last].rename(
        columns={"iteration": "x", "reward_per_step": "y", "half_error_bar": "error"}
    )
    panels = [of_task(env, labels, ours.curves, runs, Published(points, True)) for env in PANELS]
    return Curves(panels, "the paper's mean of five runs, dashed")


def _tuned(curves: pd.DataFrame, tuned: pd.DataFrame) -> list[str]:
    """Which of the curves' step sizes were the best of a sweep on other seeds."""
    cells = curves.drop_duplicates(["env", "method"])[["env", "method", "step_size"]]
    both = cells.merge(tuned, on=["env", "method", "step_size"])
    return [
        f"{look(method).label}: tuned in factors of three on other seeds ({sizes})"
        for method, sizes, _ in step_sizes(both)
    ]


def tabulate(found: Measured) -> Table:
    """Final scores, the paper's beside them, and how step sizes were chosen."""
    table = found.learned.table
    tuned = found.tuned[found.tuned.env.isin(table.env)]
    contexts = [found.paper, *([] if tuned.empty else [_choices(tuned)])]
    return Table(table, final_scores(table, *contexts))


def _choices(tuned: pd.DataFrame) -> pd.Series:
    """How step sizes were chosen, in words, by (env, method)."""
    words = {}
    for row in tuned.to_dict("records"):
        size = step_size(row["method"], row["step_size"])
        best = f"best of {row['tried']} on seeds {row['seeds']}"
        words[row["env"], row["method"]] = f"{size}, {best} ({row['experiment']} at {row['scale']})"
    return pd.Series(words, name="tuned", dtype="object")


def headline(found: Measured) -> pd.DataFrame:
    """A method a line; of each task, our final score and the paper's at the same iteration."""
    rows = ordered(found.learned.table, "env", "method")
    rows = rows.assign(ours=intervals(rows, "mean", "low", "high"))
    table = ordered(rows.drop_duplicates("method"), "method")[["method"]]
    table["runs"] = [spans(rows.n[rows.method == method]) for method in table.method]
    for env in rows.env.unique():
        ours = rows[rows.env == env].set_index("method").ours
        paper = [found.paper.get((env, method), NOTHING) for method in table.method]
        name = task(env)
        table[name] = table.method.map(ours).fillna(NOTHING)
        table[f"{name}, the paper"] = [words.partition(" ")[0] for words in paper]
    return table.assign(method=labels(table.method))


CHAPTER = Chapter(
    name="figure4",
    title="Figure 4: the paper's tasks",
    text=(
        "Reward per time step against policy iterations, as in the paper's Figure 4, whose own "
        "curves (mean of five runs) are dashed. The table gives the paper's value at the "
        "iteration where our runs end."
    ),
    experiments=tuple(EXPERIMENTS.values()),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "Four panels, one a task: reward per time step against policy iterations; our means are "
        "lines with bands, the paper's curves dashed behind them."
    ),
    claims=tuple(claim.within(lambda found: found.learned) for claim in CLAIMS),
    headline=headline,
    curves=curves,
    beside=tuning.EXPERIMENTS,
)
