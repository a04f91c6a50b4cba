"""Regression by least squares: linear functions in closed form, networks by Gauss-Newton."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from trpo.chunks import chunks, total
from trpo.line_search import LineSearch
from trpo.networks import Linearisation, Network
from trpo.solvers import Product, Solver
from trpo.types import Array, Map, Tensor


class Data(NamedTuple):
    """Inputs and targets of a regression."""

    x: Tensor  # (B, *O)
    y: Tensor  # (B, M)


def ridge_regression(phi: Array, y: Array, ridge: float) -> Array:
    """Weights w (F,) of the smallest mean (y − φw)² + ridge ‖w‖², for φ (B, F) and y (B,)."""
    gram = phi.T @ phi / len(phi) + ridge * np.eye(phi.shape[1])
    found: Array = np.linalg.solve(gram, phi.T @ y / len(phi))
    return found


def gauss_newton(
    network: Network,
    theta: Tensor,
    data: Data,
    *,
    steps: int,
    solve: Solver,
    every: int,
    search: LineSearch,
    pmap: Map,
) -> Tensor:
    """Fit a network to targets, from theta (P,) on: minimise ½ mean ‖y − f(x)‖² over theta.

    A step solves (JᵀJ/B) x = Jᵀ(y − f)/B and is shrunk until the loss falls. When it never does,
    the fit stays where it is.

    Args:
        network: f.
        theta: (P,) where to begin.
        data: B inputs and targets.
        steps: at most so many.
        solve: of that system, damping included.
        every: use every k-th input for JᵀJ.
        search: how a step is shrunk.
        pmap: spreads chunks over threads; the result does not depend on it.
    """
    parts = chunks(data)

    def linearised(theta: Tensor) -> Callable[[Data], tuple[Data, Linearisation]]:
        return lambda part: (part, network.linearise(theta, part.x))

    def at(theta: Tensor) -> Point:
        return Point(list(pmap(linearised(theta), parts)), len(data.x), pmap)

    here = at(theta)
    for _ in range(steps):
        step = solve(here.product(every), here.descent()).x
        lower = search.first(theta, step, at, here.is_above)
        if lower is None:
            break
        theta, here = lower.theta, lower.found
    return theta


class Point:
    """½ mean ‖y − f(x)‖² around one theta."""

    def __init__(self, parts: list[tuple[Data, Linearisation]], count: int, pmap: Map) -> None:
        """Take the chunks, each with f linearised at theta, and their number of inputs."""
        self._parts, self._count, self._pmap = parts, count, pmap
        errors = [(at.output - data.y).double().square().sum() for data, at in parts]
        self.loss = 0.5 * float(sum(errors)) / count

    def is_above(self, other: "Point") -> bool:
        """Whether the loss there is smaller than here."""
        return other.loss < self.loss

    def descent(self) -> Tensor:
        """Return Jᵀ(y − f)/B (P,), the direction of descent."""

        def one(part: tuple[Data, Linearisation]) -> Tensor:
            data, at = part
            return at.vjp(data.y - at.output)

        return total(self._pmap, one, self._parts) / self._count

    def product(self, every: int) -> Product:
        """Return v (P,) -> JᵀJ v / B, over every k-th input."""
        thinned = [at.thin(every) if every > 1 else at for _, at in self._parts]
        count = sum(len(at.output) for at in thinned)

        def product(v: Tensor) -> Tensor:
            return total(self._pmap, lambda at: at.vjp(at.jvp(v)), thinned) / count

        return product
