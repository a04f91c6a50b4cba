"""Figures of final scores against the size of the step: nothing is computed here."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.drawing import counted, grid, style
from analysis.names import look, method_rank, penalised, task, task_rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

KEY: dict[str, dict[str, Any]] = {
    "final mean, 95 % interval": {"color": "#777777", "marker": "o"},
    "best on the way": {"color": "#777777", "linestyle": "--"},
    "one run": {"color": "#333333", "marker": ".", "linestyle": ""},
    "failed run": {"color": "#333333", "marker": "x", "linestyle": ""},
    "TRPO's mean, best δ": {"color": look("trpo_single_path").colour, "linewidth": 0.9},
    "first policies": {"color": "#444444", "linestyle": ":"},
    "chosen": {"color": "#000000", "marker": "o", "ms": 11, "mfc": "none", "linestyle": ""},
}


@style()
def step_rules(table: pd.DataFrame, runs: pd.DataFrame, scale: str) -> "Figure":
    """Final return against the length of the step, one panel a rule, on one return axis.

    Small dots are runs, crosses failed runs, the line the mean with its interval; the dashed
    line is the best mean on the way (a fall from it is a collapse), the dotted one the first
    policies' return (staying near it is a crawl).
    """
    methods = sorted(set(table.method), key=method_rank)
    figure, panels = grid(1, len(methods), sharey=True)
    for panel, method in zip(panels, methods, strict=True):
        _sweep(panel, table[table.method == method], runs[runs.method == method])
        panel.set_title(f"{look(method).label} ({counted(table[table.method == method])} a point)")
        panel.set_xlabel(_step_axis(method))
    panels[0].set_ylabel("return, last 100 episodes")
    shown = [label for label in KEY if label != "chosen"]
    _legend(figure, shown, 2 * len(methods))
    figure.suptitle(f"Which step sizes learn? {task(table.env.iloc[0])} at scale “{scale}”")
    return figure


@style()
def tuning(table: pd.DataFrame, runs: pd.DataFrame, scale: str) -> "Figure":
    """Final reward per step against the penalty λ, one panel a task, the chosen one ringed."""
    envs = sorted(set(table.env), key=task_rank)
    figure, panels = grid(1, len(envs), panel=(3.2, 2.6))
    for panel, env in zip(panels, envs, strict=True):
        own = table[table.env == env]
        _means_and_runs(panel, own, runs[runs.env == env], "step_size")
        best = own[own.chosen]
        panel.plot(best.step_size, best["mean"], zorder=5, **KEY["chosen"])
        panel.set_xticks(own.step_size, [_short(size) for size in own.step_size])
        panel.minorticks_off()
        panel.set_title(f"{task(env)} ({counted(own)} a point)")
        panel.set_xlabel("penalty λ")
    panels[0].set_ylabel("final reward per time step")
    _legend(figure, ["final mean, 95 % interval", "one run", "failed run", "chosen"], 4)
    figure.suptitle(f"How the natural gradient was tuned, at scale “{scale}”")
    return figure


def _legend(figure: "Figure", shown: Sequence[str], columns: int) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **KEY[label]) for label in shown]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)


def _step_axis(method: str) -> str:
    if penalised(method):
        return "step size 1/λ"
    return "step size δ" + (" (½‖Δθ‖²)" if method == "vanilla_pg" else " (nats of KL)")


def _sweep(panel: "Axes", table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One rule's final returns over its step sizes."""
    colour = look(table.method.iloc[0]).colour
    _means_and_runs(panel, table, runs, "step")
    table = table.sort_values("step")
    panel.plot(table.step, table.peak, "--", color=colour, alpha=0.7)
    panel.axhline(table.trpo.iloc[0], **KEY["TRPO's mean, best δ"])
    panel.axhline(table.start.iloc[0], **KEY["first policies"])


def _means_and_runs(panel: "Axes", table: pd.DataFrame, runs: pd.DataFrame, x: str) -> None:
    """Means with intervals, joined, and every run: a dot, or a cross where it failed."""
    panel.set(xscale="log", xlim=(table[x].min() / 4, table[x].max() * 4))
    panel.xaxis.set_minor_formatter("")
    table = table.sort_values(x)
    colour = look(table.method.iloc[0]).colour
    low, high = table["mean"] - table.low, table.high - table["mean"]
    panel.errorbar(table[x], table["mean"], yerr=[low.fillna(0), high.fillna(0)], fmt="o-",
                   color=colour, capsize=3)  # fmt: skip
    for failed, marker in ((False, "."), (True, "x")):
        some = runs[(runs.status == "failed") == failed]
        panel.scatter(some[x], some.score, 22, "#333333", marker=marker, lw=0.9, zorder=4)


def _short(size: float) -> str:
    """A step size in two digits, so that neighbours on the axis do not touch."""
    return f"{size:.2g}" if size < 100 else f"{size:.0f}"
