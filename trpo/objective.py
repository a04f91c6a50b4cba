"""The objective of one update: L and the KL constraint as functions of θ, on one batch."""

from functools import reduce
from operator import add
from typing import NamedTuple

import torch

from trpo.chunks import CHUNK, cut
from trpo.networks import outputs
from trpo.policies import Policy
from trpo.surrogates import Surrogate
from trpo.types import Map, Samples, Tensor

PART = 64 * CHUNK  # states whose layers are held at once


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
        """Keep the batch, in parts; `theta` is θ_old, where gains are measured from."""
        self._policy, self._surrogate, self._pmap = policy, surrogate, pmap
        self._theta, self._mass = theta, float(samples.weight.sum())
        self._parts = cut(samples, PART)
        self._base = [self._values(part, part.old) for part in self._parts]

    def _values(self, part: Samples, d: Tensor) -> Tensor:
        """The surrogate (B,) of distributions with parameters d (B, M)."""
        log_p = self._policy.distribution.log_prob(d[:, None], part.actions)
        return self._surrogate(log_p, part)

    def gradient(self) -> Tensor:
        """Return g = Jᵀ ∂L/∂d (P,) at θ_old."""
        return reduce(add, map(self._share, self._parts))

    def _share(self, part: Samples) -> Tensor:
        """What some of the states add to the gradient."""
        at = self._policy.network.linearise(self._theta, part.obs, self._pmap)
        with torch.enable_grad():
            d = at.output.detach().requires_grad_()
            value = (self._values(part, d) * part.weight).sum() / self._mass
            (slope,) = torch.autograd.grad(value, d)
        return at.vjp(slope)

    def evaluate(self, theta: Tensor) -> Evaluation:
        """Gain L(θ) − L(θ_old), mean and maximal KL(π_old ‖ π_θ), in float64 sums."""
        network, found = self._policy.network, []
        for part, base in zip(self._parts, self._base, strict=True):
            d = outputs(network, theta, part.obs, self._pmap)
            kl, gain = self._policy.distribution.kl(part.old, d), self._values(part, d) - base
            found.append((weighed(gain, part), weighed(kl, part), float(kl.max())))
        gains, kls, most = zip(*found, strict=True)
        return Evaluation(sum(gains) / self._mass, sum(kls) / self._mass, max(most))

    def entropy(self) -> float:
        """Mean entropy of π_old over the states, nats."""
        entropy = self._policy.distribution.entropy
        return sum(weighed(entropy(part.old), part) for part in self._parts) / self._mass


def weighed(values: Tensor, part: Samples) -> float:
    """Σ over states of weight times value (B,), in float64."""
    return float(values.double().dot(part.weight.double()))
