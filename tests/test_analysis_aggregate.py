"""Scores over tasks against numbers worked by hand, and against the definitions by brute force."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from analysis.aggregate import (
    bootstrap,
    improvement,
    iqm,
    mean,
    median,
    optimality_gap,
    profile,
)
from analysis.statistics import Array

HAND = [np.array([0.0, 1.0, 2.0, 9.0]), np.array([0.5, 0.5, 1.5, 0.5])]
RNG = np.random.default_rng(1)
MATRIX = RNG.exponential(size=(6, 3))
"""(runs, tasks), as rliable has them."""
TASKS = list(MATRIX.T)
OTHERS = list(RNG.exponential(size=(4, 3)).round(1).T)


def test_numbers_worked_by_hand() -> None:
    """Of 0 0.5 0.5 0.5 1 1.5 2 9 the middle half is 0.5 0.5 1 1.5; the tasks' means are 3, 0.75."""
    assert iqm(HAND) == 0.875
    assert mean(HAND) == median(HAND) == 1.875
    assert optimality_gap(HAND) == pytest.approx(1 - (3 / 4 + 2.5 / 4) / 2)
    assert profile(HAND, np.array([0.4, 0.5, 5.0])).tolist() == [0.875, 0.5, 0.125]


def test_median_is_over_the_means_of_tasks() -> None:
    assert median([np.array([0.0, 9.0, 0.0]), np.array([1.0]), np.array([2.0])]) == 2.0


@pytest.mark.parametrize("runs", [1, 2, 3, 5, 6])
def test_iqm_is_the_trimmed_mean_of_all_runs(runs: int) -> None:
    own = [scores[:runs] for scores in TASKS]
    assert iqm(own) == pytest.approx(stats.trim_mean(MATRIX[:runs], 0.25, axis=None))


def test_gap_and_profile_are_those_of_the_pooled_runs() -> None:
    flat = MATRIX.ravel()
    assert optimality_gap(TASKS, 0.7) == pytest.approx(np.mean([max(0.7 - x, 0) for x in flat]))
    taus = np.array([0.2, 1.0])
    assert profile(TASKS, taus) == pytest.approx([np.mean([x > t for x in flat]) for t in taus])


def _wins(left: Array, right: Array) -> float:
    return float(np.mean([(x > y) + 0.5 * (x == y) for x, y in product(left, right)]))


def test_improvement_counts_pairs_of_runs_task_by_task() -> None:
    left = [scores.round(1) for scores in TASKS]
    by_hand = np.mean([_wins(*pair) for pair in zip(left, OTHERS, strict=True)])
    assert improvement(left, OTHERS) == pytest.approx(by_hand)


def test_improvement_on_one_task_is_that_of_mann_and_whitney() -> None:
    u = stats.mannwhitneyu(TASKS[0], OTHERS[0]).statistic
    assert improvement(TASKS[:1], OTHERS[:1]) == pytest.approx(u / 24)


def test_improvement_of_two_sides_add_up_to_one_ties_being_halves() -> None:
    tied = [np.array([1.0, 2.0]), np.array([1.0, 1.0])]
    assert improvement(tied, tied) == 0.5
    assert improvement([np.array([3.0])], [np.array([1.0, 3.0])]) == 0.75


def _resampled(rng: np.random.Generator) -> list[Array]:
    return [rng.choice(scores, len(scores)) for scores in TASKS]


@pytest.mark.parametrize("statistic", [iqm, mean, optimality_gap])
def test_bootstrap_resamples_runs_within_tasks(statistic: object) -> None:
    """Against a loop that draws one resample after the other with a generator of its own."""
    assert callable(statistic)
    rng = np.random.default_rng(2)
    drawn = [statistic(_resampled(rng)) for _ in range(2000)]
    ours = bootstrap(statistic, TASKS, purpose="a test", draws=20_000)
    assert ours == pytest.approx(np.quantile(drawn, [0.025, 0.975]), abs=0.03)


def test_bootstrap_of_tasks_that_differ_alone_has_no_width() -> None:
    """What lies between tasks is never resampled."""
    low, high = bootstrap(mean, [np.full(4, 1.0), np.full(4, 9.0)], purpose="a test")
    assert (low, high) == (5.0, 5.0)


def test_bootstrap_of_a_profile_has_an_interval_at_every_tau() -> None:
    taus = np.array([-1.0, 0.5, 99.0])
    low, high = bootstrap(lambda tasks: profile(tasks, taus), TASKS, purpose="a test")
    assert (low[0], high[0], low[2], high[2]) == (1, 1, 0, 0)
    assert low[1] < profile(TASKS, taus)[1] < high[1]


def test_bootstrap_of_two_sides_resamples_both() -> None:
    left, right = [np.array([0.0, 2.0])], [np.array([1.0, 1.0])]
    low, high = bootstrap(improvement, left, right, purpose="a test")
    assert (low, high) == (0.0, 1.0)


def test_bootstrap_is_the_same_for_the_same_purpose_alone() -> None:
    first, again, other = (bootstrap(mean, TASKS, purpose=p) for p in ("a", "a", "b"))
    assert first == again != other


def test_bootstrap_with_a_single_run_on_a_task_is_no_interval() -> None:
    assert np.isnan(bootstrap(mean, [TASKS[0], TASKS[1][:1]], purpose="a test")).all()


def test_many_data_sets_are_resampled_at_once() -> None:
    """(…, n): each of two data sets has the interval that it has alone, but for the draws."""
    many = [np.stack([scores, 10 * scores]) for scores in TASKS]
    low, high = bootstrap(mean, many, purpose="a test", draws=20_000)
    alone = bootstrap(mean, TASKS, purpose="a test", draws=20_000)
    assert [low[0], high[0]] == pytest.approx(alone, abs=0.02)
    assert [low[1], high[1]] == pytest.approx(10 * np.array(alone), abs=0.2)
