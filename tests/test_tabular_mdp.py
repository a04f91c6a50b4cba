"""Exact values, visits and gradients against loops, finite differences, autograd and by hand."""

import math
import re
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tabular_cases import Case, cases

from trpo.tabular.examples import chain, garnet, two_state
from trpo.tabular.mdp import (
    MDP,
    action_values,
    advantages,
    checked,
    checked_policy,
    eta,
    eta_gradient,
    kl,
    mean_advantages,
    performance_difference,
    reached,
    softmax,
    surrogate,
    surrogate_gradient,
    total_variation,
    under,
    values,
    visitation,
)
from trpo.types import Array, Tensor

STEPS = 350  # γ ≤ 0.9: what comes later is worth less than 1e-14
UNIFORM = np.full((1, 2, 2), 0.5)


def near(expected: Array | float, absolute: float = 1e-10) -> object:
    """Equal up to `absolute`, whatever the size."""
    return pytest.approx(expected, rel=1e-12, abs=absolute)


def looped_values(mdp: MDP, pi: Array, n: int) -> list[float]:
    """V of MDP n, one step of reward after the other."""
    states, actions = (range(k) for k in pi.shape[1:])
    v = [0.0 for _ in states]
    for _ in range(STEPS):
        following = [[sum(mdp.transitions[n, s, a] * v) for a in actions] for s in states]
        v = [
            sum(
                pi[n, s, a] * (mdp.rewards[n, s, a] + mdp.gamma[n] * following[s][a])
                for a in actions
            )
            for s in states
        ]
    return v


def pushed(mdp: MDP, pi: Array) -> Array:
    """γᵗ P(s_t = s) (STEPS, N, S), one step after the other, without a matrix P_π."""
    weights = [mdp.start]
    for _ in range(STEPS - 1):
        here = weights[-1][:, :, None] * pi
        weights.append(mdp.gamma[:, None] * np.einsum("nsa,nsaz->nz", here, mdp.transitions))
    return np.stack(weights)


def autograd(mdp: MDP, logits: Array, old: Array | None = None) -> Array:
    """∇η, or where `old` is given ∇L_old, by torch through the linear systems."""
    p, r, start, gamma = (torch.as_tensor(x) for x in mdp)

    def solved(pi: Tensor) -> tuple[Tensor, Tensor]:
        system = torch.eye(pi.shape[1]) - gamma[:, None, None] * torch.einsum(
            "nsa,nsaz->nsz", pi, p
        )
        v = torch.linalg.solve(system, (pi * r).sum(-1))
        return v, torch.linalg.solve(system.transpose(1, 2), start)

    x = torch.tensor(logits, requires_grad=True)
    if old is None:
        level = (start * solved(x.softmax(-1))[0]).sum()
    else:
        v, rho = solved(torch.as_tensor(old))
        q = r + gamma[:, None, None] * torch.einsum("nsaz,nz->nsa", p, v)
        level = (rho[:, :, None] * x.softmax(-1) * (q - v[:, :, None])).sum()
    level.backward()
    assert x.grad is not None
    return x.grad.numpy()


def broken(name: str, place: tuple[int, ...], value: float) -> MDP:
    """Four MDPs of three states and two actions of which one number is wrong."""
    mdp = garnet(np.random.default_rng(0), 4, states=3, actions=2, branching=3)
    getattr(mdp, name)[place] = value
    return mdp


@given(cases())
def test_values_and_advantages_are_those_of_plain_loops(case: Case) -> None:
    mdp, pi, _ = case
    v, q, a = values(mdp, pi), action_values(mdp, pi), advantages(mdp, pi)
    expected = looped_values(mdp, pi, 1)
    assert v[1] == near(np.array(expected))
    for s, b in product(*map(range, pi.shape[1:])):
        worth = sum(p * w for p, w in zip(mdp.transitions[1, s, b], expected, strict=True))
        assert q[1, s, b] == near(mdp.rewards[1, s, b] + mdp.gamma[1] * worth)
        assert a[1, s, b] == near(q[1, s, b] - expected[s])
    start = zip(mdp.start[1], expected, strict=True)
    assert eta(mdp, pi)[1] == near(sum(p * w for p, w in start))


@given(cases())
def test_visits_are_those_of_steps_taken_one_by_one(case: Case) -> None:
    mdp, pi, _ = case
    assert visitation(mdp, pi) == near(pushed(mdp, pi).sum(axis=0))


@given(cases(gammas=(0.0, 0.9, 0.999)))
def test_visits_sum_to_the_horizon(case: Case) -> None:
    mdp, pi, _ = case
    assert visitation(mdp, pi).sum(axis=1) * (1 - mdp.gamma) == near(np.ones(3))


