"""Networks as pure functions of one flat theta (P,), with their exact derivatives.

A network is used in these ways. `at(theta)` is the function of x alone; `act(theta)` is the same on
arrays, for a simulator's step, and `act_each` is so for many networks, one a row. `linearise` also
keeps what the derivatives at this theta need, so that every product of the suite (gradients, Fisher
products, the value function's Gauss-Newton products) is J v and Jᵀ u of the same object.

`network` derives all of these from `init` and `at`; where another way is faster (`trpo.dense`),
members are overridden.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from trpo.types import Array, Tensor


class Linearisation(NamedTuple):
    """f(theta, x) and its Jacobian J = ∂f/∂theta on a batch of B inputs."""

    output: Tensor  # (B, M)
    jvp: Callable[[Tensor], Tensor]  # v (P,) -> J v (B, M)
    vjp: Callable[[Tensor], Tensor]  # u (B, M) -> Jᵀ u = Σ_b J_bᵀ u_b (P,)
    thin: Callable[[int], "Linearisation"]  # the same on every k-th input only


class Network(NamedTuple):
    """A function of theta (P,) and a batch x (B, *O), giving (B, M)."""

    size: int  # P
    init: Callable[[np.random.Generator], Tensor]  # rng -> theta (P,) float32
    at: Callable[[Tensor], Callable[[Tensor], Tensor]]  # theta -> (x -> output)
    act: Callable[[Tensor], Callable[[Array], Array]]  # the same on arrays
    act_each: Callable[[Array], Callable[[Array, Array], Array]]
    """thetas (N, P) -> (x (n, *O), rows (n,) -> output (n, M) float32): row i by thetas[rows[i]]"""
    linearise: Callable[[Tensor, Tensor], Linearisation]  # theta, x -> output and Jacobian


def network(
    init: Callable[[np.random.Generator], Tensor],
    at: Callable[[Tensor], Callable[[Tensor], Tensor]],
) -> Network:
    """A network of which only the initial theta and the output are written.

    Args:
        init: rng -> theta (P,) float32.
        at: theta (P,) -> (x (B, *O) -> output (B, M)), which torch must differentiate twice.
    """

    def act(theta: Tensor) -> Callable[[Array], Array]:
        apply = at(theta)
        return lambda x: apply(torch.tensor(x)).numpy()

    def act_each(thetas: Array) -> Callable[[Array, Array], Array]:
        each = [at(theta) for theta in torch.from_numpy(thetas.astype(np.float32))]

        def apply(x: Array, rows: Array) -> Array:
            alone = zip(rows, torch.from_numpy(x.astype(np.float32)), strict=True)
            return torch.cat([each[row](one[None]) for row, one in alone]).numpy()

        return apply

    def linearise(theta: Tensor, x: Tensor) -> Linearisation:
        return autograd_linearisation(at, theta, x)

    size = len(init(np.random.default_rng(0)))
    return Network(size, init, at, act, act_each, linearise)


def autograd_linearisation(
    at: Callable[[Tensor], Callable[[Tensor], Tensor]], theta: Tensor, x: Tensor
) -> Linearisation:
    """Products with the Jacobian by reverse differentiation alone, which any thread may do.

    J v is the derivative in u of vᵀ(Jᵀu), which is linear in u.
    """
    with torch.enable_grad():
        leaf = theta.detach().requires_grad_()
        output = at(leaf)(x)
        u0 = torch.zeros_like(output, requires_grad=True)
        (pulled,) = torch.autograd.grad(output, leaf, u0, create_graph=True)

    def jvp(v: Tensor) -> Tensor:
        (pushed,) = torch.autograd.grad(pulled, u0, v, retain_graph=True)
        return pushed

    def vjp(u: Tensor) -> Tensor:
        (found,) = torch.autograd.grad(output, leaf, u, retain_graph=True)
        return found

    def thin(every: int) -> Linearisation:
        return autograd_linearisation(at, theta, x[::every])

    return Linearisation(output.detach(), jvp, vjp, thin)


def with_free_parameters(network: Network, count: int, start: float) -> Network:
    """Append `count` outputs that depend on no input: they are parameters themselves.

    This is the state-independent log standard deviation of App. D, initialised at `start`.
    """

    def parts(theta: Tensor) -> tuple[Tensor, Tensor]:
        weights, free = torch.split_with_sizes(theta, [network.size, count])
        return weights, free

    def init(rng: np.random.Generator) -> Tensor:
        return torch.cat([network.init(rng), torch.full((count,), start)])

    def at(theta: Tensor) -> Callable[[Tensor], Tensor]:
        weights, free = parts(theta)
        inner = network.at(weights)
        return lambda x: _append(inner(x), free)

    def act(theta: Tensor) -> Callable[[Array], Array]:
        weights, free = parts(theta)
        inner, constant = network.act(weights), free.numpy()

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

    def linearise(theta: Tensor, x: Tensor) -> Linearisation:
        weights, free = parts(theta)
        return _append_linearised(network.linearise(weights, x), parts, free)

    return Network(network.size + count, init, at, act, act_each, linearise)


def _append(output: Tensor, free: Tensor) -> Tensor:
    return torch.cat([output, free.expand(len(output), len(free))], dim=1)


def _append_linearised(
    inner: Linearisation, parts: Callable[[Tensor], tuple[Tensor, Tensor]], free: Tensor
) -> Linearisation:
    count = len(free)

    def jvp(v: Tensor) -> Tensor:
        dweights, dfree = parts(v)
        return _append(inner.jvp(dweights), dfree)

    def vjp(u: Tensor) -> Tensor:
        return torch.cat([inner.vjp(u[:, :-count]), u[:, -count:].sum(0)])

    def thin(every: int) -> Linearisation:
        return _append_linearised(inner.thin(every), parts, free)

    return Linearisation(_append(inner.output, free), jvp, vjp, thin)
