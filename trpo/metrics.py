"""Metrics: how far apart two policies are, to second order in their parameters.

A metric is linearised once at θ_old and then answers products F v and, for a direction x, the
quadratic form of every state; the mean of these is xᵀFx and their maximum is what a constraint
on every state needs. `worst_state` finds the direction that such a constraint asks for.
"""

from collections.abc import Callable
from math import inf, sqrt
from typing import NamedTuple

import torch

from trpo.distributions import Distribution
from trpo.networks import Linearisation, per_state
from trpo.parameters import Count, Natural
from trpo.policies import Policy
from trpo.solvers import Solution, Solver
from trpo.types import Map, Samples, Tensor


class Curvature(NamedTuple):
    """A metric at θ_old."""

    product: Callable[[Tensor], Tensor]  # v (P,) -> F v (P,)
    quadratic: Callable[[Tensor], tuple[float, float]]  # x (P,) -> mean and max over states
    stressing: Callable[[Tensor], "Curvature"]  # x (P,) -> states weighted by their √(xᵀF_s x)


Metric = Callable[[Policy, Samples, Tensor, Map], Curvature]
Form = Callable[[Distribution, Samples, Tensor], Tensor]
"""(distribution, samples, d (B, M)) -> F_d (B, M, M), the metric on distributions in each state."""


def kl_hessian(*, every: Count = 1) -> Metric:
    """The Hessian of the mean KL at θ_old: F v = Jᵀ F_d J v (App. C).

    It integrates over the action instead of using the sampled one.

    Args:
        every: use every k-th state; the paper uses 10 % of them, k = 10.
    """
    return _pulled_back(_kl_form, every)


def score_covariance(*, every: Count = 1) -> Metric:
    """The covariance of the sampled scores ∇log π(a|s): the empirical Fisher matrix (§6).

    With K actions in a state, each counts with weight π_old / (q K): 1/K where q is π_old.

    Args:
        every: use every k-th state.
    """
    return _pulled_back(_score_form, every)


def euclidean(policy: Policy, samples: Samples, theta: Tensor, pmap: Map) -> Curvature:
    """The identity: distance between parameters, whatever the policies do (Eq. 18)."""

    def quadratic(x: Tensor) -> tuple[float, float]:
        square = float(x.dot(x))
        return square, square

    found = Curvature(lambda v: v, quadratic, lambda x: found)
    return found


def _kl_form(distribution: Distribution, samples: Samples, d: Tensor) -> Tensor:
    """The Hessian of the KL in the parameters of the distribution, column by column."""
    size = d.shape[1]
    units = torch.eye(size, dtype=d.dtype, device=d.device).expand(len(d), -1, -1)
    return distribution.fisher(d[:, None], units)


def _score_form(distribution: Distribution, samples: Samples, d: Tensor) -> Tensor:
    """Mean over the K actions of ρ s sᵀ, s = ∂ log π(a|d) / ∂d and ρ = π_old(a|s) / q(a|s)."""
    count = samples.actions.shape[1]
    with torch.enable_grad():
        leaf = d.unsqueeze(1).repeat(1, count, 1).requires_grad_()
        log_p = distribution.log_prob(leaf, samples.actions)
        (score,) = torch.autograd.grad(log_p.sum(), leaf)
    log_old = distribution.log_prob(samples.old[:, None], samples.actions)
    ratio = torch.exp(log_old - samples.log_q)  # exactly 1 where π_old chose the actions
    return torch.einsum("bkm,bkn->bmn", score * ratio[..., None], score) / count


def _pulled_back(form: Form, every: int) -> Metric:
    """The metric on parameters that `form` on distributions induces through the network."""

    def metric(policy: Policy, samples: Samples, theta: Tensor, pmap: Map) -> Curvature:
        used = samples.some(slice(None, None, every))
        at = policy.network.linearise(theta, used.obs, pmap)
        return _curvature(at, form(policy.distribution, used, at.output), used.weight)

    return metric


def _curvature(at: Linearisation, form: Tensor, weight: Tensor) -> Curvature:
    """F = Jᵀ W J, W_s = w_s F_s / Σ w, with F_s (B, M, M) of distributions and weights w (B,)."""
    mass = float(weight.sum())
    weighted = form * (weight / mass)[:, None, None]

    def forms(x: Tensor) -> Tensor:
        u = at.jvp(x)
        return (u * per_state(form, u)).sum(-1)

    def quadratic(x: Tensor) -> tuple[float, float]:
        values = forms(x).double()
        return float(values.dot(weight.double())) / mass, float(values.max())

    def stressing(x: Tensor) -> Curvature:
        heavier = weight * forms(x).sqrt()
        scale = mass / float(heavier.double().sum())
        return _curvature(at, form, scale * heavier)

    return Curvature(lambda v: at.normal(weighted, v), quadratic, stressing)


Direct = Callable[[Curvature, Tensor], Solution]
"""How a rule finds its direction: curvature, g (P,) -> x with F x = g."""


def over_mean(solve: Solver) -> Direct:
    """F x = g with F the mean over states: the direction of Eqs. 12 and 17."""
    return lambda curvature, g: solve(curvature.product, g)


def worst_state(solve: Solver, rounds: Natural) -> Direct:
    """The direction of Eq. 11: max gᵀx such that xᵀF_s x is bounded in every state s.

    By duality x solves (Σ_s w_s F_s) x = g for the weights w that make gᵀx smallest. They are
    found by the multiplicative algorithm of optimal design, w_s ← w_s √(xᵀF_s x) / Σ …, which
    for this criterion (c-optimality, Fellman 1974) never makes gᵀx larger.

    Args:
        solve: of F x = g, once a round and once before.
        rounds: how often the weights are changed; 0 is the direction of `over_mean`. The x of the
            largest gᵀx / √(max_s xᵀF_s x) is returned.
    """

    def direct(curvature: Curvature, g: Tensor) -> Solution:
        at, best, most = curvature, solve(curvature.product, g), -inf
        found = best
        for turn in range(rounds + 1):
            worst = curvature.quadratic(found.x)[1]
            promise = float(g.dot(found.x)) / sqrt(worst) if worst > 0 else -inf
            if promise > most:
                best, most = found, promise
            if turn == rounds or not worst > 0:
                break
            at = at.stressing(found.x)
            found = solve(at.product, g)
        return best

    return direct
