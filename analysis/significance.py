"""Tests of whether two sides differ, each two-sided.

A p-value says how surprising a difference would be if there were none, never how large it is: it
stands beside an interval, not in its place.
"""

import itertools
import math
from collections.abc import Iterator

import numpy as np
from scipy import stats

from analysis.statistics import Array
from analysis.streams import stream

SPLITS = 10_000
"""So many ways to split the runs are all looked at; of more, so many are drawn."""


def welch(left: Array, right: Array) -> float:
    """The p of equal means by Welch's t test; NaN where a side, (n,) or (m,), has a single run.

    Where neither side varies, 1 if they are equal and 0 if not.
    """
    if min(len(left), len(right)) < 2:
        return math.nan
    if np.ptp(left) + np.ptp(right) == 0:
        return float(left[0] == right[0])
    return float(stats.ttest_ind(left, right, equal_var=False).pvalue)


def permutation(left: Array, right: Array) -> float:
    """The p of runs that do not care which side they are on, by the difference of the means.

    It is the share of splits of all runs into n and m whose means lie as far apart as those of
    left (n,) and right (m,). All splits where there are at most `SPLITS`; otherwise so many are
    drawn, and the one observed is counted with them, so that p is never 0 (Phipson and Smyth
    2010). Five against five have 252 splits, and no smaller p than 2 / 252. NaN where a side is
    empty.
    """
    n, both = len(left), np.concatenate([left, right])
    if n in (0, len(both)):
        return math.nan
    count = math.comb(len(both), n)
    chosen = np.array(list(_all(len(both), n) if count <= SPLITS else _drawn(len(both), n)))
    sums = both[chosen].sum(axis=1)
    far = np.abs(sums / n - (both.sum() - sums) / (len(both) - n))
    observed = abs(left.mean() - right.mean())
    least = observed - 1e-12 * np.abs(both).max()  # the same sum in another order
    return float((far >= least).mean())


def _all(runs: int, n: int) -> Iterator[tuple[int, ...]]:
    """Every choice of n of the runs."""
    return itertools.combinations(range(runs), n)


def _drawn(runs: int, n: int) -> Iterator[Array]:
    """The choice that was observed, the first n runs, and `SPLITS` at random."""
    rng = stream("permutation test")
    yield np.arange(n)
    for _ in range(SPLITS):
        yield rng.permutation(runs)[:n]
