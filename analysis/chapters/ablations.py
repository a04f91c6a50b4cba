"""What of TRPO matters: CG steps, the states that F is made of, the line search."""

from typing import NamedTuple

import pandas as pd

from analysis.ablated import CG_STEPS, DELTA, EVERY, PAPER, Measured, having, measure
from analysis.chapter import Chapter, Table
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, key, style
from analysis.names import TRPO, look, named, task
from analysis.panels import RUNS, by_rank, means_and_runs, run_counts
from analysis.rules import ABOVE, NO_BETTER, SOMETIMES
from analysis.sides import Likeness, Pairs, pair
from analysis.statistics import Array
from analysis.words import NOTHING, counted, intervals, labels, number, of_all, ordered, rowwise

TNPG = "tnpg"
NAN = float("nan")
ENVS = {"cartpole": "cart-pole", "swimmer": "swimmer", "hopper": "hopper"}
"""The tasks, and what the paper calls them."""
DIRECTION = {env: f"ablations_direction_{env}" for env in ENVS}
LINE_SEARCH = {env: f"ablations_line_search_{env}" for env in ENVS}
DELTAS = (0.003, 0.01, 0.03, 0.1)
MEAN = {"mean, 95 % interval": {"color": "#777777", "marker": "o"}}
APART = 1.12
"""The factor by which two methods at one δ stand apart."""
A_HUNDREDTH = 1.0
"""The margin of what is counted: one step in a hundred."""


class Row(NamedTuple):
    """A row of panels.

    Args:
        factor: the column that is on the x-axis.
        axis: what it is called.
        experiments: whose runs are shown, by task.
        shown: the value of a run on the y-axis.
        mean: its columns of the table.
        label: what it is called.
        least: what the y-axis shows at least.
    """

    factor: str
    axis: str
    experiments: dict[str, str]
    shown: str
    mean: tuple[str, str, str]
    label: str
    least: tuple[float, float] | None = None


FINAL = ("score", ("mean", "low", "high"), "final reward per step")
RATE = ("rate", ("rate_mean", "rate_low", "rate_high"), "catastrophic, % of steps", (-0.5, 5.0))
ROWS = (
    Row(CG_STEPS, "CG steps", DIRECTION, *FINAL),
    Row(EVERY, "F on one state in …", DIRECTION, *FINAL),
    Row(DELTA, "δ", LINE_SEARCH, *FINAL),
    Row(DELTA, "δ", LINE_SEARCH, *RATE),
)


@style()
def draw(found: Measured, scale: str) -> Figure:
    """A row of panels a factor, a column a task; a dot is a run, the line the mean."""
    envs = list(ordered(found.table.drop_duplicates("env"), "env").env)
    figure, panels = grid(len(ROWS), len(envs), panel=(3.2, 2.3))
    places = [(row, env) for row in ROWS for env in envs]
    for panel, (row, env) in zip(panels, places, strict=True):
        _panel(panel, found, row, env)
    methods = {look(method).label: {"color": look(method).colour}
               for method in by_rank(found.table.method)}  # fmt: skip
    key(figure, {**methods, **MEAN, **RUNS}, 3)
    figure.suptitle(f"What of TRPO matters, at scale “{scale}”")
    return figure


def _panel(panel: Axes, found: Measured, row: Row, env: str) -> None:
    """One factor on one task, all other settings as in the paper."""
    table, runs = (_along(frame, row, env) for frame in (found.table, found.runs))
    if table.empty:
        panel.set_axis_off()
        return
    values = sorted(table[row.factor].unique())
    mean, low, high = row.mean
    table = table.assign(mean=table[mean], low=table[low], high=table[high])
    runs = runs.assign(score=runs[row.shown])
    for place, method in enumerate(by_rank(table.method)):
        ours, each = (
            frame[frame.method == method].assign(x=frame[row.factor] * APART**place)
            for frame in (table, runs)
        )
        means_and_runs(panel, ours, each, "x")
    panel.set_xticks(values, [number(value) for value in values])
    panel.minorticks_off()
    panel.set(xlabel=row.axis, ylabel=row.label, xlim=(values[0] / 2, values[-1] * 2))
    panel.set_title(f"{task(env)} ({run_counts(table)} a point)")
    if row.least:
        shown = (*panel.get_ylim(), *row.least)
        panel.set_ylim(min(shown), max(shown))


