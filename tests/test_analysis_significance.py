"""Tests of difference against scipy, against brute force, and against numbers worked by hand."""

import itertools

import numpy as np
import pytest
from scipy import stats

from analysis.significance import SPLITS, permutation, welch
from analysis.streams import stream

LOW = np.array([1.0, 2.0, 3.0, 4.0, 5.0])
OTHER = np.array([2.0, 2.5, 7.0, 4.5])


def test_welch_is_that_of_scipy() -> None:
    assert welch(LOW, OTHER) == stats.ttest_ind(LOW, OTHER, equal_var=False).pvalue


def test_welch_of_a_single_run_is_not_a_number() -> None:
    assert np.isnan(welch(LOW, OTHER[:1]))


def test_welch_of_runs_without_spread_sees_whether_they_are_equal() -> None:
    assert welch(np.ones(3), np.ones(2)) == 1.0
    assert welch(np.full(3, 0.1), np.zeros(2)) == 0.0


def test_five_above_five_have_the_smallest_p_that_there_is() -> None:
    """Of 252 splits, the one observed and its mirror image are as far apart."""
    assert permutation(LOW + 10, LOW) == 2 / 252


def test_permutation_counts_splits_as_far_apart_as_the_one_observed() -> None:
    """{1, 2} against {3, 7}: 3.5 apart; {1, 3} are 2.5 from the rest and {1, 7} 1.5."""
    assert permutation(np.array([1.0, 2.0]), np.array([3.0, 7.0])) == pytest.approx(2 / 6)


def test_splits_equal_but_for_their_rounding_are_all_counted() -> None:
    """0.1 + 0.2 is not 0.3, and every split of these is as good as any other with the same sum."""
    left, right = np.array([0.1, 0.2, 0.3]), np.array([0.3, 0.2, 0.1])
    assert permutation(left, right) == 1.0


def test_permutation_agrees_with_scipy_for_sides_of_unequal_size() -> None:
    theirs = stats.permutation_test(
        (LOW, OTHER), lambda a, b: abs(np.mean(a) - np.mean(b)), alternative="greater"
    )
    assert permutation(LOW, OTHER) == pytest.approx(theirs.pvalue)


def test_many_runs_are_split_at_random_and_the_same_way_every_time() -> None:
    """8 against 8 have 12,870 splits; all of them, counted here, are the oracle."""
    rng = np.random.default_rng(8)
    left, right = rng.normal(size=8) + 0.8, rng.normal(size=8)
    both, ours = np.concatenate([left, right]), permutation(left, right)
    sums = np.array([both[list(x)].sum() for x in itertools.combinations(range(16), 8)])
    far = np.abs(2 * sums - both.sum()) / 8
    exact = (far >= abs(left.mean() - right.mean()) - 1e-12).mean()
    assert ours == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / SPLITS))
    assert permutation(left, right) == ours


def test_a_p_of_drawn_splits_is_never_zero() -> None:
    """Of 184,756 splits two are as far apart: the one observed, counted, and one not drawn."""
    assert permutation(np.arange(10.0) + 100, np.arange(10.0)) == 1 / (SPLITS + 1)


def test_permutation_against_nothing_is_not_a_number() -> None:
    assert np.isnan(permutation(LOW, LOW[:0]))


def test_permutation_rejects_equal_sides_no_more_often_than_it_says() -> None:
    rng = np.random.default_rng(9)
    sides = rng.exponential(size=(400, 2, 4))
    rejected = np.mean([permutation(*pair) <= 0.05 for pair in sides])
    assert rejected <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_streams_are_their_purposes() -> None:
    same, other = stream("a").random(3), stream("b").random(3)
    assert stream("a").random(3).tolist() == same.tolist()
    assert not np.isin(same, other).any()
