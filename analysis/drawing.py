"""What all figures share: their style, their grid of panels, their legend, their bytes.

The same data, on the same machine, give the same bytes.
"""

import io
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Literal

import pandas as pd

from analysis.names import look, method_rank

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


@contextmanager
def style() -> Iterator[None]:
    """Our style over matplotlib's defaults, whatever the reader's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@style()
def render(figure: "Figure", kind: Literal["png", "svg"]) -> bytes:
    """The figure as bytes without a date or a version in them."""
    metadata = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}[kind]
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=160, metadata=metadata)
    return out.getvalue()


def grid(
    rows: int,
    columns: int,
    sharey: "bool | Literal['row']" = False,
    panel: tuple[float, float] = (3.7, 2.8),
) -> tuple["Figure", "list[Axes]"]:
    """A figure with room for a legend below its panels, and the panels in reading order.

    `panel`: width and height of one, in inches.
    """
    from matplotlib.figure import Figure

    size = max(6.0, panel[0] * columns), panel[1] * rows + 0.9
    figure = Figure(figsize=size, layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    return figure, list(panels.ravel())


def legend(figure: "Figure", looks: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
    """One legend for all panels, below them, headed by the notes.

    `looks`: how each line is drawn, with its `label`.
    """
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **{"linewidth": 2, **drawn}) for drawn in looks]
    figure.legend(handles=handles, loc="outside lower center", ncols=4,
                  title="\n".join(notes), title_fontsize=7.5)  # fmt: skip


def method_lines(methods: Iterable[str]) -> list[dict[str, Any]]:
    """How the legend shows methods: each once, in their order."""
    names = sorted(set(methods), key=method_rank)
    return [{"label": look(name).label, "color": look(name).colour} for name in names]


def counted(table: pd.DataFrame) -> str:
    """How many runs each line stands for, and how many of all have not finished."""
    if table.empty:
        return "no data"
    low, high = int(table.n.min()), int(table.n.max())
    words = f"{low} run{'' if high == 1 else 's'}" if low == high else f"{low}–{high} runs"
    unfinished = int(table.groupby(["method", "step_size"], dropna=False).unfinished.max().sum())
    return words + (f", {unfinished} unfinished" if unfinished else "")
