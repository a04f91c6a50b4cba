"""Figures of what `statistics`, `learning` and `noise` found: nothing is computed here."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from analysis.drawing import counted, grid, legend, method_lines, style
from analysis.names import (
    SAMPLERS,
    look,
    method_rank,
    sampler_rank,
    step_size,
    task,
    task_rank,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANELS = ["cartpole", "swimmer", "hopper", "walker"]
FADED = 0.35
BATCH = {
    "q_samples": "Q samples in the batch",
    "estimate_steps": "simulator steps that the batch takes",
}


@style()
def figure4(curves: pd.DataFrame, paper: pd.DataFrame, tuned: pd.DataFrame, scale: str) -> "Figure":
    """The four panels of Figure 4: reward per step against policy iterations.

    The paper's own curves are thin and dashed behind ours, with its error bars. `tuned` is
    `statistics.chosen`, for the note on step sizes that other runs chose.
    """
    figure, panels = grid(2, 2, panel=(4.9, 3.6))
    for panel, env in zip(panels, PANELS, strict=True):
        ours, theirs = curves[curves.env == env], paper[paper.env == env]
        total = theirs.iteration.max()
        last = total if ours.empty else ours.x.max()
        _paper_curves(panel, theirs[theirs.iteration <= last])
        _learning_curves(panel, ours, shade=0.13)
        panel.set_xlim(0, max(last, 1))
        panel.set_title(f"{task(env)} ({counted(ours)})")
        panel.set_ylabel("reward per time step")
        panel.set_xlabel(f"policy iterations (the paper ran {total + 1})")
    methods = [*curves.method, *paper.method[paper.env.isin(PANELS)]]
    notes = ["dashed: the paper's five runs", *_notes(curves), *_tuned(curves, tuned)]
    legend(figure, method_lines(methods), notes)
    figure.suptitle(f"Figure 4, trained here at scale “{scale}”")
    return figure


@style()
def learning(curves: pd.DataFrame, envs: Sequence[str], scale: str) -> "Figure":
    """One panel a task: return of the last 100 training episodes against environment steps."""
    from matplotlib.ticker import EngFormatter

    envs = sorted(set(envs), key=task_rank)
    columns = min(3, len(envs))
    figure, panels = grid(-(-len(envs) // columns), columns)
    for panel in panels[len(envs) :]:
        panel.set_axis_off()
    for panel, env in zip(panels, envs, strict=False):
        ours = curves[curves.env == env]
        _learning_curves(panel, ours)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set_xlim(left=0)
        panel.set_title(f"{task(env)} ({counted(ours)})")
        panel.set_ylabel("return, last 100 episodes")
        panel.set_xlabel("environment steps")
    legend(figure, method_lines(curves.method), _notes(curves))
    figure.suptitle(f"Learning curves with the modern protocol at scale “{scale}”")
    return figure


@style()
def variance(lines: pd.DataFrame, envs: Sequence[str], scale: str) -> "Figure":
    """Noise of the gradient against the batch: a row a task and stage, a column a unit of cost."""
    stages = set(zip(lines.env, lines.trained, strict=True)) or {(envs[0], float("nan"))}
    rows = sorted(stages, key=lambda row: (task_rank(row[0]), row[1]))
    figure, panels = grid(len(rows), 2, sharey="row", panel=(3.9, 2.5))
    for i, (env, trained) in enumerate(rows):
        own = lines[(lines.env == env) & (lines.trained == trained)]
        for panel, (unit, label) in zip(panels[2 * i :], BATCH.items(), strict=False):
            _noise(panel, own, unit)
            panel.set_title(f"{task(env)}, {_stage(trained)}")
            panel.set_xlabel(label)
        panels[2 * i].set_ylabel("tr Cov(ĝ) / ‖E ĝ‖²")
    samplers = sorted(set(lines.sampler), key=sampler_rank)
    counts = " to ".join(str(n) for n in sorted(set(lines.n))[:: max(1, lines.n.nunique() - 1)])
    notes = [f"geometric mean over runs ({counts or 'none'} a point); shaded: 95 % t interval"]
    legend(figure, [_sampler_line(sampler) for sampler in samplers], notes)
    figure.suptitle(f"How much an estimate of the gradient varies, at scale “{scale}”")
    return figure


def _stage(trained: float) -> str:
    if trained != trained:
        return "no data"
    return f"after {trained:.0f} iterations of TRPO" if trained else "before training"


def _noise(panel: "Axes", lines: pd.DataFrame, unit: str) -> None:
    """Each sampler's noise at its batch sizes."""
    panel.set(xscale="log", yscale="log")
    for sampler in sorted(set(lines.sampler), key=sampler_rank):
        own = lines[lines.sampler == sampler].sort_values(unit)
        drawn = _sampler_line(sampler)
        panel.plot(own[unit], own.noise, marker="o", markersize=3.5, zorder=3, **drawn)
        panel.fill_between(own[unit], own.low, own.high, color=drawn["color"], alpha=0.2,
                           linewidth=0)  # fmt: skip


