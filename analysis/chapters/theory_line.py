"""Minorise and maximise (§3): M touches η at θ_old and lies below it, along one line."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.chapters.finite import EXPERIMENT, LINE, MDPS, finished
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.rules import NEVER
from analysis.sides import Count

SIDES: dict[str, dict[str, Any]] = {
    "eta": {"label": "η", "color": "#000000"},
    "surrogate": {"label": "L", "color": "#0072B2", "linestyle": "--"},
    "minorant": {"label": "M = L − C · max KL", "color": "#AA4499"},
}
COLUMNS = ("position", "kl_max", *SIDES)
OLD, OF_M, OF_ETA = "θ_old", "maximum of M", "maximum of η"
"""The points of the line that the table names."""
BESIDE: dict[str, dict[str, Any]] = {
    OLD: {"xytext": (-6, 4), "ha": "right"},
    OF_M: {"xytext": (0, -16), "ha": "center"},
    OF_ETA: {"xytext": (0, -16), "ha": "center"},
}
"""Where the point's name stands: off the curves."""
NEAR = 4.0
"""How far the close view goes, in lengths of Algorithm 1's step."""
FAR = 200.0
ROUNDING = 1e-12
"""Rewards a step."""


class Measured(NamedTuple):
    """The line's points from left to right, and those that are named (column `point`)."""

    along: pd.DataFrame
    points: pd.DataFrame


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """The first run that went along a line."""
    own = finished(runs, *COLUMNS)
    own = own[own.method == LINE].sort_values(["env", "seed"])
    own = own[own.run_id == own.run_id.iloc[0]] if len(own) else own
    along = own[["env", "seed", *COLUMNS]].sort_values("position").reset_index(drop=True)
    if along.empty:
        return Measured(along, along.assign(point=""))
    at = [along.position.abs().idxmin(), along.minorant.idxmax(), along.eta.idxmax()]
    return Measured(along, along.loc[at].assign(point=[OLD, OF_M, OF_ETA]))


@style()
def draw(found: Measured, scale: str) -> Figure:
    """η, L and M on one line through θ_old: close by, and farther out."""
    along, points = found
    figure, panels = grid(1, 2, panel=(4.4, 3.2))
    for panel, reach, title in zip(panels, (NEAR, FAR), ("close by", "farther out"), strict=True):
        own = along[along.position.abs() <= reach]
        for name, drawn in SIDES.items():
            panel.plot(own.position, own[name], linewidth=1.8, **drawn)
        panel.set_title(title)
        panel.set_xlabel("position, in lengths of Algorithm 1's step")
        panel.axvline(0, color="#999999", linewidth=0.7, zorder=0)
        _marks(panel, points[points.position.abs() <= reach])
        if not own.empty:
            _frame(panel, own)
    for row in points[points.position.abs() <= NEAR].to_dict("records"):
        panels[0].annotate(row["point"], (row["position"], row["minorant"]), fontsize=7.5,
                           textcoords="offset points", **BESIDE[row["point"]])  # fmt: skip
    panels[0].set_ylabel("rewards a step")
    notes = [f"one MDP of one run ({along.env.iloc[0]})" if len(along) else "no data"]
    legend(figure, list(SIDES.values()), notes)
    figure.suptitle(f"M touches η at θ_old and lies below it, at scale “{scale}”")
    return figure


def _marks(panel: Axes, points: pd.DataFrame) -> None:
    """θ_old, where the three touch, and where M is largest."""
    for name, marker, side in ((OLD, "o", "eta"), (OF_M, "^", "minorant")):
        own = points[points.point == name]
        panel.plot(own.position, own[side], marker, color="#000000", markersize=5, zorder=5)


def _frame(panel: Axes, own: pd.DataFrame) -> None:
    """Let η and L fill the panel; M leaves it below."""
    sides: Sequence[float] = [*own.eta, *own.surrogate]
    room = (max(sides) - min(sides)) / 2
    panel.set_ylim(min(sides) - room, max(sides) + room / 5)


def tabulate(found: Measured) -> Table:
    """The named points."""
    names = {"eta": "η", "surrogate": "L", "minorant": "M", "kl_max": "max KL"}
    words = found.points[["point", "position", *names]].rename(columns=names)
    return Table(found.points, words)


def _stays_below(found: Measured) -> Count:
    above = found.along.minorant > found.along.eta + ROUNDING
    return Count(min(1, len(above)), int(above.sum()), len(above), "points")


CHAPTER = Chapter(
    name="theory_line",
    title="Minorise and maximise: M below η",
    text=(
        "§3: M = L − C · max KL, with Theorem 1's C = 4εγ/(1−γ)², equals η at θ_old and is below "
        "it everywhere, so that what raises M raises η. Exact on one random MDP, along the line "
        "from θ_old through Algorithm 1's next policy. Close by, η and L cannot be told apart "
        "and M has its maximum; farther out L leaves η, which goes on to rise far beyond where "
        "Algorithm 1 stops. η is (1 − γ) times the discounted return: rewards a step."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "Two panels, close by and farther out: η, L and M as lines over the position between "
        "policies, with marks where they touch and where M is largest."
    ),
    claims=(
        Claim(
            "M lies below η everywhere on a line through the old policy",
            "§3, Eq. 10",
            EXPERIMENT,
            "points of the line where M is above η",
            NEVER,
            _stays_below,
        ),
    ),
    columns=(MDPS, *COLUMNS),
)
