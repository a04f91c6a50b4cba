"""The data that flow through the suite.

Letters used in every docstring: `B` states, `K` actions tried per state, `P` parameters,
`N` rows simulated in parallel, `T` time steps, `M` distribution parameters, `A` action
dimensions, `O` the observation's shape, `C` cut paths.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, NamedTuple, TypeVar

import numpy as np
import torch

Array = np.ndarray[Any, np.dtype[Any]]
Tensor = torch.Tensor

Map = Callable[..., Any]
"""`map`, or the `map` of a thread pool: results come in the order of the inputs."""


@dataclass(frozen=True)
class Stacks:
    """B observations (S, H, W) uint8, each of frames that others share."""

    frames: Tensor  # (F, H, W) uint8
    at: Tensor  # (B, S) int32, the frames of each observation, the oldest first

    def __len__(self) -> int:
        """B."""
        return len(self.at)

    def __getitem__(self, which: Any) -> "Stacks":
        """Some of the observations, by a slice, numbers or a mask (b,)."""
        return Stacks(self.frames, self.at[which])

    def tensor_split(self, ends: tuple[int, ...]) -> "tuple[Stacks, ...]":
        """Cut them as torch cuts a tensor."""
        return tuple(Stacks(self.frames, at) for at in self.at.tensor_split(ends))

    def to(self, device: torch.device | str) -> "Stacks":
        """The same on a device."""
        return Stacks(self.frames.to(device), self.at.to(device))

    def images(self) -> Tensor:
        """All of them put together, (B, S, H, W) uint8."""
        return self.frames[self.at.long()]


Observations = Array | Stacks
"""(B, *O): float32 vectors, or stacks."""
Batch = Tensor | Stacks
"""The same as an update reads it."""


class Rollout(NamedTuple):
    """B simulated steps, row after row, in each row path after path.

    `ended` marks the last step of each path; of these, `cut` marks the ones after which the task
    would have gone on (the time limit or the batch's end came first), so that nothing mistakes a
    time limit for a termination.
    """

    obs: Observations  # (B, *O) raw
    actions: Array  # (B, A) as sampled, before any clipping to the task's bounds
    dist: Array  # (B, M) float32, the parameters of π_old(·|obs)
    rewards: Array  # (B,) float64, raw
    ended: Array  # (B,) bool
    cut: Array  # (B,) bool, cut implies ended
    cut_obs: Array  # (C, *O) float32, what was seen after each cut


class Samples(NamedTuple):
    """What an update learns from: B states, K actions tried in each (single path: K = 1)."""

    obs: Batch  # (B, *O)
    actions: Tensor  # (B, K, A)
    q: Tensor  # (B, K) estimates of Q_old(s, a), or of the advantage
    log_q: Tensor  # (B, K) log-probability under the distribution that chose the action
    old: Tensor  # (B, M) parameters of π_old(·|s)
    weight: Tensor  # (B,) weight of each state in the averages over states

    def some(self, which: Any) -> "Samples":
        """Those of some states, by a slice or by numbers (b,)."""
        return Samples(*(field[which] for field in self))  # type: ignore[arg-type]

    def to(self, device: torch.device | str) -> "Samples":
        """The same on a device."""
        return Samples(*(field.to(device) for field in self))  # type: ignore[arg-type]


class UpdateInfo(NamedTuple):
    """What one policy update did."""

    surrogate_gain: float  # L(θ_new) − L(θ_old)
    kl_mean: float  # mean over states of KL(π_old ‖ π_new), nats
    kl_max: float  # its maximum over states
    grad_norm: float  # ‖∇L(θ_old)‖₂
    step_norm: float  # ‖θ_new − θ_old‖₂
    cg_residual: float  # ‖g − (F + damping) x‖₂ / ‖g‖₂
    backtracks: int  # candidates rejected by the line search
    accepted: bool  # False where no candidate was taken and θ_new = θ_old
    entropy: float  # mean over states of the entropy of π_old, nats
    size: float  # δ or λ that the step used


Info = tuple[Any, ...]
"""A NamedTuple of what is worth reporting, perhaps of NamedTuples; see `reports.flatten`.

Among its numbers are always `steps` and `episodes`. An int is a count, None is nothing to report
(no episode ended), and so NaN or an infinity is always a divergence.
"""


S = TypeVar("S")
I_co = TypeVar("I_co", bound=Info, covariant=True)


class Algorithm(NamedTuple, Generic[S, I_co]):
    """`init(rng) -> state` and `step(rng, state) -> (state, info)`.

    The state is all that must be carried from one iteration to the next (and so what a
    checkpoint holds).
    """

    init: Callable[[np.random.Generator], S]
    step: Callable[[np.random.Generator, S], tuple[S, I_co]]
