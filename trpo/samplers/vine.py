"""The vine method (§5.2): in states that π_old visits, try several actions and follow each.

Trunks are paths under π_old. Of the states that they visit a rollout set is drawn; in each
of its N states K actions are tried, and after each of them a branch follows π_old for a while.
The K branches of a state share their noise ("common random numbers"), so that what differs
between their returns is what the actions did.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple

import numpy as np
import torch

from trpo.moments import Filter
from trpo.observations import batch
from trpo.parameters import ParameterError
from trpo.samplers.branches import first_actions, follow
from trpo.samplers.rollout_set import RolloutSet
from trpo.samplers.runner import Acting, Runner, seed_of
from trpo.samplers.single_path import Boundary, single_path
from trpo.samplers.tape import Carried, Sampled
from trpo.simulators.protocol import Space
from trpo.surrogates import Surrogate, all_actions, self_normalised
from trpo.types import Array, Observations, Samples, Tensor

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

    @property
    def visited(self) -> int:
        """States that the trunks visit at least."""
        return self.trunks * self.trunk_length


class Grown(NamedTuple):
    """One batch."""

    samples: Samples  # N states, K actions each
    trunk: Sampled  # the trunks, as `single_path` gives them
    steps: int  # simulator steps, of trunks and branches
    unstable: int  # steps that failed in the engine, counted as terminations


Vine = Callable[[np.random.Generator, Tensor, Filter, Carried | None], Grown]


def tried(space: Space, branches: int) -> int:
    """K: each action once where there are at most `branches` of them, else `branches` draws."""
    return int(min(space.actions.number, branches))


def require_visited(sizes: Sizes) -> None:
    """Raise ParameterError for a rollout set of more states than the trunks surely visit."""
    if sizes.states > sizes.visited:
        what = f"at most trunks x trunk_length = {sizes.visited}, what the trunks visit"
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
    runner: Runner,
    sizes: Sizes,
    *,
    gamma: float,
    draw: Draw = "uniform",
    common_noise: bool = True,
    boundary: Boundary = "complete",
    fresh: bool = True,
) -> Vine:
    """Grow a vine whenever it is called.

    Args:
        runner: of the task and the policy, whose theta (P,) each call is given.
        sizes: of trunks, rollout set and branches.
        gamma: the discount of Q̂ = Σ_{t<T} γ^t r_t along a branch of T steps. A branch that ends
            earlier, by a termination or the time limit, counts as far as it goes; nothing is
            added for what would follow.
        draw: how the rollout set is drawn.
        common_noise: whether the branches of a state share the noise of all later actions.
        boundary: what happens to trunks at the batch's end, see `single_path`.
        fresh: whether every batch begins with new trunks.

    Raises:
        ParameterError: the rollout set is larger than the number of states that are surely visited.
    """
    require_visited(sizes)
    policy, space = runner.policy, runner.simulator.space
    count = tried(space, sizes.branches)
    decay = gamma if draw == "discounted" else 1.0
    branch = partial(
        follow, runner, length=sizes.branch_length, gamma=gamma, common_noise=common_noise
    )
    walk = partial(
        single_path, runner,
        rows=sizes.trunks, steps=sizes.visited, boundary=boundary, fresh=fresh,
    )  # fmt: skip

    def grow(
        rng: np.random.Generator, theta: Tensor, see: Filter, carried: Carried | None
    ) -> Grown:
        trunk_rng, draw_rng, action_rng, branch_rng = rng.spawn(4)
        chosen = RolloutSet(sizes.states, seed_of(draw_rng), decay)
        trunk = walk(keep=chosen)(trunk_rng, theta, see, carried)
        (rows, steps), snapshots = chosen.states()
        at = trunk.rows[rows] + steps
        old = trunk.rollout.dist[at]
        actions, log_q = first_actions(action_rng, policy, space, old, count)
        worth = branch(seed_of(branch_rng), Acting(theta, see), snapshots, actions)
        samples = samples_of(see(trunk.rollout.obs[at]), actions, worth.q, log_q, old)
        return Grown(samples, trunk, trunk.steps + worth.steps, trunk.unstable + worth.unstable)

    return grow


def samples_of(obs: Observations, actions: Array, q: Array, log_q: Tensor, old: Array) -> Samples:
    """The rollout set as samples of weight one."""
    return Samples(
        obs=batch(obs),
        actions=torch.from_numpy(actions),
        q=torch.from_numpy(q.astype(np.float32)),
        log_q=log_q,
        old=torch.from_numpy(old),
        weight=torch.ones(len(old)),
    )
