"""Fisher products against dense Hessians, finite differences and covariances of scores."""

from math import log, sqrt

import numpy as np
import pytest
import torch
from oracles import CASES, CHOICES, Problem, matrix, per_state_hessians, problem
from scipy.optimize import nnls

from trpo.chunks import CHUNK
from trpo.metrics import (
    Curvature,
    Metric,
    euclidean,
    kl_hessian,
    over_mean,
    score_covariance,
    worst_state,
)
from trpo.solvers import conjugate_gradient
from trpo.types import Samples, Tensor

every_policy = pytest.mark.parametrize("name", CASES)


def curvature(metric: Metric, found: Problem) -> Curvature:
    """The metric at θ_old."""
    return metric(found.policy, found.samples, found.theta, map)


def dense(metric: Metric, found: Problem) -> Tensor:
    """Its matrix (P, P)."""
    return matrix(curvature(metric, found).product, len(found.theta))


def directions(found: Problem, count: int = 4) -> Tensor:
    """Random directions (count, P)."""
    rng = np.random.default_rng(8)
    return torch.from_numpy(rng.standard_normal((count, len(found.theta))))


def thinned(found: Problem, every: int) -> Problem:
    """Every k-th state of the problem."""
    return found._replace(samples=Samples(*(field[::every] for field in found.samples)))


@every_policy
@pytest.mark.parametrize("weighted", [False, True])
def test_kl_hessian_is_the_dense_hessian_of_the_mean_kl(name: str, weighted: bool) -> None:
    found = problem(name, weighted=weighted)
    hessian = torch.autograd.functional.hessian(lambda t: found.mean(found.kl(t)), found.theta)
    assert torch.allclose(dense(kl_hessian(), found), hessian, atol=1e-12)


@every_policy
def test_kl_hessian_agrees_with_finite_differences_of_the_mean_kl(name: str) -> None:
    found, h = problem(name), 1e-4
    for v in directions(found):
        around = [found.mean(found.kl(found.theta + s * h * v)) for s in (1, -1)]
        product = curvature(kl_hessian(), found).product(v)
        assert float(v.dot(product)) == pytest.approx(float(sum(around)) / h**2, rel=1e-5)


@every_policy
def test_quadratic_is_the_mean_and_the_maximum_over_states(name: str) -> None:
    found = problem(name, states=12, weighted=True)
    hessians = per_state_hessians(found)
    for x in directions(found):
        forms = torch.einsum("i,bij,j->b", x, hessians, x)
        mean, maximum = curvature(kl_hessian(), found).quadratic(x)
        assert mean == pytest.approx(float(found.mean(forms)), rel=1e-9)
        assert maximum == pytest.approx(float(forms.max()), rel=1e-9)
        assert mean == pytest.approx(float(x.dot(curvature(kl_hessian(), found).product(x))))


@every_policy
@pytest.mark.parametrize("metric", [kl_hessian, score_covariance])
def test_every_kth_state_is_used_and_no_other(name: str, metric: type[Metric]) -> None:
    found = problem(name, weighted=True)
    subset = thinned(found, 3)
    assert torch.allclose(dense(metric(every=3), found), dense(metric(), subset), atol=1e-13)
    assert not torch.allclose(dense(metric(every=3), found), dense(metric(), found), atol=1e-3)
    (x,) = directions(found, 1)
    thin, direct = curvature(metric(every=3), found), curvature(metric(), subset)
    assert thin.quadratic(x) == pytest.approx(direct.quadratic(x))


@every_policy
@pytest.mark.parametrize("tried", [1, 3])
def test_score_covariance_is_the_dense_covariance_of_the_scores(name: str, tried: int) -> None:
    found = problem(name, states=15, tried=tried, weighted=True)
    scores = torch.autograd.functional.jacobian(found.log_prob, found.theta)  # (B, K, P)
    outer = torch.einsum("bki,bkj->bij", scores, scores) / tried
    weight = found.samples.weight / found.samples.weight.sum()
    expected = torch.einsum("b,bij->ij", weight, outer)
    assert torch.allclose(dense(score_covariance(), found), expected, atol=1e-11)
    (x,) = directions(found, 1)
    forms = torch.einsum("i,bij,j->b", x, outer, x)
    mean, maximum = curvature(score_covariance(), found).quadratic(x)
    assert (mean, maximum) == pytest.approx((float(found.mean(forms)), float(forms.max())))


def test_score_covariance_over_all_equally_likely_actions_is_the_kl_hessian() -> None:
    plain = problem("categorical", tried=CHOICES)
    theta = plain.theta.clone()
    theta[-5 * CHOICES - CHOICES :] = 0  # the last layer: uniform in every state
    old = plain.case.forward(theta, plain.samples.obs)
    actions = torch.arange(CHOICES)[None, :, None].expand(len(old), -1, -1)
    log_q = torch.full(actions.shape[:2], -log(CHOICES)).double()
    found = plain._replace(
        theta=theta, samples=plain.samples._replace(old=old, actions=actions, log_q=log_q)
    )
    assert torch.allclose(dense(score_covariance(), found), dense(kl_hessian(), found), atol=1e-13)


