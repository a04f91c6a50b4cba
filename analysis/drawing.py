"""What all figures share: their style, their grid of panels, their legend, their bytes.

The same data, on the same machine, give the same bytes.
"""

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes as Axes
    from matplotlib.figure import Figure as Figure
else:  # importing the report is no reason to import matplotlib
    Axes = Figure = Any

Kind = Literal["png", "svg", "pdf"]
KINDS: tuple[Kind, ...] = ("png", "svg")
"""What is committed of a figure; a PDF is for print."""
METADATA: dict[Kind, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
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
    "pdf.fonttype": 42,
}


@contextmanager
def style() -> Iterator[None]:
    """Our style over matplotlib's defaults, whatever the reader's own settings are."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(STYLE)
        yield


@cache  # the page shows the bytes that were written
@style()
def render(figure: Figure, kind: Kind) -> bytes:
    """The figure as bytes without a date or a version in them.

    It is laid out once: a layout that is made again moves by a hair, and every kind must come out
    the same whichever came before. A figure that knows a layout engine is drawn twice a kind.
    """
    _lay_out(figure)
    out = io.BytesIO()
    figure.savefig(out, format=kind, dpi=160, metadata=METADATA[kind])
    return out.getvalue()


@cache
def _lay_out(figure: Figure) -> None:
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    ConstrainedLayoutEngine().execute(figure)


def grid(
    rows: int,
    columns: int,
    sharey: "bool | Literal['row']" = False,
    panel: tuple[float, float] = (3.7, 2.8),
) -> tuple[Figure, list[Axes]]:
    """A figure with room for a legend below its panels, and the panels in reading order.

    `panel`: width and height of one, in inches.
    """
    from matplotlib import figure as empty

    size = max(6.0, panel[0] * columns), panel[1] * rows + 0.9
    figure = empty.Figure(figsize=size)
    panels = figure.subplots(rows, columns, squeeze=False, sharey=sharey)
    return figure, list(panels.ravel())


def rows_of(
    count: int, wide: int, each: int = 1, panel: tuple[float, float] = (3.7, 2.8)
) -> tuple[Figure, list[Axes]]:
    """The `grid` of so many groups of `each` panels, at most `wide` groups a row.

    Only the panels of a group are there to be drawn on; what is left of the last row is blank.
    """
    across = min(wide, count)
    figure, panels = grid(-(-count // across), across * each, panel=panel)
    for blank in panels[count * each :]:
        blank.set_axis_off()
    return figure, panels[: count * each]


def legend(figure: Figure, looks: Sequence[dict[str, Any]], notes: Sequence[str]) -> None:
    """One legend for all panels, below them, headed by the notes.

    `looks`: how each line is drawn, with its `label`.
    """
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], **{"linewidth": 2, **drawn}) for drawn in looks]
    figure.legend(handles=handles, loc="outside lower center", ncols=4,
                  title="\n".join(notes), title_fontsize=7.5)  # fmt: skip


def key(figure: Figure, looks: Mapping[str, dict[str, Any]], columns: int) -> None:
    """One legend for all panels, below them: how each thing is drawn, by its label."""
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], label=label, **drawn) for label, drawn in looks.items()]
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