def _along(frame: pd.DataFrame, row: Row, env: str) -> pd.DataFrame:
    """The rows of a factor's experiment on a task in which the other settings are the paper's."""
    own = frame[frame.experiment == row.experiments.get(env)]
    others = {name: value for name, value in PAPER.items() if name != row.factor}
    return own[having(own, others) & own[row.factor].notna()]


def tabulate(found: Measured) -> Table:
    """Each setting that was tried: where runs end, how fast they get there, what went wrong."""
    rows = ordered(found.table, "env", "experiment", "method", DELTA, EVERY, CG_STEPS)
    words = pd.DataFrame(
        {
            "task": rows.env.map(task),
            "method": labels(rows.method),
            "CG steps": rows[CG_STEPS].map(number),
            "F on one state in": rows[EVERY].map(number),
            "δ": rows[DELTA].map(number),
            "runs": rowwise(counted, rows[["n", "runs"]]),
            "final reward per step [95 % interval]": intervals(rows, "mean", "low", "high"),
            "mean over iterations [95 % interval]": intervals(
                rows, "average_mean", "average_low", "average_high"
            ),
            "catastrophic steps": rowwise(_share, rows[["catastrophic", "updates"]]),
            "failed": rows.failed,
            "unfinished": rows.unfinished,
        }
    )
    return Table(found.table, words)


def _share(count: int, of: int) -> str:
    return of_all(count, of) if of else NOTHING


CHANGED: tuple[tuple[str, dict[str, float]], ...] = (
    ("30 CG steps do not help more than 10", {CG_STEPS: 30}),
    ("Fisher products on all states gain nothing over a tenth of them", {EVERY: 1}),
)
"""What the paper says is not needed."""
SOURCE, RATE_OF = "Appendix C", "catastrophic steps in a hundred, by run"
PER_STEP = "reward per step, mean over all iterations"


def _changes_nothing(env: str, text: str, other: dict[str, float]) -> Claim[Measured, Likeness]:
    """A setting with which TRPO gets no better than with the paper's."""

    def sides(found: Measured) -> Likeness:
        own = DIRECTION[env]
        changed, usual = (found.values("average", own, TRPO, **given) for given in (other, {}))
        return Likeness(changed, usual, found.tenths.get(own, NAN))

    said = f"{text} on {ENVS[env]} (mean over all iterations)"
    return Claim(said, SOURCE, DIRECTION[env], PER_STEP, NO_BETTER, sides)


def _happens(env: str) -> Claim[Measured, Array]:
    def sides(found: Measured) -> Array:
        return found.values("rate", LINE_SEARCH[env], TNPG)

    text = f"Without the line search a step is now and then catastrophic on {ENVS[env]} (δ = 0.01)"
    return Claim(text, SOURCE, LINE_SEARCH[env], RATE_OF, SOMETIMES, sides)


def _more_often(env: str, delta: float) -> Claim[Measured, Pairs]:
    def sides(found: Measured) -> Pairs:
        without, usual = (
            found.values("rate", LINE_SEARCH[env], method, step_size=delta)
            for method in (TNPG, TRPO)
        )
        return pair(without, usual, A_HUNDREDTH)

    text = (
        f"A larger share of steps is catastrophic for {named(TNPG)} than for TRPO on {ENVS[env]}"
        f" at δ = {delta:g}"
    )
    return Claim(text, SOURCE, LINE_SEARCH[env], RATE_OF, ABOVE, sides)


CHAPTER = Chapter(
    name="ablations",
    title="What of TRPO matters",
    text=(
        "One setting changed at a time around TRPO by single path, at each task's settings of "
        "Figure 4: conjugate-gradient steps, the states that the Fisher matrix is made of, and "
        "the line search, without which TRPO is the truncated natural gradient, at several δ. "
        "A step is catastrophic where reward per step falls, from one iteration to the next, by "
        "more than half of what the run had gained by then and by more than a tenth of what TRPO "
        "gains on the task; that a run failed counts as one. That more CG steps, or F of all "
        "states, bring nothing is judged by the mean over all iterations, and shown is what they "
        "bring: the claim holds where its interval ends below the margin. All of this was fixed "
        "before any run was seen."
    ),
    alternative=(
        "A row of panels a setting, a column a task: the final reward per step, and the share of "
        "steps that are catastrophic, against the setting's value; a dot is a run."
    ),
    experiments=(*DIRECTION.values(), *LINE_SEARCH.values()),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    claims=(
        *(_changes_nothing(env, *other) for other in CHANGED for env in ENVS),
        *(_happens(env) for env in ENVS),
        *(_more_often(env, delta) for env in ENVS for delta in DELTAS),
    ),
    whole=True,
)
