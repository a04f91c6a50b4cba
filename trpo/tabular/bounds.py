"""Lower bounds on η(new) that L_old(new) and a distance of the two policies give (§2, §3, App. A).

Each is a function (mdp, old, new) -> (N,), and each is L less a penalty. ε is always what it is
in the paper, and belongs to the bound: see the two `largest_` functions.
"""

from collections.abc import Callable

import numpy as np

from trpo.tabular.mdp import (
    MDP,
    advantages,
    eta,
    kl,
    mean_advantages,
    surrogate,
    total_variation,
    visitation,
)
from trpo.types import Array

MIXTURE = 2.0
"""Kakade and Langford's constant: ρ_new leaves ρ_old on two sides."""

COUPLING = 4.0
"""Theorem 1's: and |Ā| is up to 2α max |A| where policies only agree with probability 1 − α."""

PINSKER = 0.5
"""D_TV² ≤ ½ D_KL."""

ROUNDING = 1e-12
"""Differences in η (1 − γ) up to this one are rounding."""


def mixture_bound_tight(mdp: MDP, old: Array, new: Array) -> Array:
    """L − 2εγα² / ((1 − γ)(1 − γ(1 − α))): Kakade and Langford (2002), Theorem 4.1.

    Any `new` is (1 − α) old + α π' (Eq. 5) with α from `mixture_rate`, and ε is
    max_s |E_{a~π'} A_old(s, a)|. There ε α is max_s |Ā(s)|, so π' is not needed.
    """
    alpha = mixture_rate(old, new)
    drift = _tight_drift(mdp, alpha)
    return _less(mdp, old, new, MIXTURE * largest_mean_advantage(mdp, old, new) * alpha * drift)


def mixture_bound(mdp: MDP, old: Array, new: Array) -> Array:
    """L − 2εγα² / (1 − γ)², with α and ε of `mixture_bound_tight`: Eq. 6."""
    alpha = mixture_rate(old, new)
    drift = _drift(mdp)
    return _less(mdp, old, new, MIXTURE * largest_mean_advantage(mdp, old, new) * alpha * drift)


def tv_bound_tight(mdp: MDP, old: Array, new: Array) -> Array:
    """L − 4εγα² / ((1 − γ)(1 − γ(1 − α))), α = max_s D_TV, ε = max |A_old|: Eq. 44."""
    alpha = total_variation(old, new).max(axis=1)
    drift = _tight_drift(mdp, alpha)
    return _less(mdp, old, new, COUPLING * largest_advantage(mdp, old) * alpha**2 * drift)


def tv_bound(mdp: MDP, old: Array, new: Array) -> Array:
    """L − 4εγα² / (1 − γ)², α = max_s D_TV, ε = max |A_old|: Theorem 1, Eq. 8."""
    alpha = total_variation(old, new).max(axis=1)
    return _less(mdp, old, new, COUPLING * largest_advantage(mdp, old) * alpha**2 * _drift(mdp))


def kl_bound(mdp: MDP, old: Array, new: Array) -> Array:
    """L − C max_s D_KL(old ‖ new) with C of `penalty`: Eq. 9, as D_TV² ≤ D_KL."""
    return _less(mdp, old, new, _penalised(penalty(mdp, old), old, new))


def halved_kl_bound(mdp: MDP, old: Array, new: Array) -> Array:
    """L − ½ C max_s D_KL(old ‖ new), that is with 2εγ / (1 − γ)².

    Not in the paper, but true: Eq. 8 with Pinsker's D_TV² ≤ ½ D_KL.
    """
    return _less(mdp, old, new, _penalised(PINSKER * penalty(mdp, old), old, new))


Bound = Callable[[MDP, Array, Array], Array]
"""(mdp, old, new) -> what η(new) is at least, (N,)"""

BOUNDS: dict[str, Bound] = {
    "mixture_tight": mixture_bound_tight,
    "mixture": mixture_bound,
    "tv_tight": tv_bound_tight,
    "tv": tv_bound,
    "kl": kl_bound,
    "halved_kl": halved_kl_bound,
}
"""All lower bounds by name."""


def slack(bound: Bound, mdp: MDP, old: Array, new: Array) -> Array:
    """η(new) less its bound, (N,): at least zero but for rounding."""
    difference: Array = eta(mdp, new) - bound(mdp, old, new)
    return difference


