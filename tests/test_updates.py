"""Each named rule against its definition, and the surrogate and its gradient against autograd."""

from collections.abc import Callable
from functools import partial
from itertools import product
from math import exp, sqrt

import pytest
import torch
from oracles import CASES, Problem, matrix, problem

from trpo.chunks import CHUNK
from trpo.line_search import LineSearch
from trpo.metrics import kl_hessian, score_covariance
from trpo.objective import Objective
from trpo.surrogates import importance_weighted
from trpo.types import Tensor
from trpo.updates import (
    Direction,
    Rule,
    Update,
    adaptive,
    by_worth,
    empirical_fim,
    max_kl,
    natural_gradient,
    rwr,
    theory_penalty,
    tnpg,
    trpo,
    update,
    vanilla_pg,
)

RULES = (trpo, empirical_fim, max_kl, adaptive, natural_gradient, tnpg, vanilla_pg, theory_penalty)
EXACT = Direction(cg_steps=200, damping=1e-2)
HALVE = LineSearch(0.5, 10)
every_policy = pytest.mark.parametrize("name", CASES)
SUPPLIED: dict[Callable[..., Rule], dict[str, float]] = {theory_penalty: {"gamma": 0.99}}
"""What rules need that is no setting of theirs."""
MADE = {rule.__name__: rule(**SUPPLIED.get(rule, {})) for rule in RULES}
every_rule = pytest.mark.parametrize("rule", MADE)


def objective(found: Problem) -> Objective:
    """L on this problem."""
    return Objective(found.policy, importance_weighted, found.samples, found.theta, map)


def run(rule: Rule, found: Problem) -> Update:
    """One update."""
    return update(found.policy, rule, found.samples, found.theta, rule.step.size)


def moved(rule: Rule, found: Problem) -> Tensor:
    """θ_new − θ_old."""
    return run(rule, found).theta - found.theta


def gradient(found: Problem) -> Tensor:
    """∇L(θ_old) by autograd through everything."""
    theta = found.theta.clone().requires_grad_()
    return torch.autograd.grad(found.surrogate(theta), theta)[0]


def solved(found: Problem, fisher: Tensor) -> Tensor:
    """(F + damping)⁻¹ g, dense."""
    return torch.linalg.solve(fisher + EXACT.damping * torch.eye(len(fisher)), gradient(found))


def hessian(found: Problem) -> Tensor:
    """The Hessian of the mean KL (P, P), dense."""
    return torch.autograd.functional.hessian(lambda t: found.mean(found.kl(t)), found.theta)


@every_policy
@pytest.mark.parametrize("tried", [1, 3])
def test_gradient_is_that_of_autograd_through_everything(name: str, tried: int) -> None:
    found = problem(name, tried=tried, weighted=True)
    assert torch.allclose(objective(found).gradient(), gradient(found), atol=1e-13)


def test_gradient_of_several_chunks_is_whole() -> None:
    found = problem("mlp", states=2 * CHUNK + 7, weighted=True)
    assert torch.allclose(objective(found).gradient(), gradient(found), atol=1e-13)


@every_policy
def test_evaluation_is_the_surrogates_gain_and_the_kl_from_old_to_new(name: str) -> None:
    found = problem(name, states=CHUNK + 5, tried=2, weighted=True)
    theta = found.theta + 0.1 * gradient(found) + 0.05
    evaluation, kl = objective(found).evaluate(theta), found.kl(theta)
    gain = found.surrogate(theta) - found.surrogate(found.theta)
    assert evaluation.gain == pytest.approx(gain.item(), rel=1e-9)
    assert evaluation.kl_mean == pytest.approx(found.mean(kl).item(), rel=1e-9)
    assert evaluation.kl_max == pytest.approx(kl.max().item(), rel=1e-9)


@every_rule
@every_policy
def test_one_update_moves_every_parameter(rule: str, name: str) -> None:
    step = moved(MADE[rule], problem(name))
    assert bool((step != 0).all())


@every_rule
@every_policy
def test_info_says_what_the_update_did(rule: str, name: str) -> None:
    found = problem(name, weighted=True)
    theta, before = found.theta, found.theta.clone()
    new = run(MADE[rule], found)
    assert torch.equal(theta, before)
    kl, entropy = found.kl(new.theta), found.case.family(found.samples.old).entropy()
    gain = found.surrogate(new.theta) - found.surrogate(theta)
    assert new.info.surrogate_gain == pytest.approx(gain.item(), rel=1e-6)
    assert new.info.kl_mean == pytest.approx(found.mean(kl).item(), rel=1e-6)
    assert new.info.kl_max == pytest.approx(kl.max().item(), rel=1e-6)
    assert new.info.grad_norm == pytest.approx(gradient(found).norm().item())
    assert new.info.step_norm == pytest.approx((new.theta - theta).norm().item())
    assert new.info.entropy == pytest.approx(found.mean(entropy).item())
    assert new.info.size == MADE[rule].step.size
    assert 0 <= new.info.cg_residual < 1


