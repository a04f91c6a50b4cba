"""Objectives of several actions a state: values, gradients, and what leaves them alone."""

import numpy as np
import pytest
import torch
from oracles import CHOICES, Problem, problem

from trpo.objective import Objective
from trpo.surrogates import (
    Surrogate,
    all_actions,
    importance_weighted,
    self_normalised,
)
from trpo.types import Samples, Tensor


def test_values_are_those_of_a_double_loop() -> None:
    found, rng = problem("mlp", tried=4), np.random.default_rng(2)
    samples = found.samples._replace(log_q=torch.from_numpy(rng.standard_normal((30, 4))))
    log_p = torch.from_numpy(rng.standard_normal((30, 4)))
    for n in range(30):
        p, q, r = np.exp(log_p[n].numpy()), samples.q[n].numpy(), np.exp(samples.log_q[n].numpy())
        above, below, every = 0.0, 0.0, 0.0
        for k in range(4):
            every += p[k] * q[k]
            above += p[k] / r[k] * q[k]
            below += p[k] / r[k]
        assert all_actions(log_p, samples)[n].item() == pytest.approx(every)
        assert self_normalised(log_p, samples)[n].item() == pytest.approx(above / below)


def gradient(surrogate: Surrogate, found: Problem, samples: Samples, theta: Tensor) -> Tensor:
    """∇L (P,) at theta, by the suite."""
    return Objective(found.policy, surrogate, samples, theta, map).gradient()


def scores(found: Problem, theta: Tensor) -> Tensor:
    """∇ log π_θ of every action (B, K, P), by autograd."""
    jacobian: Tensor = torch.autograd.functional.jacobian(found.log_prob, theta)
    return jacobian


def numerical(found: Problem, surrogate: Surrogate, theta: Tensor) -> Tensor:
    """∇L (P,) at theta by central differences."""
    h = 1e-5

    def value(at: Tensor) -> Tensor:
        return found.mean(surrogate(found.log_prob(at), found.samples))

    units = torch.eye(len(theta), dtype=torch.float64)
    return torch.stack([(value(theta + h * u) - value(theta - h * u)) / (2 * h) for u in units])


def moved(found: Problem) -> Tensor:
    """Parameters other than those that the actions were drawn under."""
    rng = np.random.default_rng(3)
    return found.theta + 0.2 * torch.from_numpy(rng.standard_normal(len(found.theta)))


vine_policies = pytest.mark.parametrize("name", ["linear", "mlp", "categorical"])


@vine_policies
@pytest.mark.parametrize("tried", [2, 4])
def test_self_normalised_gradient_at_the_old_policy_needs_no_baseline(
    name: str, tried: int
) -> None:
    found = problem(name, tried=tried, weighted=True)
    q = found.samples.q
    centred = q - q.mean(1, keepdim=True)
    per_state = torch.einsum("bkp,bk->bp", scores(found, found.theta), centred) / tried
    weight = found.samples.weight
    expected = (weight[:, None] * per_state).sum(0) / weight.sum()
    ours = gradient(self_normalised, found, found.samples, found.theta)
    assert torch.allclose(ours, expected, atol=1e-12)


@vine_policies
def test_self_normalised_gradient_elsewhere_is_the_closed_form(name: str) -> None:
    found = problem(name, tried=3)
    theta, q = moved(found), found.samples.q
    ratio = torch.exp(found.log_prob(theta) - found.samples.log_q)
    share = ratio / ratio.sum(1, keepdim=True)
    centred = q - (share * q).sum(1, keepdim=True)
    expected = torch.einsum("bkp,bk->p", scores(found, theta), share * centred) / len(q)
    ours = gradient(self_normalised, found, found.samples, theta)
    assert torch.allclose(ours, expected, atol=1e-12)


@vine_policies
@pytest.mark.parametrize("surrogate", [all_actions, self_normalised])
def test_gradients_are_those_of_finite_differences(name: str, surrogate: Surrogate) -> None:
    found = problem(name, tried=3, weighted=True)
    for theta in (found.theta, moved(found)):
        expected = numerical(found, surrogate, theta)
        assert torch.allclose(gradient(surrogate, found, found.samples, theta), expected, atol=1e-8)


def every_action(found: Problem) -> Samples:
    """The samples with every action tried in each state, and q uniform."""
    return found.samples._replace(
        actions=torch.arange(CHOICES)[:, None].expand(30, CHOICES, 1),
        log_q=torch.full((30, CHOICES), -np.log(CHOICES), dtype=torch.float64),
    )


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("surrogate", [all_actions, self_normalised])
def test_a_constant_added_to_all_q_of_a_state_leaves_the_gradient_alone(
    surrogate: Surrogate, old: bool
) -> None:
    found = problem("categorical", tried=CHOICES)
    samples = every_action(found)
    shift = 100 * torch.from_numpy(np.random.default_rng(4).standard_normal((30, 1)))
    theta = found.theta if old else moved(found)
    lifted = samples._replace(q=samples.q + shift)
    one, other = (gradient(surrogate, found, s, theta) for s in (samples, lifted))
    assert torch.allclose(one, other, atol=1e-12)
    assert not torch.allclose(  # but the estimator with importance weights needs a baseline
        *(gradient(importance_weighted, found, found.samples._replace(q=q), theta)
          for q in (samples.q, lifted.q))
    )  # fmt: skip


def test_with_every_action_tried_uniformly_both_estimators_agree() -> None:
    found = problem("categorical", tried=CHOICES)
    samples = every_action(found)
    log_p = torch.log_softmax(samples.old, 1)
    one, other = all_actions(log_p, samples), self_normalised(log_p, samples)
    assert torch.allclose(one, other)
