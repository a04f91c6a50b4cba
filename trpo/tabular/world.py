"""Finite MDPs seen through observations, and exact steps on policies that see no more.

Letters: `G` observations. A policy tells states apart by what they show, so it is a table
(N, G, A), drawn out to (N, S, A) where it acts. With G = S it sees everything; with fewer, states
share probabilities, as they do under any approximation, and no step can be best in all of them.
"""

from typing import NamedTuple

import numpy as np

from trpo.tabular.bounds import best_mixture, largest_advantage, mixture
from trpo.tabular.mdp import MDP, advantages, softmax, visitation
from trpo.tabular.steps import Step, policy_iteration
from trpo.types import Array


class World(NamedTuple):
    """N MDPs, and what their states show."""

    mdp: MDP
    shows: Array  # (S,) int, the observation in [0, G) that a state shows

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, G, A), of a policy's table."""
        count, _, actions = self.mdp.rewards.shape
        return count, int(self.shows.max()) + 1, actions

    @property
    def counts(self) -> tuple[int, int, int]:
        """How much it is to solve them all: `steps` (states), `episodes` (none) and `mdps`."""
        mdps, states, _ = self.mdp.rewards.shape
        return mdps * states, 0, mdps

    def acting(self, pi: Array) -> Array:
        """The policies (N, S, A) that tables (N, G, A) make."""
        acted: Array = pi[:, self.shows]
        return acted


class State(NamedTuple):
    """What one iteration hands to the next."""

    x: Array  # (N, G, A) probabilities, or logits where these are what moves
    turn: int  # iterations taken


def aliased(mdp: MDP, observations: int) -> World:
    """The MDPs with states that show `observations` different things, in turn.

    Raises:
        ValueError: more observations than states.
    """
    states = mdp.rewards.shape[1]
    if observations > states:
        raise ValueError(f"{observations} observations are more than the {states} states")
    return World(mdp, np.arange(states) % observations)


def moved(world: World, step: Step, on_logits: bool, x: Array) -> Array:
    """One step on a table x (N, G, A), through the MDPs that its policy sees."""
    near = seen(world, softmax(x) if on_logits else x)
    rest = np.full((len(x), 1, x.shape[2]), 1 / x.shape[2])  # as logits, uniform too
    found: Array = step(near, np.concatenate([x, rest], axis=1))[:, :-1]
    return found


def mixed(world: World, pi: Array) -> Array:
    """The mixture (Eq. 5) with the policy greedy in what is seen, its α chosen for `world`."""
    greedy = moved(world, policy_iteration, False, pi)
    return mixture(pi, greedy, best_mixture(world.mdp, world.acting(pi), world.acting(greedy)))


def seen(world: World, pi: Array) -> MDP:
    """MDPs whose states are the G observations, in which L_π of tables is what it is in `world`.

    An observation's advantage is the mean of its states' under ρ_π, its ρ their sum: with rewards
    A and every state leading to itself, V = 0 under π, and both come out. One state more, which
    is never visited and under the uniform policy, has the largest |A| of all states: so ε and
    Algorithm 1's C are those of `world`.

    Args:
        world: the MDPs.
        pi: tables of probabilities (N, G, A).

    Returns:
        N MDPs of G + 1 states.
    """
    mdp, (count, shown, actions) = world.mdp, world.shape
    acting, member = world.acting(pi), np.eye(shown)[world.shows]  # (S, G)
    rho = visitation(mdp, acting)
    weight = np.einsum("ns,sg->ng", rho, member)
    total = np.einsum("ns,nsa,sg->nga", rho, advantages(mdp, acting), member)
    extreme = np.zeros((count, 1, actions))
    extreme[:, 0, :2] = largest_advantage(mdp, acting)[:, None] * [1.0, -1.0]
    rewards = np.concatenate([total / weight[..., None], extreme], axis=1)
    start = np.concatenate([weight * (1 - mdp.gamma)[:, None], np.zeros((count, 1))], axis=1)
    stay = np.broadcast_to(np.eye(shown + 1)[:, None], (count, shown + 1, actions, shown + 1))
    return MDP(stay, rewards, start, mdp.gamma)
