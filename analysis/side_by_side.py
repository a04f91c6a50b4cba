"""Two sides on one task in words: a table, and what tests say. Nothing is estimated here."""

import math
from collections.abc import Iterator, Sequence

from analysis.pairs import WAYS, Pair, Reached, Side
from analysis.words import NOTHING, counted, number, of_all, with_interval

A, B = "A", "B"


def table(pair: Pair, threshold: float) -> list[list[str]]:
    """The rows of both sides and their difference, in words."""
    sides = pair.left, pair.right
    rows = [["", A, B, f"{A} − {B}"], ["runs", *map(_runs, sides), ""]]
    for name in WAYS:
        means = *(side.means[name] for side in sides), pair.differences[name]
        rows.append([name, *(with_interval(*mean) for mean in means)])
    rows += [
        ["median", *(number(side.median) for side in sides), ""],
        ["interquartile mean", *(number(side.iqm) for side in sides), ""],
        ["middle half of the runs", *(_span(*side.band) for side in sides), ""],
        ["seconds a run, median", *(number(side.seconds) for side in sides), ""],
    ]
    reached = [f"steps to {number(threshold)}", *(_reached(side.reached) for side in sides), ""]
    return [*rows, reached] if math.isfinite(threshold) else rows


def _runs(side: Side) -> str:
    failed = f", {side.failed} failed" if side.failed else ""
    return counted(len(side.scores), side.runs) + failed


def _span(low: float, high: float) -> str:
    return NOTHING if low != low else f"{number(low)} to {number(high)}"


def _reached(reached: Reached) -> str:
    middle = number(reached.median) if math.isfinite(reached.median) else "never"
    return f"{of_all(reached.there, reached.of)}, median {middle}" if reached.of else NOTHING


def told(pair: Pair) -> Iterator[str]:
    """Whether the sides differ, and what difference so many runs would find."""
    if math.isfinite(pair.permutation):
        welch = f", {number(pair.welch)} by Welch's test" if math.isfinite(pair.welch) else ""
        yield f"p = {number(pair.permutation)} by permutation{welch}"
        chance = with_interval(*pair.improvement)
        yield f"a run of {A} scores above one of {B} with a chance of {chance}"
    least = min(len(side.scores) for side in (pair.left, pair.right))
    if math.isfinite(pair.detectable):
        found = f"{pair.detectable:.1f} standard deviations, with a chance of 0.8"
        yield f"{least} a side detect a difference of {found}"
    else:
        yield f"{least} a side detect nothing"


def aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """The rows as lines, column under column."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]
