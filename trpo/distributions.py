"""Action distributions as functions of their parameters d (B, M).

Every distribution has the same six members, so that a policy is a network and one of these.
`kl(old, new)` is KL(old ‖ new) everywhere. Noise comes in as an array: the same array gives the
same action, which is what lets the branches of a vine share random numbers.
"""

from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import log, pi
from typing import Protocol, TypeVar

import numpy as np
import torch

from trpo.simulators.protocol import Box, Choices
from trpo.types import Array, Tensor

D = TypeVar("D", Tensor, Array)


class Distribution(Protocol):
    """A family of distributions over actions with parameters d (..., M)."""

    @property
    def parameters(self) -> int:
        """M."""

    def noise(self, rng: np.random.Generator, count: int) -> Array:
        """Noise (count, ·) float32 that `sample` turns into actions."""

    def sample(self, d: Array, noise: Array) -> Array:
        """Actions (B, A) for parameters d (B, M), in NumPy (see trpo.networks)."""

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """Log π(a|d) (...,) in nats for d (..., M) and actions (..., A), broadcast together."""

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """KL(old ‖ new) (...,) in nats."""

    def fisher(self, d: Tensor, u: Tensor) -> Tensor:
        """F_d u (..., M) for u (..., M) and d that broadcasts: the Hessian of KL(d ‖ ·) at d."""

    def entropy(self, d: Tensor) -> Tensor:
        """Entropy (...,) in nats."""


@dataclass(frozen=True)
class DiagGaussian:
    """Independent Gaussians; d holds A means, then A log standard deviations (App. D)."""

    dimensions: int  # A

    @property
    def parameters(self) -> int:
        """M = 2 A."""
        return 2 * self.dimensions

    def _split(self, d: Tensor) -> tuple[Tensor, Tensor]:
        return d[..., : self.dimensions], d[..., self.dimensions :]

    def noise(self, rng: np.random.Generator, count: int) -> Array:
        """Standard normal (count, A)."""
        return rng.standard_normal((count, self.dimensions), dtype=np.float32)

    def sample(self, d: Array, noise: Array) -> Array:
        """Return mean + std · noise."""
        actions: Array = np.exp(d[:, self.dimensions :]) * noise + d[:, : self.dimensions]
        return actions

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """Log density, Σ_i −½((a−μ)/σ)² − log σ − ½ log 2π."""
        mean, log_std = self._split(d)
        z = (actions - mean) * torch.exp(-log_std)
        return -(0.5 * z * z + log_std).sum(-1) - 0.5 * log(2 * pi) * self.dimensions

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """Σ_i log σ'/σ + (σ² + (μ−μ')²) / 2σ'² − ½, the primes marking the new one."""
        mean, log_std = self._split(old)
        new_mean, new_log_std = self._split(new)
        ratio = torch.exp(2 * (log_std - new_log_std))
        distance = (mean - new_mean).square() * torch.exp(-2 * new_log_std)
        return (new_log_std - log_std + 0.5 * (ratio + distance - 1)).sum(-1)

    def fisher(self, d: Tensor, u: Tensor) -> Tensor:
        """Diagonal: 1/σ² for the means, 2 for the log standard deviations."""
        _, log_std = self._split(d)
        u_mean, u_log_std = self._split(u)
        return torch.cat([u_mean * torch.exp(-2 * log_std), 2 * u_log_std], dim=-1)

    def entropy(self, d: Tensor) -> Tensor:
        """Σ_i log σ + ½ log 2πe."""
        return self._split(d)[1].sum(-1) + 0.5 * (1 + log(2 * pi)) * self.dimensions


