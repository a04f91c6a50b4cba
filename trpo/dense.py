"""Fully connected networks, their outputs and derivatives written out because that is faster.

On the few rows of a simulator's step NumPy's calls cost a third of torch's, so `act` and `act_each`
are in NumPy; a product with the Jacobian is a few matrix products from what `linearise` keeps
(`trpo.products`), and no second derivative is ever taken.
"""

from collections.abc import Callable, Sequence
from functools import partial, reduce
from itertools import pairwise
from operator import add

import numpy as np
import torch

from trpo import products
from trpo.chunks import CHUNK, each_span
from trpo.layouts import Layout, X, initial
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

    init = partial(initial, laid, last_gain)
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
            return autograd_linearisation(appended(at, count), CHUNK, theta, x, pmap)
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