@given(cases())
def test_transitions_under_a_policy_are_a_double_loop(case: Case) -> None:
    mdp, pi, _ = case
    transitions, rewards = under(mdp, pi)
    for n, s in np.ndindex(*pi.shape[:2]):
        row = sum(pi[n, s, a] * mdp.transitions[n, s, a] for a in range(pi.shape[2]))
        assert transitions[n, s] == near(row)
        assert rewards[n, s] == near(sum(pi[n, s] * mdp.rewards[n, s]))


@given(cases())
def test_performance_difference_is_the_advantages_met_on_the_way(case: Case) -> None:
    mdp, old, new = case  # Eq. 1
    met = np.einsum("tns,nsa,nsa->n", pushed(mdp, new), new, advantages(mdp, old))
    assert eta(mdp, new) - eta(mdp, old) == near(met)


@given(cases(gammas=(0.0, 0.9, 0.99)))
def test_performance_difference_is_a_sum_over_states(case: Case) -> None:
    mdp, old, new = case  # Eq. 2
    assert eta(mdp, new) - eta(mdp, old) == near(performance_difference(mdp, old, new))


@given(cases())
def test_surrogate_is_its_double_loop(case: Case) -> None:
    mdp, old, new = case  # Eq. 3
    rho, advantage = visitation(mdp, old), advantages(mdp, old)
    for n in range(3):
        gain = sum(
            rho[n, s] * new[n, s, a] * advantage[n, s, a] for s, a in np.ndindex(*old.shape[1:])
        )
        assert surrogate(mdp, old, new)[n] == near(eta(mdp, old)[n] + gain)


@given(cases())
def test_policy_has_no_advantage_over_itself(case: Case) -> None:
    mdp, old, _ = case
    assert mean_advantages(mdp, old, old) == near(np.zeros(old.shape[:2]))


@given(cases(), st.integers(0, 99))
def test_surrogate_and_return_agree_in_value_and_gradient(case: Case, seed: int) -> None:
    mdp, old, _ = case  # Eq. 4
    logits = np.random.default_rng(seed).standard_normal(old.shape)
    pi = softmax(logits)
    assert surrogate(mdp, pi, pi) == near(eta(mdp, pi))
    assert autograd(mdp, logits) == near(autograd(mdp, logits, pi))
    assert eta_gradient(mdp, logits) == near(autograd(mdp, logits))
    assert surrogate_gradient(mdp, pi, logits) == near(autograd(mdp, logits))


@given(cases(), st.integers(0, 99))
def test_gradient_of_the_surrogate_elsewhere_is_that_of_autograd(case: Case, seed: int) -> None:
    mdp, old, _ = case
    logits = 3 * np.random.default_rng(seed).standard_normal(old.shape)
    assert surrogate_gradient(mdp, old, logits) == near(autograd(mdp, logits, old))


def test_gradient_of_the_return_is_its_central_difference() -> None:
    rng = np.random.default_rng(0)
    mdp = garnet(rng, 3, states=4, actions=3, gamma=0.95)
    logits = rng.standard_normal(mdp.rewards.shape)
    found = eta_gradient(mdp, logits)
    for s, a in np.ndindex(4, 3):
        change = np.zeros(logits.shape)
        change[:, s, a] = 1e-5
        up, down = (eta(mdp, softmax(logits + sign * change)) for sign in (1, -1))
        assert found[:, s, a] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-8)


def test_softmax_of_huge_logits_is_finite() -> None:
    found = softmax(np.array([[[1e308, 0.0], [0.0, np.log(3)]]]))
    assert found == near(np.array([[[1, 0], [0.25, 0.75]]]))


weights = st.lists(st.just(0.0) | st.floats(1e-300, 1), min_size=4, max_size=4).filter(any)


def distribution(x: list[float]) -> Array:
    p = np.array([[x]]) / max(x)
    return p / p.sum()


@given(weights, weights, st.sampled_from([1.0, 0.1, 1e-4, 1e-8]))
def test_pinsker_for_all_distributions(x: list[float], y: list[float], alpha: float) -> None:
    p = distribution(x)
    q = p + alpha * (distribution(y) - p)
    divergence, square = kl(p, q)[0, 0], total_variation(p, q)[0, 0] ** 2
    assert square <= divergence * (1 + 1e-6) + 1e-28
    assert square <= divergence / 2 * (1 + 1e-6) + 1e-28


@given(weights, weights)
def test_divergences_are_their_loops(x: list[float], y: list[float]) -> None:
    p, q = distribution(x), distribution(y)
    pairs = list(zip(p[0, 0].tolist(), q[0, 0].tolist(), strict=True))
    assert total_variation(p, q)[0, 0] == near(sum(abs(a - b) for a, b in pairs) / 2)
    expected = sum(a * (math.log(a) - math.log(b)) if b else math.inf for a, b in pairs if a)
    assert kl(p, q)[0, 0] == near(expected)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ([0.5, 0.5], [0.25, 0.75], math.log(2 / math.sqrt(3))),
        ([0.0, 1.0], [0.5, 0.5], math.log(2)),
        ([0.5, 0.5], [0.0, 1.0], math.inf),
        ([0.0, 1.0], [0.0, 1.0], 0.0),
    ],
)
def test_kl_by_hand(old: list[float], new: list[float], expected: float) -> None:
    assert kl(np.array([[old]]), np.array([[new]]))[0, 0] == pytest.approx(expected, rel=1e-15)


