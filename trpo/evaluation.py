"""Playing whole episodes to see how good a policy is, apart from its training."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import torch
from scipy.special import stdtrit

from trpo.distributions import Uniform
from trpo.moments import empty, observation_filter
from trpo.networks import network
from trpo.parameters import UnfitError
from trpo.policies import Policy
from trpo.reports import check_finite
from trpo.samplers.runner import Acting, Runner, Seed, Track, Until, fresh
from trpo.simulators.protocol import Space
from trpo.types import Array

LEVEL = 0.95
"""Of an interval: how often such intervals hold the mean of all episodes that there could be."""


class Episode(NamedTuple):
    """One whole episode."""

    returned: float  # raw and undiscounted
    length: int  # in steps
    truncated: bool  # by the time limit


class Score(NamedTuple):
    """The mean of some episodes' numbers, and how far it can be trusted."""

    mean: float
    low: float  # of Student's t interval over episodes
    high: float
    std: float  # of a single episode, by n − 1


def play(runner: Runner, acting: Acting, seed: Seed, count: int) -> Iterator[Episode]:
    """Play so many episodes, each from a start and with noise of its own.

    They come in their order, and only what is told of them stays in memory. Each is a row of its
    own (see `trpo.samplers.runner`), and so the same however many are played and on any threads.

    Args:
        runner: of the task and the policy.
        acting: the policy's parameters (P,), how it sees, and whether it acts greedily.
        seed: of all randomness; may spawn.
        count: episodes.

    Raises:
        FloatingPointError: a reward is not finite, or what the policy answers.
    """
    return map(told, runner.run(fresh(seed, count), acting, Until(1)))


def told(track: Track) -> Episode:
    """What a row did that stopped at its first episode's end."""
    check_finite("action distributions", track.dist)
    check_finite("rewards", track.rewards)
    return Episode(float(track.rewards.sum()), len(track.rewards), bool(track.truncated[-1]))


def parameters(policy: Policy, acting: Acting) -> Callable[[Array], Array]:
    """What gives distribution parameters d (B, M) for raw observations (B, *O)."""
    apply = policy.network.act(torch.as_tensor(acting.theta))
    return lambda obs: apply(acting.see(obs))


def alone(
    policy: Policy, acting: Acting, space: Space, rng: np.random.Generator
) -> Callable[[Array], Array]:
    """What acts on one raw observation (*O) at a time: an action (A,) as the task is given it.

    Args:
        policy: whose parameters `acting` has.
        acting: the parameters (P,), how it sees, and whether it acts greedily.
        space: the task's shapes.
        rng: of the actions' noise, from which a step draws even where it acts greedily.
    """
    family, of = policy.distribution, parameters(policy, acting)

    def act(obs: Array) -> Array:
        noise = family.noise(rng, 1)
        d = of(space.kept.seen(np.asarray(obs)[None]))
        taken = family.sample(d, 0 * noise if acting.greedy else noise)
        action: Array = space.taken(space.actions.clip(taken))[0]
        return action

    return act


def score(values: Array) -> Score:
    """The mean of n ≥ 2 independent numbers (n,), with its interval."""
    n, mean, std = len(values), float(values.mean()), float(values.std(ddof=1))
    half = float(stdtrit(n - 1, (1 + LEVEL) / 2)) * std / n**0.5
    return Score(mean, mean - half, mean + half, std)


def uniform(space: Space) -> Policy:
    """The policy that takes every action of a task as often, and has no parameters.

    Raises:
        UnfitError: there is no end of actions.
    """
    if not np.isfinite(space.actions.log_volume):
        raise UnfitError("actions without bounds cannot all be as likely")
    nothing = network(lambda rng: torch.zeros(0), lambda theta: lambda x: torch.zeros(len(x), 0))
    return Policy(nothing, Uniform(space.actions))


def at_random(space: Space) -> Acting:
    """What acts where the policy is `uniform`."""
    return Acting(torch.zeros(0), observation_filter(empty(space.obs), 0.0))
