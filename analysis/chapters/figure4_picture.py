"""The picture of Figure 4: nothing is computed here."""

import pandas as pd

from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import look
from analysis.panels import by_rank, learning_curves, method_lines, notes, run_counts, step_sizes

PANELS = {"cartpole": "cart-pole", "swimmer": "swimmer", "hopper": "hopper", "walker2d": "walker"}
"""The tasks, and what the paper calls them."""


@style()
def draw(curves: pd.DataFrame, paper: pd.DataFrame, tuned: pd.DataFrame, scale: str) -> Figure:
    """The four panels of Figure 4: reward per step against policy iterations.

    The paper's own curves are thin and dashed behind ours, with its error bars. `tuned` is
    `tuning.chosen`, for the note on step sizes that other runs chose.
    """
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
    said = ["dashed: the paper's five runs", *notes(curves), *_tuned(curves, tuned)]
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


def _tuned(curves: pd.DataFrame, tuned: pd.DataFrame) -> list[str]:
    """Which of the curves' step sizes were the best of a sweep on other seeds."""
    cells = curves.drop_duplicates(["env", "method"])[["env", "method", "step_size"]]
    both = cells.merge(tuned, on=["env", "method", "step_size"])
    return [
        f"{look(method).label}: tuned in factors of three on other seeds ({sizes})"
        for method, sizes, _ in step_sizes(both)
    ]
