"""The objective of one update: L and the KL constraint as functions of θ, on one batch."""

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import accumulate
from math import inf
from operator import add
from typing import NamedTuple

import torch

from trpo.chunks import cut
from trpo.networks import outputs
from trpo.policies import Policy
from trpo.surrogates import Surrogate
from trpo.types import Map, Samples, Tensor

PART = 64  # chunks of states whose layers are held at once
ROUNDING = 1e-5  # nats by which rounding may take a state's KL below zero, and more


class Evaluation(NamedTuple):
    """A candidate θ against θ_old, on all samples."""

    gain: float  # L(θ) − L(θ_old)
    kl_mean: float  # mean over states of KL(π_old ‖ π_θ)
    kl_max: float  # its maximum over states


Accepts = Callable[[Evaluation], bool]
"""Whether a step rule takes a candidate; it never minds more gain or less KL."""


def anything(found: Evaluation) -> bool:
    """Take every candidate."""
    return True


class Share(NamedTuple):
    """What some of the states add to an evaluation."""

    gain: float  # Σ over them of weight times gain
    kl: float  # Σ of weight times KL
    most: float  # maximal KL


class Objective:
    """L and the KL constraint as functions of θ, on one batch."""

    def __init__(
        self, policy: Policy, surrogate: Surrogate, samples: Samples, theta: Tensor, pmap: Map
    ) -> None:
        """Keep the batch, in parts; `theta` is θ_old, where gains are measured from."""
        self._policy, self._surrogate, self._pmap = policy, surrogate, pmap
        self._theta, self._mass = theta, float(samples.weight.sum())
        self._parts = cut(samples, PART * policy.network.chunk)
        masses = [float(part.weight.sum()) for part in self._parts]
        self._ahead = list(accumulate(reversed(masses)))[::-1]  # of each part and those after it
        self._base = [self._values(part, part.old) for part in self._parts]

    def _values(self, part: Samples, d: Tensor) -> Tensor:
        """The surrogate (B,) of distributions with parameters d (B, M)."""
        log_p = self._policy.distribution.log_prob(d[:, None], part.actions)
        return self._surrogate(log_p, part)

    def gradient(self) -> Tensor:
        """Return g = Jᵀ ∂L/∂d (P,) at θ_old."""
        return reduce(add, map(self._slope, self._parts))

    def _slope(self, part: Samples) -> Tensor:
        """What some of the states add to the gradient."""
        at = self._policy.network.linearise(self._theta, part.obs, self._pmap)
        with torch.enable_grad():
            d = at.output.detach().requires_grad_()
            value = (self._values(part, d) * part.weight).sum() / self._mass
            (slope,) = torch.autograd.grad(value, d)
        return at.vjp(slope)

    def evaluate(self, theta: Tensor, accepts: Accepts = anything) -> Evaluation:
        """Gain L(θ) − L(θ_old), mean and maximal KL(π_old ‖ π_θ), in float64 sums.

        No KL is negative, so the parts of the batch seen so far say how good θ can still be. As
        soon as even that is not accepted, it is returned.
        """
        shares: list[Share] = []
        for part, base, ahead in zip(self._parts, self._base, self._ahead, strict=True):
            hope = self._hope(shares, ahead)
            if not accepts(hope):
                return hope
            shares.append(self._share_at(theta, part, base))
        return self._summed(shares)

    def _share_at(self, theta: Tensor, part: Samples, base: Tensor) -> Share:
        """What some of the states add to the evaluation of θ."""
        d = outputs(self._policy.network, theta, part.obs, self._pmap)
        kl, gain = self._policy.distribution.kl(part.old, d), self._values(part, d) - base
        return Share(weighed(gain, part), weighed(kl, part), float(kl.max()))

    def _summed(self, shares: Sequence[Share]) -> Evaluation:
        """The evaluation that the shares of all states make."""
        gains, kls, most = zip(*shares, strict=True)
        return Evaluation(sum(gains) / self._mass, sum(kls) / self._mass, max(most))

    def _hope(self, shares: Sequence[Share], ahead: float) -> Evaluation:
        """The best that can come of these shares, states of weight `ahead` being left."""
        rest = Share(inf, -ROUNDING * ahead, -ROUNDING)
        return self._summed([*shares, rest])

    def entropy(self) -> float:
        """Mean entropy of π_old over the states, nats."""
        entropy = self._policy.distribution.entropy
        return sum(weighed(entropy(part.old), part) for part in self._parts) / self._mass


def weighed(values: Tensor, part: Samples) -> float:
    """Σ over states of weight times value (B,), in float64."""
    return float(values.double().dot(part.weight.double()))