def test_score_covariance_over_all_actions_tried_alike_is_the_kl_hessian() -> None:
    plain = problem("categorical")
    actions = torch.arange(CHOICES)[None, :, None].expand(len(plain.samples.obs), -1, -1)
    uniform = torch.full(actions.shape[:2], -log(CHOICES)).double()
    found = plain._replace(samples=plain.samples._replace(actions=actions, log_q=uniform))
    assert torch.allclose(dense(score_covariance(), found), dense(kl_hessian(), found), atol=1e-13)


@every_policy
@pytest.mark.parametrize("metric", [kl_hessian, score_covariance])
def test_metrics_are_symmetric_and_never_negative(name: str, metric: type[Metric]) -> None:
    found = dense(metric(), problem(name))
    assert torch.allclose(found, found.T, atol=1e-13)
    assert float(torch.linalg.eigvalsh(found).min()) > -1e-12


def test_batches_of_several_chunks_are_whole() -> None:
    found = problem("mlp", states=2 * CHUNK + 7, weighted=True)
    (v,) = directions(found, 1)
    _, u = torch.autograd.functional.jvp(found.forward, found.theta, v)
    log_std = found.samples.old[:, 2:]
    image = torch.cat([u[:, :2] / log_std.exp() ** 2, 2 * u[:, 2:]], 1)
    weight = found.samples.weight / found.samples.weight.sum()
    _, pull = torch.func.vjp(found.forward, found.theta)
    (expected,) = pull(image * weight[:, None])
    at = curvature(kl_hessian(), found)
    assert torch.allclose(at.product(v), expected, atol=1e-12)
    forms = (u * image).sum(1)
    assert at.quadratic(v) == pytest.approx((float(weight.dot(forms)), float(forms.max())))


def test_euclidean_metric_is_the_identity() -> None:
    found = problem("linear")
    at = curvature(euclidean, found)
    x = directions(found, 1)[0]
    assert torch.equal(dense(euclidean, found), torch.eye(len(found.theta)).double())
    assert at.quadratic(x) == pytest.approx((float(x.norm()) ** 2,) * 2)


def promise(g: Tensor, hessians: Tensor, x: Tensor) -> float:
    """gᵀx where x is as long as the worst state allows: max_s xᵀF_s x = 1."""
    return float(g @ x) / sqrt(float(torch.einsum("i,bij,j->b", x, hessians, x).max()))


def bound(g: Tensor, hessians: Tensor, x: Tensor) -> float:
    """What no promise exceeds, by weak duality: √(gᵀ F_w⁺ g), for weights w of the states.

    Any w gives a bound; these come from x by non-negative least squares on Σ_s w_s F_s x = g.
    """
    images = torch.einsum("bij,j->ib", hessians, x).numpy()
    weight = torch.from_numpy(nnls(images, g.numpy())[0])
    mixed = torch.einsum("b,bij->ij", weight / weight.sum(), hessians)
    return sqrt(float(g @ torch.linalg.pinv(mixed, rtol=1e-10) @ g))


@pytest.mark.parametrize("name", ["linear", "mlp without hidden bias", "categorical"])
def test_worst_state_is_the_best_direction_under_a_bound_on_every_state(name: str) -> None:
    found = problem(name)
    hessians = per_state_hessians(found)
    g = hessians.mean(0) @ directions(found, 1)[0]  # within the range of F, else there is no best
    exact = conjugate_gradient(steps=100, damping=1e-9)
    at = curvature(kl_hessian(), found)
    found_x = [worst_state(exact, rounds)(at, g).x for rounds in (0, 1, 5, 300)]
    reached = [promise(g, hessians, x) for x in found_x]
    assert reached == sorted(reached)
    assert reached[-1] > 1.05 * reached[0]
    assert reached[-1] == pytest.approx(bound(g, hessians, found_x[-1]), rel=0.01)


def test_worst_state_without_rounds_is_the_mean() -> None:
    found = problem("mlp")
    (g,) = directions(found, 1)
    solve, at = conjugate_gradient(steps=5), curvature(kl_hessian(), found)
    assert torch.equal(worst_state(solve, 0)(at, g).x, over_mean(solve)(at, g).x)


def test_worst_state_weighs_states_by_the_length_that_the_step_has_there() -> None:
    found = problem("linear", weighted=True)
    (x, v) = directions(found, 2)
    hessians = per_state_hessians(found)
    forms = torch.einsum("i,bij,j->b", x, hessians, x)
    weight = found.samples.weight * forms.sqrt() / found.mean(forms.sqrt())
    expected = torch.einsum("b,bij,j->i", weight, hessians, v) / found.samples.weight.sum()
    stressed = curvature(kl_hessian(), found).stressing(x)
    assert torch.allclose(stressed.product(v), expected, atol=1e-11)
    assert float(weight.sum()) == pytest.approx(float(found.samples.weight.sum()))
