"""Figures of what `statistics` found: nothing is computed here.

The same data, on the same machine, give the same bytes.
"""

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from analysis.names import PENALISED, look, method_rank, step_size, task, task_rank

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

STYLE: Any = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9.0,
    "axes.titlesize": 10.0,
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E4E4E4",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "lines.solid_capstyle": "round",
    "svg.hashsalt": "trpo",
    "svg.fonttype": "path",
}
PANELS = ["cartpole", "swimmer", "hopper", "walker"]
FADED = 0.35
SWEEP_KEY: dict[str, dict[str, Any]] = {
    "final mean, 95 % interval": {"color": "#777777", "marker": "o"},
    "best on the way": {"color": "#777777", "linestyle": "--"},
    "one run": {"color": "#333333", "marker": ".", "linestyle": ""},
    "failed run": {"color": "#333333", "marker": "x", "linestyle": ""},
    "TRPO's mean, best δ": {"color": look("trpo_single_path").colour, "linewidth": 0.9},
    "first policies": {"color": "#444444", "linestyle": ":"},
}


@contextmanager
def _style() -> Iterator[None]:
    """Our style over matplotlib's defaults, whatever the reader's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@_style()
def render(figure: "Figure", kind: Literal["png", "svg"]) -> bytes:
    """The figure as bytes without a date or a version in them."""
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}[kind]
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=160, metadata=metadata)
    return out.getvalue()


def _grid(rows: int, columns: int, sharey: bool = False) -> tuple["Figure", "list[Axes]"]:
    """A figure with room for a legend below its panels, and the panels in reading order."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(max(6.0, 3.7 * columns), 2.8 * rows + 0.9), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    return figure, list(panels.ravel())


@_style()
def figure4(curves: pd.DataFrame, paper: pd.DataFrame, scale: str) -> "Figure":
    """The four panels of Figure 4: reward per step against policy iterations.

    The paper's own curves are thin and dashed behind ours, with its error bars.
    """
    figure, panels = _grid(2, 2)
    for panel, env in zip(panels, PANELS, strict=True):
        ours, theirs = curves[curves.env == env], paper[paper.env == env]
        total = theirs.iteration.max()
        last = total if ours.empty else ours.x.max()
        _paper_curves(panel, theirs[theirs.iteration <= last])
        _learning_curves(panel, ours)
        panel.set_xlim(0, max(last, 1))
        panel.set_title(f"{task(env)} ({_runs(ours)})")
        panel.set_ylabel("reward per time step")
        panel.set_xlabel(f"policy iterations (the paper ran {total + 1})")
    methods = [*curves.method, *paper.method[paper.env.isin(PANELS)]]
    _legend(figure, methods, ["dashed: the paper's five runs", *_notes(curves)])
    figure.suptitle(f"Figure 4, trained here at scale “{scale}”")
    return figure


