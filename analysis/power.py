"""How many runs would tell: what n runs a side detect, and how many would decide a claim.

Both take scores to be normal; `coverage.py` says what that is worth where they are not.
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, stats

from analysis.statistics import LEVEL, Array, half_width

Side = Array | float
"""A score per run (n,), or a number, which has no spread."""
FARTHEST = 10.0
"""Where the search for a difference ends, in standard errors beyond the critical value."""


def detectable(n: int, power: float = 0.8) -> float:
    """The difference of two means, in standard deviations, that n runs a side detect.

    So large it must be for the two-sided t test at 95 % to find it, with its sign, with this
    probability, a half or more. At difference d the statistic is noncentral t of 2n − 2 degrees
    of freedom and noncentrality d √(n / 2). Infinite for fewer than two runs a side.
    """
    if n < 2:
        return math.inf
    freedom = 2 * n - 2
    critical = float(stats.t.ppf((1 + LEVEL) / 2, freedom))

    def lacking(shift: float) -> float:
        return float(stats.nct.sf(critical, freedom, shift)) - power

    shift = optimize.brentq(lacking, 0.0, FARTHEST + critical)
    return float(shift / math.sqrt(n / 2))


def runs_to_decide(
    left: Side, right: Side, margin: float, level: float = LEVEL, most: int = 1000
) -> int | None:
    """About how many runs a side, in all, would decide “left is above right by the margin”.

    left, right: (n,) scores of runs, or a number without spread. If means and spreads stay as
    they are, Welch's interval of so many runs a side lies above zero where the difference reaches
    the margin, below zero where it does so downwards, and within the margin where it is smaller.
    None where more than `most` a side are needed, or a side has fewer than two runs.
    """
    return _runs(left, right, lambda gap: gap if gap >= margin else margin - gap, level, most)


def runs_to_liken(
    left: Side, right: Side, margin: float, level: float = LEVEL, most: int = 1000
) -> int | None:
    """About how many runs a side, in all, would decide “left and right are alike”.

    As `runs_to_decide`, for an interval that lies within the margin, or outside.
    """
    return _runs(left, right, lambda gap: abs(margin - gap), level, most)


def _runs(
    left: Side, right: Side, room: Callable[[float], float], level: float, most: int
) -> int | None:
    """The fewest runs a side whose interval reaches less far from its middle than there is room.

    room: of the distance between the two means.
    """
    sides = [np.full(2, side) if isinstance(side, float) else side for side in (left, right)]
    if min(map(len, sides)) < 2:
        return None
    gap = abs(float(sides[0].mean() - sides[1].mean()))
    n = np.arange(2, most + 1)
    own, other = (side.var(ddof=1) / n for side in sides)
    enough = n[half_width(own, other, n, n, level) < room(gap)]
    return int(enough[0]) if len(enough) else None
