"""The best of one state's policies near the old one, solved through its dual, all states at once.

In a state with old probabilities p and advantages A, the π that maximises
Σ_a π_a A_a − μ KL(p ‖ π) is

    π_a = μ p_a / (x + max A − A_a),

where x > 0 makes it sum to one. So one number a state, x, gives π, its KL (which falls in x)
and its multiplier μ (which rises). The unknown here is z = log(x / R), R = max A − min A.
"""

from collections.abc import Callable
from math import log
from typing import NamedTuple

import numpy as np

from trpo.types import Array

TOLERANCE = 1e-11
"""A root's last step: about the relative error of the unknown, whose logarithm is sought."""
ROUNDS = 100
"""A root's most steps. About ten do, and some sixty where an action leaves probability zero."""
TINY = 1e-100
"""Stands for a probability of zero, so that an action with p = 0 is no case of its own."""
SMALLEST, FAR = 1e-300, 460.0
"""The least number whose logarithm is taken, and the most that a logarithm is; no product of TINY
and e^−FAR is zero."""
LOG_2, LOG_FAR = log(2), log(FAR)


class Problem(NamedTuple):
    """What a step may gain in each state."""

    p: Array  # (N, S, A) old probabilities, at least TINY
    gap: Array  # (N, S, A) (max A − A_a) / R, in [0, 1]
    log_scale: Array  # (N, S) log R; 0 where all advantages are equal


class Tilted(NamedTuple):
    """The policies that solve it at one z a state."""

    policy: Array  # (N, S, A) π
    kl: Array  # (N, S) KL(p ‖ π)
    log_multiplier: Array  # (N, S) log μ
    mean: Array  # (N, S) Σ_a p_a x / (x + max A − A_a); ∂ log μ / ∂z = mean · (1 + spread)
    spread: Array  # (N, S) Σ_a p_a (π_a/p_a − 1)²; ∂ kl / ∂z = −mean · spread


def problem(pi: Array, advantage: Array) -> Problem:
    """The problem of the old probabilities and their advantages, both (N, S, A)."""
    gap = advantage.max(axis=-1, keepdims=True) - advantage
    scale = gap.max(axis=-1)
    scale = np.where(scale > 0, scale, 1.0)
    return Problem(np.maximum(pi, TINY), gap / scale[:, :, None], np.log(scale))


def deviation(problem: Problem) -> Array:
    """The standard deviation of A under p, (N, S): small steps have μ = σ / √(2 KL)."""
    mean = (problem.p * problem.gap).sum(-1, keepdims=True)
    variance = (problem.p * (problem.gap - mean) ** 2).sum(-1)
    sigma: Array = np.exp(problem.log_scale) * np.sqrt(variance)
    return sigma


def tilted(problem: Problem, z: Array) -> Tilted:
    """The policies at z (N, S)."""
    p, u = problem.p, problem.gap * np.exp(-z[..., None])
    y = 1 / (1 + u)
    mean = (p * y).sum(-1)
    ratio = y / mean[:, :, None]
    lost = u * y
    small = ((p * lost).sum(-1, keepdims=True) - lost) / mean[:, :, None]
    t = np.where(z[..., None] > 1, small, ratio - 1)  # the same, each where it has more digits
    kl, spread = (p * _above_log(t, ratio)).sum(-1), (p * t * t).sum(-1)
    return Tilted(p * ratio, kl, problem.log_scale + z - np.log(mean), mean, spread)


def at_radius(problem: Problem, log_radius: Array | float) -> Tilted:
    """The best policies with KL(p ‖ π) = e^log_radius in each state (N, S) or broadcast to it.

    A state in which no action betters those that p takes keeps π = p. A radius that only
    probabilities below e^−FAR reach is cut to the KL at these.
    """

    def excess(z: Array) -> tuple[Array, Array]:
        found = tilted(problem, z)
        slope = -found.mean * found.spread / np.maximum(found.kl, SMALLEST)
        return log_of(found.kl) - log_radius, slope

    unit = log_of(deviation(problem)) - problem.log_scale
    return tilted(problem, root(excess, unit - (log_radius + LOG_2) / 2))


def at_multiplier(problem: Problem, log_multiplier: Array) -> Tilted:
    """The policies that maximise Σ_a π_a A_a − μ KL(p ‖ π), log μ (N, S) or broadcast to it."""

    def missing(z: Array) -> tuple[Array, Array]:
        found = tilted(problem, z)
        return log_multiplier - found.log_multiplier, -found.mean * (1 + found.spread)

    return tilted(problem, root(missing, log_multiplier - problem.log_scale))


def log_of(x: Array) -> Array:
    """The logarithm of x >= 0, or of SMALLEST."""
    found: Array = np.log(np.maximum(x, SMALLEST))
    return found


def root(falling: Callable[[Array], tuple[Array, Array]], start: Array, high: float = FAR) -> Array:
    """The zero in [−FAR, high] of functions that fall, one an entry: Newton's method in a bracket.

    A step that leaves the bracket, or that is not half as long as the last, is bisected instead.
    Functions without a zero there end at the side where it would be.

    Args:
        falling: x -> (values, slopes), all of one shape.
        start: of the same shape.
        high: the bracket's upper end.
    """
    x = np.clip(start, -FAR, high)
    low, top = np.full_like(x, -FAR), np.full_like(x, high)
    last = top - low
    for _ in range(ROUNDS):
        value, slope = falling(x)
        low, top = np.where(value > 0, x, low), np.where(value > 0, top, x)
        newton = x - value / np.minimum(slope, -SMALLEST)
        good = (newton >= low) & (newton <= top) & (np.abs(newton - x) <= last / 2)
        following = np.where(good, newton, (low + top) / 2)
        following = np.where(last <= TOLERANCE, x, following)  # a root found stays
        last, x = np.where(last <= TOLERANCE, last, np.abs(following - x)), following
        if last.max() <= TOLERANCE:
            break
    return x


def _above_log(t: Array, ratio: Array) -> Array:
    """Return t − log(1 + t) >= 0, given ratio = 1 + t too, to some twelve digits of itself."""
    near = np.clip(t, -0.01, 0.01)
    tail = 1 / 4 - near * (1 / 5 - near * (1 / 6 - near / 7))
    series = near * near * (1 / 2 - near * (1 / 3 - near * tail))
    exact: Array = np.where(near == t, series, t - np.log(ratio))
    return exact
