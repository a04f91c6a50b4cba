"""The verdicts, and what the interval of a difference says by each kind of rule."""

from collections.abc import Collection

REPRODUCED, NOT_REPRODUCED, UNDECIDED, NOT_RUN, OBSERVED = VERDICTS = (
    *("reproduced", "not reproduced", "undecided", "not run", "observed"),
)
"""What runs say about a claim; the last is of facts that need no run."""


def compared(estimate: float, low: float, high: float, margin: float) -> str:
    """What the interval [low, high] of left less right says about “left is above right”.

    A difference that is surely there yet smaller than the margin decides nothing by itself; one
    that is surely smaller than the margin is none that matters.
    """
    if low > 0 and estimate >= margin:
        return REPRODUCED
    below = high < 0 and estimate <= -margin
    small = -margin < low and high < margin
    return NOT_REPRODUCED if below or small else UNDECIDED


def likened(low: float, high: float, margin: float) -> str:
    """What the interval [low, high] of a difference says about “the two are alike”."""
    if -margin < low and high < margin:
        return REPRODUCED
    return NOT_REPRODUCED if low > margin or high < -margin else UNDECIDED


def together(each: Collection[str]) -> str:
    """What comparisons with each of several rivals say about “above them all”."""
    return next(verdict for verdict in (NOT_REPRODUCED, UNDECIDED, REPRODUCED) if verdict in each)


def bounded(low: float, high: float, margin: float) -> str:
    """What the interval [low, high] of left less right says about “left is no better”."""
    if high < margin:
        return REPRODUCED
    return NOT_REPRODUCED if low > margin else UNDECIDED
