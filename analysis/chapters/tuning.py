"""How the natural gradient's penalty was tuned for Figure 4 (§8.1)."""

from typing import Any, NamedTuple

import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.drawing import Figure, grid, key, style
from analysis.names import task
from analysis.panels import MEANS, RUNS, means_and_runs, run_counts
from analysis.statistics import best, scores, summary
from analysis.words import counted, intervals, labels, ordered, rowwise, spans, step_size

METRIC, WHERE_NONE = "reward_per_step", "desk"
EXPERIMENTS = ("tuning_cartpole", "tuning_swimmer", "tuning_hopper", "tuning_walker")
CHOSEN: dict[str, Any] = {"color": "#000000", "marker": "o", "ms": 11, "mfc": "none",
                          "linestyle": ""}  # fmt: skip
"""How the chosen penalty is ringed."""


class Measured(NamedTuple):
    """What each step size ends at: one row per step size, and one per run."""

    table: pd.DataFrame
    scores: pd.DataFrame


def chosen(every: pd.DataFrame, scale: str) -> pd.DataFrame:
    """The step size that each experiment chose, by the rule of `statistics.best_step_size`.

    Columns: experiment, env, method, step_size, among how many it was `tried`, on which `seeds`,
    and at which `scale`: where there is no tuning at the one asked for, that of `desk` is taken.
    Without a finished run there is no choice.
    """
    runs = every[every.experiment.isin(EXPERIMENTS)]
    own = runs[runs.scale == scale]
    instead = (runs.scale == WHERE_NONE) & ~runs.experiment.isin(own.experiment)
    runs = pd.concat([own, runs[instead]])
    found = best(scores(runs, METRIC)).dropna(subset=["score"])
    by = runs.groupby(["env", "method"])
    told = by.seed.agg(spans).to_frame("seeds")
    told = told.assign(scale=by.scale.first(), experiment=by.experiment.first())
    columns = ["experiment", "env", "method", "step_size", "tried", "seeds", "scale"]
    return found.join(told, on=["env", "method"])[columns].reset_index(drop=True)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Final scores; column `chosen` marks each task's and method's best step size."""
    scored = scores(runs, METRIC)
    choices = chosen(runs, str(runs.scale.iloc[0])).set_index(["env", "method"]).step_size
    table = summary(scored)
    own = [choices.get(key) for key in zip(table.env, table.method, strict=True)]
    return Measured(table.assign(chosen=table.step_size == own), scored)


@style()
def draw(found: Measured, scale: str) -> Figure:
    """Final reward per step against the penalty λ, one panel a task, the chosen one ringed."""
    table, runs = found
    envs = ordered(table.drop_duplicates("env"), "env").env
    figure, panels = grid(1, len(envs), panel=(3.2, 2.6))
    for panel, env in zip(panels, envs, strict=True):
        own = table[table.env == env]
        means_and_runs(panel, own, runs[runs.env == env], "step_size")
        best_one = own[own.chosen]
        panel.plot(best_one.step_size, best_one["mean"], zorder=5, **CHOSEN)
        panel.set_xticks(own.step_size, [_short(size) for size in own.step_size])
        panel.minorticks_off()
        panel.set_title(f"{task(env)} ({run_counts(own)} a point)")
        panel.set_xlabel("penalty λ")
    panels[0].set_ylabel("final reward per time step")
    key(figure, MEANS | RUNS | {"chosen": CHOSEN}, 4)
    figure.suptitle(f"How the natural gradient was tuned, at scale “{scale}”")
    return figure


def _short(size: float) -> str:
    """A step size in two digits, so that neighbours on the axis do not touch."""
    return f"{size:.2g}" if size < 100 else f"{size:.0f}"


def tabulate(found: Measured) -> Table:
    """The final score of each step size, the chosen ones marked."""
    rows = ordered(found.table, "env", "step_size")
    words = pd.DataFrame(
        {
            "task": rows.env.map(task),
            "method": labels(rows.method),
            "step size": rowwise(step_size, rows[["method", "step_size"]]),
            "runs": rowwise(counted, rows[["n", "runs"]]),
            "final reward per step [95 % interval]": intervals(rows, "mean", "low", "high"),
            "failed": rows.failed,
            "chosen": rows.chosen.map({True: "←", False: ""}),
        }
    )
    return Table(found.table, words)


CHAPTER = Chapter(
    name="tuning",
    title="How the natural gradient was tuned",
    text=(
        "§8.1 sweeps the natural gradient's step size in factors of three and keeps the best by "
        "final performance; so did we, on these seeds. The runs that the other chapters report "
        "are of other seeds, at the penalty λ chosen here."
    ),
    experiments=EXPERIMENTS,
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "One panel a task: the final reward per step against the penalty λ, means with "
        "intervals, a mark for each run, and a ring around the penalty that was chosen."
    ),
)
