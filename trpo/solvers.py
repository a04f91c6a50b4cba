"""Directions: solve F x = g."""

from collections.abc import Callable
from typing import NamedTuple

import torch

from trpo.parameters import Count, NonNegative
from trpo.types import Tensor

Product = Callable[[Tensor], Tensor]


class Solution(NamedTuple):
    """An approximate solution of F x = g."""

    x: Tensor  # (P,)
    residual: float  # ‖g − A x‖₂ / ‖g‖₂, A being the operator solved (with its damping)


Solver = Callable[[Product, Tensor], Solution]


def conjugate_gradient(
    *, steps: Count = 10, damping: NonNegative = 0.0, tolerance: NonNegative = 1e-10
) -> Solver:
    """Solve (F + damping I) x = g in at most `steps` products with F (App. C).

    Starts at zero. Stops early at a relative residual below `tolerance`, or when a direction of
    non-positive curvature shows that F is not positive definite in this arithmetic; what has been
    found until then is returned.

    Args:
        steps: products with F; the paper uses 10.
        damping: added to the diagonal of F; the paper does not say.
        tolerance: relative residual at which to stop.
    """

    def solve(product: Product, g: Tensor) -> Solution:
        x = torch.zeros_like(g)
        residual, direction = g.clone(), g.clone()
        start = square = float(residual.dot(residual))
        for _ in range(steps):
            if square <= tolerance**2 * start:
                break
            image = product(direction).add_(direction, alpha=damping)
            curvature = float(direction.dot(image))
            if not curvature > 0:
                break
            length = square / curvature
            x.add_(direction, alpha=length)
            residual.sub_(image, alpha=length)
            previous, square = square, float(residual.dot(residual))
            direction = torch.add(residual, direction, alpha=square / previous)
        return Solution(x, (square / start) ** 0.5 if start else 0.0)

    return solve


def identity(product: Product, g: Tensor) -> Solution:
    """Return x = g: steepest ascent, the solution for F = I."""
    return Solution(g, 0.0)
