"""The rules by which runs say whether a claim holds: what is compared, and the verdict.

Every comparison has a margin, the smallest effect that matters, fixed by a rule and not claim by
claim. A side above each of several rivals is compared with each, at Holm's levels, and never with
their maximum. A shorter or missing experiment leaves a claim not run.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from math import inf, isnan
from typing import Generic, NamedTuple, TypeVar

import numpy as np

from analysis.power import runs_to_decide, runs_to_liken
from analysis.sides import Count, Fact, Likeness, Pairs, Side
from analysis.statistics import LEVEL, Array, difference, interval
from analysis.verdicts import (
    NOT_REPRODUCED,
    NOT_RUN,
    OBSERVED,
    REPRODUCED,
    UNDECIDED,
    bounded,
    compared,
    likened,
    together,
)
from analysis.words import NOTHING, number, of_all, with_interval

S = TypeVar("S")
MOST = 1000
"""Runs a side, beyond which a number of runs is no plan."""


class Evidence(NamedTuple):
    """What runs say about a claim, in words.

    Args:
        verdict: one of `VERDICTS`.
        runs: how many there are, left / right.
        effect: what they show, with its interval.
        margin: the smallest effect that matters.
        more: about how many more runs would decide it.
    """

    verdict: str
    runs: str
    effect: str = NOTHING
    margin: str = NOTHING
    more: str = NOTHING


@dataclass(frozen=True)
class Rule(Generic[S]):
    """How what is compared becomes a verdict: in words, and as a function."""

    words: str
    judge: Callable[[S], Evidence]


class Compared(NamedTuple):
    """A pair: the difference, its interval at a level, and what that says."""

    estimate: float
    low: float
    high: float
    level: float
    said: str


def above(sides: Pairs) -> Evidence:
    """What runs say about “each left is above its right”; shown is the closest pair."""
    pairs, margin = sides
    lefts, rights = ([pair[side] for pair in pairs.values()] for side in (0, 1))
    runs = _sizes(lefts, rights)
    values = {label: (_values(left), _values(right)) for label, (left, right) in pairs.items()}
    if not values or not all(len(left) and len(right) for left, right in values.values()):
        return Evidence(NOT_RUN, runs or NOTHING)
    found = stepped(values, margin)
    closest = min(found, key=lambda label: found[label].estimate)
    estimate, low, high, level, _ = found[closest]
    words = with_interval(estimate, low, high)
    if len(pairs) > 1:
        words += f"{closest}, at {100 * level:.4g} %"
    needed = [
        _more(runs_to_decide(*pairs[label], margin, each.level, MOST), pairs[label])
        for label, each in found.items()
        if each.said == UNDECIDED
    ]
    verdict = together([each.said for each in found.values()])
    return _weighed(Evidence(verdict, runs, words, number(margin)), needed, margin)


def stepped(values: Mapping[str, tuple[Array, Array]], margin: float) -> dict[str, Compared]:
    """Every pair compared, at the levels of Holm (1979).

    k pairs are compared at 1 − 0.05 / k; those that surely differ leave the family, and the rest
    are compared again at the level of the fewer, until none leaves.
    """
    found: dict[str, Compared] = {}
    left = dict(values)
    while left:
        level = 1 - (1 - LEVEL) / len(left)
        for label, each in left.items():
            shown = difference(*each, level)
            found[label] = Compared(*shown, level, compared(*shown, margin))
        unsure = {label: each for label, each in left.items() if not _sure(found[label])}
        if len(unsure) == len(left):
            break
        left = unsure
    return found


def _sure(found: Compared) -> bool:
    """Whether the two surely differ."""
    return found.low > 0 or found.high < 0


def alike(sides: Likeness) -> Evidence:
    """What runs say about “left and right differ by less than the margin”."""
    return _difference(sides, likened, runs_to_liken)


def no_better(sides: Likeness) -> Evidence:
    """What runs say about “left is not above right by the margin”."""

    def needed(left: Side, right: Side, margin: float, level: float, most: int) -> int | None:
        return runs_to_decide(right + margin, left, 0.0, level, most)

    return _difference(sides, bounded, needed)


def _difference(
    sides: Likeness,
    judge: Callable[[float, float, float], str],
    enough: Callable[[Side, Side, float, float, int], int | None],
) -> Evidence:
    """What the interval of the difference says by a rule, and what would be enough to decide."""
    left, right, margin = sides
    runs, values = _sizes([left], [right]), _values(right)
    if not (len(left) and len(values)):
        return Evidence(NOT_RUN, runs)
    found = difference(left, values)
    needed = _more(enough(left, right, margin, LEVEL, MOST), (left, right))
    verdict = judge(*found[1:], margin)
    evidence = Evidence(verdict, runs, with_interval(*found), number(margin))
    return _weighed(evidence, [needed], margin)


def _weighed(evidence: Evidence, needed: Collection[float], margin: float) -> Evidence:
    """The evidence, with how many more runs would decide it where they are too few."""
    if evidence.verdict != UNDECIDED or isnan(margin):
        return evidence
    most = max(needed)
    words = f"over {MOST:,} more a side" if most > MOST else f"about {most:.0f} more a side"
    return evidence._replace(more=words)


def _more(total: int | None, sides: tuple[Side, Side]) -> float:
    """How many runs the shorter side has too few, if so many a side decide; inf for None."""
    fewest = min(len(side) for side in sides if not isinstance(side, float))
    if fewest < 2:
        return 2 - fewest
    return inf if total is None else max(1, total - fewest)


def never(sides: Count) -> Evidence:
    """Something that must never happen: once is enough against it."""
    runs, times, among, what = sides
    if not among:
        return Evidence(NOT_RUN, str(runs))
    verdict = NOT_REPRODUCED if times else REPRODUCED
    return Evidence(verdict, str(runs), f"{of_all(times, among)} {what}")


def sometimes(shares: Array) -> Evidence:
    """Something that is to happen sometimes; shares (n,): how often it did, by run.

    Where it did not, the claim is undecided, as it may elsewhere.
    """
    if not len(shares):
        return Evidence(NOT_RUN, "0")
    low, high = map(float, interval(shares))
    verdict = REPRODUCED if shares.max() > 0 else UNDECIDED
    return Evidence(verdict, str(len(shares)), with_interval(float(shares.mean()), low, high))


def fact(sides: Fact) -> Evidence:
    """Something that is so or is not."""
    return Evidence(OBSERVED if sides.holds else NOT_REPRODUCED, NOTHING, sides.words)


ABOVE = Rule(
    "above: Welch's 95 % interval of the difference lies above zero, and the difference reaches "
    "the margin; not reproduced if it lies below zero by the margin, or within the margin; each of "
    "k pairs at Holm's level",
    above,
)
ALIKE = Rule(
    "alike: Welch's 95 % interval of the difference lies within the margin; not reproduced if it "
    "lies outside",
    alike,
)
NO_BETTER = Rule(
    "no better: Welch's 95 % interval of the difference ends below the margin; not reproduced if "
    "it begins above it",
    no_better,
)
NEVER = Rule("never: not once in all runs", never)
SOMETIMES = Rule("sometimes: in some run, at least once", sometimes)
FACT = Rule("a fact: it is so or it is not", fact)
RULES = (ABOVE, ALIKE, NO_BETTER, NEVER, SOMETIMES, FACT)


def _values(side: Side) -> Array:
    """One value per run of a side; a number is two runs without spread."""
    return np.full(2, side) if isinstance(side, float) else side


def _sizes(*groups: Collection[Side]) -> str:
    """How many runs each side has, groups parted by a stroke; numbers have none.

    A side that stands in several pairs is counted once.
    """
    own = [{id(side): side for side in group}.values() for group in groups]
    counts = [[str(len(side)) for side in group if not isinstance(side, float)] for group in own]
    return " / ".join(", ".join(each) for each in counts if each)
