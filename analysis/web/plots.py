"""The data of interactive plots, as the page's script reads them.

No line has more than `POINTS` points: even ones of it, the first and the last among them.
"""

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any

import numpy as np
import pandas as pd

from analysis.names import FAILED, look
from analysis.panels import by_rank, run_counts
from analysis.traces import Curves, Panel
from analysis.words import step_size

POINTS, DIGITS = 200, 5
"""The most points of a line, and the digits of its numbers."""
Values = dict[str, Any]


def plots(curves: Curves, stem: str) -> str:
    """What the script fills with a plot a panel; hidden where there is no script."""
    content = json.dumps(payload(curves), ensure_ascii=False, allow_nan=False,
                         separators=(",", ":")).replace("<", "\\u003c")  # fmt: skip
    data = f'<script type="application/json">{content}</script>'
    return f'<div class="plots" id="{escape(stem)}-plots" hidden>{data}</div>\n'


def payload(curves: Curves) -> Values:
    """All panels; a line names its method by its place among the methods."""
    frames = [frame for panel in curves.panels for frame in _frames(panel)]
    names = by_rank(name for frame in frames for name in frame.method)
    places = {name: place for place, name in enumerate(names)}
    looks = [look(name) for name in names]
    return {
        "methods": [{"label": each.label, "colour": each.colour} for each in looks],
        "published": curves.published,
        "panels": [_panel(panel, places) for panel in curves.panels],
    }


def _frames(panel: Panel) -> list[pd.DataFrame]:
    """All that has methods in a panel."""
    others = [] if panel.published is None else [panel.published.points]
    return [panel.means, *others]


def _panel(panel: Panel, places: Mapping[str, int]) -> Values:
    names = by_rank(name for frame in _frames(panel) for name in frame.method)
    labels = ", ".join(look(name).label for name in names)
    return {
        "title": f"{panel.title} ({run_counts(panel.means)})",
        "x": panel.x,
        "y": panel.y,
        "alternative": f"{panel.title}: {panel.y} against {panel.x}; {labels}.",
        "means": [_mean(rows, places) for _, rows in _by_method(panel.means)],
        "runs": [_run(rows, places) for _, rows in panel.runs.groupby("run_id", sort=True)],
        "published": _published(panel, places),
    }


def _by_method(frame: pd.DataFrame) -> Iterable[tuple[str, pd.DataFrame]]:
    """Each method's rows, in the methods' order."""
    return ((name, frame[frame.method == name]) for name in by_rank(frame.method))


def _mean(rows: pd.DataFrame, places: Mapping[str, int]) -> Values:
    first = rows.iloc[0]
    return {
        "method": places[first.method],
        "note": _note(first),
        "faded": bool(rows.unfinished.any()),
        **_columns(rows, "x", "mean", "low", "high"),
    }


def _note(first: pd.Series) -> str:
    """Of a mean curve: its step size, and how many runs it stands for."""
    runs = f"{first.n} run{'' if first.n == 1 else 's'}"
    return runs if pd.isna(first.step_size) else f"{_size(first)}, {runs}"


def _size(first: pd.Series) -> str:
    chosen = f", best of {first.tried}" if first.tried > 1 else ""
    return f"{step_size(first.method, first.step_size)}{chosen}"


def _run(rows: pd.DataFrame, places: Mapping[str, int]) -> Values:
    first = rows.iloc[0]
    ended = ", failed" if first.status == FAILED else ""
    return {
        "method": places[first.method],
        "note": f"seed {first.seed}{ended}",
        **_columns(rows, "x", "y"),
    }


def _published(panel: Panel, places: Mapping[str, int]) -> list[Values]:
    if panel.published is None:
        return []
    joined = panel.published.joined
    return [
        {"method": places[name], "joined": joined, **_columns(rows, "x", "y", "error")}
        for name, rows in _by_method(panel.published.points)
    ]


def _columns(rows: pd.DataFrame, *names: str) -> Values:
    """The columns of at most `POINTS` rows, in their order."""
    last = max(len(rows) - 1, 0)
    kept = np.unique(np.linspace(0, last, min(len(rows), POINTS)).round().astype(int))
    few = rows.iloc[kept]
    return {name: [_number(value) for value in few[name].astype(float)] for name in names}


def _number(value: float) -> float | int | None:
    """A number in `DIGITS` digits, as short as it can be written; None where there is none."""
    if not np.isfinite(value):
        return None
    short = float(f"{value:.{DIGITS}g}")
    return int(short) if short.is_integer() else short
