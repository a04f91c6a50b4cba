"""Discounted sums and advantages against hand-computed numbers and obvious loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trpo.estimators import discounted_sums, gae, monte_carlo
from trpo.types import Array

Paths = tuple[Array, Array, Array, Array]

# Three rows of four steps, γ = λ = ½: a termination, a time limit and the batch's end.
REWARDS = np.array([[1, 2, 4], [2, 8, 2], [4, 4, 8], [8, 2, 4]], float)
VALUES = np.array([[2, 4, 8], [4, 2, 4], [2, 8, 2], [4, 4, 4]], float)
ENDED = np.array([[0, 0, 0], [1, 1, 0], [0, 0, 0], [1, 1, 1]], bool)
AFTER = np.array([[0, 0, 0], [0, 16, 0], [0, 0, 0], [0, 0, 32]], float)
# Row 0 terminates twice; row 1 meets the time limit (16 follows), then terminates; row 2 is cut
# by the batch's end (32 follows).
MONTE_CARLO = np.array([[2, 10, 9.5], [2, 16, 11], [8, 5, 18], [8, 2, 20]], float)
GAE = np.array([[0.5, 2.5, -1.5], [-2, 14, 2], [5, -2.5, 12], [4, -2, 16]], float)


def loop(paths: Paths, gamma: float, lam: float) -> Array:
    """Every advantage as its own sum over the rest of its path."""
    rewards, values, ended, after = paths
    advantages = np.zeros(rewards.shape)
    for t, n in np.ndindex(*rewards.shape):
        for u in range(t, len(rewards)):
            follows = after[u, n] if ended[u, n] else values[u + 1, n]
            delta = rewards[u, n] + gamma * follows - values[u, n]
            advantages[t, n] += (gamma * lam) ** (u - t) * delta
            if ended[u, n]:
                break
    return advantages


def random_paths(seed: int, steps: int, rows: int) -> Paths:
    """Random paths of which some end in a cut; all end at the last step."""
    rng = np.random.default_rng(seed)
    rewards, values, after = rng.standard_normal((3, steps, rows))
    ended = rng.random((steps, rows)) < 0.3
    ended[-1] = True
    return rewards, values, ended, np.where(ended & (rng.random((steps, rows)) < 0.5), after, 0.0)


shapes = {
    "seed": st.integers(0, 999),
    "steps": st.integers(1, 12),
    "rows": st.integers(1, 4),
    "gamma": st.floats(0, 1),
}


def test_monte_carlo_on_paths_worked_out_by_hand() -> None:
    assert np.array_equal(monte_carlo(REWARDS, ENDED, AFTER, 0.5), MONTE_CARLO)


def test_gae_on_paths_worked_out_by_hand() -> None:
    found = gae(REWARDS, VALUES, ENDED, AFTER, gamma=0.5, lam=0.5)
    assert found == pytest.approx(GAE)


@given(**shapes, lam=st.floats(0, 1))
def test_gae_is_its_sum_written_out(
    seed: int, steps: int, rows: int, gamma: float, lam: float
) -> None:
    paths = random_paths(seed, steps, rows)
    assert gae(*paths, gamma=gamma, lam=lam) == pytest.approx(loop(paths, gamma, lam), abs=1e-9)


@given(**shapes)
def test_gae_without_values_and_decay_is_monte_carlo_is_a_double_loop(
    seed: int, steps: int, rows: int, gamma: float
) -> None:
    rewards, values, ended, after = random_paths(seed, steps, rows)
    found = gae(rewards, 0 * values, ended, after, gamma=gamma, lam=1.0)
    assert found == pytest.approx(monte_carlo(rewards, ended, after, gamma), abs=1e-9)
    assert found == pytest.approx(loop((rewards, 0 * values, ended, after), gamma, 1.0), abs=1e-9)


@given(**shapes)
def test_gae_at_lambda_one_is_monte_carlo_less_the_value(
    seed: int, steps: int, rows: int, gamma: float
) -> None:
    rewards, values, ended, after = random_paths(seed, steps, rows)
    found = gae(rewards, values, ended, after, gamma=gamma, lam=1.0)
    assert found == pytest.approx(monte_carlo(rewards, ended, after, gamma) - values, abs=1e-9)


@given(**shapes)
def test_gae_at_lambda_zero_is_the_one_step_error(
    seed: int, steps: int, rows: int, gamma: float
) -> None:
    rewards, values, ended, after = random_paths(seed, steps, rows)
    follows = np.where(ended, after, np.roll(values, -1, axis=0))
    found = gae(rewards, values, ended, after, gamma=gamma, lam=0.0)
    assert found == pytest.approx(rewards + gamma * follows - values, abs=1e-12)


def test_exact_values_have_no_advantage() -> None:
    _, _, ended, _ = random_paths(0, 10, 3)
    rewards = np.ones(ended.shape)
    values = monte_carlo(rewards, ended, np.zeros(ended.shape), 0.9)
    found = gae(rewards, values, ended, np.zeros(ended.shape), gamma=0.9, lam=0.7)
    assert found == pytest.approx(np.zeros(ended.shape))


@given(**shapes)
def test_what_happens_on_one_path_changes_no_other(
    seed: int, steps: int, rows: int, gamma: float
) -> None:
    x, _, ended, _ = random_paths(seed, steps, rows)
    path = np.cumsum(np.vstack([np.zeros((1, rows)), ended[:-1]]), axis=0) + 100 * np.arange(rows)
    changed = np.where(path == path[-1, -1], x + 1, x)
    first, second = (discounted_sums(y, ended, gamma) for y in (x, changed))
    assert np.array_equal(first[path != path[-1, -1]], second[path != path[-1, -1]])
    assert (first != second)[path == path[-1, -1]].all()