@every_policy
def test_tnpg_is_trpos_first_candidate(name: str) -> None:
    backtracks = set()
    for seed, delta in product(range(6), (1e-4, 1e-3, 3.0)):
        found = problem(name, seed)
        first, searched = run(tnpg(delta=delta), found), run(trpo(delta=delta, search=HALVE), found)
        shrunk = 0.5**searched.info.backtracks * (first.theta - found.theta)
        assert torch.allclose(searched.theta - found.theta, shrunk, atol=1e-13)
        backtracks.add(searched.info.backtracks)
        assert searched.info.backtracks or torch.equal(searched.theta, first.theta)
    assert {0} < backtracks  # both branches were seen


@every_policy
def test_tnpg_goes_to_the_border_of_the_dense_quadratic_model(name: str) -> None:
    found = problem(name)
    fisher = hessian(found)
    x = solved(found, fisher)
    step = moved(tnpg(delta=0.01, direction=EXACT), found)
    assert torch.allclose(step, x * sqrt(0.02 / float(x @ fisher @ x)), atol=1e-8)
    assert 0.5 * float(step @ fisher @ step) == pytest.approx(0.01)


@every_policy
def test_trpo_keeps_the_mean_kl_within_delta_and_gains(name: str) -> None:
    for delta in (1e-3, 0.01, 0.3, 3.0):
        found = problem(name)
        new = run(trpo(delta=delta, search=HALVE), found)
        assert new.info.accepted
        assert found.surrogate(new.theta) > found.surrogate(found.theta)
        assert found.mean(found.kl(new.theta)) <= delta


@every_policy
@pytest.mark.parametrize("rule", [trpo, max_kl])
def test_update_keeps_the_old_parameters_when_nothing_gains(
    name: str, rule: Callable[..., Rule]
) -> None:
    found = problem(name)
    flat = found._replace(samples=found.samples._replace(q=torch.zeros_like(found.samples.q)))
    new = run(rule(search=HALVE), flat)
    assert torch.equal(new.theta, found.theta)
    assert (new.info.accepted, new.info.backtracks, new.info.step_norm) == (False, 11, 0.0)


@pytest.mark.parametrize("name", ["linear", "mlp", "categorical"])
def test_max_kl_bounds_the_maximum_and_is_as_long_as_that_allows(name: str) -> None:
    found = problem(name)
    fisher = hessian(found)
    x = solved(found, fisher)
    _, largest = kl_hessian()(found.policy, found.samples, found.theta, map).quadratic(x)
    new = run(max_kl(delta=0.01, rounds=0, direction=EXACT, search=HALVE), found)
    full = x * sqrt(0.02 / largest)
    shrunk = 0.5**new.info.backtracks * full
    assert torch.allclose(new.theta - found.theta, shrunk, atol=1e-8)
    assert found.kl(new.theta).max() <= 0.01
    for delta in (0.01, 0.1, 1.0):
        assert run(max_kl(delta=delta, search=HALVE), found).info.kl_max <= delta
    means = [run(trpo(delta=1e-3), problem(name, seed)).info for seed in range(4)]
    assert max(info.kl_max for info in means) > 1e-3


@every_policy
def test_vanilla_pg_is_parallel_to_the_gradient_and_on_the_ball(name: str) -> None:
    found = problem(name)
    for delta in (1e-3, 0.1):
        step, g = moved(vanilla_pg(delta=delta), found), gradient(found)
        assert 0.5 * float(step @ step) == pytest.approx(delta)
        assert torch.allclose(step / step.norm(), g / g.norm(), atol=1e-12)


@every_policy
def test_natural_gradient_is_linear_in_the_inverse_of_its_penalty(name: str) -> None:
    found = problem(name)
    x = solved(found, hessian(found))
    for penalty in (0.5, 1.0, 30.0):
        step = moved(natural_gradient(penalty=penalty, direction=EXACT), found)
        assert torch.allclose(step, x / penalty, atol=1e-7)


