"""A trained policy for other programs, its observation filter inside.

Raw observations go in; out come the likeliest action, as the task takes it, and the parameters of
the distribution that training samples from (see `trpo.distributions`).
"""

from collections.abc import Mapping
from itertools import accumulate, pairwise
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.lib.stride_tricks import sliding_window_view
from torch.nn import Module as Holding

from trpo.convolutions import KERNEL, STRIDE, WHITE
from trpo.parameters import UnfitError
from trpo.policies import Plain, Policy
from trpo.samplers.runner import Acting
from trpo.simulators.protocol import Choices, Space
from trpo.types import Array, Tensor

NAMES = ("action", "distribution")
"""Of what comes out."""


class Portable(NamedTuple):
    """All that a policy needs to act; arrays are float32."""

    shape: tuple[int, ...]  # O
    frames: bool  # whether observations are uint8 stacks of frames, else float32
    mean: Array  # (*O) of the observation filter
    scale: Array  # (*O)
    clip: float  # 0 where nothing is filtered
    plain: Plain
    low: Array  # (A,) bounds of real actions; empty where actions are choices
    high: Array  # (A,)
    counts: tuple[int, ...]  # of choices, factor after factor; empty where actions are real

    @property
    def arrays(self) -> dict[str, Array]:
        """The same as arrays with names; layer i, from 0 on, is `w<i>` and `b<i>`."""
        weights, biases, free = self.plain
        w = {f"w{i}": each for i, each in enumerate(weights)}
        b = {f"b{i}": each for i, each in enumerate(biases)}
        numbers = {
            "layers": len(weights),
            "clip": self.clip,
            "unit": WHITE if self.frames else 1,  # what observations are divided by
            "counts": self.counts,
        }
        bounds = {"low": self.low, "high": self.high}
        of_filter = {"mean": self.mean, "scale": self.scale}
        told = {name: np.asarray(number) for name, number in numbers.items()}
        return {**of_filter, **told, **bounds, "free": free, **w, **b}


def portable(policy: Policy, acting: Acting, space: Space) -> Portable:
    """What acts, without the suite.

    Raises:
        UnfitError: the policy does not tell its layers, or its actions are scaled afterwards.
    """
    if space.bounds is not None:
        raise UnfitError("its actions are scaled to the task's bounds, which no file does")
    if policy.plain is None:
        raise UnfitError("it does not tell its layers: give its Policy a `plain`")
    theta, see, actions = np.asarray(acting.theta, np.float32), acting.see, space.actions
    low, high = (np.zeros(0), np.zeros(0)) if isinstance(actions, Choices) else actions
    return Portable(
        space.obs,
        not space.kept.filtered,
        see.mean,
        see.scale,
        see.clip if space.kept.filtered else 0.0,
        policy.plain(theta),
        low.astype(np.float32),
        high.astype(np.float32),
        actions.counts if isinstance(actions, Choices) else (),
    )


class Module(Holding):
    """The same for torch: obs (B, *O) -> action (B, A), distribution (B, M)."""

    mean: Tensor
    scale: Tensor
    free: Tensor
    low: Tensor
    high: Tensor

    def __init__(self, found: Portable) -> None:
        """Hold what is found as buffers."""
        super().__init__()
        self._found = found
        for name, value in found.arrays.items():
            self.register_buffer(name, torch.tensor(value))

    def forward(self, obs: Tensor) -> tuple[Tensor, Tensor]:
        """Filter, layers, then the likeliest action."""
        found, last = self._found, len(self._found.plain.weights) - 1
        x = obs.to(torch.float32)
        if found.frames:
            x = x / WHITE
        if found.clip:
            x = torch.clamp((x - self.mean) * self.scale, -found.clip, found.clip)
        for i, w in enumerate(found.plain.weights):
            x = layer(x, getattr(self, f"w{i}"), getattr(self, f"b{i}"), w.ndim > 2)
            x = torch.tanh(x) if i < last else x
        d = torch.cat([x, self.free.expand(x.shape[0], -1)], dim=1)
        return self._likeliest(d), d

    def _likeliest(self, d: Tensor) -> Tensor:
        counts = self._found.counts
        if counts:
            factors = torch.split(d, list(counts), dim=1)
            return torch.stack([logits.argmax(1) for logits in factors], dim=1)
        return torch.clamp(d[:, : len(self._found.low)], self.low, self.high)


def layer(x: Tensor, w: Tensor, b: Tensor, convolves: bool) -> Tensor:
    """One layer, of images (B, n, H, W) or of what they or vectors have become, (B, n)."""
    if convolves:
        return torch.conv2d(x, w.permute(0, 3, 1, 2), b, stride=STRIDE)
    flat = x.permute(0, 2, 3, 1).flatten(1) if x.ndim > 2 else x
    return flat @ w.T + b


def answer(arrays: Mapping[str, Any], obs: Array) -> tuple[Array, Array]:
    """The same in NumPy alone, from `Portable.arrays`: action (B, A), distribution (B, M)."""
    x = obs.astype(np.float32) / np.float32(arrays["unit"])
    clip = float(arrays["clip"])
    if clip:
        x = np.clip((x - arrays["mean"]) * arrays["scale"], -clip, clip)
    x = np.moveaxis(x, 1, -1)  # frames (B, S, H, W) -> (B, H, W, S)
    for i in range(int(arrays["layers"])):
        x, w, b = np.tanh(x) if i else x, arrays[f"w{i}"], arrays[f"b{i}"]
        if w.ndim > 2:
            patches = sliding_window_view(x, (KERNEL, KERNEL), (1, 2))[:, ::STRIDE, ::STRIDE]
            x = np.tensordot(patches, w, ((3, 4, 5), (3, 1, 2))) + b
        else:
            x = x.reshape(len(x), -1) @ w.T + b
    d = np.concatenate([x, np.tile(arrays["free"], (len(x), 1))], axis=1).astype(np.float32)
    if not len(arrays["counts"]):
        return np.clip(d[:, : len(arrays["low"])], arrays["low"], arrays["high"]), d
    factors = pairwise(accumulate(map(int, arrays["counts"]), initial=0))
    return np.stack([d[:, i:j].argmax(1) for i, j in factors], axis=1), d
