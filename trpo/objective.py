"""The objective of one update: L and the KL constraint as functions of θ, on one batch."""

from typing import NamedTuple

import torch

from trpo.networks import outputs
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
        """Keep the batch; `theta` is θ_old, where gains are measured from."""
        self._policy, self._surrogate, self._pmap = policy, surrogate, pmap
        self._samples, self._theta = samples, theta
        self._mass = float(samples.weight.sum())
        self._base = self._values(samples.old)

    def _values(self, d: Tensor) -> Tensor:
        """The surrogate (B,) of distributions with parameters d (B, M)."""
        samples = self._samples
        log_p = self._policy.distribution.log_prob(d[:, None], samples.actions)
        return self._surrogate(log_p, samples)

    def _mean(self, values: Tensor) -> float:
        """Weighted mean over states of values (B,), summed in float64."""
        return float(values.double().dot(self._samples.weight.double())) / self._mass

    def gradient(self) -> Tensor:
        """Return g = Jᵀ ∂L/∂d (P,) at θ_old."""
        at = self._policy.network.linearise(self._theta, self._samples.obs, self._pmap)
        with torch.enable_grad():
            d = at.output.detach().requires_grad_()
            value = (self._values(d) * self._samples.weight).sum() / self._mass
            (slope,) = torch.autograd.grad(value, d)
        return at.vjp(slope)

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Gain L(θ) − L(θ_old), mean and maximal KL(π_old ‖ π_θ), in float64 sums."""
        d = outputs(self._policy.network, theta, self._samples.obs, self._pmap)
        kl = self._policy.distribution.kl(self._samples.old, d)
        gain = self._values(d) - self._base
        return Evaluation(self._mean(gain), self._mean(kl), float(kl.max()))

    def entropy(self) -> float:
        """Mean entropy of π_old over the states, nats."""
        return self._mean(self._policy.distribution.entropy(self._samples.old))
