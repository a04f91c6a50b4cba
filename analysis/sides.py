"""What a claim compares: sides of runs, with the smallest effect that matters."""

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from analysis.statistics import Array

Side = Array | float
"""A value per run (n,), or a number that the claim itself names."""
TENTH_IN_LOGS = float(np.log(1.1))
"""The margin where sides are logarithms: a tenth more."""


def tenth_of(gain: float) -> float:
    """The margin of what something gains: a tenth; NaN where it gains nothing."""
    return float(gain / 10) if gain > 0 else float("nan")


def hundredth_of(threshold: float) -> float:
    """The margin of a number that the claim itself draws: to pass it is the effect."""
    return threshold / 100


class Pairs(NamedTuple):
    """Sides of which each left is to be above its right, by what is said of the closest.

    A margin of NaN (nothing says what matters) leaves the claim undecided.
    """

    pairs: Mapping[str, tuple[Side, Side]]
    margin: float


def pair(left: Side, right: Side, margin: float) -> Pairs:
    """One side that is to be above another."""
    return Pairs({"": (left, right)}, margin)


def rivals(left: Side, others: Mapping[str, Side], margin: float) -> Pairs:
    """One side that is to be above each of several, by label."""
    return Pairs({f" to {label}": (left, side) for label, side in others.items()}, margin)


def several(pairs: Mapping[str, tuple[Side, Side]], margin: float) -> Pairs:
    """Several pairs, by label, in each of which the left is to be above the right."""
    return Pairs({f" of {label}": each for label, each in pairs.items()}, margin)


class Likeness(NamedTuple):
    """Two sides that are to differ by less than the margin."""

    left: Array
    right: Side
    margin: float


class Count(NamedTuple):
    """How often something happened, of all times that it could, in so many runs."""

    runs: int
    times: int
    among: int
    what: str


class Fact(NamedTuple):
    """Whether something is so, and the numbers that say it."""

    holds: bool
    words: str
