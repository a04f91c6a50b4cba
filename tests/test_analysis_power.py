"""How many runs tell a difference: literature, simulation, and the claims' own rule run by run."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy import stats

from analysis.power import detectable, runs_to_decide, runs_to_liken
from analysis.statistics import Array, difference
from analysis.verdicts import UNDECIDED, compared, likened


@pytest.mark.parametrize(("d", "n"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17)])
def test_sample_sizes_are_those_of_the_literature(d: float, n: int) -> None:
    """Runs a side for a power of 0.8 in a two-sided test at 5 %, as G*Power 3 gives them."""
    assert detectable(n) <= d < detectable(n - 1)


@pytest.mark.parametrize(("n", "d"), [(5, 2.02), (10, 1.32), (20, 0.91)])
def test_few_runs_detect_large_differences_alone(n: int, d: float) -> None:
    assert detectable(n) == pytest.approx(d, abs=0.01)


@pytest.mark.parametrize("power", [0.8, 0.9])
@pytest.mark.parametrize("n", [3, 5, 10])
def test_a_detectable_difference_is_detected_as_often_as_said(n: int, power: float) -> None:
    rng = np.random.default_rng(5)
    left, right = rng.normal(size=(2, 10_000, n))
    found = stats.ttest_ind(left + detectable(n, power), right, axis=1).pvalue < 0.05
    three_sigma = 3 * math.sqrt(power * (1 - power) / 10_000)
    assert found.mean() == pytest.approx(power, abs=three_sigma)


def test_a_single_run_a_side_detects_nothing() -> None:
    assert detectable(1) == math.inf


def stretched(side: Array | float, n: int) -> Array:
    """Runs of just the mean and spread of a side: n of them, or two of a number."""
    if isinstance(side, float):
        return np.full(2, side)
    shape = np.arange(n, dtype=float)
    unit = (shape - shape.mean()) / shape.std(ddof=1)
    return np.asarray(side.mean() + side.std(ddof=1) * unit)


def fewest(left: Array | float, right: Array | float, says: Callable[..., str]) -> int | None:
    """The first n up to 200 at which the rule says something of n such runs a side."""
    for n in range(2, 201):
        found = difference(stretched(left, n), stretched(right, n))
        if says(*found) != UNDECIDED:
            return n
    return None


WIDE = np.array([4.0, 9.0, 1.0, 6.0, 5.0])
NARROW = np.array([4.5, 5.0, 4.0])
SIDES = [
    (WIDE, NARROW),
    (NARROW - 3, WIDE),
    (WIDE, WIDE[::-1] + 0.9),
    (WIDE, 4.2),
    (WIDE, 5.0),
    (2.0, NARROW),
]


@pytest.mark.parametrize("margin", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(("left", "right"), SIDES)
def test_so_many_runs_decide_and_no_fewer(
    left: Array | float, right: Array | float, margin: float
) -> None:
    expected = fewest(left, right, lambda *found: compared(*found, margin))
    assert runs_to_decide(left, right, margin, most=200) == expected


@pytest.mark.parametrize("margin", [0.3, 1.0, 3.0])
@pytest.mark.parametrize(("left", "right"), SIDES)
def test_so_many_runs_tell_likeness_and_no_fewer(
    left: Array | float, right: Array | float, margin: float
) -> None:
    expected = fewest(left, right, lambda _, *ends: likened(*ends, margin))
    assert runs_to_liken(left, right, margin, most=200) == expected


def test_runs_without_spread_decide_at_once() -> None:
    assert runs_to_decide(np.full(3, 2.0), np.full(3, 1.0), 0.1) == 2


def test_a_higher_level_takes_more_runs() -> None:
    """Both sides vary by 8.5 and lie 2 apart: 2.032 √(17 / 18) and 2.660 √(17 / 31) are below 2."""
    assert runs_to_decide(WIDE, WIDE + 2, 1.0) == 18
    assert runs_to_decide(WIDE, WIDE + 2, 1.0, level=0.99) == 31


@pytest.mark.parametrize(
    ("left", "margin"),
    [
        (WIDE[:1], 1.0),  # no spread is known
        (WIDE[:0], 1.0),
        (WIDE, 0.0),  # no difference, and none is small enough
        (WIDE, math.nan),  # nothing says what matters
        (WIDE, 0.01),  # needs some 700,000
    ],
)
def test_where_no_number_of_runs_can_be_told_there_is_none(left: Array, margin: float) -> None:
    assert runs_to_decide(left, WIDE, margin) is None
