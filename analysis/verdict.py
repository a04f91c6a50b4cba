"""What an interval says about a claim, given the smallest effect that matters."""

from collections.abc import Collection

from analysis.names import ALIKE, CONTRADICTED, SUPPORTED, UNDECIDED


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
