"""The theory as experiments on N random MDPs: the iterates of each exact method, and all bounds.

Letters: `G` observations. A policy tells states apart by what they show, so it is a table
(N, G, A), drawn out to (N, S, A) where it acts. With G = S it sees everything; with fewer, states
share probabilities, as they do under any approximation, and no step can be best in all of them.

An iteration solves every MDP exactly and simulates nothing: its `steps` are the N·S states that
it solves. η and all that is compared with it are reported times 1 − γ, as rewards a step.
"""

from collections.abc import Callable
from functools import partial
from typing import Literal, NamedTuple, get_args

import numpy as np

from trpo.tabular import steps
from trpo.tabular.bounds import (
    BOUNDS,
    best_mixture,
    largest_advantage,
    mixture,
    penalty,
    slack,
)
from trpo.tabular.mdp import MDP, advantages, eta, kl, softmax, surrogate, visitation
from trpo.types import Algorithm, Array, Info

Learner = Literal[
    "policy_iteration",
    "conservative_policy_iteration",
    "minorise_maximise",
    "trust_region_mean",
    "trust_region_max",
    "natural_gradient",
    "vanilla_gradient",
]
"""Methods that improve a policy, one exact step an iteration."""

Method = Literal[Learner, "random_pairs", "line"]
METHODS: tuple[str, ...] = get_args(Method)

ON_LOGITS = ("natural_gradient", "vanilla_gradient")
"""What moves logits; the others move probabilities."""

ROUNDING = 1e-12
"""Differences in η (1 − γ) up to this one are rounding."""

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
NEAREST, FARTHEST = 0.01, 10.0
"""Standard deviations of the change of a logit between which random pairs lie."""

FIRST, RATIO = 0.25, 4**0.2
"""The first positions on the line beside θ_old, and how much farther out the next are: 1 is one."""


class World(NamedTuple):
    """N MDPs, and what their states show."""

    mdp: MDP
    shows: Array  # (S,) int, the observation in [0, G) that a state shows

    @property
    def shape(self) -> tuple[int, int, int]:
        """(N, G, A), of a policy's table."""
        count, _, actions = self.mdp.rewards.shape
        return count, int(self.shows.max()) + 1, actions

    def acting(self, pi: Array) -> Array:
        """The policies (N, S, A) that tables (N, G, A) make."""
        acted: Array = pi[:, self.shows]
        return acted


class State(NamedTuple):
    """What one iteration hands to the next."""

    x: Array  # (N, G, A) probabilities, or logits of the methods `ON_LOGITS`
    turn: int  # iterations taken


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


class PairsInfo(NamedTuple):
    """How random pairs stand to the bounds."""

    steps: int
    episodes: int
    mdps: int
    kl_max: float  # median over the MDPs of the maximum over states
    distance: float  # in standard deviations of the change of a logit
    slack: dict[str, dict[str, float]]  # of each bound, see `quantiles`
    violations: dict[str, int]


class LineInfo(NamedTuple):
    """One position on the line."""

    steps: int
    episodes: int
    mdps: int
    kl_max: float
    position: float
    eta: float
    surrogate: float
    minorant: float


def aliased(mdp: MDP, observations: int) -> World:
    """The MDPs with states that show `observations` different things, in turn.

    Raises:
        ValueError: more observations than states.
    """
    states = mdp.rewards.shape[1]
    if observations > states:
        raise ValueError(f"{observations} observations are more than the {states} states")
    return World(mdp, np.arange(states) % observations)


def theory(
    world: World,
    method: Method,
    *,
    delta: float = 0.01,
    penalty: float = 1.0,
    l2_radius: float = 0.5,
) -> Algorithm[State, Info]:
    """One exact step of `method` on all MDPs an iteration, from random softmax policies.

    Two methods learn nothing. `random_pairs` draws an old and a new policy in every MDP, all at
    one random distance, and reports how far each bound lies below η(new), in quantiles over the
    MDPs. `line` goes out from θ_old along Algorithm 1's step in the first MDP, in logits and in
    units of that step: 0, −0.25, 0.25, −0.33, …, and reports η, L and M = L − C max_s KL there.

    Args:
        world: the MDPs and what policies see of them.
        method: see `METHODS`.
        delta: KL within which the two trust regions (11), (12) stay, in nats.
        penalty: λ of the natural gradient (17), in the units of the advantages.
        l2_radius: ½‖Δ logits‖² of the vanilla gradient (18).
    """
    if method == "random_pairs":
        return Algorithm(partial(_begin, world, method), partial(_pairs, world))
    if method == "line":
        return Algorithm(partial(_begin, world, method), partial(_line, world))
    best = eta(world.mdp, optimal(world.mdp))
    policy = softmax if method in ON_LOGITS else _itself
    move = moves(world, delta, penalty, l2_radius)[method]

    def step(rng: np.random.Generator, state: State) -> tuple[State, Info]:
        x = move(state.x)
        old, new = (world.acting(policy(each)) for each in (state.x, x))
        return State(x, state.turn + 1), LearnerInfo(
            *_counts(world),
            progress(world.mdp, old, new, best),
            violations(slacks(world.mdp, old, new)),
        )

    return Algorithm(partial(_begin, world, method), step)


