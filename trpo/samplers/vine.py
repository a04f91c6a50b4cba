"""The vine method (§5.2): in states that π_old visits, try several actions and follow each.

Trunks are whole paths under π_old. Of the states that they visit a rollout set is drawn; in each
of its N states K actions are tried, and after each of them a branch follows π_old for a while.
The K branches of a state share their noise ("common random numbers"), so that what differs
between their returns is what the actions did.
"""

from collections.abc import Callable, Sequence
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
from trpo.simulators.protocol import Simulator, Space, Step
from trpo.simulators.rows import Closing
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
    unstable: int  # steps that the engine gave up on, counted as terminations


Vine = Callable[[np.random.Generator, Tensor, Filter], Grown]


def tried(space: Space, branches: int) -> int:
    """K: each action once where there are at most `branches` of them, else `branches` draws."""
    return min(space.actions, branches) if space.discrete else branches


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
    if space.discrete and tried == space.actions:
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
    at_once = simulator.count // count  # states whose branches run side by side
    steps = sizes.trunks * sizes.trunk_length
    decay = gamma if draw == "discounted" else 1.0

    @np.errstate(invalid="ignore", over="ignore", divide="ignore")  # found at the end
    def grow(rng: np.random.Generator, theta: Tensor, seen_through: Filter) -> Grown:
        trunk_rng, draw_rng, action_rng, branch_rng = rng.spawn(4)
        unstable = simulator.unstable
        watched = Watched(simulator, sizes.trunks, RolloutSet(sizes.states, draw_rng), decay)
        run = single_path(watched, policy, steps=steps, boundary="complete", fresh=True)
        trunk = run(trunk_rng, theta, seen_through, None)
        at, snapshots = watched.chosen.states()
        old = trunk.rollout.dist[at]
        actions, log_q = first_actions(action_rng, policy, space, old, count)
        q, taken = np.zeros((len(old), count)), trunk.steps
        parts = range(0, len(old), at_once)
        for first, noise_rng in zip(parts, branch_rng.spawn(len(parts)), strict=True):
            part = slice(first, first + at_once)
            together = count if common_noise else 1
            rows = len(snapshots[part]) * count
            act = Actor(policy, theta, noise_rng, rows, together)
            q[part], more = follow(
                simulator, snapshots[part], actions[part], act, seen_through,
                length=sizes.branch_length, gamma=gamma,
            )  # fmt: skip
            taken += more
        check_finite("rewards", q)
        samples = Samples(
            obs=torch.from_numpy(seen_through(trunk.rollout.obs[at])),
            actions=torch.from_numpy(actions),
            q=torch.from_numpy(q.astype(np.float32)),
            log_q=log_q,
            old=torch.from_numpy(old),
            weight=torch.ones(len(old)),
        )
        return Grown(samples, trunk, taken, simulator.unstable - unstable)

    return grow


def first_actions(
    rng: np.random.Generator, policy: Policy, space: Space, old: Array, count: int
) -> tuple[Array, Tensor]:
    """The K actions tried in each state (N, K, A) and their log-probabilities (N, K) under q.

    q is π_old for continuous actions and uniform for discrete ones, of which each is taken once
    if there are K of them. old (N, M) holds the parameters of π_old.
    """
    n = len(old)
    if space.discrete:
        every = np.broadcast_to(np.arange(count)[:, None], (n, count, 1))
        some = rng.integers(space.actions, size=(n, count, 1))
        chosen = every.copy() if count == space.actions else some
        return chosen, torch.full((n, count), -log(space.actions))
    dist = policy.distribution
    actions = dist.sample(old.repeat(count, 0), dist.noise(rng, n * count)).reshape(n, count, -1)
    return actions, dist.log_prob(torch.from_numpy(old)[:, None], torch.from_numpy(actions))


def follow(
    simulator: Simulator,
    snapshots: Sequence[Any],
    actions: Array,
    act: Actor,
    seen_through: Filter,
    *,
    length: int,
    gamma: float,
) -> tuple[Array, int]:
    """Q̂ (n, K) of the branches that begin with actions (n, K, A), and the steps that they took."""
    n, count = actions.shape[:2]
    low, high, discrete = simulator.space.low, simulator.space.high, simulator.space.discrete
    rows = np.arange(n * count)
    simulator.load(rows, [snapshot for snapshot in snapshots for _ in range(count)])
    q, taken = np.zeros(n * count), 0
    chosen = actions.reshape(n * count, -1)
    for t in range(length):
        if t:
            _, chosen = act(seen_through(simulator.observe(rows).astype(np.float32)), rows)
        used = chosen if discrete else np.minimum(np.maximum(chosen, low), high)
        reward, terminal, truncated = simulator.step(used, rows)
        q[rows] += gamma**t * reward
        taken += len(rows)
        rows = rows[~(terminal | truncated)]
        if not len(rows):
            break
    return q.reshape(n, count), taken


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


class Watched(Closing):
    """The first rows of a simulator, as a simulator, whose visited states are offered to a set."""

    def __init__(self, simulator: Simulator, count: int, chosen: RolloutSet, decay: float) -> None:
        """Watch `count` rows; a state t steps into its episode has weight decay^t."""
        self.space, self.count, self.chosen = simulator.space, count, chosen
        self.observe, self.save, self.load = simulator.observe, simulator.save, simulator.load
        self._simulator, self._decay, self.unstable = simulator, decay, simulator.unstable
        self._steps, self._age = 0, np.zeros(count, int)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin new episodes."""
        self._simulator.reset(rng, rows)
        self._age[rows] = 0

    def step(self, actions: Array, rows: Array) -> Step:
        """Offer the rows' states, then step them."""
        weights = np.power(self._decay, self._age[rows])
        self.chosen.offer(self._steps, weights, self._simulator.save, rows)
        self._steps += 1
        self._age[rows] += 1
        found = self._simulator.step(actions, rows)
        self.unstable = self._simulator.unstable
        return found
