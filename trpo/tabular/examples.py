"""MDPs to hold the theory against: random ones, and small ones that show a single thing each."""

import numpy as np

from trpo.tabular.mdp import MDP, checked
from trpo.types import Array

MOVES = np.array([[-1, 0], [1, 0], [0, -1], [0, 1]])
"""Up, down, left and right, as changes of row and column."""


def garnet(
    rng: np.random.Generator,
    count: int,
    *,
    states: int = 20,
    actions: int = 4,
    branching: int = 3,
    gamma: float = 0.9,
) -> MDP:
    """Random MDPs after Archibald, McKinnon and Thomas (1995), N = `count`.

    Every (s, a) leads to `branching` distinct states, whose probabilities are the pieces of the
    unit interval cut at random places. Rewards are standard normal. The start is the unit
    interval cut into S pieces, so that every state is reached.
    """
    order = rng.random((count, states, actions, states)).argsort(axis=-1)
    transitions = np.zeros(order.shape)
    pieces = _pieces(rng, (count, states, actions), branching)
    np.put_along_axis(transitions, order[..., :branching], pieces, axis=-1)
    rewards = rng.standard_normal((count, states, actions))
    start = _pieces(rng, (count,), states)
    return checked(MDP(transitions, rewards, start, np.full(count, gamma)))


def random_policies(rng: np.random.Generator, mdp: MDP, *, concentration: float = 1.0) -> Array:
    """Policies (N, S, A), each state's from a Dirichlet distribution.

    Args:
        rng: where they are drawn from.
        mdp: what they are for.
        concentration: 1 is uniform over all distributions; small is nearly deterministic.
    """
    count, states, actions = mdp.rewards.shape
    return rng.dirichlet(np.full(actions, concentration), size=(count, states))


def tied(mdp: MDP, probabilities: Array) -> Array:
    """Return the policies (N, S, A) with the same `probabilities` (A,) in every state."""
    return np.broadcast_to(probabilities, mdp.rewards.shape).astype(float)


def gridworld(*, rows: int = 4, columns: int = 4, slip: float = 0.1, gamma: float = 0.9) -> MDP:
    """From one corner of a grid to the other, where the reward is 1 and nothing follows, N = 1.

    Args:
        rows: S is `rows` times `columns`; walls all around.
        columns: see `rows`.
        slip: probability that a random one of the four moves is made instead.
        gamma: the discount.
    """
    cells = np.stack(np.divmod(np.arange(rows * columns), columns), axis=-1)  # (S, 2)
    landed = np.clip(cells[:, None] + MOVES, 0, [rows - 1, columns - 1]) @ [columns, 1]  # (S, 4)
    certain = np.eye(len(cells))[landed]  # (S, 4, S)
    transitions = (1 - slip) * certain + slip * certain.mean(axis=1, keepdims=True)
    transitions[-1] = np.eye(len(cells))[-1]
    rewards = transitions[:, :, -1].copy()
    rewards[-1] = 0.0
    return _single(transitions, rewards, gamma)


def chain(*, states: int = 5, cost: float = 1.0, gamma: float = 0.9) -> MDP:
    """Where the greedy step fails: stay (action 0) or advance (action 1) along a chain, N = 1.

    Staying is worth 0. The first advance is worth 1 and every other costs `cost`, so a policy
    that always stays sees a gain in state 0, the only state that it visits. What L says of the
    others is therefore nothing: to advance everywhere is a maximum of L over all policies, and
    returns 1 − γ cost / (1 − γ), while to advance rarely everywhere does gain. This is the
    failure that Kakade and Langford (2002) mix policies against. At cost 1 their bound is
    attained: going from staying to advancing with probability α, L − η is
    2γα² / ((1 − γ)(1 − γ(1 − α))).
    """
    here = np.arange(states)
    transitions = np.eye(states)[np.stack([here, np.minimum(here + 1, states - 1)], axis=1)]
    rewards = np.zeros((states, 2))
    rewards[:, 1] = np.where(here == 0, 1.0, -cost)
    return _single(transitions, rewards, gamma)


def extreme(*, alpha: float, gamma: float = 0.9) -> tuple[MDP, Array, Array]:
    """Return an MDP (N = 1), π_old and π_new at total variation `alpha` ≤ ½ that attain Eq. 44.

    Actions 0 and 1 return −1 and 1, and stay. Action 2 leads from state 0 to state 1, for ever,
    and is worth 1 in state 0. π_old is indifferent between 0 and 1, so all values are 0. π_new
    moves `alpha` from action 0 to 2 in state 0, from 1 to 0 in state 1: Ā is 2α in state 0, where
    π_old is all the time, and −2α in state 1, where π_new ends. So L − η is
    4γα² / ((1 − γ)(1 − γ(1 − α))), and no constant below 4 holds in Theorem 1.
    """
    transitions = np.eye(2)[[[0, 0, 1], [1, 1, 1]]]
    mdp = _single(transitions, np.array([[-1.0, 1.0, 1.0], [-1.0, 1.0, -1.0]]), gamma)
    old = tied(mdp, np.array([0.5, 0.5, 0.0]))
    return mdp, old, old + alpha * np.array([[[-1.0, 0.0, 1.0], [1.0, -1.0, 0.0]]])


def fork(*, alpha: float, gamma: float = 0.9) -> tuple[MDP, Array, Array]:
    """Return an MDP (N = 1), π_old and π_new at total variation `alpha` < ½; L is 0 and η < 0.

    State 0 leads to state 1 (action 0) or 2 (action 1), both for ever, where action 0 is worth −1
    and action 1 is worth 1. π_old is uniform. π_new goes to state 1 more, and is worse there as it
    is better in state 2: η is −4γα² / (1 − γ). As D_KL is 2α² to second order, no constant below
    2εγ / (1 − γ)² bounds η by the KL at every γ: for small γ and α it is attained here.
    """
    transitions = np.eye(3)[[[1, 2], [1, 1], [2, 2]]]
    mdp = _single(transitions, np.array([[0.0, 0.0], [-1.0, 1.0], [-1.0, 1.0]]), gamma)
    old = tied(mdp, np.array([0.5, 0.5]))
    return mdp, old, old + alpha * np.array([[[1.0, -1.0], [1.0, -1.0], [-1.0, 1.0]]])


def two_state() -> MDP:
    """Stay (action 0) for 1 in state 0 or for 2 in state 1, or change (action 1) for 0.

    N = 1, γ = ½. Of the uniform policy V = (5/4, 7/4), ρ = (3/2, 1/2), η = 5/4 and
    A = ((3/8, −3/8), (9/8, −9/8)).
    """
    transitions = np.eye(2)[[[0, 1], [1, 0]]]
    return _single(transitions, np.array([[1.0, 0.0], [2.0, 0.0]]), 0.5)


def _single(transitions: Array, rewards: Array, gamma: float) -> MDP:
    """One MDP of transitions (S, A, S) and rewards (S, A) that starts in state 0."""
    start = np.eye(len(rewards))[:1]
    return checked(MDP(transitions[None], rewards[None], start, np.array([gamma])))


def _pieces(rng: np.random.Generator, shape: tuple[int, ...], count: int) -> Array:
    """Return the lengths (*shape, count) of the pieces of a unit interval cut at random places."""
    cuts = np.sort(rng.random((*shape, count - 1)), axis=-1)
    return np.diff(cuts, axis=-1, prepend=0.0, append=1.0)
