"""Metrics: how far apart two policies are, to second order in their parameters.

A metric is linearised once at θ_old and then answers products F v and, for a direction x, the
quadratic form of every state; the mean of these is xᵀFx and their maximum is what a constraint
on every state needs.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch

from trpo.chunks import chunks, total
from trpo.distributions import Distribution
from trpo.networks import Linearisation
from trpo.policies import Policy
from trpo.types import Map, Samples, Tensor


class Curvature(NamedTuple):
    """A metric at θ_old."""

    product: Callable[[Tensor], Tensor]  # v (P,) -> F v (P,)
    quadratic: Callable[[Tensor], tuple[float, float]]  # x (P,) -> mean and max over states


Metric = Callable[[Policy, Samples, Tensor, Map], Curvature]
Form = Callable[[Distribution, Samples, Tensor, Tensor], Tensor]
"""(distribution, samples, d (B, M), u (B, M)) -> F_d u (B, M), the metric on distributions."""


def kl_hessian(*, every: int = 1) -> Metric:
    """The Hessian of the mean KL at θ_old: F v = Jᵀ F_d J v (App. C).

    It integrates over the action instead of using the sampled one.

    Args:
        every: use every k-th state; the paper uses 10 % of them, k = 10.
    """
    return _pulled_back(lambda dist, _, d, u: dist.fisher(d, u), every)


def score_covariance(*, every: int = 1) -> Metric:
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

    return Curvature(lambda v: v, quadratic)


def _score_form(distribution: Distribution, samples: Samples, d: Tensor, u: Tensor) -> Tensor:
    """Mean over the K actions of ρ s sᵀ u, s = ∂ log π(a|d) / ∂d and ρ = π_old(a|s) / q(a|s)."""
    count = samples.actions.shape[1]
    with torch.enable_grad():
        leaf = d.unsqueeze(1).repeat(1, count, 1).requires_grad_()
        log_p = distribution.log_prob(leaf, samples.actions)
        (score,) = torch.autograd.grad(log_p.sum(), leaf)
    log_old = distribution.log_prob(samples.old[:, None], samples.actions)
    ratio = torch.exp(log_old - samples.log_q)  # exactly 1 where π_old chose the actions
    return torch.einsum("bkm,bkn,bn->bm", score * ratio[..., None], score, u) / count


def _pulled_back(form: Form, every: int) -> Metric:
    """The metric on parameters that `form` on distributions induces through the network."""

    def metric(policy: Policy, samples: Samples, theta: Tensor, pmap: Map) -> Curvature:
        used = Samples(*(field[::every] for field in samples))
        mass = float(used.weight.sum())

        def linearised(part: Samples) -> tuple[Samples, Linearisation]:
            return part, policy.network.linearise(theta, part.obs)

        parts = list(pmap(linearised, chunks(used)))

        def product(v: Tensor) -> Tensor:
            def one(part: tuple[Samples, Linearisation]) -> Tensor:
                data, at = part
                image = form(policy.distribution, data, at.output, at.jvp(v))
                return at.vjp(image * data.weight[:, None])

            return total(pmap, one, parts) / mass

        def quadratic(x: Tensor) -> tuple[float, float]:
            def one(part: tuple[Samples, Linearisation]) -> Tensor:
                data, at = part
                u = at.jvp(x)
                return (u * form(policy.distribution, data, at.output, u)).sum(-1)

            values = torch.cat(list(pmap(one, parts))).double()
            return float(values.dot(used.weight.double())) / mass, float(values.max())

        return Curvature(product, quadratic)

    return metric
