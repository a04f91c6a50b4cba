"""Surrogate objectives L(θ): the improvement that the old policy's data promise.

Each maps the new policy's log-probabilities of the tried actions, log_p (B, K), and the samples
to one value a state (B,); L is the weighted mean of these over states.
"""

from collections.abc import Callable

import torch

from trpo.types import Samples, Tensor

Surrogate = Callable[[Tensor, Samples], Tensor]


def importance_weighted(log_p: Tensor, samples: Samples) -> Tensor:
    """π_θ(a|s) / q(a|s) · Q_old(s, a), averaged over the K actions (Eq. 14)."""
    return (torch.exp(log_p - samples.log_q) * samples.q).mean(-1)


def all_actions(log_p: Tensor, samples: Samples) -> Tensor:
    """Σ_k π_θ(a_k|s) Q̂(s, a_k), every action tried once (Eq. 15)."""
    return (torch.exp(log_p) * samples.q).sum(-1)


def self_normalised(log_p: Tensor, samples: Samples) -> Tensor:
    """Σ_k ρ_k Q̂(s, a_k) / Σ_k ρ_k with ρ_k = π_θ(a_k|s) / q(a_k|s) (Eq. 16).

    The paper's ratios are to π_old, which q is for continuous actions. A constant added to all
    Q̂ of a state changes nothing but that constant, so no baseline is needed.
    """
    ratio = torch.exp(log_p - samples.log_q)
    return (ratio * samples.q).sum(-1) / ratio.sum(-1)


def log_likelihood(log_p: Tensor, samples: Samples) -> Tensor:
    """Log π_θ(a|s), averaged over the K actions; a state's weight is what they are worth."""
    return log_p.mean(-1)
