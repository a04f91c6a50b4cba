"""What an interactive plot shows of a chapter: panels of curves, and the runs behind them.

Chapters say it as frames of what they measured; `web.plots` makes it data of the page.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from analysis.names import task

RUNS = ["run_id", "env", "method", "seed", "status", "x", "y"]


class Published(NamedTuple):
    """Curves of others behind ours.

    Args:
        points: one row each: env, method, x, y, error (half an error bar, NaN for none).
        joined: whether a dashed line joins the points of a method.
    """

    points: pd.DataFrame
    joined: bool


class Panel(NamedTuple):
    """One pair of axes.

    Args:
        title: its heading.
        x: what lies along the axis, with its unit in words.
        y: the same of the other axis.
        means: rows of `curves.curves`, of one task.
        runs: the runs behind the means, with the columns `RUNS`.
        published: what others have there, if anything.
    """

    title: str
    x: str
    y: str
    means: pd.DataFrame
    runs: pd.DataFrame
    published: Published | None = None


class Curves(NamedTuple):
    """All panels of a chapter, in reading order, and what the curves of others are called."""

    panels: Sequence[Panel]
    published: str = ""


def of_task(
    env: str,
    labels: tuple[str, str],
    means: pd.DataFrame,
    runs: pd.DataFrame,
    published: Published | None = None,
) -> Panel:
    """The panel of a task: its rows of the means, the runs and what others have.

    labels: of x and y.
    """
    if published is not None:
        points = published.points
        published = published._replace(points=points[points.env == env])
    own, paths = means[means.env == env], runs[runs.env == env]
    return Panel(task(env), *labels, own, paths, published)


def behind(runs: pd.DataFrame, x: str, y: str) -> pd.DataFrame:
    """The reported points of some runs, with the columns `RUNS`, by run and along x."""
    points = runs.assign(x=runs[x], y=runs[y]).dropna(subset=["x", "y"])
    return points.sort_values(["run_id", "x"])[RUNS]
