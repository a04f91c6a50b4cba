"""The branches of a vine (§5.2): the actions tried in a state, and what follows each of them."""

from collections.abc import Callable, Sequence
from math import log
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.policies import Policy
from trpo.reports import check_finite
from trpo.samplers.single_path import Actor
from trpo.simulators.protocol import Choices, Simulator, Space
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
    simulator: Simulator,
    rng: np.random.Generator,
    behave: Callable[..., Actor],
    snapshots: Sequence[Any],
    actions: Array,
    *,
    length: int,
    gamma: float,
    together: int,
) -> Followed:
    """Follow the branches that begin in n states with actions (n, K, A), a part at a time.

    Args:
        simulator: its rows are the branches that run side by side.
        rng: of the noise of all later actions.
        behave: (rng, rows, together) -> what acts in so many rows.
        snapshots: of the n states.
        actions: the first ones.
        length: T, of a branch.
        gamma: the discount of Q̂.
        together: how many neighbouring branches share their noise.
    """
    count = actions.shape[1]
    at_once = simulator.count // count  # states whose branches run side by side
    starts = range(0, len(actions), at_once)
    parts = []
    for start, noise_rng in zip(starts, rng.spawn(len(starts)), strict=True):
        part = slice(start, start + at_once)
        act = behave(noise_rng, len(actions[part]) * count, together)
        parts.append(side_by_side(simulator, act, snapshots[part], actions[part], length, gamma))
    q, steps, unstable = zip(*parts, strict=True)
    check_finite("rewards", np.concatenate(q))
    return Followed(np.concatenate(q), sum(steps), sum(unstable))


def side_by_side(
    simulator: Simulator,
    act: Actor,
    snapshots: Sequence[Any],
    actions: Array,
    length: int,
    gamma: float,
) -> Followed:
    """The branches of as many states as fit."""
    n, count = actions.shape[:2]
    rows = np.arange(n * count)
    simulator.load(rows, [snapshot for snapshot in snapshots for _ in range(count)])
    q, taken, unstable = np.zeros(n * count), 0, 0
    chosen = actions.reshape(n * count, -1)
    for t in range(length):
        if t:
            _, chosen = act(simulator.observe(rows).astype(np.float32), rows)
        step = simulator.step(simulator.space.actions.clip(chosen), rows)
        q[rows] += gamma**t * step.reward
        taken += len(rows)
        unstable += int(np.count_nonzero(step.failed))
        rows = rows[~(step.terminal | step.truncated)]
        if not len(rows):
            break
    return Followed(q.reshape(n, count), taken, unstable)