@every_policy
def test_empirical_fim_solves_with_the_covariance_of_the_scores(name: str) -> None:
    found = problem(name)
    scores = torch.autograd.functional.jacobian(found.log_prob, found.theta)[:, 0]
    fisher = scores.T @ scores / len(scores)
    x = solved(found, fisher)
    new = run(empirical_fim(delta=1e-4, direction=EXACT, search=HALVE), found)
    full = x * sqrt(2e-4 / float(x @ fisher @ x))
    assert torch.allclose(new.theta - found.theta, 0.5**new.info.backtracks * full, atol=1e-7)


def test_rules_that_use_every_kth_state_solve_with_these_alone() -> None:
    found, thin = problem("mlp"), Direction(200, 1e-2, every=5)
    searched = partial(empirical_fim, search=HALVE)
    for rule, metric in ((natural_gradient, kl_hessian), (searched, score_covariance)):
        at = metric(every=5)(found.policy, found.samples, found.theta, map)
        x = solved(found, matrix(at.product, len(found.theta)))
        step = moved(rule(direction=thin), found)
        assert torch.allclose(step / step.norm(), x / x.norm(), atol=1e-6)


@pytest.mark.parametrize(("epsilon", "gamma"), [(1.0, 0.9), (3.0, 0.5), (0.2, 0.99)])
def test_theory_penalty_is_one_minus_gamma_times_the_coefficient_of_equation_9(
    epsilon: float, gamma: float
) -> None:
    coefficient = 4 * epsilon * gamma / (1 - gamma) ** 2
    found = problem("mlp")
    theory = run(theory_penalty(gamma, epsilon=epsilon), found)
    assert theory.info.size == pytest.approx((1 - gamma) * coefficient)
    same = run(natural_gradient(penalty=(1 - gamma) * coefficient), found)
    assert torch.allclose(theory.theta, same.theta)


def test_adaptive_is_trpo_with_the_radius_that_the_last_update_left() -> None:
    found = problem("mlp")
    first = run(adaptive(delta=1e-4), found)
    assert torch.equal(first.theta, run(trpo(delta=1e-4), found).theta)
    assert first.size == pytest.approx(2e-4)
    assert first.info.size == 1e-4
    second = update(found.policy, adaptive(delta=1e-4), found.samples, found.theta, first.size)
    assert torch.equal(second.theta, run(trpo(delta=first.size), found).theta)
    far = run(adaptive(delta=2.0, search=HALVE), found)
    assert far.info.backtracks > 0
    assert far.size == 1.0


def likelihood(found: Problem, theta: Tensor, temperature: float) -> float:
    """Σ u log π_θ / Σ u with u = exp(q / (temperature · std q)), by torch."""
    q = found.samples.q[:, 0]
    worth = torch.exp(q / (temperature * q.std(correction=0)))
    return float((worth * found.log_prob(theta)[:, 0]).sum() / worth.sum())


@every_policy
@pytest.mark.parametrize("temperature", [0.2, 1.0])
def test_rwr_raises_the_weighted_likelihood(name: str, temperature: float) -> None:
    found = problem(name, states=300)
    new = run(rwr(temperature=temperature), found)
    gain = likelihood(found, new.theta, temperature) - likelihood(found, found.theta, temperature)
    assert new.info.accepted
    assert gain > 0
    assert new.info.surrogate_gain == pytest.approx(gain, rel=1e-4)


def test_rwr_of_a_linear_policy_is_weighted_least_squares() -> None:
    found = problem("linear", states=300)
    new = run(rwr(direction=Direction(cg_steps=100, damping=0.0)), found).theta
    weight = by_worth(1.0)(found.samples).weight.double().sqrt()[:, None]
    features = torch.cat([found.samples.obs, torch.ones(300, 1)], 1)
    actions = found.samples.actions[:, 0]
    best = torch.linalg.lstsq(weight * features, weight * actions).solution
    assert torch.allclose(new[:6].reshape(2, 3), best[:3].T, atol=1e-5)
    assert torch.allclose(new[6:8], best[3], atol=1e-5)


def test_rwr_weighs_states_by_the_exponential_of_their_worth() -> None:
    found = problem("linear", states=3)
    q = torch.tensor([[1.0], [2.0], [3.0]])
    weight = by_worth(2.0)(found.samples._replace(q=q)).weight
    worth = [exp(x / (2 * sqrt(2 / 3))) for x in (1, 2, 3)]
    assert weight.tolist() == pytest.approx([3 * w / sum(worth) for w in worth], rel=1e-6)
    constant = by_worth(1.0)(found.samples._replace(q=torch.ones(3, 1))).weight
    assert constant.tolist() == [1.0] * 3
