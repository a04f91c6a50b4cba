"""The bridge from finite MDPs to the sampled algorithms: a table of logits as their policy.

An observation is a state's unit vector and theta (P = S·A) are the logits, state by state. Fed
with every state and action at its exact weight and worth, `trpo.updates.update` makes the exact
step; fed with draws, it makes one that comes nearer as they grow.
"""

from collections.abc import Callable

import numpy as np
import torch

from trpo.distributions import Categorical
from trpo.networks import Network, network
from trpo.policies import Policy
from trpo.tabular.mdp import MDP, advantages, visitation
from trpo.types import Array, Samples, Tensor

Worth = Callable[[MDP, Array], Array]
"""(mdp, pi) -> (N, S, A): `advantages` or `action_values`"""


def softmax_policy(states: int, actions: int) -> Policy:
    """π(a|s) = softmax of theta's row s, theta (S·A,) being the logits (S, A) flattened."""
    return Policy(table(states, actions), Categorical(actions))


def table(rows: int, columns: int) -> Network:
    """A linear map without a bias: x (B, rows) -> x W, W (rows, columns) being theta."""

    def init(rng: np.random.Generator) -> Tensor:
        return torch.zeros(rows * columns)  # the uniform policy

    def at(theta: Tensor) -> Callable[[Tensor], Tensor]:
        w = theta.view(rows, columns)
        return lambda x: x @ w

    return network(init, at)


def parameters(pi: Array) -> Tensor:
    """Theta (S·A,) float64 of a policy (1, S, A) that leaves no action out: log π."""
    return torch.from_numpy(pi).log().view(-1)


def exact_samples(mdp: MDP, pi: Array, worth: Worth = advantages) -> Samples:
    """Every state once with weight ρ_π(s), every action tried once in it: B = S, K = A.

    The actions count as drawn uniformly, log q = −log A, which makes the mean over K of the
    importance-weighted surrogate (14) the sum Σ_a π_θ(a|s) q(s, a), as in (3).

    Args:
        mdp: one MDP, N = 1.
        pi: (1, S, A) the old policy.
        worth: what q is; Q adds a constant to each state's surrogate and changes no step.

    Raises:
        ValueError: more MDPs than one.
    """
    states, actions = _only(pi).shape
    tried = np.tile(np.arange(actions), (states, 1))
    q, log_q = worth(mdp, pi)[0], np.full(tried.shape, -np.log(actions))
    return _samples(pi[0], np.arange(states), tried, q, log_q, visitation(mdp, pi)[0])


def sampled(
    rng: np.random.Generator, mdp: MDP, pi: Array, count: int, worth: Worth = advantages
) -> Samples:
    """`count` draws s ~ ρ_π / Σ ρ_π, a ~ π(·|s), each with its exact worth: B = count, K = 1.

    Only which states and actions are seen is random. The arguments are as in `exact_samples`.
    """
    p, rho = _only(pi), visitation(mdp, pi)[0]
    states = rng.choice(len(rho), count, p=rho / rho.sum())
    steps = p.cumsum(axis=1)[states, :-1]
    tried = (rng.random((count, 1)) > steps).sum(axis=1, keepdims=True)
    at = (states[:, None], tried)
    return _samples(p, states, tried, worth(mdp, pi)[0][at], np.log(p[at]), np.ones(count))


def _samples(
    p: Array, states: Array, actions: Array, q: Array, log_q: Array, weight: Array
) -> Samples:
    """Samples in states (B,) with actions, q and log_q (B, K), under probabilities p (S, A)."""
    obs, old = np.eye(len(p))[states], parameters(p).view(p.shape)[states]
    return Samples(
        obs=torch.from_numpy(obs),
        actions=torch.from_numpy(actions)[..., None],
        q=torch.from_numpy(q),
        log_q=torch.from_numpy(log_q),
        old=old,
        weight=torch.from_numpy(weight),
    )


def _only(pi: Array) -> Array:
    """The policy (S, A) of the only MDP."""
    if len(pi) != 1:
        raise ValueError(f"samples are of one MDP, not of {len(pi)}")
    found: Array = pi[0]
    return found