@_style()
def learning(curves: pd.DataFrame, envs: Sequence[str], scale: str) -> "Figure":
    """One panel a task: return of the last 100 training episodes against environment steps."""
    from matplotlib.ticker import EngFormatter

    envs = sorted(set(envs), key=task_rank)
    columns = min(3, len(envs))
    figure, panels = _grid(-(-len(envs) // columns), columns)
    for panel in panels[len(envs) :]:
        panel.set_axis_off()
    for panel, env in zip(panels, envs, strict=False):
        ours = curves[curves.env == env]
        _learning_curves(panel, ours)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set_xlim(left=0)
        panel.set_title(f"{task(env)} ({_runs(ours)})")
        panel.set_ylabel("return, last 100 episodes")
        panel.set_xlabel("environment steps")
    _legend(figure, list(curves.method), _notes(curves))
    figure.suptitle(f"Learning curves with the modern protocol at scale “{scale}”")
    return figure


@_style()
def step_rules(table: pd.DataFrame, runs: pd.DataFrame, scale: str) -> "Figure":
    """Final return against the length of the step, one panel a rule, on one return axis.

    Small dots are runs, crosses failed runs, the line the mean with its interval; the dashed
    line is the best mean on the way (a fall from it is a collapse), the dotted one the first
    policies' return (staying near it is a crawl).
    """
    from matplotlib.lines import Line2D

    methods = sorted(set(table.method), key=method_rank)
    figure, panels = _grid(1, len(methods), sharey=True)
    for panel, method in zip(panels, methods, strict=True):
        _sweep(panel, table[table.method == method], runs[runs.method == method])
        panel.set_title(f"{look(method).label} ({_runs(table[table.method == method])} a point)")
        panel.set_xlabel(_step_axis(method))
    panels[0].set_ylabel("return, last 100 episodes")
    handles = [Line2D([], [], label=label, **drawn) for label, drawn in SWEEP_KEY.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=2 * len(methods))
    figure.suptitle(f"Which step sizes learn? {task(table.env.iloc[0])} at scale “{scale}”")
    return figure


def _step_axis(method: str) -> str:
    if method in PENALISED:
        return "step size 1/λ"
    return "step size δ" + (" (½‖Δθ‖²)" if method == "vanilla_pg" else " (nats of KL)")


def _sweep(panel: "Axes", table: pd.DataFrame, runs: pd.DataFrame) -> None:
    """One rule's final returns over its step sizes."""
    panel.set(xscale="log", xlim=(table.step.min() / 4, table.step.max() * 4))
    panel.xaxis.set_minor_formatter("")
    table = table.sort_values("step")
    colour = look(table.method.iloc[0]).colour
    low, high = table["mean"] - table.low, table.high - table["mean"]
    panel.errorbar(table.step, table["mean"], yerr=[low.fillna(0), high.fillna(0)], fmt="o-",
                   color=colour, capsize=3)  # fmt: skip
    panel.plot(table.step, table.peak, "--", color=colour, alpha=0.7)
    for failed, marker in ((False, "."), (True, "x")):
        some = runs[(runs.status == "failed") == failed]
        panel.scatter(some.step, some.score, 22, "#333333", marker=marker, lw=0.9, zorder=4)
    panel.axhline(table.trpo.iloc[0], **SWEEP_KEY["TRPO's mean, best δ"])
    panel.axhline(table.start.iloc[0], **SWEEP_KEY["first policies"])


def _learning_curves(panel: "Axes", curves: pd.DataFrame) -> None:
    """Mean and interval of each method; a group with unfinished runs is faded."""
    for method in sorted(set(curves.method), key=method_rank):
        own, colour = curves[curves.method == method], look(method).colour
        alpha = FADED if own.unfinished.any() else 1.0
        panel.plot(own.x, own["mean"], color=colour, linewidth=1.8, alpha=alpha, zorder=3)
        panel.fill_between(own.x, own.low, own.high, color=colour, alpha=0.2 * alpha,
                           linewidth=0, zorder=2)  # fmt: skip


def _paper_curves(panel: "Axes", paper: pd.DataFrame) -> None:
    """The paper's curves and its half error bars, faint."""
    for method in sorted(set(paper.method), key=method_rank):
        own, colour = paper[paper.method == method], look(method).colour
        panel.plot(own.iteration, own.reward_per_step, "--", color=colour, linewidth=0.9,
                   alpha=0.55, zorder=1)  # fmt: skip
        bars = own.dropna(subset=["half_error_bar"])
        panel.errorbar(bars.iteration, bars.reward_per_step, yerr=bars.half_error_bar, fmt="none",
                       ecolor=colour, elinewidth=0.6, alpha=0.45, zorder=1)  # fmt: skip


def _runs(table: pd.DataFrame) -> str:
    """How many runs each line stands for, and how many of all have not finished."""
    if table.empty:
        return "no data"
    low, high = int(table.n.min()), int(table.n.max())
    words = f"{low} run{'' if high == 1 else 's'}" if low == high else f"{low}–{high} runs"
    unfinished = int(table.groupby(["method", "step_size"], dropna=False).unfinished.max().sum())
    return words + (f", {unfinished} unfinished" if unfinished else "")


def _notes(curves: pd.DataFrame) -> list[str]:
    """What shading and fading mean, and which curves are the best of a sweep."""
    notes = ["shaded: 95 % bootstrap interval over runs"]
    if (curves.unfinished > 0).any():
        notes.append("faded: has runs that are not finished")
    chosen = curves[curves.tried > 1].drop_duplicates(["env", "method"])
    for method, rows in chosen.groupby("method"):
        pairs = zip(rows.env, rows.step_size, strict=True)
        name = str(method)
        sizes = ", ".join(f"{task(env)} {step_size(name, size)}" for env, size in pairs)
        notes.append(f"{look(name).label}: best of {rows.tried.max()} step sizes ({sizes})")
    return notes


def _legend(figure: "Figure", methods: Sequence[str], notes: Sequence[str]) -> None:
    """One legend for all panels, below them, headed by the notes."""
    from matplotlib.lines import Line2D

    names = sorted(set(methods), key=method_rank)
    handles = [Line2D([], [], color=look(name).colour, linewidth=2) for name in names]
    labels = [look(name).label for name in names]
    figure.legend(handles, labels, loc="outside lower center", ncols=4,
                  title="\n".join(notes), title_fontsize=7.5)  # fmt: skip
