"""Regression by least squares: linear functions in closed form, networks by Gauss-Newton."""

from typing import NamedTuple

import numpy as np
import torch

from trpo.line_search import LineSearch
from trpo.networks import Linearisation, Network
from trpo.solvers import Product, Solver
from trpo.types import Array, Batch, Map, Tensor


class Data(NamedTuple):
    """Inputs and targets of a regression."""

    x: Batch  # (B, *O)
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

    def at(theta: Tensor) -> Point:
        return Point(network.linearise(theta, data.x, pmap), data.y)

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

    def __init__(self, at: Linearisation, y: Tensor) -> None:
        """Take f, linearised at theta, and the targets (B, M)."""
        self._at, self._error = at, y - at.output
        self.loss = 0.5 * float(self._error.double().square().sum()) / len(y)

    def is_above(self, other: "Point") -> bool:
        """Whether the loss there is smaller than here."""
        return other.loss < self.loss

    def descent(self) -> Tensor:
        """Return Jᵀ(y − f)/B (P,), the direction of descent."""
        return self._at.vjp(self._error / len(self._error))

    def product(self, every: int) -> Product:
        """Return v (P,) -> JᵀJ v / B, over every k-th input."""
        at = self._at.thin(every) if every > 1 else self._at
        count, width = at.output.shape
        mean = torch.eye(width).to(at.output).repeat(count, 1, 1) / count
        return lambda v: at.normal(mean, v)
