"""Example MDPs against what they say they are, by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trpo.tabular.examples import (
    chain,
    extreme,
    fork,
    garnet,
    gridworld,
    random_policies,
    tied,
)
from trpo.tabular.mdp import (
    advantages,
    checked,
    checked_policy,
    eta,
    surrogate,
    total_variation,
    values,
    visitation,
)
from trpo.types import Array


def near(expected: Array | list[float]) -> object:
    """Equal but for rounding."""
    return pytest.approx(np.asarray(expected), rel=1e-12, abs=1e-12)


def test_garnet_leads_to_as_many_states_as_it_should_and_repeats_itself() -> None:
    mdp, again = (garnet(np.random.default_rng(7), 500, branching=2, gamma=0.8) for _ in range(2))
    assert mdp.rewards.shape == (500, 20, 4)
    assert ((mdp.transitions > 0).sum(axis=3) == 2).all()
    assert ((mdp.start > 0).all()) and (mdp.gamma == 0.8).all()
    assert all(np.array_equal(x, y) for x, y in zip(mdp, again, strict=True))
    assert not np.array_equal(mdp.transitions[0], mdp.transitions[1])
    pieces = mdp.transitions[mdp.transitions > 0]  # uniform, as one cut is
    assert pieces.var() == pytest.approx(1 / 12, rel=0.02)
    assert mdp.rewards.std() == pytest.approx(1, rel=0.02)
    assert mdp.start.var() == pytest.approx(19 / (20**2 * 21), rel=0.05)  # Beta(1, 19)
    leads = (mdp.transitions > 0).mean(axis=(0, 1, 2))
    assert leads == pytest.approx(np.full(20, 0.1), rel=0.05)


@given(st.integers(0, 999), st.integers(1, 5), st.data())
def test_garnet_is_an_mdp_at_every_size(seed: int, states: int, data: st.DataObject) -> None:
    rng, branching = np.random.default_rng(seed), data.draw(st.integers(1, states))
    mdp = garnet(rng, 3, states=states, actions=2, branching=branching)
    assert checked(mdp) is mdp
    assert checked_policy(random_policies(rng, mdp, concentration=0.01), mdp) is not None


def test_small_concentration_is_nearly_deterministic() -> None:
    rng = np.random.default_rng(0)
    mdp = garnet(rng, 100)
    broad, narrow = (random_policies(rng, mdp, concentration=c) for c in (1.0, 0.01))
    assert broad.max(axis=2).mean() == pytest.approx(25 / 48, rel=0.02)  # (1 + ½ + ⅓ + ¼) / 4
    assert narrow.max(axis=2).mean() > 0.97


def test_gridworld_by_hand() -> None:
    mdp = gridworld(rows=2, columns=3, slip=0.2, gamma=0.5)
    up, down, left, right = 0.05 + 0.8 * np.eye(4)[:, [0, 1, 2, 3]]
    assert mdp.transitions[0, 0, 3] == near([right[0] + right[2], right[3], 0, right[1], 0, 0])
    assert mdp.transitions[0, 4, 0] == near([0, up[0], 0, up[2], up[1], up[3]])
    assert mdp.transitions[0, 4, 1] == near([0, down[0], 0, down[2], down[1], down[3]])
    assert mdp.transitions[0, 1, 2] == near([left[2], left[0], left[3], 0, left[1], 0])
    assert (mdp.transitions[0, 5] == np.eye(6)[5]).all() and (mdp.rewards[0, 5] == 0).all()
    assert mdp.rewards[0, 2] == near([0.05, 0.85, 0.05, 0.05])
    assert mdp.rewards[0, 4] == near([0.05, 0.05, 0.05, 0.85])
    assert mdp.start.tolist() == [[1, 0, 0, 0, 0, 0]]


def test_shortest_path_through_a_gridworld_is_worth_its_discount() -> None:
    mdp = gridworld(rows=3, columns=3, slip=0.0, gamma=0.9)
    right_then_down = np.eye(4)[[[3, 3, 1] * 3]]
    assert eta(mdp, right_then_down) == near([0.9**3])


def test_chain_by_hand() -> None:
    mdp = chain(states=3, cost=2.0, gamma=0.5)
    staying, advancing = (np.eye(2)[[[a] * 3]] for a in (0, 1))
    assert (values(mdp, staying) == 0).all()
    assert advantages(mdp, staying).tolist() == [[[0, 1], [0, -2], [0, -2]]]
    assert values(mdp, advancing) == near(np.array([[-1, -4, -4]]))


def test_extreme_by_hand() -> None:
    mdp, old, new = extreme(alpha=0.25, gamma=0.5)
    assert new.tolist() == [[[0.25, 0.5, 0.25], [0.75, 0.25, 0.0]]]
    assert (values(mdp, old) == 0).all()
    assert (advantages(mdp, old) == mdp.rewards).all()
    assert total_variation(old, new) == near(np.full((1, 2), 0.25))
    assert visitation(mdp, new) == near(np.array([[8 / 5, 2 / 5]]))
    assert eta(mdp, new) == near([8 / 5 * 0.5 - 2 / 5 * 0.5])
    checked_policy(new, mdp)


def test_tied_policies_do_the_same_everywhere() -> None:
    assert tied(chain(states=2), np.array([0.25, 0.75])).tolist() == [[[0.25, 0.75]] * 2]


def test_fork_by_hand() -> None:
    mdp, old, new = fork(alpha=0.25, gamma=0.5)
    checked_policy(new, mdp)
    assert total_variation(old, new) == near(np.full((1, 3), 0.25))
    assert surrogate(mdp, old, new) == near([0.0])
    assert eta(mdp, new) == near([-0.25])
