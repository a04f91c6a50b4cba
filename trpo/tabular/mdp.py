"""Finite MDPs and all that the theory says of them, solved exactly, N at once (§2, §3).

Letters: `N` MDPs, `S` states, `A` actions. Everything is float64. A policy is an array of
probabilities (N, S, A), called `old` where it has gathered ρ and A, and `new` where it is judged.
"""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import rel_entr

from trpo.types import Array

TOLERANCE = 1e-9
"""How far from one the probabilities of a row may sum."""


class MDP(NamedTuple):
    """N MDPs of the same size. Make one by hand only through `checked`."""

    transitions: Array  # (N, S, A, S) P(z|s, a), z being the next state
    rewards: Array  # (N, S, A) expected r(s, a)
    start: Array  # (N, S) ρ0
    gamma: Array  # (N,) the discount, in [0, 1)


def checked(mdp: MDP) -> MDP:
    """Return `mdp`, or raise a ValueError that names the first row which is not as it must be.

    Transitions and start are distributions, rewards are finite, gamma is in [0, 1), and every
    state is reached from the start by some policy.
    """
    if mdp.transitions.shape != (*mdp.rewards.shape, mdp.start.shape[-1]) or (
        mdp.rewards.shape[:2] != mdp.start.shape or mdp.gamma.shape != mdp.start.shape[:1]
    ):
        raise ValueError(f"shapes do not fit together: {[x.shape for x in mdp]}")
    _check_distributions("transitions", mdp.transitions)
    _check_distributions("start probabilities", mdp.start)
    for row in np.argwhere(~np.isfinite(mdp.rewards)):
        raise ValueError(f"reward of {_name(row)} is {mdp.rewards[tuple(row)]:g}")
    for row in np.argwhere(~((mdp.gamma >= 0) & (mdp.gamma < 1))):
        raise ValueError(f"gamma of {_name(row)} is {mdp.gamma[tuple(row)]:g}, not in [0, 1)")
    for row in np.argwhere(~reached(mdp)):
        raise ValueError(f"{_name(row)} is unreachable from the start")
    return mdp


def checked_policy(pi: Array, mdp: MDP) -> Array:
    """Return `pi` (N, S, A), or raise a ValueError that names its first bad row."""
    if pi.shape != mdp.rewards.shape:
        raise ValueError(f"policy is {pi.shape}, not {mdp.rewards.shape}")
    _check_distributions("action probabilities", pi)
    return pi


def reached(mdp: MDP) -> Array:
    """Return the states (N, S) that some policy reaches from the start."""
    edges = (mdp.transitions > 0).any(axis=2)  # (N, S, S)
    found: Array = mdp.start > 0
    for _ in range(found.shape[1] - 1):
        found = found | (found[:, :, None] & edges).any(axis=1)
    return found


def under(mdp: MDP, pi: Array) -> tuple[Array, Array]:
    """Return P_π (N, S, S) and r_π (N, S), what happens where `pi` (N, S, A) acts."""
    return np.einsum("nsa,nsaz->nsz", pi, mdp.transitions), _total(pi * mdp.rewards)


def values(mdp: MDP, pi: Array) -> Array:
    """V = (I − γ P_π)⁻¹ r_π, (N, S)."""
    transitions, rewards = under(mdp, pi)
    return _solved(_system(mdp, transitions), rewards)


def action_values(mdp: MDP, pi: Array) -> Array:
    """Q(s, a) = r(s, a) + γ Σ_z P(z|s, a) V(z), (N, S, A)."""
    return _backed_up(mdp, values(mdp, pi))


def advantages(mdp: MDP, pi: Array) -> Array:
    """A = Q − V, (N, S, A)."""
    v = values(mdp, pi)
    advantage: Array = _backed_up(mdp, v) - v[:, :, None]
    return advantage


def visitation(mdp: MDP, pi: Array) -> Array:
    """ρ = (I − γ P_πᵀ)⁻¹ ρ0, (N, S): discounted visits, which sum to 1 / (1 − γ)."""
    transitions, _ = under(mdp, pi)
    return _solved(_system(mdp, transitions).swapaxes(1, 2), mdp.start)


def eta(mdp: MDP, pi: Array) -> Array:
    """η = Σ_s ρ0(s) V(s), (N,): the expected discounted return."""
    return _total(mdp.start * values(mdp, pi))


