"""Conjugate gradient against dense solves, and what it does when it cannot go on."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trpo.solvers import Product, conjugate_gradient, identity
from trpo.types import Tensor


def random(*shape: int, seed: int = 0) -> Tensor:
    """Standard normal float64."""
    return torch.from_numpy(np.random.default_rng(seed).standard_normal(shape))


def positive(size: int, seed: int = 0) -> Tensor:
    """A random positive definite matrix."""
    root = random(size, size, seed=seed)
    return root @ root.T / size + 0.1 * torch.eye(size).double()


class Counted:
    """A matrix that counts its products."""

    def __init__(self, matrix: Tensor) -> None:
        """Multiply by this matrix."""
        self.matrix, self.calls = matrix, 0

    def __call__(self, v: Tensor) -> Tensor:
        """Multiply."""
        self.calls += 1
        return self.matrix @ v


def times(matrix: Tensor) -> Product:
    """Products with a matrix."""
    return lambda v: matrix @ v


@given(size=st.integers(1, 12), seed=st.integers(0, 99), damping=st.floats(0, 2))
def test_enough_steps_give_the_dense_solution(size: int, seed: int, damping: float) -> None:
    matrix, g = positive(size, seed), random(size, seed=seed + 1)
    found = conjugate_gradient(steps=3 * size, damping=damping)(times(matrix), g)
    expected = torch.linalg.solve(matrix + damping * torch.eye(size).double(), g)
    assert torch.allclose(found.x, expected, rtol=1e-7, atol=1e-9)
    assert found.residual <= 1e-9


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("steps", [1, 2, 5, 10])
@pytest.mark.parametrize("damping", [0.0, 0.3])
def test_residual_is_the_true_one(steps: int, damping: float, dtype: torch.dtype) -> None:
    matrix, g = positive(20).to(dtype), random(20, seed=1).to(dtype)
    found = conjugate_gradient(steps=steps, damping=damping)(times(matrix), g)
    left = g - matrix @ found.x - damping * found.x
    assert found.residual == pytest.approx(float(left.norm() / g.norm()), rel=1e-3, abs=1e-6)


def test_first_step_is_steepest_descent() -> None:
    matrix, g = positive(6), random(6, seed=1)
    found = conjugate_gradient(steps=1)(times(matrix), g)
    assert torch.allclose(found.x, g * float(g @ g / (g @ matrix @ g)))


@pytest.mark.parametrize("steps", [1, 3, 7])
def test_no_more_products_than_steps(steps: int) -> None:
    product = Counted(positive(20))
    conjugate_gradient(steps=steps)(product, random(20))
    assert product.calls == steps


def test_it_stops_early_when_the_residual_is_small() -> None:
    two_eigenvalues = Counted(torch.diag(torch.tensor([1.0, 1, 1, 5, 5, 5]).double()))
    found = conjugate_gradient(steps=6)(two_eigenvalues, random(6))
    assert two_eigenvalues.calls == 2
    assert found.residual < 1e-10
    loose = Counted(positive(20))
    found = conjugate_gradient(steps=20, tolerance=0.1)(loose, random(20))
    assert loose.calls < 20
    assert 0 < found.residual <= 0.1


def test_zero_gradient_gives_zero_without_a_product() -> None:
    product = Counted(positive(4))
    found = conjugate_gradient()(product, torch.zeros(4).double())
    assert product.calls == 0
    assert not found.x.any()
    assert found.residual == 0


@pytest.mark.parametrize("scale", [0.0, -1.0])
def test_negative_or_no_curvature_at_once_gives_zero_and_says_so(scale: float) -> None:
    found = conjugate_gradient()(times(scale * torch.eye(3).double()), random(3))
    assert not found.x.any()
    assert found.residual == 1


def test_negative_curvature_later_keeps_what_was_found_until_then() -> None:
    matrix = torch.diag(torch.tensor([4.0, 3.0, -0.5]).double())
    g = torch.ones(3).double()
    one, many = (conjugate_gradient(steps=s)(times(matrix), g) for s in (1, 10))
    assert one.x.any()
    assert torch.equal(one.x, many.x)
    assert many.residual == pytest.approx(float((g - matrix @ many.x).norm() / g.norm()))


def test_damping_makes_an_indefinite_matrix_solvable() -> None:
    matrix, g = torch.diag(torch.tensor([2.0, 1.0, -0.5]).double()), torch.ones(3).double()
    found = conjugate_gradient(steps=3, damping=1.0)(times(matrix), g)
    assert torch.allclose(found.x, torch.tensor([1 / 3, 1 / 2, 2.0]).double())


def test_nothing_given_is_changed_and_nothing_is_random() -> None:
    matrix, g = positive(8), random(8)
    before = g.clone()
    first, second = (conjugate_gradient(damping=0.1)(times(matrix), g) for _ in range(2))
    assert torch.equal(g, before)
    assert torch.equal(first.x, second.x)
    assert first.residual == second.residual


def test_a_gradient_that_is_not_a_number_is_not_hidden() -> None:
    found = conjugate_gradient()(times(positive(3)), torch.full((3,), torch.nan).double())
    assert np.isnan(found.residual)


def test_identity_returns_the_gradient_without_a_product() -> None:
    product, g = Counted(positive(4)), random(4)
    found = identity(product, g)
    assert torch.equal(found.x, g)
    assert (found.residual, product.calls) == (0.0, 0)
