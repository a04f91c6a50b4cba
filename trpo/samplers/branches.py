"""The branches of a vine (§5.2): the actions tried in a state, and what follows each of them."""

from collections.abc import Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.policies import Policy
from trpo.reports import check_finite
from trpo.samplers.runner import Acting, Row, Runner, Seed, Until
from trpo.simulators.protocol import Choices, Space
from trpo.types import Array, Tensor


def first_actions(
    rng: np.random.Generator, policy: Policy, space: Space, old: Array, count: int
) -> tuple[Array, Tensor]:
    """The K actions tried in each state (N, K, A) and their log-probabilities (N, K) under q.

    q is π_old for continuous actions and uniform for choices, of which each is taken once if there
    are K of them. old (N, M) holds the parameters of π_old.
    """
    n = len(old)
    if isinstance(space.actions, Choices):
        number = space.actions.number
        every = np.broadcast_to(np.arange(count), (n, count))
        numbers = every if count == number else rng.integers(number, size=(n, count))
        return space.actions.numbered(numbers), torch.full((n, count), -log(number))
    dist = policy.distribution
    actions = dist.sample(old.repeat(count, 0), dist.noise(rng, n * count)).reshape(n, count, -1)
    return actions, dist.log_prob(torch.from_numpy(old)[:, None], torch.from_numpy(actions))


class Followed(NamedTuple):
    """Branches of n states."""

    q: Array  # (n, K) Q̂
    steps: int
    unstable: int


def follow(
    runner: Runner,
    seed: Seed,
    acting: Acting,
    snapshots: Sequence[Any],
    actions: Array,
    *,
    length: int,
    gamma: float,
    common_noise: bool,
) -> Followed:
    """Follow the branches that begin in n states with actions (n, K, A).

    Args:
        runner: each branch is a row of it.
        seed: of the noise of all later actions; may spawn.
        acting: follows the first actions.
        snapshots: of the n states.
        actions: the first ones.
        length: T, of a branch.
        gamma: the discount of Q̂ = Σ_{t<T} γ^t r_t.
        common_noise: whether the branches of a state share their noise.
    """
    states, count = actions.shape[:2]
    seeds = [
        each.spawn(1) * count if common_noise else each.spawn(count) for each in seed.spawn(states)
    ]
    rows = [
        Row(noise, noise, snapshot, action=action)
        for noises, snapshot, tried in zip(seeds, snapshots, actions, strict=True)
        for noise, action in zip(noises, tried, strict=True)
    ]
    discount = gamma ** np.arange(length)
    q, steps, unstable = np.empty(len(rows)), 0, 0
    for i, track in enumerate(runner.run(rows, acting, Until(1, length))):
        q[i] = track.rewards @ discount[: len(track.rewards)]
        steps += len(track.rewards)
        unstable += int(track.failed.sum())
    check_finite("rewards", q)
    return Followed(q.reshape(states, count), steps, unstable)
