"""What the paper claims, and the one engine that says what our runs say about it.

A claim is judged by what its chapter measured. Most say that a left side is above a right one.
Each of these has a margin, the smallest effect that matters, fixed by a rule and not claim by
claim; the rules are younger than the runs first judged by them. A side above each of several
rivals is compared with each, at a level of 1 − 0.05 / k for k rivals, and never with their
maximum. A shorter or missing experiment is no data.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from analysis.statistics import LEVEL, Array, difference, interval
from analysis.words import NOTHING, number, of_all, with_interval

F = TypeVar("F")
Side = Array | float
"""A value per run (n,), or a number that the claim itself names."""

SUPPORTED, CONTRADICTED, ALIKE, UNDECIDED, NO_DATA = VERDICTS = (
    *("supported", "contradicted", "alike", "undecided", "no data"),
)
"""What runs say about a claim."""
COLUMNS = ["verdict", "claim", "runs", "difference [95 % interval]", "margin", "source"]
TEXT = (
    "The margin is the smallest effect that matters: a tenth of what TRPO gains on the task, a "
    "hundredth of a number that the claim itself names, a tenth more where sides are "
    "logarithms, and a hundredth of what a human is above random play where that is what a claim "
    "compares with. Supported: the interval lies above zero, and the difference reaches the "
    "margin. Contradicted: the same below zero. Alike: the interval lies within the margin. "
    "Undecided: anything else, a single run too. Above each of k rivals: each compared at a level "
    "of 1 − 0.05 / k, shown for the closest; contradicted by any, supported by all. A claim of "
    "likeness is supported where the interval lies within the margin, and contradicted where "
    "it lies outside."
)
"""How to read `COLUMNS`, for a reader of the report."""


class Evidence(NamedTuple):
    """What runs say: how many there are, what they show against which margin, the verdict."""

    runs: str
    shown: str
    margin: str
    verdict: str


@dataclass(frozen=True)
class Claim(Generic[F]):
    """A sentence, where the paper says it, the experiment that bears on it, and its judge."""

    text: str
    source: str
    experiment: str
    judge: Callable[[F], Evidence]

    def row(self, measured: F) -> list[str]:
        """The row of `COLUMNS`."""
        runs, shown, margin, verdict = self.judge(measured)
        return [verdict, self.text, runs, shown, margin, self.source]


def hundredth_of(threshold: float) -> float:
    """The margin of a number that the claim itself draws: to pass it is the effect."""
    return threshold / 100


TENTH_IN_LOGS = float(np.log(1.1))
"""The margin where sides are logarithms: a tenth more."""


def above(left: Side, right: Side, margin: float) -> Evidence:
    """What runs say about “left is above right”."""
    return above_all(left, {"": right}, margin)


def above_all(left: Side, rivals: Mapping[str, Side], margin: float) -> Evidence:
    """What runs say about “left is above each rival”, rivals by label; shown is the closest.

    A margin of NaN (nothing says what matters) leaves the claim undecided.
    """
    pairs = {f" to {label}": (left, side) for label, side in rivals.items()}
    return _each(pairs, margin)._replace(runs=_sizes([left], rivals.values()))


def each_above(pairs: Mapping[str, tuple[Side, Side]], margin: float) -> Evidence:
    """What runs say about “left is above right” in each pair, by label; shown is the closest."""
    lefts, rights = zip(*pairs.values(), strict=True)
    found = _each({f" of {label}": pair for label, pair in pairs.items()}, margin)
    return found._replace(runs=_sizes(lefts, rights))


def _each(pairs: Mapping[str, tuple[Side, Side]], margin: float) -> Evidence:
    """Every pair compared, at a level for all of them; labels are what is said of the closest."""
    sides = {label: (_values(left), _values(right)) for label, (left, right) in pairs.items()}
    if not all(len(left) and len(right) for left, right in sides.values()):
        return Evidence("", NOTHING, NOTHING, NO_DATA)
    level = 1 - (1 - LEVEL) / len(pairs)
    each = {label: difference(*pair, level) for label, pair in sides.items()}
    closest = min(each, key=lambda label: each[label][0])
    words = with_interval(*each[closest])
    if len(pairs) > 1:
        words += f"{closest}, at {100 * level:.4g} %"
    said = together([compared(*found, margin) for found in each.values()])
    return Evidence("", words, number(margin), said)


def alike(left: Array, right: Array, margin: float) -> Evidence:
    """What runs say about “left and right differ by less than the margin”."""
    sizes = _sizes([left], [right])
    if not (len(left) and len(right)):
        return Evidence(sizes, NOTHING, NOTHING, NO_DATA)
    found = difference(left, right)
    return Evidence(sizes, with_interval(*found), number(margin), likened(*found[1:], margin))


def never(runs: int, count: int, of: int, what: str) -> Evidence:
    """Something that must never happen did so `count` times `of` so many: once contradicts it."""
    if not of:
        return Evidence(str(runs), NOTHING, NOTHING, NO_DATA)
    verdict = CONTRADICTED if count else SUPPORTED
    return Evidence(str(runs), f"{of_all(count, of)} {what}", NOTHING, verdict)


def sometimes(shares: Array) -> Evidence:
    """Something is to happen sometimes; shares (n,): how often it did, by run.

    Supported where it did, and undecided where it did not, as it may elsewhere.
    """
    if not len(shares):
        return Evidence("0", NOTHING, NOTHING, NO_DATA)
    low, high = map(float, interval(shares))
    verdict = SUPPORTED if shares.max() > 0 else UNDECIDED
    words = with_interval(float(shares.mean()), low, high)
    return Evidence(str(len(shares)), words, NOTHING, verdict)


def _values(side: Side) -> Array:
    """One value per run of a side; a number is two runs without spread."""
    return np.full(2, side) if isinstance(side, float) else side


def _sizes(*groups: Collection[Side]) -> str:
    """How many runs each side has, groups parted by a stroke; numbers have none."""
    counts = [[str(len(side)) for side in group if not isinstance(side, float)] for group in groups]
    return " / ".join(", ".join(each) for each in counts if each)


def compared(estimate: float, low: float, high: float, margin: float) -> str:
    """What the interval [low, high] of left less right says about “left is above right”.

    A difference that is surely there yet smaller than the margin decides nothing by itself; one
    that is surely smaller than the margin makes the sides alike.
    """
    if low > 0 and estimate >= margin:
        return SUPPORTED
    if high < 0 and estimate <= -margin:
        return CONTRADICTED
    return ALIKE if -margin < low and high < margin else UNDECIDED


def likened(low: float, high: float, margin: float) -> str:
    """What the interval [low, high] of a difference says about “the two are alike”."""
    if -margin < low and high < margin:
        return SUPPORTED
    return CONTRADICTED if low > margin or high < -margin else UNDECIDED


def together(each: Collection[str]) -> str:
    """What comparisons with each of several rivals say about “above them all”."""
    if CONTRADICTED in each:
        return CONTRADICTED
    if UNDECIDED in each:
        return UNDECIDED
    return ALIKE if ALIKE in each else SUPPORTED