def test_kl_of_policies_that_nearly_agree_is_no_rounding_error() -> None:
    old = np.array([[[0.3, 0.7]]])
    new = old + 1e-9 * np.array([-1, 1])
    assert kl(old, new)[0, 0] == pytest.approx(1e-18 / (2 * 0.3 * 0.7), rel=1e-5)


@pytest.mark.parametrize(
    ("mdp", "message"),
    [
        (
            broken("transitions", (3, 1, 0), 0.3),
            "transitions of MDP 3, state 1, action 0 sum to 0.9",
        ),
        (
            broken("transitions", (3, 1, 0, 2), -0.1),
            "transitions of MDP 3, state 1, action 0 hold -0.1 at 2",
        ),
        (broken("transitions", (2, 0, 1, 0), np.nan), "MDP 2, state 0, action 1 hold nan at 0"),
        (broken("transitions", (2, 0, 1, 0), np.inf), "MDP 2, state 0, action 1 sum to inf"),
        (broken("start", (1,), 0.5), "start probabilities of MDP 1 sum to 1.5"),
        (broken("start", (1, 2), -0.5), "start probabilities of MDP 1 hold -0.5 at 2"),
        (broken("rewards", (0, 1, 1), np.nan), "reward of MDP 0, state 1, action 1 is nan"),
        (broken("rewards", (0, 1, 1), np.inf), "reward of MDP 0, state 1, action 1 is inf"),
        (broken("gamma", (2,), 1.0), "gamma of MDP 2 is 1, not in [0, 1)"),
        (broken("gamma", (2,), -0.1), "gamma of MDP 2 is -0.1, not in [0, 1)"),
        (broken("gamma", (2,), np.nan), "gamma of MDP 2 is nan, not in [0, 1)"),
        (
            two_state()._replace(transitions=np.eye(2)[[[[0, 0], [1, 0]]]]),
            "MDP 0, state 1 is unreachable from the start",
        ),
        (two_state()._replace(gamma=np.zeros(2)), "shapes do not fit together"),
        (two_state()._replace(transitions=np.zeros((1, 2, 3, 2))), "shapes do not fit together"),
        (
            two_state()._replace(start=np.full((2, 2), 0.5), gamma=np.zeros(2)),
            "shapes do not fit together",
        ),
    ],
)
def test_what_is_no_mdp_is_refused_by_the_name_of_its_row(mdp: MDP, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        checked(mdp)


@pytest.mark.parametrize(
    ("pi", "message"),
    [
        (np.array([[[0.5, 0.5], [0.5, 0.4]]]), "action probabilities of MDP 0, state 1 sum to 0.9"),
        (
            np.array([[[-0.5, 1.5], [1, 0]]]),
            "action probabilities of MDP 0, state 0 hold -0.5 at 0",
        ),
        (np.array([[[0.5, 0.5 + 2e-9], [1, 0]]]), "of MDP 0, state 0 sum to 1.000000002"),
        (np.ones((1, 2, 1)), "policy is (1, 2, 1), not (1, 2, 2)"),
    ],
)
def test_what_is_no_policy_is_refused_by_the_name_of_its_row(pi: Array, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        checked_policy(pi, two_state())


def test_mdps_and_policies_that_are_as_they_must_be_are_returned() -> None:
    mdp = two_state()
    assert checked(mdp) is mdp
    assert checked_policy(UNIFORM, mdp) is UNIFORM


def test_state_is_reached_in_as_many_steps_as_it_takes() -> None:
    assert reached(chain(states=7)).all()
    backwards = chain(states=3)._replace(start=np.array([[0.0, 1.0, 0.0]]))
    assert reached(backwards).tolist() == [[False, True, True]]


def test_two_states_by_hand() -> None:
    mdp = two_state()
    assert values(mdp, UNIFORM) == near(np.array([[5 / 4, 7 / 4]]))
    assert action_values(mdp, UNIFORM) == near(np.array([[[13, 7], [23, 5]]]) / 8)
    assert advantages(mdp, UNIFORM) == near(np.array([[[3, -3], [9, -9]]]) / 8)
    assert visitation(mdp, UNIFORM) == near(np.array([[1.5, 0.5]]))
    assert eta(mdp, UNIFORM) == near(1.25)
    changing = np.array([[[0.0, 1.0], [0.0, 1.0]]])  # L = 5/4 − 9/16 − 9/16, ρ = (4/3, 2/3)
    assert surrogate(mdp, UNIFORM, changing) == near(0.125)
    assert performance_difference(mdp, UNIFORM, changing) == near(-1.25)
    assert eta(mdp, changing) == near(0.0)
