"""States drawn while they are visited: each with the chance that its weight gives it."""

import numpy as np
import pytest

from trpo.samplers.rollout_set import RolloutSet
from trpo.types import Array


def drawn(rng: np.random.Generator, size: int, weights: Array) -> list[tuple[int, int]]:
    """States (step, row) drawn from those with weights (T, N)."""
    kept = RolloutSet(size, rng)
    for step, line in enumerate(weights):
        rows = np.arange(len(line)) + 1
        kept.offer(step, line, lambda rows, step=step: [(step, int(row)) for row in rows], rows)
    (steps, rows), snapshots = kept.states()
    assert [*zip(steps, rows, strict=True)] == snapshots == sorted(snapshots)
    assert len({*snapshots}) == min(size, weights.size)  # without replacement
    return snapshots


def frequencies(draws: int, size: int, weights: Array) -> Array:
    """How often each state was drawn (T, N)."""
    rng, counts = np.random.default_rng(1), np.zeros(weights.shape)
    for _ in range(draws):
        for step, row in drawn(rng, size, weights):
            counts[step, row - 1] += 1
    return counts / draws


@pytest.mark.parametrize("size", [1, 3, 11])
def test_uniform_draws_give_every_visited_state_the_same_chance(size: int) -> None:
    p, draws = size / 12, 1500
    deviation = frequencies(draws, size, np.ones((4, 3))) - p
    assert abs(deviation).max() < 3.5 * (p * (1 - p) / draws) ** 0.5


def test_discounted_draws_are_in_proportion_to_the_discount() -> None:
    weights, draws = 0.6 ** np.arange(5)[:, None] * np.ones((5, 2)), 2500
    p = weights / weights.sum()
    found = frequencies(draws, 1, weights)
    assert (abs(found - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


def test_the_second_of_two_draws_is_in_proportion_to_what_is_left() -> None:
    w, draws = np.array([[0.5, 0.3, 0.2]]), 4000
    first = w[0]
    p = np.array([first[i] + sum(first[j] * first[i] / (1 - first[j]) for j in range(3) if j != i)
                  for i in range(3)])  # fmt: skip
    assert (abs(frequencies(draws, 2, w)[0] - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


@pytest.mark.parametrize("size", [12, 50])
def test_all_states_are_drawn_where_there_are_no_more(size: int) -> None:
    every = [(step, row) for step in range(4) for row in (1, 2, 3)]
    assert drawn(np.random.default_rng(0), size, np.ones((4, 3))) == every
