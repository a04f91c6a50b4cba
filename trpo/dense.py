"""Fully connected networks, their outputs and derivatives written out because that is faster.

On the few rows of a simulator's step NumPy's calls cost a third of torch's, so `act` and `act_each`
are in NumPy; a product with the Jacobian is a few matrix products from what `linearise` keeps
(`trpo.products`), and no second derivative is ever taken.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial, reduce
from itertools import accumulate, pairwise
from operator import add
from typing import TypeVar

import numpy as np
import torch

from trpo import products
from trpo.chunks import each_span
from trpo.networks import (
    At,
    Linearisation,
    Linearise,
    Network,
    appended,
    autograd_linearisation,
)
from trpo.products import Layers, Parameters
from trpo.types import Array, Map, Tensor

X = TypeVar("X", Tensor, Array)


@dataclass(frozen=True)
class Layout:
    """Where the layers of a fully connected network lie in theta.

    A layer computes x (B, n) -> x wᵀ + b (B, m); its w (m, n) comes first, then its b (m,).
    """

    shapes: list[tuple[int, int]]  # (m, n) of each layer
    lengths: list[int]  # entries of w and b, layer after layer; b has none where it is left out

    @cached_property
    def places(self) -> tuple[list[tuple[slice, tuple[int, int]]], list[slice]]:
        """Where each w lies, with its shape, and each b."""
        slices = [slice(*ends) for ends in pairwise([0, *accumulate(self.lengths)])]
        return list(zip(slices[::2], self.shapes, strict=True)), slices[1::2]

    def longer(self, count: int) -> "Layout":
        """The same with `count` further entries of the last b, outputs that no weight leads to."""
        return Layout(self.shapes, [*self.lengths[:-1], self.lengths[-1] + count])

    def split(self, theta: X) -> tuple[tuple[X, ...], tuple[X, ...]]:
        """Views of the layers' w (m, n), and of their b (m,) or (0,)."""
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


def layout(sizes: Sequence[int], *, hidden_bias: bool = True) -> Layout:
    """Where the layers with these units lie; the arguments are those of `mlp`."""
    shapes = [(m, n) for n, m in pairwise(sizes)]
    biased = [hidden_bias] * (len(shapes) - 1) + [True]
    return Layout(
        shapes, [k for (m, n), b in zip(shapes, biased, strict=True) for k in (m * n, m * b)]
    )


def mlp(sizes: Sequence[int], *, hidden_bias: bool = True, last_gain: float = 1.0) -> Network:
    """A fully connected network with tanh between its layers and a linear last one.

    Args:
        sizes: units of each layer, input and output included; two of them give a linear map.
        hidden_bias: False leaves the biases of the hidden layers out (the output keeps its own).
        last_gain: gain of the last layer's orthogonal initialisation; the hidden layers' is √2,
            biases start at zero.
    """
    laid = layout(sizes, hidden_bias=hidden_bias)
    shapes, lengths = laid.shapes, laid.lengths

    def init(rng: np.random.Generator) -> Tensor:
        gains = [np.sqrt(2.0)] * (len(shapes) - 1) + [last_gain]
        flat: list[Array] = []
        for shape, gain, bias in zip(shapes, gains, lengths[1::2], strict=True):
            flat += [orthogonal(rng, shape, gain).ravel(), np.zeros(bias)]
        return torch.from_numpy(np.concatenate(flat).astype(np.float32))

    def at(theta: Tensor) -> Callable[[Tensor], Tensor]:
        if not compilable(theta):
            layers = laid.layers(theta)
            return lambda x: activations(layers, x, torch.tanh)[-1]
        evaluate = evaluation(laid, theta)
        return lambda x: torch.from_numpy(evaluate(x, map)[-1])

    def act(theta: Tensor) -> Callable[[Array], Array]:
        layers = laid.layers(theta.numpy())
        return lambda x: activations(layers, x, lambda h: np.tanh(h, out=h))[-1]

    def act_each(thetas: Array) -> Callable[[Array, Array], Array]:
        every = np.arange(len(thetas))
        flat = np.split(thetas.astype(np.float32), np.cumsum(lengths)[:-1], axis=1)
        layers = [
            (w.reshape(-1, *shape), b if b.size else None)
            for w, b, shape in zip(flat[::2], flat[1::2], shapes, strict=True)
        ]

        def apply(x: Array, rows: Array) -> Array:
            if np.array_equal(rows, every):
                return output_of_each(layers, x)
            return output_of_each([(w[rows], None if b is None else b[rows]) for w, b in layers], x)

        return apply

    return Network(sum(lengths), init, at, act, act_each, partial(linearise_with, laid, at))