def mean_advantages(mdp: MDP, old: Array, new: Array) -> Array:
    """Ā(s) = Σ_a π_new(a|s) A_old(s, a), (N, S): App. A."""
    return _total(new * advantages(mdp, old))


def performance_difference(mdp: MDP, old: Array, new: Array) -> Array:
    """η(new) − η(old) as Σ_s ρ_new(s) Ā(s), (N,): Eq. 2."""
    return _total(visitation(mdp, new) * mean_advantages(mdp, old, new))


def surrogate(mdp: MDP, old: Array, new: Array) -> Array:
    """L_old(new) = η(old) + Σ_s ρ_old(s) Ā(s), (N,): Eq. 3."""
    gain = _total(visitation(mdp, old) * mean_advantages(mdp, old, new))
    level: Array = eta(mdp, old) + gain
    return level


def softmax(logits: Array) -> Array:
    """π(a|s) = exp(x_sa) / Σ_b exp(x_sb), (N, S, A)."""
    weights = np.exp(logits - logits.max(axis=-1, keepdims=True))
    pi: Array = weights / weights.sum(axis=-1, keepdims=True)
    return pi


def eta_gradient(mdp: MDP, logits: Array) -> Array:
    """∇η at softmax(logits): ρ(s) π(a|s) A(s, a), (N, S, A).

    This is the derivative of ρ0ᵀ (I − γ P_π)⁻¹ r_π: that of the inverse is
    (I − γ P_π)⁻¹ γ ∂P_π (I − γ P_π)⁻¹, with ρ on its left and V on its right.
    """
    return surrogate_gradient(mdp, softmax(logits), logits)


def surrogate_gradient(mdp: MDP, old: Array, logits: Array) -> Array:
    """∇L_old at softmax(logits): ρ_old(s) π(a|s) (A_old(s, a) − Ā(s)), (N, S, A)."""
    pi, advantage = softmax(logits), advantages(mdp, old)
    centred = advantage - _total(pi * advantage)[:, :, None]
    gradient: Array = visitation(mdp, old)[:, :, None] * pi * centred
    return gradient


def total_variation(p: Array, q: Array) -> Array:
    """D_TV(p ‖ q) = ½ Σ_a |p_a − q_a|, (N, S)."""
    return _total(np.abs(p - q) / 2)


def kl(old: Array, new: Array) -> Array:
    """D_KL(old ‖ new) in nats, (N, S): 0 log 0 = 0, and ∞ where `new` leaves out an action.

    Every term has q − p added, which sums to zero and makes each of them at least zero: so two
    policies that nearly agree have a small KL, not the rounding of a sum of large terms.
    """
    return _total(np.maximum(rel_entr(old, new) + (new - old), 0.0))


def _system(mdp: MDP, transitions: Array) -> Array:
    """Return I − γ P_π, (N, S, S)."""
    system: Array = np.eye(transitions.shape[1]) - mdp.gamma[:, None, None] * transitions
    return system


def _solved(matrix: Array, vector: Array) -> Array:
    """Return x (N, S), where matrix · x = vector."""
    x: Array = np.linalg.solve(matrix, vector[:, :, None])[:, :, 0]
    return x


def _backed_up(mdp: MDP, v: Array) -> Array:
    """Return r + γ P v, (N, S, A)."""
    following = (mdp.transitions @ v[:, None, :, None])[..., 0]
    q: Array = mdp.rewards + mdp.gamma[:, None, None] * following
    return q


def _total(x: Array) -> Array:
    """Return the sums of x along its last axis."""
    total: Array = x.sum(axis=-1)
    return total


def _name(row: Iterable[int]) -> str:
    """Name a row by its place among MDPs, states and actions."""
    named = zip(("MDP", "state", "action"), row, strict=False)
    return ", ".join(f"{axis} {i}" for axis, i in named)


def _check_distributions(what: str, x: Array) -> None:
    """Raise a ValueError that names the first row of x (..., S or A) that is no distribution."""
    for row in np.argwhere(~(x >= 0)):
        raise ValueError(f"{what} of {_name(row[:-1])} hold {x[tuple(row)]:g} at {row[-1]}")
    sums = x.sum(axis=-1)
    for row in np.argwhere(np.abs(sums - 1) > TOLERANCE):
        raise ValueError(f"{what} of {_name(row)} sum to {sums[tuple(row)]:.12g}")
