"""States drawn while they are visited: each with the chance that its weight gives it."""

from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trpo.samplers.rollout_set import RolloutSet
from trpo.types import Array

Place = tuple[int, int]
Offer = tuple[list[int], list[int]]
"""Rows and steps that are offered at once."""


def drawn(seed: int, size: int, decay: float, offers: list[Offer], ages: Array) -> list[Place]:
    """Places (row, step) drawn of these offers; the states' ages are (rows, steps)."""
    kept = RolloutSet(size, np.random.SeedSequence(seed, spawn_key=(3,)), decay)
    for rows, steps in offers:
        places = [*zip(rows, steps, strict=True)]
        kept.offer(np.array(rows), np.array(steps), ages[rows, steps], places.__getitem__)
    (rows, steps), snapshots = kept.states()
    assert [*zip(rows, steps, strict=True)] == snapshots == sorted(snapshots)
    assert len({*snapshots}) == min(size, ages.size)  # without replacement
    return snapshots


def step_by_step(ages: Array) -> list[Offer]:
    """All rows of a step at once, as rows side by side offer them."""
    rows = [*range(len(ages))]
    return [(rows, [step] * len(rows)) for step in range(ages.shape[1])]


def row_by_row(ages: Array) -> list[Offer]:
    """All steps of a row at once, as rows on their own do."""
    steps = [*range(ages.shape[1])]
    return [([row] * len(steps), steps) for row in range(len(ages))]


def frequencies(draws: int, size: int, ages: Array, decay: float = 1.0) -> Array:
    """How often each state was drawn (rows, steps)."""
    counts = np.zeros(ages.shape)
    for seed in range(draws):
        for place in drawn(seed, size, decay, step_by_step(ages), ages):
            counts[place] += 1
    return counts / draws


@pytest.mark.parametrize("size", [1, 3, 11])
def test_uniform_draws_give_every_visited_state_the_same_chance(size: int) -> None:
    p, draws = size / 12, 1500
    ages = np.tile(np.arange(4), (3, 1))
    deviation = frequencies(draws, size, ages) - p
    assert abs(deviation).max() < 3.5 * (p * (1 - p) / draws) ** 0.5


def test_discounted_draws_are_in_proportion_to_the_discount() -> None:
    ages, draws = np.tile(np.arange(5), (2, 1)), 2500
    weights = 0.6**ages
    p = weights / weights.sum()
    found = frequencies(draws, 1, ages, 0.6)
    assert (abs(found - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


def test_the_age_counts_and_not_the_step() -> None:
    ages, draws = np.array([[4, 0, 1], [0, 1, 2]]), 2500  # a row began within an episode
    p = 0.5**ages / (0.5**ages).sum()
    found = frequencies(draws, 1, ages, 0.5)
    assert (abs(found - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


def test_the_second_of_two_draws_is_in_proportion_to_what_is_left() -> None:
    ages, draws = np.array([[0, 1, 2]]), 4000
    w = 0.6 ** ages[0]
    first = w / w.sum()
    p = np.array([first[i] + sum(first[j] * first[i] / (1 - first[j]) for j in range(3) if j != i)
                  for i in range(3)])  # fmt: skip
    assert (abs(frequencies(draws, 2, ages, 0.6)[0] - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


@pytest.mark.parametrize("size", [12, 50])
def test_all_states_are_drawn_where_there_are_no_more(size: int) -> None:
    ages = np.zeros((3, 4), int)
    every = [(row, step) for row in range(3) for step in range(4)]
    assert drawn(0, size, 1.0, step_by_step(ages), ages) == every


@given(st.integers(0, 999), st.integers(1, 12), st.sampled_from([0.5, 1.0]), st.randoms())
def test_the_order_in_which_states_are_offered_changes_nothing(
    seed: int, size: int, decay: float, random: Random
) -> None:
    ages = np.tile(np.arange(300), (3, 1))  # more steps than keys are drawn at once
    one_by_one = [([row], [step]) for row in range(3) for step in range(300)]
    random.shuffle(one_by_one)
    orders = step_by_step(ages), row_by_row(ages), row_by_row(ages)[::-1], one_by_one
    first, *others = (drawn(seed, size, decay, offers, ages) for offers in orders)
    assert all(other == first for other in others)


def test_a_state_is_kept_or_not_whatever_other_rows_do() -> None:
    ages = np.tile(np.arange(50), (4, 1))
    few, many = (drawn(0, 200, 1.0, row_by_row(a), a) for a in (ages[:2], ages))
    assert few == many[: len(few)]
    some = drawn(0, 20, 1.0, row_by_row(ages), ages)
    assert {place for place in some if place[0] < 2} <= {
        *drawn(0, 20, 1.0, row_by_row(ages[:2]), ages[:2])
    }


def test_weights_that_are_as_good_as_nothing_do_no_harm() -> None:
    ages = np.arange(5000)[None]
    places = drawn(0, 3, 1e-6, row_by_row(ages), ages)
    assert places == [(0, 0), (0, 1), (0, 2)]


def test_only_what_stays_for_the_time_being_is_saved() -> None:
    saved = []
    kept = RolloutSet(5, np.random.SeedSequence(0))
    for step in range(2000):
        kept.offer(np.arange(2), np.full(2, step), np.full(2, step), saved.append)
    assert len(saved) < 100  # about 5 (1 + log(4000 / 5))
