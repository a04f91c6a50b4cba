"""Methods that improve policies on finite MDPs, one exact step an iteration.

An iteration solves every MDP exactly and simulates nothing: its `steps` are the N·S states that
it solves. η and all that is compared with it are reported times 1 − γ, as rewards a step.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trpo.tabular.bounds import ROUNDING, slacks, violations
from trpo.tabular.mdp import MDP, eta, kl, softmax, visitation
from trpo.tabular.steps import policy_iteration
from trpo.tabular.world import State, World
from trpo.types import Algorithm, Array


class Progress(NamedTuple):
    """What a step did, means over the MDPs; a KL that is infinite is None."""

    eta_mean: float
    regret_mean: float
    share_lowered: float  # of the MDPs, those whose η fell
    kl_mean: float | None  # under ρ_old
    kl_max: float | None  # over states


class LearnerInfo(NamedTuple):
    """What one step of a learner did."""

    steps: int  # states solved
    episodes: int
    mdps: int
    progress: Progress
    violations: dict[str, int]  # of each bound, see `violations`


def learner(
    world: World, move: Callable[[Array], Array], *, on_logits: bool
) -> Algorithm[State, LearnerInfo]:
    """One step of `move` on all MDPs an iteration, from random softmax policies.

    Args:
        world: the MDPs and what policies see of them.
        move: a table (N, G, A) -> the next one.
        on_logits: whether these are logits, and not probabilities.
    """
    best = eta(world.mdp, optimal(world.mdp))

    def policy(x: Array) -> Array:
        return world.acting(softmax(x) if on_logits else x)

    def init(rng: np.random.Generator) -> State:
        logits = rng.standard_normal(world.shape)
        return State(logits if on_logits else softmax(logits), 0)

    def step(rng: np.random.Generator, state: State) -> tuple[State, LearnerInfo]:
        x = move(state.x)
        old, new = policy(state.x), policy(x)
        return State(x, state.turn + 1), LearnerInfo(
            *world.counts,
            progress(world.mdp, old, new, best),
            violations(slacks(world.mdp, old, new)),
        )

    return Algorithm(init, step)


def optimal(mdp: MDP) -> Array:
    """The best policies (N, S, A) of all that see every state, by policy iteration."""
    pi = np.full(mdp.rewards.shape, 1 / mdp.rewards.shape[2])
    while (better := policy_iteration(mdp, pi)).tobytes() != pi.tobytes():
        if (eta(mdp, better) - eta(mdp, pi)).max() <= 0:
            break  # only ties are left
        pi = better
    return pi


def progress(mdp: MDP, old: Array, new: Array, best: Array) -> Progress:
    """What a step did, means over the MDPs; `best` (N,) is the highest η.

    A KL that is infinite, as that of greedy steps, is None.
    """
    left = 1 - mdp.gamma
    before, after = left * eta(mdp, old), left * eta(mdp, new)
    moved, rho = kl(old, new), left[:, None] * visitation(mdp, old)
    kl_mean, kl_max = (rho * moved).sum(axis=1).mean(), moved.max(axis=1).mean()
    return Progress(
        eta_mean=float(after.mean()),
        regret_mean=float((left * best - after).mean()),
        share_lowered=float((after < before - ROUNDING).mean()),
        kl_mean=float(kl_mean) if np.isfinite(kl_mean) else None,
        kl_max=float(kl_max) if np.isfinite(kl_max) else None,
    )
