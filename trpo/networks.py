"""Networks as pure functions of one flat theta (P,), with their exact derivatives.

A network is used in these ways. `at(theta)` is the function of x alone; `act(theta)` is the same on
arrays, for a simulator's step, and `act_each` is so for many networks, one a row. `linearise` also
keeps what the derivatives at this theta need, so that every product of the suite is of the same
object: gradients are Jᵀ u, Fisher and Gauss-Newton products are Jᵀ W J v.

`network` derives all of these from `init` and `at`; where another way is faster (`trpo.dense`),
members are overridden.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np
import torch

from trpo.chunks import CHUNK, chunks, joined, total
from trpo.types import Array, Batch, Map, Tensor

TILE = 32

At = Callable[[Tensor], Callable[[Any], Tensor]]
"""theta (P,) -> (x (B, *O), a batch of the kind that the network reads -> output (B, M))"""


class Linearisation(NamedTuple):
    """f(theta, x) and its Jacobian J = ∂f/∂theta on a batch of B inputs."""

    output: Tensor  # (B, M)
    jvp: Callable[[Tensor], Tensor]  # v (P,) -> J v (B, M)
    vjp: Callable[[Tensor], Tensor]  # u (B, M) -> Jᵀ u = Σ_b J_bᵀ u_b (P,)
    normal: Callable[
        [Tensor, Tensor], Tensor
    ]  # W (B, M, M), v (P,) -> Jᵀ W J v = Σ_b J_bᵀ W_b J_b v
    thin: Callable[[int], "Linearisation"]  # the same on every k-th input only


class Linearise(Protocol):
    """How a network is linearised."""

    def __call__(self, theta: Tensor, x: Any, pmap: Map = map) -> Linearisation:
        """At theta (P,) on a batch x (B, *O).

        Its chunks and those of every product are spread over `pmap`.
        """


class Network(NamedTuple):
    """A function of theta (P,) and a batch x (B, *O), giving (B, M)."""

    size: int  # P
    init: Callable[[np.random.Generator], Tensor]  # rng -> theta (P,) float32
    at: At  # theta -> (x -> output)
    act: Callable[[Tensor], Callable[[Array], Array]]  # the same on arrays
    act_each: Callable[[Array], Callable[[Array, Array], Array]]
    """thetas (N, P) -> (x (n, *O), rows (n,) -> output (n, M) float32): row i by thetas[rows[i]]"""
    linearise_with: Callable[[int], Linearise]
    """count -> how it is linearised with the last `count` entries of theta as further outputs"""
    chunk: int = CHUNK  # inputs that one thread works on at once, see `trpo.chunks`
    tile: int = TILE  # rows of a simulator for which it answers at once

    @property
    def linearise(self) -> Linearise:
        """Theta and x -> output and Jacobian."""
        return self.linearise_with(0)


def network(
    init: Callable[[np.random.Generator], Tensor],
    at: At,
    *,
    chunk: int = CHUNK,
    tile: int = TILE,
) -> Network:
    """A network of which only the initial theta and the output are written.

    Args:
        init: rng -> theta (P,) float32.
        at: theta (P,) -> (x (B, *O) -> output (B, M)), which torch must differentiate twice.
        chunk: see `Network`.
        tile: see `Network`.
    """

    def act(theta: Tensor) -> Callable[[Array], Array]:
        apply = at(theta)
        return lambda x: apply(torch.as_tensor(x)).numpy()

    def act_each(thetas: Array) -> Callable[[Array, Array], Array]:
        each = [at(theta) for theta in torch.from_numpy(thetas.astype(np.float32))]

        def apply(x: Array, rows: Array) -> Array:
            alone = zip(rows, torch.from_numpy(x.astype(np.float32)), strict=True)
            return torch.cat([each[row](one[None]) for row, one in alone]).numpy()

        return apply

    def linearise_with(count: int) -> Linearise:
        return partial(autograd_linearisation, appended(at, count), chunk)

    size = len(init(np.random.default_rng(0)))
    return Network(size, init, at, act, act_each, linearise_with, chunk, tile)


def outputs(network: Network, theta: Tensor, x: Batch, pmap: Map) -> Tensor:
    """f(theta, x) (B, M), and nothing that derivatives would need."""
    return joined(pmap, network.at(theta), chunks(x, network.chunk))


def autograd_linearisation(
    at: At, chunk: int, theta: Tensor, x: Batch, pmap: Map = map
) -> Linearisation:
    """Products with the Jacobian by reverse differentiation alone, which any thread may do."""
    parts = list(pmap(partial(_differentiable, at, theta), chunks(x, chunk)))

    def jvp(v: Tensor) -> Tensor:
        return joined(pmap, lambda part: part.jvp(v), parts)

    def vjp(u: Tensor) -> Tensor:
        return total(pmap, lambda part, rows: part.vjp(rows), parts, chunks(u, chunk))

    def normal(weight: Tensor, v: Tensor) -> Tensor:
        return vjp(per_state(weight, jvp(v)))

    def thin(every: int) -> Linearisation:
        return autograd_linearisation(at, chunk, theta, x[::every], pmap)

    output = torch.cat([part.output.detach() for part in parts])
    return Linearisation(output, jvp, vjp, normal, thin)


class Differentiable(NamedTuple):
    """One chunk through autograd: f, and Jᵀ u at a u that may be differentiated by."""

    theta: Tensor  # (P,)
    output: Tensor  # (B, M)
    u: Tensor  # (B, M)
    pulled: Tensor  # (P,) Jᵀ u

    def jvp(self, v: Tensor) -> Tensor:
        """J v, the derivative in u of vᵀ(Jᵀu), which is linear in u."""
        (pushed,) = torch.autograd.grad(self.pulled, self.u, v, retain_graph=True)
        return pushed

    def vjp(self, u: Tensor) -> Tensor:
        """Jᵀ u."""
        (found,) = torch.autograd.grad(self.output, self.theta, u, retain_graph=True)
        return found


def _differentiable(at: At, theta: Tensor, x: Batch) -> Differentiable:
    with torch.enable_grad():
        leaf = theta.detach().requires_grad_()
        output = at(leaf)(x)
        u = torch.zeros_like(output, requires_grad=True)
        (pulled,) = torch.autograd.grad(output, leaf, u, create_graph=True)
    return Differentiable(leaf, output, u, pulled)


def per_state(weight: Tensor, u: Tensor) -> Tensor:
    """W_b u_b (B, M) in every state, for W (B, M, M) and u (B, M)."""
    return (weight @ u[:, :, None])[:, :, 0]


def with_free_parameters(network: Network, count: int, start: float) -> Network:
    """Append `count` outputs that depend on no input: they are parameters themselves.

    This is the state-independent log standard deviation of App. D, initialised at `start`.
    """

    def init(rng: np.random.Generator) -> Tensor:
        return torch.cat([network.init(rng), torch.full((count,), start)])

    def act(theta: Tensor) -> Callable[[Array], Array]:
        inner, constant = network.act(theta[:-count]), theta[-count:].numpy()

        def apply(x: Array) -> Array:
            output = inner(x)
            both = np.empty((len(x), output.shape[1] + count), np.float32)
            both[:, :-count], both[:, -count:] = output, constant
            return both

        return apply

    def act_each(thetas: Array) -> Callable[[Array, Array], Array]:
        inner = network.act_each(thetas[:, : network.size])
        constants = thetas[:, network.size :].astype(np.float32)
        return lambda x, rows: np.concatenate([inner(x, rows), constants[rows]], axis=1)

    def linearise_with(further: int) -> Linearise:
        return network.linearise_with(count + further)

    at = appended(network.at, count)
    made = Network(network.size + count, init, at, act, act_each, linearise_with)
    return made._replace(chunk=network.chunk, tile=network.tile)


def appended(at: At, count: int) -> At:
    """`at` with the last `count` entries of theta as further outputs."""
    if not count:
        return at

    def both(theta: Tensor) -> Callable[[Any], Tensor]:
        inner, free = at(theta[:-count]), theta[-count:]
        return lambda x: torch.cat([inner(x), free.expand(len(x), count)], dim=1)

    return both