def _sampler_line(sampler: str) -> dict[str, Any]:
    shown = SAMPLERS.get(sampler, look(sampler))
    dashed = "--" if sampler == "vine_independent" else "-"
    return {"label": shown.label, "color": shown.colour, "linestyle": dashed}


def _learning_curves(panel: "Axes", curves: pd.DataFrame, shade: float = 0.2) -> None:
    """Mean and interval of each method, the first on top; unfinished groups are faded."""
    for method in sorted(set(curves.method), key=method_rank, reverse=True):
        own, colour = curves[curves.method == method], look(method).colour
        alpha = FADED if own.unfinished.any() else 1.0
        panel.plot(own.x, own["mean"], color=colour, linewidth=1.8, alpha=alpha, zorder=3)
        panel.fill_between(own.x, own.low, own.high, color=colour, alpha=shade * alpha,
                           linewidth=0, zorder=2)  # fmt: skip


def _paper_curves(panel: "Axes", paper: pd.DataFrame) -> None:
    """The paper's curves and its half error bars, faint."""
    for method in sorted(set(paper.method), key=method_rank):
        own, colour = paper[paper.method == method], look(method).colour
        panel.plot(own.iteration, own.reward_per_step, "--", color=colour, linewidth=0.9,
                   alpha=0.5, zorder=1)  # fmt: skip
        bars = own.dropna(subset=["half_error_bar"])
        panel.errorbar(bars.iteration, bars.reward_per_step, yerr=bars.half_error_bar, fmt="none",
                       ecolor=colour, elinewidth=0.6, alpha=0.35, zorder=1)  # fmt: skip


def _notes(curves: pd.DataFrame) -> list[str]:
    """What shading and fading mean, and which curves are the best of a sweep."""
    notes = ["shaded: 95 % t interval over runs"]
    if (curves.unfinished > 0).any():
        notes.append("faded: has runs that are not finished")
    chosen = curves[curves.tried > 1].drop_duplicates(["env", "method"])
    for method, sizes, rows in _step_sizes(chosen):
        notes.append(f"{look(method).label}: best of {rows.tried.max()} step sizes ({sizes})")
    return notes


def _tuned(curves: pd.DataFrame, tuned: pd.DataFrame) -> list[str]:
    """Which of the curves' step sizes were the best of a sweep on other seeds."""
    cells = curves.drop_duplicates(["env", "method"])[["env", "method", "step_size"]]
    both = cells.merge(tuned.rename(columns={"panel": "env"}), on=["env", "method", "step_size"])
    return [
        f"{look(method).label}: tuned in factors of three on other seeds ({sizes})"
        for method, sizes, _ in _step_sizes(both)
    ]


def _step_sizes(cells: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each method of some cells, its step sizes in words, and its cells."""
    for method, rows in cells.groupby("method"):
        rows, name = rows.sort_values("env", key=lambda env: env.map(task_rank)), str(method)
        pairs = zip(rows.env, rows.step_size, strict=True)
        yield name, ", ".join(f"{task(env)} {step_size(name, size)}" for env, size in pairs), rows