@dataclass(frozen=True)
class Categorical:
    """One of `choices` actions; d holds logits, actions are indices (..., 1)."""

    choices: int

    @property
    def parameters(self) -> int:
        """M = number of choices."""
        return self.choices

    def noise(self, rng: np.random.Generator, count: int) -> Array:
        """Standard Gumbel (count, M)."""
        return rng.gumbel(size=(count, self.choices)).astype(np.float32)

    def sample(self, d: Array, noise: Array) -> Array:
        """Gumbel-max: argmax of logits + noise, (B, 1)."""
        choices: Array = (d + noise).argmax(-1)
        return choices[:, None]

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """The logit of the action after normalisation."""
        logits = torch.log_softmax(d, -1)
        shape = np.broadcast_shapes(logits.shape[:-1], actions.shape[:-1])
        index = actions.long().expand(*shape, 1)
        return logits.expand(*shape, self.choices).gather(-1, index)[..., 0]

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """Σ_a p (log p − log p'); an action of probability zero adds nothing."""
        log_old, log_new = torch.log_softmax(old, -1), torch.log_softmax(new, -1)
        p = log_old.exp()
        return torch.where(p > 0, p * (log_old - log_new), torch.zeros_like(p)).sum(-1)

    def fisher(self, d: Tensor, u: Tensor) -> Tensor:
        """(diag(p) − p pᵀ) u."""
        p = torch.softmax(d, -1)
        return p * (u - (p * u).sum(-1, keepdim=True))

    def entropy(self, d: Tensor) -> Tensor:
        """−Σ_a p log p."""
        logits = torch.log_softmax(d, -1)
        p = logits.exp()
        return -torch.where(p > 0, p * logits, torch.zeros_like(p)).sum(-1)


@dataclass(frozen=True)
class FactoredCategorical:
    """One of several choices a factor, independent of the others (App. D).

    d holds the logits of one factor after another, actions are indices (..., A).
    """

    counts: tuple[int, ...]  # (A,) choices of each factor

    @property
    def parameters(self) -> int:
        """M, the number of choices of all factors together."""
        return sum(self.counts)

    @property
    def _factors(self) -> list[Categorical]:
        return [Categorical(count) for count in self.counts]

    def _split(self, d: D) -> list[D]:
        """The logits of each factor."""
        return [d[..., start:end] for start, end in pairwise(accumulate(self.counts, initial=0))]

    def noise(self, rng: np.random.Generator, count: int) -> Array:
        """Standard Gumbel (count, M)."""
        return Categorical(self.parameters).noise(rng, count)

    def sample(self, d: Array, noise: Array) -> Array:
        """Gumbel-max in each factor, (B, A)."""
        parts = zip(self._factors, self._split(d), self._split(noise), strict=True)
        return np.concatenate([factor.sample(own, g) for factor, own, g in parts], axis=1)

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """Σ over the factors."""
        parts = enumerate(zip(self._factors, self._split(d), strict=True))
        found = [factor.log_prob(own, actions[..., i : i + 1]) for i, (factor, own) in parts]
        return torch.stack(found).sum(0)

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """Σ over the factors."""
        parts = zip(self._factors, self._split(old), self._split(new), strict=True)
        return torch.stack([factor.kl(before, after) for factor, before, after in parts]).sum(0)

    def fisher(self, d: Tensor, u: Tensor) -> Tensor:
        """One block a factor."""
        parts = zip(self._factors, self._split(d), self._split(u), strict=True)
        return torch.cat([factor.fisher(own, v) for factor, own, v in parts], dim=-1)

    def entropy(self, d: Tensor) -> Tensor:
        """Σ over the factors."""
        parts = zip(self._factors, self._split(d), strict=True)
        return torch.stack([factor.entropy(own) for factor, own in parts]).sum(0)


def choosing(counts: tuple[int, ...]) -> Distribution:
    """What chooses one of so many in each factor (A,)."""
    return Categorical(*counts) if len(counts) == 1 else FactoredCategorical(counts)


@dataclass(frozen=True)
class Uniform:
    """Every action of a task as likely; d is empty, so that there is nothing to learn."""

    actions: Box | Choices  # a box must be bounded

    @property
    def parameters(self) -> int:
        """M = 0."""
        return 0

    def noise(self, rng: np.random.Generator, count: int) -> Array:
        """Uniform within [0, 1), (count, A)."""
        return rng.random((count, self.actions.dimensions), dtype=np.float32)

    def sample(self, d: Array, noise: Array) -> Array:
        """The actions that the noise stands for."""
        return self.actions.uniform(noise)

    def log_prob(self, d: Tensor, actions: Tensor) -> Tensor:
        """Minus log of the volume, for every action that there is."""
        shape = np.broadcast_shapes(d.shape[:-1], actions.shape[:-1])
        return torch.full(shape, -self.actions.log_volume)

    def kl(self, old: Tensor, new: Tensor) -> Tensor:
        """Zero."""
        return torch.zeros(np.broadcast_shapes(old.shape[:-1], new.shape[:-1]))

    def fisher(self, d: Tensor, u: Tensor) -> Tensor:
        """Empty."""
        return torch.zeros_like(u)

    def entropy(self, d: Tensor) -> Tensor:
        """Log of the volume."""
        return torch.full(d.shape[:-1], self.actions.log_volume)