def compilable(theta: Tensor) -> bool:
    """Whether arrays will do: nothing is differentiated, nothing is on another device."""
    return theta.device.type == "cpu" and not theta.requires_grad


def evaluation(layout: Layout, theta: Tensor) -> Callable[[Tensor, Map], Layers]:
    """What (x, pmap) -> [x, h_1, …, output] is under one theta, the input of each layer first."""
    weights, biases = layout.filled(theta.numpy())
    widths, across = [len(b) for b in biases], (transposed(weights), biases)

    def evaluate(x: Tensor, pmap: Map) -> Layers:
        first = np.ascontiguousarray(x.numpy())
        found = (first, *(np.empty((len(x), width), first.dtype) for width in widths))
        each_span(pmap, len(x), partial(products.forward, across, found[:-1], found[-1]))
        return found

    return evaluate


def linearise_with(layout: Layout, at: At, count: int) -> Linearise:
    """See `Network.linearise_with`."""
    wider = layout.longer(count)

    def linearise(theta: Tensor, x: Tensor, pmap: Map = map) -> Linearisation:
        if not compilable(theta):
            return autograd_linearisation(appended(at, count), theta, x, pmap)
        *inputs, output = evaluation(wider, theta)(x, pmap)
        weights, _ = wider.split(theta.numpy())
        return dense_linearisation(wider, weights, tuple(inputs), output, pmap)

    return linearise


def dense_linearisation(
    layout: Layout, weights: Layers, inputs: Layers, output: Array, pmap: Map
) -> Linearisation:
    """Products with the Jacobian of a fully connected network, from its layers' inputs (B, n)."""
    across, count = transposed(weights), len(output)

    def summed(work: Callable[..., None]) -> Tensor:
        def one(*span: int) -> Array:
            found = np.zeros(sum(layout.lengths), output.dtype)
            work(layout.filled(found), *span)
            return found

        return torch.from_numpy(reduce(add, each_span(pmap, count, one)))

    def direction(v: Tensor) -> Parameters:
        steps, shifts = layout.filled(v.numpy())
        return transposed(steps), shifts

    def jvp(v: Tensor) -> Tensor:
        tangent = np.empty_like(output)
        each_span(pmap, count, partial(products.push, across, inputs, direction(v), tangent))
        return torch.from_numpy(tangent)

    def vjp(u: Tensor) -> Tensor:
        rows = np.ascontiguousarray(u.numpy())
        return summed(partial(products.pull, weights, inputs, rows))

    def normal(weight: Tensor, v: Tensor) -> Tensor:
        metric = np.ascontiguousarray(weight.numpy())
        given = weights, across, inputs, direction(v), metric
        return summed(partial(products.push_and_pull, *given))

    def thin(every: int) -> Linearisation:
        few = tuple([h[::every].copy() for h in inputs])
        return dense_linearisation(layout, weights, few, output[::every].copy(), pmap)

    return Linearisation(torch.from_numpy(output), jvp, vjp, normal, thin)


def transposed(weights: Layers) -> Layers:
    """Each w (m, n) as (n, m), new."""
    return tuple([w.T.copy() for w in weights])


def activations(layers: list[tuple[X, X | None]], x: X, tanh: Callable[[X], X]) -> list[X]:
    """Return [x, h_1, …, output]: the input of each layer, then what the last one gives.

    Works on tensors and on arrays; `tanh` may overwrite what it is given.
    """
    found: list[X] = [x]
    for w, b in layers[:-1]:
        found.append(tanh(affine(found[-1], w, b)))
    found.append(affine(found[-1], *layers[-1]))
    return found


def affine(x: X, w: X, b: X | None) -> X:
    """Return x wᵀ + b, new, (B, m), for x (B, n) and w (m, n)."""
    y: X = x @ w.T
    if b is not None:
        y += b
    return y


def output_of_each(layers: list[tuple[Array, Array | None]], x: Array) -> Array:
    """What n networks give, (n, M), on an input each: w (n, m, k), b (n, m) and x (n, k)."""
    for depth, (w, b) in enumerate(layers):
        h = np.tanh(x, out=x) if depth else x
        x = np.matmul(w, h[:, :, None])[:, :, 0]
        if b is not None:
            x += b
    return x


def orthogonal(rng: np.random.Generator, shape: tuple[int, int], gain: float) -> Array:
    """A matrix (m, n) with orthonormal rows or columns, uniform over these, times `gain`."""
    q, r = np.linalg.qr(rng.standard_normal((max(shape), min(shape))))
    q *= np.sign(np.diag(r))
    return gain * (q if shape[0] >= shape[1] else q.T)
