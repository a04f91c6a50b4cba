"""Two processes that learn nothing: how tight the bounds are, and what they look like on a line."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trpo.tabular.bounds import penalty, slacks, violations
from trpo.tabular.mdp import (
    MDP,
    eta,
    kl,
    performance_difference,
    softmax,
    surrogate,
    total_variation,
)
from trpo.tabular.steps import minorise_maximise
from trpo.tabular.world import State, World, moved
from trpo.types import Algorithm, Array

QUANTILES = {"min": 0.0, "q05": 0.05, "q25": 0.25, "q50": 0.5, "q75": 0.75, "q95": 0.95}
NEAREST, FARTHEST = 0.01, 10.0
"""Standard deviations of the change of a logit between which random pairs lie."""

EXACT, CLOSE, NEARBY = 1e-10, 1e-6, 1e-4
"""Rewards a step within which numbers, and slopes, are equal; the share of a step in those."""

FIRST, RATIO = 0.25, 4**0.2
"""The first positions on the line beside θ_old, and how much farther out the next are: 1 is one."""


class PairsInfo(NamedTuple):
    """How random pairs stand to the bounds."""

    steps: int
    episodes: int
    mdps: int
    kl_max: float  # median over the MDPs of the maximum over states
    distance: float  # in standard deviations of the change of a logit
    slack: dict[str, dict[str, float]]  # of each bound, see `quantiles`
    violations: dict[str, int]
    broken: dict[str, int]  # see `laws`


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


def pairs(world: World) -> Algorithm[State, PairsInfo]:
    """An old and a new policy in every MDP, all at one random distance, and every bound's slack.

    The slack is (1 − γ) (η(new) − bound); reported are its quantiles over the MDPs.
    """

    def step(rng: np.random.Generator, state: State) -> tuple[State, PairsInfo]:
        distance = float(np.exp(rng.uniform(np.log(NEAREST), np.log(FARTHEST))))
        logits = rng.standard_normal(world.shape)
        other = logits + distance * rng.standard_normal(world.shape)
        old, new = world.acting(softmax(logits)), world.acting(softmax(other))
        found = slacks(world.mdp, old, new)
        return state._replace(turn=state.turn + 1), PairsInfo(
            *world.counts,
            float(np.median(kl(old, new).max(axis=1))),
            distance,
            quantiles(found),
            violations(found),
            {name: int((~holds).sum()) for name, holds in laws(world.mdp, old, new).items()},
        )

    return Algorithm(lambda rng: begin(world, rng), step)


def laws(mdp: MDP, old: Array, new: Array) -> dict[str, Array]:
    """In which MDPs (N,) what §2 and §3 say of any two policies holds, to rounding.

    `difference` is Eqs. 1 and 2, `value` and `slope` Eq. 4, the slope by differences
    along new − old; `tv_kl` is D_TV² ≤ D_KL in every state, `pinsker` D_TV² ≤ ½ D_KL.
    """
    left = 1 - mdp.gamma
    apart = eta(mdp, new) - eta(mdp, old) - performance_difference(mdp, old, new)
    slope = _slope(lambda pi: eta(mdp, pi), old, new)
    surrogate_slope = _slope(lambda pi: surrogate(mdp, old, pi), old, new)
    squared, divergence = total_variation(old, new) ** 2, kl(old, new)
    return {
        "difference": np.abs(left * apart) < EXACT,
        "value": np.abs(left * (surrogate(mdp, old, old) - eta(mdp, old))) < EXACT,
        "slope": np.abs(left * (slope - surrogate_slope)) < CLOSE,
        "tv_kl": (squared <= divergence + EXACT).all(axis=1),
        "pinsker": (squared <= divergence / 2 + EXACT).all(axis=1),
    }


def _slope(of: Callable[[Array], Array], old: Array, new: Array) -> Array:
    """The slope (N,) of a function of the policy at old, towards new.

    By central differences at two widths, extrapolated (Richardson), as near γ = 1 the third
    derivative of η alone is worth more than `CLOSE`.
    """
    wide, narrow = (
        (of(old + h * (new - old)) - of(old - h * (new - old))) / (2 * h)
        for h in (NEARBY, NEARBY / 2)
    )
    extrapolated: Array = (4 * narrow - wide) / 3
    return extrapolated


def line(world: World) -> Algorithm[State, LineInfo]:
    """Out from θ_old along Algorithm 1's step in the first MDP: η, L and M = L − C max_s KL there.

    The line is in logits and its unit is that step: 0, −0.25, 0.25, −0.33, …
    """
    first = World(MDP(*(part[:1] for part in world.mdp)), world.shows)
    mdp, left = first.mdp, 1 - float(world.mdp.gamma[0])

    def step(rng: np.random.Generator, state: State) -> tuple[State, LineInfo]:
        at, x = position(state.turn), state.x[:1]
        towards = np.log(moved(first, minorise_maximise, False, x)) - np.log(x)
        old, new = (first.acting(softmax(np.log(x) + t * towards)) for t in (0.0, at))
        farthest, level = float(kl(old, new).max()), float(surrogate(mdp, old, new)[0])
        return state._replace(turn=state.turn + 1), LineInfo(
            *first.counts,
            farthest,
            position=at,
            eta=left * float(eta(mdp, new)[0]),
            surrogate=left * level,
            minorant=left * (level - float(penalty(mdp, old)[0]) * farthest),
        )

    return Algorithm(lambda rng: begin(world, rng), step)


def begin(world: World, rng: np.random.Generator) -> State:
    """Policies of standard normal logits."""
    return State(softmax(rng.standard_normal(world.shape)), 0)


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
