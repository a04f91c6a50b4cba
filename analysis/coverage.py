"""How often intervals of few runs cover what they are of: their true levels.

A 95 % interval of a mean covers it 95 % of the time where scores are normal; where they are not,
no interval of five runs does. `LEVELS` holds how often each kind covers, from 600,000 sets of runs
and more, over tasks from 4,000; the tests simulate it again.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.statistics import LEVEL, Array


class Scores(NamedTuple):
    """A kind of scores: in words, how to draw them, and their true mean and IQM."""

    words: str
    draw: Callable[[np.random.Generator, tuple[int, ...]], Array]
    mean: float
    iqm: float


NORMAL = Scores("normal", lambda rng, shape: rng.normal(size=shape), 0.0, 0.0)
SKEWED = Scores("exponential", lambda rng, shape: rng.exponential(size=shape), 1.0,
                1 - 1.5 * np.log(3) + 2 * np.log(2))  # fmt: skip
COLLAPSING = Scores(
    "0 for one run in five that collapses, 1 for the others",
    lambda rng, shape: (rng.random(shape) >= 0.2).astype(float),
    mean=0.8,
    iqm=1.0,
)


class Level(NamedTuple):
    """The true levels of 95 % intervals of n runs a task: of a mean, of a difference, over tasks.

    Args:
        scores: what is drawn.
        n: runs, of each side where there are two.
        mean: Student's t (`statistics.interval`).
        difference: Welch's (`statistics.difference`), of two sides that do not differ.
        mean_of_tasks: the stratified bootstrap (`aggregate.bootstrap`) of the mean over four tasks.
        iqm_of_tasks: the same of the IQM.
    """

    scores: Scores
    n: int
    mean: float
    difference: float
    mean_of_tasks: float
    iqm_of_tasks: float


TASKS = 4
LEVELS = (
    Level(NORMAL, 3, 0.950, 0.965, 0.85, 0.86),
    Level(NORMAL, 5, 0.950, 0.956, 0.89, 0.90),
    Level(NORMAL, 10, 0.950, 0.951, 0.92, 0.92),
    Level(NORMAL, 20, 0.950, 0.950, 0.94, 0.94),
    Level(SKEWED, 3, 0.885, 0.974, 0.81, 0.86),
    Level(SKEWED, 5, 0.882, 0.973, 0.87, 0.91),
    Level(SKEWED, 10, 0.901, 0.963, 0.92, 0.93),
    Level(SKEWED, 20, 0.919, 0.955, 0.93, 0.94),
    Level(COLLAPSING, 3, 0.480, 0.992, 0.87, 0.99),
    Level(COLLAPSING, 5, 0.666, 0.995, 0.92, 1.00),
    Level(COLLAPSING, 10, 0.886, 0.970, 0.95, 1.00),
    Level(COLLAPSING, 20, 0.921, 0.950, 0.95, 1.00),
)


TEXT = (
    "How often the 95 % intervals here hold what they are of, simulated: Student's t of a mean "
    f"over runs, Welch's of a difference, and the stratified bootstrap over {TASKS} tasks. Where "
    "scores are not normal, few runs cannot have what is stated."
)
"""How to read `table`, for a reader of the report."""


def table() -> pd.DataFrame:
    """`LEVELS` in words, for a reader of the report."""
    heads = ["scores", "runs", "mean", "difference"]
    heads += [f"{what}, {TASKS} tasks" for what in ("mean", "IQM")]
    rows = [[x.scores.words, x.n, *map(_percent, x[2:])] for x in LEVELS]
    return pd.DataFrame(rows, columns=heads)


def beside(n: int) -> str:
    """What is to stand beside intervals of n runs: their level where scores are not normal.

    It is that of the largest number of runs in the table that is not above n.
    """
    known = max((x.n for x in LEVELS if x.n <= n), default=min(x.n for x in LEVELS))
    own = [x for x in LEVELS if x.n == known]
    means = ", ".join(f"{_percent(x.mean)} ({x.scores.words})" for x in own)
    differences = ", ".join(_percent(x.difference) for x in own)
    return (
        f"{_percent(LEVEL)} intervals of {known} runs cover, depending on what the scores are, "
        f"a mean {means} of the time, and a difference {differences}"
    )


def _percent(level: float) -> str:
    return f"{100 * level:.3g} %"
