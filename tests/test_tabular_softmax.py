"""The sampled algorithms against the exact steps that they are estimates of."""

from collections.abc import Callable
from math import sqrt

import numpy as np
import pytest
import torch

from trpo.line_search import LineSearch
from trpo.metrics import over_mean, worst_state
from trpo.solvers import conjugate_gradient
from trpo.steps import Over
from trpo.surrogates import importance_weighted
from trpo.tabular import bounds
from trpo.tabular.examples import garnet, random_policies
from trpo.tabular.mdp import (
    MDP,
    action_values,
    advantages,
    kl,
    softmax,
    surrogate,
    surrogate_gradient,
    visitation,
)
from trpo.tabular.softmax import Worth, exact_samples, parameters, sampled, softmax_policy
from trpo.tabular.steps import natural_gradient, trust_region, vanilla_gradient
from trpo.types import Array, Samples
from trpo.updates import (
    Objective,
    Rule,
    Update,
    max_kl,
    theory_penalty,
    tnpg,
    trpo,
    update,
    vanilla_pg,
)
from trpo.updates import natural_gradient as sampled_natural_gradient

STATES, ACTIONS, GAMMA = 6, 3, 0.8
POLICY = softmax_policy(STATES, ACTIONS)
SOLVE = conjugate_gradient(steps=200, tolerance=1e-14)  # to rounding


def case(seed: int = 0) -> tuple[MDP, Array]:
    """A random MDP and a policy that tries all actions."""
    rng = np.random.default_rng(seed)
    mdp = garnet(rng, 1, states=STATES, actions=ACTIONS, branching=3, gamma=GAMMA)
    return mdp, random_policies(rng, mdp, concentration=3.0)


def solved(rule: Rule) -> Rule:
    """The same rule with F x = g solved to rounding."""
    return rule._replace(solver=over_mean(SOLVE))


def moved(rule: Rule, pi: Array, samples: Samples) -> tuple[Array, Update]:
    """The logits after one update, and the update."""
    new = update(POLICY, rule, samples, parameters(pi), rule.step.size)
    return new.theta.numpy().reshape(1, STATES, ACTIONS), new


def objective(mdp: MDP, pi: Array, samples: Samples) -> Objective:
    """L on these samples."""
    return Objective(POLICY, importance_weighted, samples, parameters(pi), map)


def mean_kl(mdp: MDP, pi: Array, logits: Array) -> float:
    """Mean of KL(π ‖ softmax(logits)) over states."""
    rho = visitation(mdp, pi)
    return float((rho * kl(pi, softmax(logits))).sum() / rho.sum())


def test_table_is_a_linear_map_of_its_inputs_and_of_theta() -> None:
    rng = np.random.default_rng(0)
    network, w = POLICY.network, rng.standard_normal((STATES, ACTIONS))
    theta, x = torch.from_numpy(w.ravel()), torch.from_numpy(rng.standard_normal((5, STATES)))
    u, expected = torch.from_numpy(rng.standard_normal((5, ACTIONS))), x.numpy() @ w
    assert np.allclose(network.at(theta)(x), expected)
    assert np.allclose(network.act(theta)(x.numpy()), expected)
    rows = np.array([1, 0, 1, 0, 0])
    each = network.act_each(np.stack([w.ravel(), 2 * w.ravel()]))(x.numpy(), rows)
    assert np.allclose(each, expected * (1 + rows[:, None]), rtol=1e-5)
    for every in (1, 2):
        at = network.linearise(theta, x).thin(every)
        assert np.allclose(at.output, expected[::every])
        assert np.allclose(at.jvp(2 * theta), 2 * expected[::every])
        assert np.allclose(at.vjp(u[::every]), (x[::every].T @ u[::every]).ravel())
    start = network.init(rng)
    assert (start.shape, start.dtype) == ((network.size,), torch.float32)
    assert not start.any()


@pytest.mark.parametrize("worth", [advantages, action_values])
def test_surrogate_of_exact_samples_is_the_exact_one_as_a_mean_over_states(worth: Worth) -> None:
    mdp, pi = case()
    found = objective(mdp, pi, exact_samples(mdp, pi, worth))
    other = np.log(random_policies(np.random.default_rng(1), mdp))
    at = found.evaluate(torch.from_numpy(other.ravel()))
    gain = surrogate(mdp, pi, softmax(other)) - surrogate(mdp, pi, pi)
    assert at.gain == pytest.approx((1 - GAMMA) * gain.item(), abs=1e-13)
    assert at.kl_mean == pytest.approx(mean_kl(mdp, pi, other))
    assert at.kl_max == pytest.approx(kl(pi, softmax(other)).max())
    gradient = (1 - GAMMA) * surrogate_gradient(mdp, pi, np.log(pi))
    assert np.allclose(found.gradient(), gradient.ravel(), atol=1e-13)


@pytest.mark.parametrize("seed", range(5))
def test_update_on_exact_samples_is_the_exact_natural_gradient(seed: int) -> None:
    mdp, pi = case(seed)
    for penalty in (0.3, 5.0):
        rule = solved(sampled_natural_gradient(penalty=penalty))
        found, _ = moved(rule, pi, exact_samples(mdp, pi))
        assert np.allclose(found, natural_gradient(mdp, np.log(pi), penalty), atol=1e-8)


@pytest.mark.parametrize("seed", range(5))
def test_update_on_exact_samples_is_the_exact_vanilla_gradient(seed: int) -> None:
    mdp, pi = case(seed)
    found, _ = moved(vanilla_pg(delta=0.1), pi, exact_samples(mdp, pi))
    assert np.allclose(found, vanilla_gradient(mdp, np.log(pi), 0.1), atol=1e-12)


