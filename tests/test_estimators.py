"""Discounted sums and advantages against hand-computed numbers and obvious loops."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trpo.estimators import gae, monte_carlo
from trpo.types import Array

Paths = tuple[Array, Array, Array, Array]

# Five paths, row after row of four steps each; γ = λ = ½. Row 0 terminates twice; row 1 meets the
# time limit (16 follows), then terminates; row 2 is cut by the batch's end (32 follows).
REWARDS = np.array([1, 2, 4, 8, 2, 8, 4, 2, 4, 2, 8, 4], float)
VALUES = np.array([2, 4, 2, 4, 4, 2, 8, 4, 8, 4, 2, 4], float)
ENDED = np.array([0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 0, 1], bool)
AFTER = np.array([0, 0, 0, 0, 0, 16, 0, 0, 0, 0, 0, 32], float)
MONTE_CARLO = np.array([2, 2, 8, 8, 10, 16, 5, 2, 9.5, 11, 18, 20], float)
GAE = np.array([0.5, -2, 5, 4, 2.5, 14, -2.5, -2, -1.5, 2, 12, 16], float)


def loop(paths: Paths, gamma: float, lam: float) -> Array:
    """Every advantage as its own sum over the rest of its path."""
    rewards, values, ended, after = paths
    advantages = np.zeros(len(rewards))
    for t in range(len(rewards)):
        for u in range(t, len(rewards)):
            follows = after[u] if ended[u] else values[u + 1]
            advantages[t] += (gamma * lam) ** (u - t) * (rewards[u] + gamma * follows - values[u])
            if ended[u]:
                break
    return advantages


def returns(paths: Paths, gamma: float) -> Array:
    """Every return as its own sum over the rest of its path and what follows it."""
    rewards, _, ended, after = paths
    q = np.zeros(len(rewards))
    for t in range(len(rewards)):
        for u in range(t, len(rewards)):
            q[t] += gamma ** (u - t) * rewards[u]
            if ended[u]:
                q[t] += gamma ** (u - t + 1) * after[u]
                break
    return q


def random_paths(seed: int, steps: int) -> Paths:
    """Random paths of which some end in a cut, and the last one with the last step."""
    rng = np.random.default_rng(seed)
    rewards, values, after = rng.standard_normal((3, steps))
    ended = rng.random(steps) < 0.3
    ended[-1] = True
    return rewards, values, ended, np.where(ended & (rng.random(steps) < 0.5), after, 0.0)


shapes = {"seed": st.integers(0, 999), "steps": st.integers(1, 40), "gamma": st.floats(0, 1)}


def test_monte_carlo_on_paths_worked_out_by_hand() -> None:
    assert np.array_equal(monte_carlo(REWARDS, ENDED, AFTER, 0.5), MONTE_CARLO)


def test_gae_on_paths_worked_out_by_hand() -> None:
    found = gae(REWARDS, VALUES, ENDED, AFTER, gamma=0.5, lam=0.5)
    assert found == pytest.approx(GAE)


@given(**shapes, lam=st.floats(0, 1))
def test_gae_is_its_sum_written_out(seed: int, steps: int, gamma: float, lam: float) -> None:
    paths = random_paths(seed, steps)
    assert gae(*paths, gamma=gamma, lam=lam) == pytest.approx(loop(paths, gamma, lam), abs=1e-9)


@given(**shapes)
def test_monte_carlo_is_its_sum_written_out(seed: int, steps: int, gamma: float) -> None:
    rewards, values, ended, after = random_paths(seed, steps)
    found = monte_carlo(rewards, ended, after, gamma)
    expected = returns((rewards, values, ended, after), gamma)
    assert found == pytest.approx(expected, abs=1e-9)


@given(**shapes)
def test_gae_without_values_and_decay_is_monte_carlo(seed: int, steps: int, gamma: float) -> None:
    rewards, values, ended, after = random_paths(seed, steps)
    found = gae(rewards, 0 * values, ended, after, gamma=gamma, lam=1.0)
    assert found == pytest.approx(monte_carlo(rewards, ended, after, gamma), abs=1e-9)


@given(**shapes)
def test_gae_at_lambda_one_is_monte_carlo_less_the_value(
    seed: int, steps: int, gamma: float
) -> None:
    rewards, values, ended, after = random_paths(seed, steps)
    found = gae(rewards, values, ended, after, gamma=gamma, lam=1.0)
    assert found == pytest.approx(monte_carlo(rewards, ended, after, gamma) - values, abs=1e-9)


@given(**shapes)
def test_gae_at_lambda_zero_is_the_one_step_error(seed: int, steps: int, gamma: float) -> None:
    rewards, values, ended, after = random_paths(seed, steps)
    follows = np.where(ended, after, np.roll(values, -1))
    found = gae(rewards, values, ended, after, gamma=gamma, lam=0.0)
    assert found == pytest.approx(rewards + gamma * follows - values, abs=1e-12)


def test_exact_values_have_no_advantage() -> None:
    _, _, ended, _ = random_paths(0, 30)
    rewards, nothing = np.ones(len(ended)), np.zeros(len(ended))
    values = monte_carlo(rewards, ended, nothing, 0.9)
    found = gae(rewards, values, ended, nothing, gamma=0.9, lam=0.7)
    assert found == pytest.approx(nothing)


@given(**shapes, which=st.floats(0, 1))
def test_what_happens_on_one_path_changes_no_other(
    seed: int, steps: int, gamma: float, which: float
) -> None:
    rewards, values, ended, after = random_paths(seed, steps)
    path = np.cumsum([0, *ended[:-1]])
    own = path == round(which * path[-1])
    others = [np.where(own, x + 1, x) for x in (rewards, values)]
    changed = others[0], others[1], ended, np.where(own & ended, after + 1, after)
    first, second = (
        (monte_carlo(r, e, a, gamma), gae(r, v, e, a, gamma, 0.7))
        for r, v, e, a in ((rewards, values, ended, after), changed)
    )
    for one, other in zip(first, second, strict=True):
        assert np.array_equal(one[~own], other[~own])
    assert (first[0] != second[0])[own].all()


def test_what_is_given_stays_as_it_was() -> None:
    paths = random_paths(3, 20)
    before = [x.copy() for x in paths]
    rewards, _, ended, after = paths
    monte_carlo(rewards, ended, after, 0.9)
    gae(*paths, 0.9, 0.7)
    assert all(np.array_equal(x, y) for x, y in zip(paths, before, strict=True))
