"""The stated levels of all intervals, simulated again and, where that can be done, counted."""

import math
from collections.abc import Callable
from math import comb
from pathlib import Path

import numpy as np
import pytest

from analysis.aggregate import Tasks, bootstrap, iqm, mean
from analysis.coverage import (
    COLLAPSING,
    LEVELS,
    NORMAL,
    SKEWED,
    TASKS,
    Level,
    Scores,
    beside,
    table,
)
from analysis.statistics import Array, half_width, interval

README = Path(__file__).parents[1] / "analysis" / "README.md"
SETS = 20_000
FEW = [level for level in LEVELS if level.n <= 10]


def of_mean(scores: Scores, n: int, rng: np.random.Generator, sets: int) -> float:
    """How often Student's t interval of n runs covers the mean, in so many sets of runs."""
    low, high = interval(scores.draw(rng, (n, sets)))
    return _covered(low, high, scores.mean)


def of_difference(scores: Scores, n: int, rng: np.random.Generator, sets: int) -> float:
    """How often Welch's interval of n against n runs covers 0, where nothing differs."""
    left, right = scores.draw(rng, (2, n, sets))
    middle = left.mean(axis=0) - right.mean(axis=0)
    half = half_width(left.var(axis=0, ddof=1) / n, right.var(axis=0, ddof=1) / n, n, n)
    return _covered(middle - half, middle + half, 0.0)


def of_bootstrap(
    statistic: Callable[[Tasks], Array], true: float, sets: Tasks, draws: int
) -> float:
    """How often the stratified bootstrap interval covers the true value.

    sets: one array a task, (sets, n).
    """
    low, high = bootstrap(statistic, sets, purpose="how often it covers", draws=draws)
    return _covered(low, high, true)


def _covered(low: Array, high: Array, true: float) -> float:
    """The share of intervals that hold the true value, but for rounding."""
    return float(np.mean((low <= true + 1e-9) & (high >= true - 1e-9)))


def band(level: float, sets: int, rounding: float = 0.0) -> float:
    """Three standard deviations of a share of so many sets, and the digits that are not stated."""
    return 3 * math.sqrt(level * (1 - level) / sets) + rounding


def name(level: Level) -> str:
    return f"{level.scores.words[:6]}-{level.n}"


@pytest.mark.parametrize("level", LEVELS, ids=name)
def test_t_intervals_cover_a_mean_as_often_as_stated(level: Level) -> None:
    found = of_mean(level.scores, level.n, np.random.default_rng(level.n), SETS)
    assert found == pytest.approx(level.mean, abs=band(level.mean, SETS, 0.001))


@pytest.mark.parametrize("level", LEVELS, ids=name)
def test_welch_intervals_cover_a_difference_as_often_as_stated(level: Level) -> None:
    found = of_difference(level.scores, level.n, np.random.default_rng(level.n), SETS)
    assert found == pytest.approx(level.difference, abs=band(level.difference, SETS, 0.001))


@pytest.mark.parametrize("level", FEW, ids=name)
def test_bootstrap_intervals_over_tasks_cover_as_often_as_stated(level: Level) -> None:
    """400 sets, and the stated level is of 4,000: both have an error."""
    rng = np.random.default_rng(level.n)
    sets = [level.scores.draw(rng, (400, level.n)) for _ in range(TASKS)]
    means = of_bootstrap(mean, level.scores.mean, sets, 400)
    middles = of_bootstrap(iqm, level.scores.iqm, sets, 400)
    assert means == pytest.approx(level.mean_of_tasks, abs=band(level.mean_of_tasks, 400, 0.01))
    assert middles == pytest.approx(level.iqm_of_tasks, abs=band(level.iqm_of_tasks, 400, 0.01))


@pytest.mark.parametrize("level", [x for x in LEVELS if x.scores is COLLAPSING], ids=name)
def test_level_where_runs_collapse_is_counted_collapse_by_collapse(level: Level) -> None:
    """k of n collapse with binomial probability, and k alone says whether 0.8 is covered.

    At n = 5 it is not where none collapses, 0.8⁵ = 0.328, or four or five do, 0.007.
    """
    covered = 0.0
    for k in range(level.n + 1):
        low, high = interval(np.repeat([0.0, 1.0], [k, level.n - k]))
        covered += comb(level.n, k) * 0.2**k * 0.8 ** (level.n - k) * (low <= 0.8 <= high)
    assert level.mean == pytest.approx(covered, abs=0.0005)


def test_five_runs_have_no_interval_of_95_percent() -> None:
    """0.88 where scores are exponential, 0.67 where one run in five collapses."""
    five = {level.scores.words: level.mean for level in LEVELS if level.n == 5}
    assert five[SKEWED.words] == pytest.approx(0.88, abs=0.005)
    assert five[COLLAPSING.words] == pytest.approx(0.67, abs=0.005)


@pytest.mark.parametrize("kind", [NORMAL, SKEWED, COLLAPSING], ids=lambda kind: kind.words[:6])
def test_true_mean_and_iqm_are_those_of_very_many_runs(kind: Scores) -> None:
    many = kind.draw(np.random.default_rng(0), (400_000,))
    assert many.mean() == pytest.approx(kind.mean, abs=0.006)
    assert iqm([many]) == pytest.approx(kind.iqm, abs=0.006)


def test_the_table_has_the_levels_in_percent() -> None:
    row = table().iloc[5].tolist()
    assert row == ["exponential", 5, "88.2 %", "97.3 %", "87 %", "91 %"]


@pytest.mark.parametrize("kind", [NORMAL, SKEWED, COLLAPSING], ids=lambda kind: kind.words[:6])
def test_the_readme_has_the_levels_too(kind: Scores) -> None:
    rows = [level[2:] for level in LEVELS if level.scores is kind and level.n >= 5]
    cells = [" / ".join(f"{100 * x:.3g}" for x in column) for column in zip(*rows, strict=True)]
    line = f"| {kind.words} | 5 / 10 / 20 | " + " % | ".join(cells) + " % |\n"
    assert line in README.read_text(encoding="utf-8")


@pytest.mark.parametrize(("n", "shown"), [(2, 3), (3, 3), (7, 5), (19, 10), (500, 20)])
def test_the_sentence_is_of_the_runs_in_the_table_that_are_not_more(n: int, shown: int) -> None:
    assert beside(n).startswith(f"95 % intervals of {shown} runs cover")


def test_the_sentence_says_the_level_for_each_kind_of_scores() -> None:
    assert "a mean 95 % (normal), 88.2 % (exponential), 66.6 % (0 for one run in five" in beside(5)