def test_theory_penalty_on_exact_samples_has_the_coefficient_of_equation_9() -> None:
    mdp, pi = case()
    epsilon, coefficient = (
        float(f(mdp, pi)[0]) for f in (bounds.largest_advantage, bounds.penalty)
    )
    found, _ = moved(solved(theory_penalty(GAMMA, epsilon=epsilon)), pi, exact_samples(mdp, pi))
    exact = natural_gradient(mdp, np.log(pi), (1 - GAMMA) * coefficient)
    assert np.allclose(found, exact, atol=1e-8)


def full_step(mdp: MDP, pi: Array, delta: float) -> Array:
    """F⁺g √(2δ / gᵀF⁺g): the border of the exact quadratic model of (12)."""
    rho, advantage = visitation(mdp, pi), advantages(mdp, pi)
    curvature = (rho[..., None] * pi * advantage**2).sum() / rho.sum()
    return (natural_gradient(mdp, np.log(pi), 1.0) - np.log(pi)) * sqrt(2 * delta / curvature)


def test_trpo_on_exact_samples_searches_along_the_exact_quadratic_model() -> None:
    backtracked = set()
    for seed in range(5):
        for delta in (1e-4, 0.01, 1.0, 5.0):
            mdp, pi = case(seed)
            full, logits = full_step(mdp, pi, delta), np.log(pi)
            first, _ = moved(solved(tnpg(delta=delta)), pi, exact_samples(mdp, pi))
            assert np.allclose(first, logits + full, atol=1e-8)
            tried = [logits + 0.8**j * full for j in range(11)]
            taken = next(
                j
                for j, x in enumerate(tried)
                if mean_kl(mdp, pi, x) <= delta
                and surrogate(mdp, pi, softmax(x)) > surrogate(mdp, pi, pi)
            )
            rule = solved(trpo(delta=delta, search=LineSearch(0.8, 10)))
            found, new = moved(rule, pi, exact_samples(mdp, pi))
            assert new.info.accepted
            assert new.info.backtracks == taken
            assert np.allclose(found, tried[taken], atol=1e-8)
            backtracked.add(taken > 0)
    assert backtracked == {False, True}


def distance(a: Array, b: Array) -> float:
    """‖a − b‖ / ‖b‖."""
    return float(np.linalg.norm(a - b) / np.linalg.norm(b))


RULES = {
    "mean": solved(trpo()),
    "max": max_kl()._replace(solver=worst_state(SOLVE, 1)),
}


@pytest.mark.parametrize("over", RULES)
@pytest.mark.parametrize("seed", range(3))
def test_sampled_trust_regions_go_where_the_exact_ones_do_when_delta_is_small(
    over: Over, seed: int
) -> None:
    mdp, pi = case(seed)
    rule, samples = RULES[over], exact_samples(mdp, pi)
    for delta in (1e-4, 1e-6, 1e-8):
        theta = update(POLICY, rule, samples, parameters(pi), delta).theta
        found = softmax(theta.numpy().reshape(pi.shape)) - pi
        exact = trust_region(mdp, pi, delta, over) - pi
        gap = found / np.linalg.norm(found) - exact / np.linalg.norm(exact)
        assert np.linalg.norm(gap) < 2 * sqrt(delta)  # as the KL's third order has it


def direction(pi: Array, samples: Samples) -> Array:
    """F̂⁺ĝ of the samples."""
    return moved(solved(sampled_natural_gradient(penalty=1.0)), pi, samples)[0] - np.log(pi)


def test_sampled_direction_errs_by_the_inverse_root_of_the_number_of_samples() -> None:
    mdp, pi = case()
    exact = natural_gradient(mdp, np.log(pi), 1.0) - np.log(pi)
    sizes = np.array([500, 2_000, 8_000])
    rngs = np.random.default_rng(0).spawn(24)
    errors = [
        sqrt(np.mean([distance(direction(pi, sampled(r, mdp, pi, n)), exact) ** 2 for r in rngs]))
        for n in sizes
    ]
    slope = np.polyfit(np.log(sizes), np.log(errors), 1)[0]
    assert slope == pytest.approx(-0.5, abs=0.1)


def test_samples_are_drawn_by_visitation_and_policy() -> None:
    mdp, pi = case()
    count, rho = 100_000, visitation(mdp, pi)[0]
    samples = sampled(np.random.default_rng(0), mdp, pi, count)
    states, actions = samples.obs.argmax(1), samples.actions[:, 0, 0]
    chances = rho[:, None] / rho.sum() * pi[0]
    seen = np.bincount(states * ACTIONS + actions, minlength=chances.size).reshape(chances.shape)
    assert (np.abs(seen / count - chances) < 4 * np.sqrt(chances / count)).all()
    at = (states.numpy(), actions.numpy())
    assert np.array_equal(samples.q[:, 0], advantages(mdp, pi)[0][at])
    assert np.allclose(samples.log_q[:, 0].exp(), pi[0][at])
    assert np.allclose(POLICY.network.at(parameters(pi))(samples.obs), samples.old)
    assert samples.weight.unique().tolist() == [1.0]


@pytest.mark.parametrize(
    "draw", [exact_samples, lambda mdp, pi: sampled(np.random.default_rng(0), mdp, pi, 9)]
)
def test_samples_of_several_mdps_are_refused(draw: Callable[[MDP, Array], Samples]) -> None:
    mdp = garnet(np.random.default_rng(0), 2, states=3, actions=2, branching=2)
    pi = random_policies(np.random.default_rng(0), mdp)
    with pytest.raises(ValueError, match="one MDP, not of 2"):
        draw(mdp, pi)
