"""Figures of what `theory` found on finite MDPs: nothing is computed here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.drawing import grid, legend, method_lines, style
from analysis.names import look, method_rank
from analysis.theory import BOUNDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
"""One a task, in their order."""
ROWS = {
    "regret_mean": ("regret, rewards a step", "linear"),
    "share_lowered": ("share of MDPs whose η fell", "linear"),
    "kl_mean": ("mean KL of the step, nats", "log"),
}
SIDES: dict[str, dict[str, Any]] = {
    "eta": {"label": "η", "color": "#000000"},
    "surrogate": {"label": "L", "color": "#0072B2", "linestyle": "--"},
    "minorant": {"label": "M = L − C · max KL", "color": "#AA4499"},
}
NEAR = 4.0
"""How far the close view goes, in lengths of Algorithm 1's step."""
FAR = 200.0


@style()
def slack(table: pd.DataFrame, scale: str) -> "Figure":
    """One panel a bound: its slack on random pairs against their distance, one colour a task."""
    figure, panels = grid(2, 3, sharey=True, panel=(3.7, 2.6))
    envs = sorted(set(table.env))
    for panel, (name, bound) in zip(panels, BOUNDS.items(), strict=True):
        panel.set(xscale="log", yscale="log")
        panel.set_title(f"{bound.source}\nless {bound.penalty}", fontsize=8.5)
        for env, colour in zip(envs, COLOURS, strict=False):
            _band(panel, table[(table.env == env) & (table.bound == name)], colour)
    for panel in panels[3:]:
        panel.set_xlabel("max KL of the pair (median over MDPs), nats")
    for panel in panels[::3]:
        panel.set_ylabel("η(new) − bound, rewards a step")
    counts = table.drop_duplicates(["run_id", "kl"])
    pairs = f"{int(counts.mdps.sum()):,} pairs of policies from {table.run_id.nunique()} runs"
    notes = [f"{pairs}; line: median over MDPs; shaded: 5 % to 95 %; dots: the least"]
    legend(figure, [{"label": e, "color": c} for e, c in zip(envs, COLOURS, strict=False)], notes)
    figure.suptitle(f"How far the bounds lie below η, random pairs at scale “{scale}”")
    return figure


def _band(panel: "Axes", own: pd.DataFrame, colour: str) -> None:
    """A bound's quantiles on one task."""
    panel.fill_between(own.kl, own.q05, own.q95, color=colour, alpha=0.2, linewidth=0)
    panel.plot(own.kl, own.q50, color=colour, linewidth=1.6)
    panel.plot(own.kl, own["min"], ".", color=colour, markersize=3)


@style()
def steps(tables: dict[str, pd.DataFrame], runs: pd.DataFrame, scale: str) -> "Figure":
    """A column a task; regret, steps that lowered η and the steps' KL against iterations.

    `tables`: the curves of each of `ROWS`; `runs`: `theory.steps`, for their counts.
    """
    envs = sorted(set(runs.env)) or ["no data"]
    figure, panels = grid(len(ROWS), len(envs), sharey="row", panel=(4.9, 2.3))
    for i, (name, (label, form)) in enumerate(ROWS.items()):
        row = panels[i * len(envs) : (i + 1) * len(envs)]
        row[0].set_ylabel(label)
        for panel, env in zip(row, envs, strict=True):
            panel.set_yscale(form)
            panel.set_xlabel("iterations")
            panel.set_title(env if not i else "")
            _curves(panel, tables[name][tables[name].env == env])
    notes = ["mean over runs; shaded: 95 % t interval over runs", _sizes(runs)]
    legend(figure, method_lines(runs.method), notes)
    figure.suptitle(f"Exact steps on finite MDPs at scale “{scale}”")
    return figure


def _sizes(runs: pd.DataFrame) -> str:
    """How many runs and steps each line stands for."""
    if runs.empty:
        return "no data"
    words = [f"{a:,}" if a == b else f"{a:,} to {b:,}"
             for a, b in ((runs[c].min(), runs[c].max()) for c in ("n", "taken"))]  # fmt: skip
    return f"a line: {words[0]} runs, {words[1]} steps in all their MDPs"


def _curves(panel: "Axes", curves: pd.DataFrame) -> None:
    """Mean and interval of each method."""
    for method in sorted(set(curves.method), key=method_rank, reverse=True):
        own, colour = curves[curves.method == method], look(method).colour
        panel.plot(own.x, own["mean"], color=colour, linewidth=1.6, zorder=3)
        panel.fill_between(own.x, own.low, own.high, color=colour, alpha=0.2, linewidth=0)


@style()
def line(along: pd.DataFrame, points: pd.DataFrame, scale: str) -> "Figure":
    """η, L and M on one line through θ_old: close by, and farther out."""
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
        panels[0].annotate(row["point"], (row["position"], row["minorant"]), (-4, -14),
                           textcoords="offset points", fontsize=7.5)  # fmt: skip
    panels[0].set_ylabel("rewards a step")
    notes = [f"one MDP of one run ({along.env.iloc[0]})" if len(along) else "no data"]
    legend(figure, list(SIDES.values()), notes)
    figure.suptitle(f"M touches η at θ_old and lies below it, at scale “{scale}”")
    return figure


def _marks(panel: "Axes", points: pd.DataFrame) -> None:
    """θ_old, where the three touch, and where M is largest."""
    for name, marker, side in (("θ_old", "o", "eta"), ("maximum of M", "^", "minorant")):
        own = points[points.point == name]
        panel.plot(own.position, own[side], marker, color="#000000", markersize=5, zorder=5)


def _frame(panel: "Axes", own: pd.DataFrame) -> None:
    """Let η and L fill the panel; M leaves it below."""
    sides: Sequence[float] = [*own.eta, *own.surrogate]
    room = (max(sides) - min(sides)) / 2
    panel.set_ylim(min(sides) - room, max(sides) + room / 5)
