"""The vine method (§5.2): in states that π_old visits, try several actions and follow each.

Trunks are whole paths under π_old. Of the states that they visit a rollout set is drawn; in each
of its N states K actions are tried, and after each of them a branch follows π_old for a while.
The K branches of a state share their noise ("common random numbers"), so that what differs
between their returns is what the actions did.
"""

from collections.abc import Callable, Sequence
from functools import partial
from heapq import heappush, heapreplace
from math import log
from typing import Any, Literal, NamedTuple

import numpy as np
import torch

from trpo.moments import Filter
from trpo.parameters import ParameterError
from trpo.policies import Policy
from trpo.reports import check_finite
from trpo.samplers.single_path import Actor, Sampled, single_path
from trpo.simulators.protocol import Choices, Simulator, Space
from trpo.surrogates import Surrogate, all_actions, self_normalised
from trpo.types import Array, Samples, Tensor

Draw = Literal["uniform", "discounted"]
"""How the rollout set is drawn from the visited states, without replacement.

uniform: every visited state is as likely as any other.
discounted: a state t steps into its episode has weight γ^t, as in the theory's ρ.
"""


class Sizes(NamedTuple):
    """How much is simulated; Table 2 gives all of these."""

    trunks: int  # paths side by side, "num. rollouts for sampling"
    trunk_length: int  # their length: no path begins after trunks × trunk_length steps
    states: int  # N, the rollout set
    branches: int  # K, "rollouts per state"; see `tried`
    branch_length: int  # steps of a branch, its first action included, "rollout length"


class Grown(NamedTuple):
    """One batch."""

    samples: Samples  # N states, K actions each
    trunk: Sampled  # whole paths, as `single_path` gives them
    steps: int  # simulator steps, of trunks and branches
    unstable: int  # steps that failed in the engine, counted as terminations


Vine = Callable[[np.random.Generator, Tensor, Filter], Grown]


def tried(space: Space, branches: int) -> int:
    """K: each action once where there are at most `branches` of them, else `branches` draws."""
    return int(min(space.actions.number, branches))


def require_visited(sizes: Sizes) -> None:
    """Raise ParameterError for a rollout set of more states than the trunks surely visit."""
    visited = sizes.trunks * sizes.trunk_length
    if sizes.states > visited:
        what = f"at most trunks x trunk_length = {visited}, what the trunks visit"
        raise ParameterError("states", sizes.states, what)


def of_vine(space: Space, tried: int) -> Surrogate:
    """L of a vine: (15) where all discrete actions are tried in each state, else (16).

    Raises:
        ParameterError: (16) of a single action, which is constant.
    """
    if tried == space.actions.number:
        return all_actions
    if tried < 2:
        raise ParameterError("branches", tried, "at least 2: (16) of one action is constant")
    return self_normalised


def vine(
    simulator: Simulator,
    policy: Policy,
    sizes: Sizes,
    *,
    gamma: float,
    draw: Draw = "uniform",
    common_noise: bool = True,
) -> Vine:
    """Grow a vine whenever it is called.

    The branches run side by side in the simulator's rows, as many states at once as fit.

    Args:
        simulator: with at least `sizes.trunks` and at least K rows.
        policy: whose theta (P,) each call is given.
        sizes: of trunks, rollout set and branches.
        gamma: the discount of Q̂ = Σ_{t<T} γ^t r_t along a branch of T steps. A branch that ends
            earlier, by a termination or the time limit, counts as far as it goes; nothing is
            added for what would follow.
        draw: how the rollout set is drawn.
        common_noise: whether the branches of a state share the noise of all later actions.

    Raises:
        ParameterError: the rollout set is larger than the number of states that are surely visited.
    """
    require_visited(sizes)
    space, count = simulator.space, tried(simulator.space, sizes.branches)
    steps = sizes.trunks * sizes.trunk_length
    decay = gamma if draw == "discounted" else 1.0
    branch = partial(
        follow, simulator,
        length=sizes.branch_length, gamma=gamma, together=count if common_noise else 1,
    )  # fmt: skip

    @np.errstate(invalid="ignore", over="ignore", divide="ignore")  # found at the end
    def grow(rng: np.random.Generator, theta: Tensor, see: Filter) -> Grown:
        trunk_rng, draw_rng, action_rng, branch_rng = rng.spawn(4)
        chosen = RolloutSet(sizes.states, draw_rng)
        trunk = single_path(
            simulator, policy, steps=steps, boundary="complete", fresh=True, rows=sizes.trunks,
            visit=lambda t, rows, ages: chosen.offer(t, decay**ages, simulator.save, rows),
        )(trunk_rng, theta, see, None)  # fmt: skip
        at, snapshots = chosen.states()
        old = trunk.rollout.dist[at]
        actions, log_q = first_actions(action_rng, policy, space, old, count)
        behave = partial(Actor, policy, theta, see)
        worth = branch(branch_rng, behave, snapshots, actions)
        samples = samples_of(see(trunk.rollout.obs[at]), actions, worth.q, log_q, old)
        taken, unstable = trunk.steps + worth.steps, trunk.unstable + worth.unstable
        return Grown(samples, trunk, taken, unstable)

    return grow


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


def samples_of(obs: Array, actions: Array, q: Array, log_q: Tensor, old: Array) -> Samples:
    """The rollout set as samples of weight one."""
    return Samples(
        obs=torch.from_numpy(obs),
        actions=torch.from_numpy(actions),
        q=torch.from_numpy(q.astype(np.float32)),
        log_q=log_q,
        old=torch.from_numpy(old),
        weight=torch.ones(len(old)),
    )


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


class RolloutSet:
    """States drawn while they are visited, without knowing how many there will be.

    Weighted sampling without replacement through a reservoir (Efraimidis and Spirakis 2006):
    the states with the smallest Exp(1) / weight stay. Only what stays is ever saved.
    """

    def __init__(self, size: int, rng: np.random.Generator) -> None:
        """Keep up to `size` states."""
        self._size, self._rng = size, rng
        self._heap: list[tuple[float, int, int, Any]] = []  # (-key, step, row, snapshot)

    def offer(
        self, step: int, weights: Array, save: Callable[[Array], list[Any]], rows: Array
    ) -> None:
        """The rows (n,) with these weights (n,) are visited now; `save` gives their snapshots."""
        keys = self._rng.exponential(size=len(rows)) / weights
        worst = -self._heap[0][0] if len(self._heap) == self._size else np.inf
        for row, key in zip(rows[keys < worst], keys[keys < worst], strict=True):
            if len(self._heap) < self._size:
                heappush(self._heap, (-key, step, int(row), *save(np.array([row]))))
            elif key < -self._heap[0][0]:
                heapreplace(self._heap, (-key, step, int(row), *save(np.array([row]))))

    def states(self) -> tuple[tuple[Array, Array], list[Any]]:
        """Where the states stand in the rollout, as indices (step, row), and their snapshots."""
        kept = sorted((step, row, snapshot) for _, step, row, snapshot in self._heap)
        steps, rows = (np.array([state[i] for state in kept]) for i in range(2))
        return (steps, rows), [snapshot for _, _, snapshot in kept]
