"""What several figures draw in their panels: nothing is computed here."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pandas as pd

from analysis.drawing import Axes
from analysis.names import FAILED, METHODS, Look, look, rank, task
from analysis.words import ordered, step_size

Looks = Callable[[str], Look]
"""The look of each method by its name."""
FADED = 0.35
MEANS: dict[str, dict[str, Any]] = {
    "final mean, 95 % interval": {"color": "#777777", "marker": "o"}
}
RUNS: dict[str, dict[str, Any]] = {
    "one run": {"color": "#333333", "marker": ".", "linestyle": ""},
    "failed run": {"color": "#333333", "marker": "x", "linestyle": ""},
}
"""How a key shows what `means_and_runs` draws."""


def by_rank(methods: Iterable[str]) -> list[str]:
    """Each method once, in their order; unknown ones come last, by their names."""
    return sorted(set(methods), key=lambda method: (rank(method, METHODS), method))


def method_lines(methods: Iterable[str], looks: Looks = look) -> list[dict[str, Any]]:
    """How the legend shows methods: each once, in their order."""
    return [{"label": looks(name).label, "color": looks(name).colour} for name in by_rank(methods)]


def run_counts(table: pd.DataFrame) -> str:
    """How many runs each line stands for, and how many of all have not finished."""
    if table.empty:
        return "no data"
    low, high = int(table.n.min()), int(table.n.max())
    words = f"{low} run{'' if high == 1 else 's'}" if low == high else f"{low}–{high} runs"
    unfinished = int(table.groupby(["method", "step_size"], dropna=False).unfinished.max().sum())
    return words + (f", {unfinished} unfinished" if unfinished else "")


def learning_curves(
    panel: Axes, curves: pd.DataFrame, shade: float = 0.2, looks: Looks = look
) -> None:
    """Mean and interval of each method, the first on top; unfinished groups are faded."""
    for method in reversed(by_rank(curves.method)):
        own, colour = curves[curves.method == method], looks(method).colour
        alpha = FADED if own.unfinished.any() else 1.0
        panel.plot(own.x, own["mean"], color=colour, linewidth=1.8, alpha=alpha, zorder=3)
        panel.fill_between(own.x, own.low, own.high, color=colour, alpha=shade * alpha,
                           linewidth=0, zorder=2)  # fmt: skip


def notes(curves: pd.DataFrame) -> list[str]:
    """What shading and fading mean, and which curves are the best of a sweep."""
    said = ["shaded: 95 % t interval over runs"]
    if (curves.unfinished > 0).any():
        said.append("faded: has runs that are not finished")
    chosen = curves[curves.tried > 1].drop_duplicates(["env", "method"])
    for method, sizes, rows in step_sizes(chosen):
        said.append(f"{look(method).label}: best of {rows.tried.max()} step sizes ({sizes})")
    return said


def step_sizes(cells: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    """Each method of some cells, its step sizes in words, and its cells."""
    for key, group in cells.groupby("method"):
        rows, name = ordered(group, "env"), str(key)
        pairs = zip(rows.env, rows.step_size, strict=True)
        yield name, ", ".join(f"{task(env)} {step_size(name, size)}" for env, size in pairs), rows


def means_and_runs(panel: Axes, table: pd.DataFrame, runs: pd.DataFrame, x: str) -> None:
    """Means with intervals, joined, and every run: a dot, or a cross where it failed.

    What has no `x` has no place in the panel.
    """
    table = table.dropna(subset=[x]).sort_values(x)
    if table.empty:
        return
    panel.set(xscale="log", xlim=(table[x].min() / 4, table[x].max() * 4))
    panel.xaxis.set_minor_formatter("")
    colour = look(table.method.iloc[0]).colour
    low, high = table["mean"] - table.low, table.high - table["mean"]
    panel.errorbar(table[x], table["mean"], yerr=[low, high], fmt="o-",
                   color=colour, capsize=3)  # fmt: skip
    for failed, marker in ((False, "."), (True, "x")):
        some = runs[(runs.status == FAILED) == failed]
        panel.scatter(some[x], some.score, 22, "#333333", marker=marker, lw=0.9, zorder=4)