def slacks(mdp: MDP, old: Array, new: Array) -> dict[str, Array]:
    """(1 − γ) (η(new) − bound), (N,), of every bound."""
    left = 1 - mdp.gamma
    return {name: left * slack(bound, mdp, old, new) for name, bound in BOUNDS.items()}


def violations(found: dict[str, Array]) -> dict[str, int]:
    """In how many MDPs each bound lies above η(new)."""
    return {name: int((x < -ROUNDING).sum()) for name, x in found.items()}


def penalty(mdp: MDP, old: Array) -> Array:
    """C = 4εγ / (1 − γ)², (N,), with ε = max |A_old|: Eq. 9."""
    c: Array = COUPLING * largest_advantage(mdp, old) * _drift(mdp)
    return c


def largest_advantage(mdp: MDP, old: Array) -> Array:
    """ε = max_{s,a} |A_old(s, a)|, (N,), of Theorem 1."""
    epsilon: Array = np.abs(advantages(mdp, old)).max(axis=(1, 2))
    return epsilon


def largest_mean_advantage(mdp: MDP, old: Array, new: Array) -> Array:
    """Return max_s |Ā(s)|, (N,): ε of Eq. 6 if `new` is its π', and ε α if it is the mixture."""
    epsilon: Array = np.abs(mean_advantages(mdp, old, new)).max(axis=1)
    return epsilon


def mixture(old: Array, other: Array, alpha: Array) -> Array:
    """(1 − α) old + α other, (N, S, A), for α (N,): Eq. 5."""
    share = alpha[:, None, None]
    mixed: Array = (1 - share) * old + share * other
    return mixed


def mixture_rate(old: Array, new: Array) -> Array:
    """Return the least α (N,) for which `new` is (1 − α) old + α π' with a policy π'.

    That is where new ≥ (1 − α) old: the largest share of its probability that an action lost.
    """
    lost = np.maximum(old - new, 0.0)
    share = np.divide(lost, old, out=np.zeros(old.shape), where=old > 0)
    alpha: Array = share.max(axis=(1, 2))
    return alpha


def best_mixture(mdp: MDP, old: Array, other: Array) -> Array:
    """Return α (N,) in [0, 1] where the tight bound on (1 − α) old + α other is largest.

    With G = Σ_s ρ_old(s) Ā(s) and ε = max_s |Ā(s)| of `other`, the bound is
    η(old) + α G − 2εγα² / ((1 − γ)(1 − γ + γα)), and its derivative in α vanishes at
    (1 − γ + γα)² = (1 − γ)² / (1 − (1 − γ) G / 2ε). For small G this is G (1 − γ)² / 4εγ, where
    Eq. 6 is largest. It is zero where G is not positive.
    """
    left = 1 - mdp.gamma
    gain = (visitation(mdp, old) * mean_advantages(mdp, old, other)).sum(axis=1)
    twice = 2 * largest_mean_advantage(mdp, old, other)
    share = np.divide(left * gain, twice, out=np.zeros_like(gain), where=gain > 0)
    rise = left * (1 / np.sqrt(1 - share) - 1)
    alpha = np.divide(rise, mdp.gamma, out=np.ones_like(gain), where=rise < mdp.gamma)
    return np.where(gain > 0, alpha, 0.0)


def _drift(mdp: MDP) -> Array:
    """Return γ / (1 − γ)², (N,): Σ_t γᵗ t."""
    drift: Array = mdp.gamma / (1 - mdp.gamma) ** 2
    return drift


def _tight_drift(mdp: MDP, alpha: Array) -> Array:
    """Return γ / ((1 − γ)(1 − γ(1 − α))), (N,): Σ_t γᵗ (1 − (1 − α)ᵗ) / α, Eq. 44."""
    drift: Array = mdp.gamma / ((1 - mdp.gamma) * (1 - mdp.gamma * (1 - alpha)))
    return drift


def _penalised(coefficient: Array, old: Array, new: Array) -> Array:
    """Return coefficient · max_s KL, (N,), and zero where the coefficient is, be KL infinite."""
    largest = kl(old, new).max(axis=1)
    loss: Array = np.zeros(largest.shape)
    np.multiply(coefficient, largest, out=loss, where=coefficient > 0)
    return loss


def _less(mdp: MDP, old: Array, new: Array, loss: Array) -> Array:
    """Return L_old(new) − loss, (N,)."""
    lower: Array = surrogate(mdp, old, new) - loss
    return lower
