"""All tasks of the modern protocol together: performance profiles, IQM, and who is above TRPO."""

import pandas as pd

from analysis.across import Across, across, enough
from analysis.chapter import Chapter, Data, Table
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import look, task
from analysis.panels import method_lines
from analysis.statistics import scores
from analysis.words import intervals, labels, number, rowwise

METRIC = "return_100"
SHADED = "shaded and lines: 95 % intervals, runs resampled within tasks"


def measure(runs: pd.DataFrame, every: Data) -> Across:
    """Final scores of all methods, normalised, over the tasks that they share."""
    return across(runs, METRIC)


@style()
def draw(found: Across, scale: str) -> Figure:
    """Share of runs above each score; IQM; how likely a run is above one of TRPO."""
    figure, (profiles, middles, chances) = grid(1, 3)
    for method, own in found.profiles.groupby("method", sort=False):
        colour = look(str(method)).colour
        profiles.plot(own.tau, own.share, color=colour, linewidth=1.8)
        profiles.fill_between(own.tau, own.low, own.high, color=colour, alpha=0.15, linewidth=0)
    profiles.set(xlabel="normalised score τ", ylabel="share of runs above τ", ylim=(-0.02, 1.02))
    _points(middles, found.table, "iqm", "IQM of normalised scores")
    rivals = found.table.dropna(subset=["above_trpo"])
    _points(chances, rivals, "above_trpo", "chance to score above TRPO")
    chances.set_xlim(-0.05, 1.05)
    chances.axvline(0.5, color="#444444", linestyle=":")
    legend(figure, method_lines(found.table.method), [SHADED])
    names = ", ".join(map(task, found.tasks.index))
    figure.suptitle(f"{names} together, with the modern protocol at scale “{scale}”")
    return figure


def _points(panel: Axes, table: pd.DataFrame, column: str, label: str) -> None:
    """A value with its interval for each method, the first on top."""
    rows = table.iloc[::-1]
    for place, (method, value, low, high) in enumerate(
        rows[["method", column, f"{column}_low", f"{column}_high"]].itertuples(index=False)
    ):
        colour = look(method).colour
        panel.plot([low, high], [place, place], color=colour, linewidth=1.8)
        panel.plot([value], [place], "o", color=colour)
    panel.set_yticks(range(len(rows)), [look(method).label for method in rows.method])
    panel.set_xlabel(label)


def tabulate(found: Across) -> Table:
    """One row per method."""
    rows = found.table
    words = pd.DataFrame(
        {
            "method": labels(rows.method),
            "tasks": rows.tasks,
            "runs": rows.n,
            "IQM": intervals(rows, "iqm", "iqm_low", "iqm_high"),
            "mean": rowwise(number, rows[["mean"]]),
            "median of tasks": rowwise(number, rows[["median"]]),
            "gap to 1": intervals(rows, "gap", "gap_low", "gap_high"),
            "chance above TRPO": intervals(rows, "above_trpo", "above_trpo_low", "above_trpo_high"),
        }
    )
    return Table(rows, words)


CHAPTER = Chapter(
    name="aggregate",
    title="All tasks together",
    text=(
        "Final scores (return of the last 100 training episodes) of every method on the tasks "
        "that all of them have run, each at its best step size. On each task 0 is where runs "
        "start, the mean of their first reported returns, and 1 the best mean final score of any "
        "method here; a task on which no method learned is left out. A profile is the share of "
        "runs above a score; the IQM leaves out the best and the worst quarter of all runs; the "
        "gap is what runs lack to 1 on average. Intervals resample runs within tasks, and of "
        "five runs a task they cover about 90 % of the time and not 95 %; they say nothing of "
        "other tasks."
    ),
    experiments=("modern",),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "Shares of runs above each normalised score, a line a method, and how often each method "
        "scores above TRPO, with their intervals."
    ),
    fits=lambda runs: enough(scores(runs, METRIC)),
)
