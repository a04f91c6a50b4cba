"""Where the layers of a network lie in theta, and with what they begin."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, pairwise
from math import prod
from typing import TypeVar

import numpy as np
import torch

from trpo.products import Parameters
from trpo.types import Array, Tensor

X = TypeVar("X", Tensor, Array)


@dataclass(frozen=True)
class Layout:
    """Where the layers of a network lie in theta.

    Each layer's w (m, ·) comes first, then its b (m,). A fully connected one, with w (m, n),
    computes x (B, n) -> x wᵀ + b (B, m).
    """

    shapes: Sequence[tuple[int, ...]]  # of each layer's w
    lengths: list[int]  # entries of w and b, layer after layer; b has none where it is left out

    @cached_property
    def places(self) -> tuple[list[tuple[slice, tuple[int, ...]]], list[slice]]:
        """Where each w lies, with its shape, and each b."""
        slices = [slice(*ends) for ends in pairwise([0, *accumulate(self.lengths)])]
        return list(zip(slices[::2], self.shapes, strict=True)), slices[1::2]

    def longer(self, count: int) -> "Layout":
        """The same with `count` further entries of the last b, outputs that no weight leads to."""
        return Layout(self.shapes, [*self.lengths[:-1], self.lengths[-1] + count])

    def split(self, theta: X) -> tuple[tuple[X, ...], tuple[X, ...]]:
        """Views of the layers' w (m, ·), and of their b (m,) or (0,)."""
        weights, biases = self.places
        return (
            tuple([theta[place].reshape(shape) for place, shape in weights]),
            tuple([theta[place] for place in biases]),
        )

    def filled(self, theta: Array) -> Parameters:
        """The same, with zeros for a b that is left out."""
        weights, biases = self.split(theta)
        zeros = [
            b if len(b) else np.zeros(len(w), w.dtype) for w, b in zip(weights, biases, strict=True)
        ]
        return weights, tuple(zeros)

    def layers(self, theta: X) -> list[tuple[X, X | None]]:
        """Views of w and b of each layer; None for a b that is left out."""
        return [(w, b if len(b) else None) for w, b in zip(*self.split(theta), strict=True)]

    def transposed(self, theta: Array) -> Array:
        """Every layer's wᵀ (n, m) and b, zeros where it has none, in one array, as float32."""
        layers = zip(*self.filled(theta), strict=True)
        flat = [part for w, b in layers for part in (w.T.reshape(-1), b)]
        return np.concatenate(flat).astype(np.float32)


def initial(layout: Layout, last_gain: float, rng: np.random.Generator) -> Tensor:
    """A first theta (P,) float32: orthogonal weights, biases of zero.

    Args:
        layout: of the layers.
        last_gain: gain of the last layer; that of the others is √2.
        rng: draws it.
    """
    gains = [np.sqrt(2.0)] * (len(layout.shapes) - 1) + [last_gain]
    flat: list[Array] = []
    for shape, gain, bias in zip(layout.shapes, gains, layout.lengths[1::2], strict=True):
        flat += [orthogonal(rng, shape, gain).ravel(), np.zeros(bias)]
    return torch.from_numpy(np.concatenate(flat).astype(np.float32))


def orthogonal(rng: np.random.Generator, shape: tuple[int, ...], gain: float) -> Array:
    """An array (m, ·), as a matrix with orthonormal rows or columns, uniform, times `gain`."""
    m, n = shape[0], prod(shape[1:])
    q, r = np.linalg.qr(rng.standard_normal((max(m, n), min(m, n))))
    q *= np.sign(np.diag(r))
    found: Array = gain * (q if m >= n else q.T).reshape(shape)
    return found
