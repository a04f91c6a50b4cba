"""Which step sizes learn: a penalty and an ℓ2 ball against a KL constraint."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, key, style
from analysis.names import NATURAL, TRPO, look, named, penalised, task
from analysis.panels import MEANS, RUNS, by_rank, means_and_runs, run_counts
from analysis.rules import ABOVE, SOMETIMES
from analysis.sides import Pairs, pair, tenth_of
from analysis.statistics import Array, best, scores, summary
from analysis.words import final_scores

EXPERIMENT = "step_rules"
ON_THE_WAY: dict[str, Any] = {"color": "#777777", "linestyle": "--"}
TRPOS: dict[str, Any] = {"color": look(TRPO).colour, "linewidth": 0.9}
FIRST: dict[str, Any] = {"color": "#444444", "linestyle": ":"}
KEY = {
    **MEANS,
    "best on the way": ON_THE_WAY,
    **RUNS,
    "TRPO's mean, best δ": TRPOS,
    "first policies": FIRST,
}
UNITS = {"vanilla_pg": "½‖Δθ‖²"}
"""In what a δ is, where that is not nats of KL."""


class Measured(NamedTuple):
    """What each step size ends at, and what to compare it with.

    Args:
        table: one row per task, method and step size.
        scores: one row per run.
        start: the mean return of the first policies.
        trpo: the mean score of TRPO at its best step size, NaN without one.
    """

    table: pd.DataFrame
    scores: pd.DataFrame
    start: float
    trpo: float


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Final returns over the length of the steps."""
    scored = scores(runs, "return_100")
    table = summary(scored)
    first = runs.dropna(subset=["return_mean"]).sort_values("iteration").groupby("run_id")
    start = float(first.return_mean.first().mean())
    return Measured(table, scored, start, float(table[table.method == TRPO]["mean"].max()))


def with_step(frame: pd.DataFrame) -> pd.DataFrame:
    """Column `step` grows with the length of the step in every rule: δ, and 1/λ of Eq. 17."""
    inverse = frame.method.map(penalised)
    return frame.assign(step=frame.step_size.where(~inverse, 1 / frame.step_size))


@style()
def draw(found: Measured, scale: str) -> Figure:
    """Final return against the length of the step, one panel a rule, on one return axis.

    Small dots are runs, crosses failed runs, the line the mean with its interval; the dashed
    line is the best mean on the way (a fall from it is a collapse), the dotted one the first
    policies' return (staying near it is a crawl).
    """
    table, runs = with_step(found.table), with_step(found.scores)
    methods = by_rank(table.method)
    figure, panels = grid(1, len(methods), sharey=True)
    for panel, method in zip(panels, methods, strict=True):
        own = table[table.method == method]
        _sweep(panel, own, runs[runs.method == method])
        panel.axhline(found.trpo, **TRPOS)
        panel.axhline(found.start, **FIRST)
        panel.set_title(f"{look(method).label} ({run_counts(own)} a point)")
        panel.set_xlabel(_step_axis(method))
    panels[0].set_ylabel("return, last 100 episodes")
    key(figure, KEY, 2 * len(methods))
    figure.suptitle(f"Which step sizes learn? {task(table.env.iloc[0])} at scale “{scale}”")
    return figure


def _step_axis(method: str) -> str:
    if penalised(method):
        return "step size 1/λ"
    return f"step size δ ({UNITS.get(method, 'nats of KL')})"


def _sweep(panel: Axes, table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One rule's final returns over its step sizes."""
    colour = look(table.method.iloc[0]).colour
    means_and_runs(panel, table, runs, "step")
    table = table.sort_values("step")
    panel.plot(table.step, table.peak, "--", color=colour, alpha=0.7)


def tabulate(found: Measured) -> Table:
    """Final scores of every step size."""
    return Table(found.table, final_scores(found.table))


FIXED = (NATURAL, "vanilla_pg")
"""Rules whose step is fixed in other units than the policy's change."""


def _at_best(found: Measured, method: str) -> Array:
    """The score of each run of a rule at its best step size (n,)."""
    own = found.scores[found.scores.method == method]
    chosen = own.merge(best(own)[["method", "step_size"]], on=["method", "step_size"])
    return chosen.score.dropna().to_numpy(dtype=float)


def _learning(found: Measured, method: str) -> Array:
    """By seed (n,), how many step sizes end above half of what TRPO gains at its best."""
    own = found.scores[found.scores.method == method].dropna(subset=["score"])
    half = (found.start + found.trpo) / 2
    return (own.score > half).groupby(own.seed).sum().to_numpy(dtype=float)


def _lost(found: Measured, method: str) -> Array:
    """Of each run (n,), whether it ends below half of the best it reached on the way."""
    own = found.scores[found.scores.method == method].dropna(subset=["score"])
    return (own.score - found.start < (own.peak - found.start) / 2).to_numpy(dtype=float)


def _claims(method: str) -> Iterator[Claim[Measured, Any]]:
    """A rule whose step is fixed in other units, against TRPO."""
    name, source = named(method), "§4 and §8.1"

    def ends(found: Measured) -> Pairs:
        margin = tenth_of(found.trpo - found.start)
        return pair(_at_best(found, TRPO), _at_best(found, method), margin)

    yield Claim(
        f"No fixed step of {name} ends where TRPO does at its best δ",
        source,
        EXPERIMENT,
        "return of the last 100 training episodes at the best step size",
        ABOVE,
        ends,
    )

    def widths(found: Measured) -> Pairs:
        learns = found.trpo > found.start
        sides = _learning(found, TRPO), _learning(found, method)
        return pair(*sides, 1.0 if learns else float("nan"))

    yield Claim(
        f"TRPO learns with more step sizes than {name}",
        source,
        EXPERIMENT,
        "by seed, step sizes in factors of three that end above half of TRPO's best rise",
        ABOVE,
        widths,
    )
    yield Claim(
        f"Long steps of {name} lose what was learned",
        "§4",
        EXPERIMENT,
        "share of runs that end below half of their best on the way",
        SOMETIMES,
        lambda found: _lost(found, method),
    )


CHAPTER = Chapter(
    name="step_rules",
    title="Which step sizes learn?",
    text=(
        "Final return against the size of the step, in factors of three. Each rule measures its "
        "step in its own units, so each has its own panel."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "One panel a step rule: the final return against the size of the step, means with "
        "intervals, and a mark for each run."
    ),
    claims=tuple(claim for method in FIXED for claim in _claims(method)),
)
