"""Networks as chains of products, with tanh between them and derivatives written out.

A product is linear in its input and in its weights, so that one rule pushes directions forward
through any chain of them, and one pulls slopes back. Images lie in memory with the channels last,
(B, H, W, C); what is between the products is compiled (`trpo.products`).
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch

from trpo.chunks import chunks, joined, total
from trpo.dense import compilable
from trpo.layouts import Layout
from trpo.networks import Linearisation, per_state
from trpo.products import bend, bend_back, tanh_
from trpo.types import Array, Batch, Map, Tensor

HELD = 2**14  # inputs whose layers are kept for products: 6 KB each in the paper's Atari network

Layers = tuple[Tensor, ...]  # the input of each product
Parameters = tuple[Layers, Layers]  # weights and biases


class Product(NamedTuple):
    """What a layer does with its input x (B, *n) and weights w (m, *k), linear in each."""

    of: Callable[[Tensor, Tensor], Tensor]  # x, w -> y (B, *m)
    in_x: Callable[[Tensor, Tensor, Tensor], Tensor]  # slope in y, x, w -> slope in x, new
    in_w: Callable[[Tensor, Tensor, Tensor], Tensor]  # slope in y, x, w -> slope in w


FULL = Product(
    of=lambda x, w: x.flatten(1) @ w.T,
    in_x=lambda u, x, w: (u @ w).view_as(x),
    in_w=lambda u, x, w: u.T @ x.flatten(1),
)
"""A fully connected layer: x (B, *n) flattened, w (m, n)."""


@dataclass(frozen=True)
class Chain:
    """Products under one theta (P,), with biases and tanh after each, the last one linear."""

    products: tuple[Product, ...]
    layout: Layout
    theta: Tensor
    read: Callable[[Batch, Tensor], Tensor]  # x, theta -> the first product's input, as theta's
    chunk: int  # inputs that one thread works on at once

    @cached_property
    def parameters(self) -> Parameters:
        """Views of the weights and biases."""
        return self.layout.split(self.theta)

    def first(self, x: Batch) -> Tensor:
        """The input of the first product."""
        return self.read(x, self.theta)

    def hidden(self, x: Tensor) -> Layers:
        """The first product's input -> that of each later one."""
        found = [x]
        for i in range(len(self.products) - 1):
            found.append(self.after(i, found[-1]))
        return tuple(found[1:])

    def after(self, i: int, x: Tensor) -> Tensor:
        """The input of product i -> that of the next one."""
        weights, biases = self.parameters
        return bent(self.products[i].of(x, weights[i]), biases[i])

    def output(self, last: Tensor) -> Tensor:
        """The last product's input -> output (B, M)."""
        weights, biases = self.parameters
        return self.products[-1].of(last, weights[-1]) + biases[-1]

    def push(self, layers: Layers, along: Parameters) -> Tensor:
        """J v (B, M), v being the direction `along`: the tangent of each layer's output."""
        (weights, _), (steps, shifts) = self.parameters, along
        t = self.products[0].of(layers[0], steps[0])
        for i, h in enumerate(layers[1:], 1):
            bend(rows(t), shifts[i - 1].numpy(), rows(h))
            t = self.products[i].of(t, weights[i]).add_(self.products[i].of(h, steps[i]))
        return t + shifts[-1]

    def pull(self, layers: Layers, u: Tensor) -> Tensor:
        """Jᵀ u (P,) for u (B, M): the slope in each layer's output, from the last back."""
        weights, found = self.parameters[0], torch.zeros_like(self.theta)
        slopes, totals = self.layout.split(found)
        totals[-1].add_(u.sum(0))
        for i in reversed(range(len(layers))):
            product, given = self.products[i], (u, layers[i], weights[i])
            slopes[i].copy_(product.in_w(*given))
            if i:
                u = product.in_x(*given)
                bend_back(rows(u), totals[i - 1].numpy(), rows(layers[i]))
        return found


def bent(y: Tensor, b: Tensor) -> Tensor:
    """Return tanh(y + b), in place of y where nothing is differentiated."""
    if not compilable(y):
        return torch.tanh(y + b)
    tanh_(rows(y), b.numpy())
    return y


def rows(y: Tensor) -> Array:
    """A view of y (B, *m) as an array, a row for each place that the bias is added to."""
    found: Array = y.view(-1, y.shape[-1]).numpy()
    return found


def linearisation(chain: Chain, x: Batch, pmap: Map) -> Linearisation:
    """Products with the Jacobian of a chain.

    Every product computes the first layer again, which is the largest, and of more than `HELD`
    inputs the others too.
    """
    keep = len(x) <= HELD

    def begin(part: Batch) -> tuple[Tensor, Callable[[], Layers]]:
        hidden = chain.hidden(chain.first(part))
        kept = hidden[1:] if keep else None

        def layers() -> Layers:
            first = chain.first(part)
            if kept is None:
                return (first, *chain.hidden(first))
            return (first, chain.after(0, first), *kept)

        return chain.output(hidden[-1]), layers

    outputs, parts = zip(*pmap(begin, chunks(x, chain.chunk)), strict=True)

    def jvp(v: Tensor) -> Tensor:
        along = chain.layout.split(v)
        return joined(pmap, lambda layers: chain.push(layers(), along), parts)

    def vjp(u: Tensor) -> Tensor:
        def one(layers: Callable[[], Layers], rows: Tensor) -> Tensor:
            return chain.pull(layers(), rows)

        return total(pmap, one, parts, chunks(u, chain.chunk))

    def normal(weight: Tensor, v: Tensor) -> Tensor:
        along = chain.layout.split(v)

        def one(layers: Callable[[], Layers], metric: Tensor) -> Tensor:
            held = layers()
            return chain.pull(held, per_state(metric, chain.push(held, along)))

        return total(pmap, one, parts, chunks(weight, chain.chunk))

    def thin(every: int) -> Linearisation:
        return linearisation(chain, x[::every], pmap)

    return Linearisation(torch.cat(outputs), jvp, vjp, normal, thin)
