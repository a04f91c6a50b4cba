"""The objective of one update: L and the KL constraint as functions of θ, on one batch."""

from typing import NamedTuple

import torch

from trpo.chunks import chunks, total
from trpo.policies import Policy
from trpo.surrogates import Surrogate
from trpo.types import Map, Samples, Tensor


class Evaluation(NamedTuple):
    """A candidate θ against θ_old, on all samples."""

    gain: float  # L(θ) − L(θ_old)
    kl_mean: float  # mean over states of KL(π_old ‖ π_θ)
    kl_max: float  # its maximum over states


class Objective:
    """L and the KL constraint as functions of θ, on one batch."""

    def __init__(
        self, policy: Policy, surrogate: Surrogate, samples: Samples, theta: Tensor, pmap: Map
    ) -> None:
        """Keep the batch as chunks; `theta` is θ_old, where gains are measured from."""
        self._policy, self._surrogate, self._pmap = policy, surrogate, pmap
        self._parts = chunks(samples)
        self._mass = float(samples.weight.sum())
        self._theta = theta
        log_prob = policy.distribution.log_prob
        self._base = [surrogate(log_prob(p.old[:, None], p.actions), p) for p in self._parts]

    def gradient(self) -> Tensor:
        """Return g = Jᵀ ∂L/∂d (P,) at θ_old."""
        dist = self._policy.distribution

        def one(part: Samples) -> Tensor:
            at = self._policy.network.linearise(self._theta, part.obs)
            with torch.enable_grad():
                d = at.output.requires_grad_()
                value = self._surrogate(dist.log_prob(d[:, None], part.actions), part)
                (slope,) = torch.autograd.grad((value * part.weight).sum(), d)
            return at.vjp(slope)

        return total(self._pmap, one, self._parts) / self._mass

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Gain L(θ) − L(θ_old), mean and maximal KL(π_old ‖ π_θ), in float64 sums."""
        dist, new = self._policy.distribution, self._policy.network.at(theta)

        def one(part: Samples, base: Tensor) -> Tensor:
            d = new(part.obs)
            gain = self._surrogate(dist.log_prob(d[:, None], part.actions), part) - base
            kl, weight = dist.kl(part.old, d).double(), part.weight.double()
            return torch.stack([weight.dot(gain.double()), weight.dot(kl), kl.max()])

        found = torch.stack(list(self._pmap(one, self._parts, self._base)))
        gain, kl_mean = (found[:, :2].sum(0) / self._mass).tolist()
        return Evaluation(gain, kl_mean, float(found[:, 2].max()))

    def entropy(self) -> float:
        """Mean entropy of π_old over the states, nats."""
        dist = self._policy.distribution
        sums = total(self._pmap, lambda p: dist.entropy(p.old).dot(p.weight), self._parts)
        return float(sums) / self._mass
