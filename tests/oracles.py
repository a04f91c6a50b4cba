"""Obvious versions of what the suite computes, written apart from it, for tests to compare with."""

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from torch.distributions import Categorical, Distribution, Independent, Normal, kl_divergence

from trpo.policies import Policy, categorical_mlp, gaussian_mlp, linear_gaussian
from trpo.simulators.protocol import Box, Choices, Space
from trpo.types import Samples, Tensor

OBS, ACTIONS, CHOICES = 3, 2, 4
CONTINUOUS = Space((OBS,), Box(-np.ones(ACTIONS), np.ones(ACTIONS)), 100)
DISCRETE = Space((OBS,), Choices((CHOICES,)), 100)
COUNTS = (3, 3, 2)
FACTORED = Space((OBS,), Choices(COUNTS), 100)
FRAMES = Space((4, 52, 40), Choices(COUNTS), 100)


class Case(NamedTuple):
    """A policy, and the same one through torch's own functions."""

    policy: Policy
    forward: Callable[[Tensor, Tensor], Tensor]  # theta (P,), obs (B, O) -> d (B, M)
    family: Callable[[Tensor], Distribution]  # d -> distribution, of choices by their number
    counts: tuple[int, ...] = ()  # choices a factor


def gaussian(d: Tensor) -> Distribution:
    """Torch's Gaussian of the parameters d (..., 2 A)."""
    mean, log_std = d.chunk(2, -1)
    return Independent(Normal(mean, log_std.exp()), 1)


def categorical(d: Tensor) -> Distribution:
    """Torch's categorical of the logits d (..., M)."""
    return Categorical(logits=d)


def factored(d: Tensor) -> Distribution:
    """Torch's categorical over the 18 joint choices of three factors with logits d (..., 8)."""
    a, b, c = d.split(COUNTS, -1)
    joint = a[..., :, None, None] + b[..., None, :, None] + c[..., None, None, :]
    return Categorical(logits=joint.flatten(-3))


def numbers(actions: Tensor, counts: tuple[int, ...]) -> Tensor:
    """The number (...) of each joint choice (..., A), the last factor counting fastest."""
    found = torch.zeros(actions.shape[:-1])
    for i, count in enumerate(counts):
        found = found * count + actions[..., i]
    return found


def dense(
    sizes: Sequence[int], hidden_bias: bool, free: bool
) -> Callable[[Tensor, Tensor], Tensor]:
    """A tanh network by slicing theta layer by layer; `free` appends what is left of theta."""

    def forward(theta: Tensor, x: Tensor) -> Tensor:
        start, layers = 0, list(pairwise(sizes))
        for number, (n, m) in enumerate(layers, 1):
            x = x @ theta[start : start + n * m].reshape(m, n).T
            start += n * m
            if hidden_bias or number == len(layers):
                x = x + theta[start : start + m]
                start += m
            if number < len(layers):
                x = torch.tanh(x)
        rest = theta[start:]
        return torch.cat([x, rest.expand(len(x), len(rest))], 1) if free else x

    return forward


CASES = {
    "linear": Case(linear_gaussian(CONTINUOUS), dense([OBS, ACTIONS], True, True), gaussian),
    "mlp": Case(
        gaussian_mlp(CONTINUOUS, hidden=(5, 4)), dense([OBS, 5, 4, ACTIONS], True, True), gaussian
    ),
    "mlp without hidden bias": Case(
        gaussian_mlp(CONTINUOUS, hidden=(5,), hidden_bias=False),
        dense([OBS, 5, ACTIONS], False, True),
        gaussian,
    ),
    "categorical": Case(
        categorical_mlp(DISCRETE, hidden=(5,)),
        dense([OBS, 5, CHOICES], True, False),
        categorical,
        (CHOICES,),
    ),
    "factored": Case(
        categorical_mlp(FACTORED, hidden=(4,)),
        dense([OBS, 4, sum(COUNTS)], True, False),
        factored,
        COUNTS,
    ),
}


class Problem(NamedTuple):
    """A policy's parameters and a batch drawn under them, in float64."""

    case: Case
    theta: Tensor  # (P,)
    samples: Samples

    @property
    def policy(self) -> Policy:
        """The suite's own policy."""
        return self.case.policy

    def forward(self, theta: Tensor) -> Tensor:
        """The distribution parameters (B, M) under another theta."""
        return self.case.forward(theta, self.samples.obs)

    def kl(self, theta: Tensor) -> Tensor:
        """KL(π_old ‖ π_θ) (B,) by torch."""
        family = self.case.family
        return kl_divergence(family(self.samples.old), family(self.forward(theta)))

    def log_prob(self, theta: Tensor) -> Tensor:
        """log π_θ of the actions (B, K) by torch."""
        found = self.case.family(self.forward(theta)[:, None])
        actions, counts = self.samples.actions, self.case.counts
        return found.log_prob(numbers(actions, counts) if counts else actions)

    def mean(self, values: Tensor) -> Tensor:
        """Weighted mean over states of values (B,)."""
        weight = self.samples.weight
        return (weight * values).sum() / weight.sum()

    def surrogate(self, theta: Tensor) -> Tensor:
        """Eq. 14 in full."""
        ratio = torch.exp(self.log_prob(theta) - self.samples.log_q)
        return self.mean((ratio * self.samples.q).mean(1))


def problem(
    name: str, seed: int = 0, states: int = 30, tried: int = 1, weighted: bool = False
) -> Problem:
    """A random problem for the policy of this name, with `tried` actions a state."""
    case, rng = CASES[name], np.random.default_rng(seed)
    theta = torch.from_numpy(0.5 * rng.standard_normal(case.policy.network.size))
    obs = torch.from_numpy(rng.standard_normal((states, OBS)))
    old = case.forward(theta, obs)
    if not case.counts:
        noise = torch.from_numpy(rng.standard_normal((states, tried, ACTIONS)))
        mean, log_std = old[:, None].chunk(2, -1)
        actions = mean + log_std.exp() * noise
    else:
        chances = case.family(old).probs.numpy()
        picked = np.array([rng.choice(len(p), tried, p=p / p.sum()) for p in chances])
        actions = torch.from_numpy(np.stack(np.unravel_index(picked, case.counts), axis=-1))
    q = torch.from_numpy(rng.standard_normal((states, tried)))
    weight = torch.from_numpy(rng.uniform(0.5, 2, states)) if weighted else torch.ones(states)
    samples = Samples(obs, actions, q, torch.zeros(states, tried), old, weight.double())
    found = Problem(case, theta, samples)
    return found._replace(samples=samples._replace(log_q=found.log_prob(theta)))


def matrix(product: Callable[[Tensor], Tensor], size: int) -> Tensor:
    """The dense matrix (P, P) of a linear map."""
    return torch.stack([product(unit) for unit in torch.eye(size, dtype=torch.float64)], 1)


def per_state_hessians(found: Problem) -> Tensor:
    """Hessians of KL(π_old ‖ π_θ) in θ at θ_old (B, P, P), one state at a time, by autograd."""

    def kl(theta: Tensor, obs: Tensor, old: Tensor) -> Tensor:
        family = found.case.family
        return kl_divergence(family(old), family(found.case.forward(theta, obs[None])[0]))

    pairs = zip(found.samples.obs, found.samples.old, strict=True)
    hessian = torch.autograd.functional.hessian
    return torch.stack([hessian(lambda t, o=o, d=d: kl(t, o, d), found.theta) for o, d in pairs])
