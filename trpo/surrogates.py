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
