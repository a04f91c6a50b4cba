"""What a figure shows, read back from it, for the tests of the pictures."""

from typing import Any

import numpy as np
import pandas as pd
from analysis_runs import found
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from analysis import evaluations
from analysis.chapter import Found


def drawn(
    frame: pd.DataFrame, stem: str, evaluated: pd.DataFrame = evaluations.NONE
) -> tuple[Found[Any], Figure, list[Axes]]:
    """A chapter of a frame by its stem, its picture and the panels."""
    each = found(frame, evaluated=evaluated)[stem]
    figure = each.picture
    assert figure is not None
    return each, figure, figure.get_axes()


def lines(panel: Axes, style: str = "-") -> dict[str, list[list[float]]]:
    """The (x, y) points of a panel's joined lines, by their colour."""
    own = [line for line in panel.get_lines() if line.get_linestyle() == style]
    return {
        to_hex(line.get_color()).upper(): np.transpose(line.get_data()).tolist() for line in own
    }


def bands(panel: Axes) -> dict[str, list[list[float]]]:
    """The corners of a panel's shaded intervals, by their colour, each once."""
    return {
        to_hex(band.get_facecolor()[0]).upper(): sorted(
            map(list, {tuple(point) for point in band.get_paths()[0].vertices})
        )
        for band in panel.collections
        if len(band.get_facecolor()) and band.get_paths()
    }


def legend(figure: Figure) -> dict[str, str]:
    """The colour of each label."""
    [box] = figure.legends
    handles, texts = box.legend_handles, box.get_texts()
    return {text.get_text(): to_hex(handle.get_color()).upper()
            for handle, text in zip(handles, texts, strict=True)}  # fmt: skip


def axes(panel: Axes) -> tuple[str, str, str]:
    """Title and labels."""
    return panel.get_title(), panel.get_xlabel(), panel.get_ylabel()