def moves(
    world: World, delta: float, penalty: float, l2_radius: float
) -> dict[str, Callable[[Array], Array]]:
    """Each learner's step on tables (N, G, A)."""
    exact: dict[str, steps.Step] = {
        "policy_iteration": steps.policy_iteration,
        "minorise_maximise": steps.minorise_maximise,
        "trust_region_mean": partial(steps.trust_region, delta=delta),
        "trust_region_max": partial(steps.trust_region, delta=delta, over="max"),
        "natural_gradient": partial(steps.natural_gradient, penalty=penalty),
        "vanilla_gradient": partial(steps.vanilla_gradient, delta=l2_radius),
    }
    found = {name: partial(moved, world, step, name in ON_LOGITS) for name, step in exact.items()}
    return {**found, "conservative_policy_iteration": partial(_conservative, world)}


def moved(world: World, step: steps.Step, on_logits: bool, x: Array) -> Array:
    """One step on a table x (N, G, A), through the MDPs that its policy sees."""
    near = seen(world, softmax(x) if on_logits else x)
    rest = np.full((len(x), 1, x.shape[2]), 1 / x.shape[2])  # as logits, uniform too
    found: Array = step(near, np.concatenate([x, rest], axis=1))[:, :-1]
    return found


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


def optimal(mdp: MDP) -> Array:
    """The best policies (N, S, A) of all that see every state, by policy iteration."""
    pi = np.full(mdp.rewards.shape, 1 / mdp.rewards.shape[2])
    while (better := steps.policy_iteration(mdp, pi)).tobytes() != pi.tobytes():
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


def slacks(mdp: MDP, old: Array, new: Array) -> dict[str, Array]:
    """(1 − γ) (η(new) − bound), (N,), of every bound."""
    left = 1 - mdp.gamma
    return {name: left * slack(bound, mdp, old, new) for name, bound in BOUNDS.items()}


def violations(found: dict[str, Array]) -> dict[str, int]:
    """In how many MDPs each bound lies above η(new)."""
    return {name: int((x < -ROUNDING).sum()) for name, x in found.items()}


def quantiles(found: dict[str, Array]) -> dict[str, dict[str, float]]:
    """The quantiles over MDPs of each slack."""
    levels = list(QUANTILES.values())
    return {
        name: dict(zip(QUANTILES, np.quantile(x, levels).tolist(), strict=True))
        for name, x in found.items()
    }


def position(turn: int) -> float:
    """Where on the line an iteration is, the first being turn 0: outwards, left and right."""
    if turn == 0:
        return 0.0
    out = FIRST * RATIO ** ((turn - 1) // 2)
    return out if turn % 2 == 0 else -out


def _begin(world: World, method: str, rng: np.random.Generator) -> State:
    """Standard normal logits, or their policies."""
    logits = rng.standard_normal(world.shape)
    return State(logits if method in ON_LOGITS else softmax(logits), 0)


def _conservative(world: World, pi: Array) -> Array:
    """The mixture (Eq. 5) with the policy greedy in what is seen, its α chosen for `world`."""
    greedy = moved(world, steps.policy_iteration, False, pi)
    return mixture(pi, greedy, best_mixture(world.mdp, world.acting(pi), world.acting(greedy)))


def _pairs(world: World, rng: np.random.Generator, state: State) -> tuple[State, Info]:
    """Random pairs at one random distance, and their slacks."""
    distance = float(np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST))))
    logits = rng.standard_normal(world.shape)
    other = logits + distance * rng.standard_normal(world.shape)
    old, new = world.acting(softmax(logits)), world.acting(softmax(other))
    found = slacks(world.mdp, old, new)
    return state._replace(turn=state.turn + 1), PairsInfo(
        *_counts(world),
        float(np.median(kl(old, new).max(axis=1))),
        distance,
        quantiles(found),
        violations(found),
    )


def _line(world: World, rng: np.random.Generator, state: State) -> tuple[State, Info]:
    """η, L and M at the next position on the line."""
    first = World(MDP(*(part[:1] for part in world.mdp)), world.shows)
    mdp, at, x = first.mdp, position(state.turn), state.x[:1]
    towards = np.log(moved(first, steps.minorise_maximise, False, x)) - np.log(x)
    old, new = (first.acting(softmax(np.log(x) + t * towards)) for t in (0.0, at))
    left, farthest = 1 - float(mdp.gamma[0]), float(kl(old, new).max())
    level = float(surrogate(mdp, old, new)[0])
    return state._replace(turn=state.turn + 1), LineInfo(
        *_counts(first),
        farthest,
        position=at,
        eta=left * float(eta(mdp, new)[0]),
        surrogate=left * level,
        minorant=left * (level - float(penalty(mdp, old)[0]) * farthest),
    )


def _counts(world: World) -> tuple[int, int, int]:
    """How much an iteration solves: `steps`, `episodes`, `mdps`."""
    mdps, states, _ = world.mdp.rewards.shape
    return mdps * states, 0, mdps


def _itself(x: Array) -> Array:
    """Return x."""
    return x
