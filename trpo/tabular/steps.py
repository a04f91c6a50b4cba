"""One exact step of each method, (mdp, pi) -> pi', with nothing sampled and nothing linearised.

The three problems with a KL (Algorithm 1, Eqs. 11 and 12) decouple into one a state, with its dual
(`trpo.tabular.duals`), and one unknown more an MDP: the radius or the multiplier that the states
share. These are found to a relative error of `duals.TOLERANCE`, 1e-11, and so is the KL of (11) in
each state; the mean KL of (12) is δ to within 1e-11 nats.

The two gradient steps act on the logits of a softmax policy and follow `trpo.updates`: L is a mean
over states, (1 − γ) times the paper's sum.
"""

from collections.abc import Callable
from math import log

import numpy as np

from trpo.steps import Over
from trpo.tabular import bounds
from trpo.tabular.duals import (
    LOG_2,
    LOG_FAR,
    SMALLEST,
    at_multiplier,
    at_radius,
    deviation,
    log_of,
    problem,
    root,
)
from trpo.tabular.mdp import (
    MDP,
    advantages,
    softmax,
    surrogate_gradient,
    visitation,
)
from trpo.types import Array

Step = Callable[[MDP, Array], Array]
"""(mdp, x) -> x', x being a policy (N, S, A), or logits for the last two"""


def policy_iteration(mdp: MDP, pi: Array) -> Array:
    """The greedy policy, argmax_a A_π(s, a), the first where some tie: it maximises L (N1 65)."""
    best = advantages(mdp, pi).argmax(axis=-1)
    greedy: Array = np.eye(pi.shape[-1])[best]
    return greedy


def conservative_policy_iteration(mdp: MDP, pi: Array) -> Array:
    """(1 − α) π + α π', π' = argmax L (Eq. 5), with the α that makes its lower bound largest.

    The bound is Kakade and Langford's, of which (6) is the weaker form. Without advantage α = 0.
    """
    greedy = policy_iteration(mdp, pi)
    return bounds.mixture(pi, greedy, bounds.best_mixture(mdp, pi, greedy))


def minorise_maximise(mdp: MDP, pi: Array) -> Array:
    """Maximise L_π(π') − C max_s KL(π ‖ π'), C = 4εγ/(1−γ)² and ε = max |A_π| (Algorithm 1).

    For a radius d = max_s KL every state goes to its own border. The best d is where the worth of
    a larger one, Σ_s ρ(s) μ_s(d), has fallen to C. Where C is zero the step is greedy.
    """
    advantage, rho = advantages(mdp, pi), visitation(mdp, pi)
    near = problem(pi, advantage)
    log_cost = log_of(bounds.penalty(mdp, pi))

    def worth(log_radius: Array) -> tuple[Array, Array]:
        found = at_radius(near, log_radius[:, None])
        parts = rho * np.exp(found.log_multiplier)
        total = parts.sum(-1)
        slopes = (1 + found.spread) * found.kl / np.maximum(found.spread, SMALLEST)
        return np.log(total) - log_cost, -(parts * slopes).sum(-1) / total

    start = 2 * (log_of((rho * deviation(near)).sum(-1)) - log_cost) - LOG_2  # where μ = σ/√(2d)
    return at_radius(near, root(worth, start, LOG_FAR)[:, None]).policy


def trust_region(mdp: MDP, pi: Array, delta: float, over: Over = "mean") -> Array:
    """Maximise L_π(π') s.t. KL(π ‖ π') ≤ δ, its maximum (Eq. 11) or mean (Eq. 12) over states.

    The mean weighs states by ρ_π / Σ ρ_π. Its constraint has one multiplier for all states, that
    of the maximum one a state. A state in which no action betters those that π takes is left as
    it is; where this is so in all that π visits the constraint is not active.

    Args:
        mdp: N MDPs.
        pi: (N, S, A) old probabilities; zeros are allowed.
        delta: bound on the KL, in nats, positive.
        over: which KL is bounded.
    """
    near = problem(pi, advantages(mdp, pi))
    if over == "max":
        return at_radius(near, log(delta)).policy
    rho = visitation(mdp, pi)
    weight = rho / rho.sum(-1, keepdims=True)

    def excess(log_multiplier: Array) -> tuple[Array, Array]:
        found = at_multiplier(near, log_multiplier[:, None])
        mean = (weight * found.kl).sum(-1)
        slope = (weight * found.spread / (1 + found.spread)).sum(-1)
        return log_of(mean) - log(delta), -slope / np.maximum(mean, SMALLEST)

    variance = (weight * deviation(near) ** 2).sum(-1)
    start = (log_of(variance) - log(2 * delta)) / 2  # where KL = variance / 2μ²
    return at_multiplier(near, root(excess, start)[:, None]).policy


def natural_gradient(mdp: MDP, logits: Array, penalty: float) -> Array:
    """Logits + F⁺g / λ, λ = `penalty` (Eq. 17): F⁺g = A(s, a) − its mean over the actions.

    In a state of weight w, g = w π A and F = w (diag π − π πᵀ), so that F A = g, as Σ_a π A = 0.
    Centred, A is orthogonal to F's null space, the constants of each state.
    """
    advantage = advantages(mdp, softmax(logits))
    moved: Array = logits + (advantage - advantage.mean(-1, keepdims=True)) / penalty
    return moved


def vanilla_gradient(mdp: MDP, logits: Array, delta: float) -> Array:
    """Logits + g √(2δ) / ‖g‖, to the border of the ball ½‖·‖² ≤ δ (Eq. 18); g = 0 stays."""
    gradient = surrogate_gradient(mdp, softmax(logits), logits)
    norm = np.linalg.norm(gradient, axis=(1, 2), keepdims=True)
    moved: Array = logits + gradient * (2 * delta) ** 0.5 / np.where(norm > 0, norm, 1.0)
    return moved
