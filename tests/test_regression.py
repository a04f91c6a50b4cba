"""Least squares and the line search, each against what can be worked out by hand."""

from functools import partial

import numpy as np
import pytest
import torch

from trpo.dense import mlp
from trpo.line_search import Candidate, LineSearch
from trpo.regression import Data, gauss_newton, ridge_regression
from trpo.solvers import conjugate_gradient
from trpo.types import Tensor

X = torch.from_numpy(np.random.default_rng(0).standard_normal((40, 3)))
Y = torch.from_numpy(np.random.default_rng(1).standard_normal((40, 2)))
LINEAR = mlp([3, 2])
START = torch.zeros(LINEAR.size, dtype=torch.float64)
fit = partial(
    gauss_newton,
    LINEAR,
    solve=conjugate_gradient(steps=50),
    every=1,
    search=LineSearch(0.5, 5),
    pmap=map,
)


def test_one_step_of_a_linear_function_is_numpys_least_squares() -> None:
    theta = fit(START, Data(X, Y), steps=1)
    phi = np.concatenate([X.numpy(), np.ones((40, 1))], axis=1)
    weights = np.linalg.lstsq(phi, Y.numpy())[0]  # (4, 2)
    assert theta[:6].view(2, 3).T.numpy() == pytest.approx(weights[:3])
    assert theta[6:].numpy() == pytest.approx(weights[3])


def test_no_step_leaves_the_parameters_and_the_best_ones_are_kept() -> None:
    assert fit(START, Data(X, Y), steps=0) is START
    best = fit(START, Data(X, Y), steps=3)
    assert torch.allclose(fit(best, Data(X, Y), steps=3), best, atol=1e-12)
    assert not START.any()


def test_ridge_regression_by_hand() -> None:
    """w = mean(φ y) / (mean(φ²) + ridge) = 7 / (5 + 2)."""
    phi, y = np.array([[1.0], [3.0]]), np.array([2.0, 4.0])
    assert ridge_regression(phi, y, 2.0).tolist() == [1.0]


def test_first_accepted_candidate_is_returned_with_what_is_there() -> None:
    theta, full = torch.tensor([1.0]), torch.tensor([8.0])
    tried: list[float] = []

    def look(candidate: Tensor) -> float:
        tried.append(float(candidate))
        return tried[-1]

    def first(below: float) -> Candidate[float] | None:
        return LineSearch(0.5, 3).first(theta, full, look, lambda x: x < below)

    assert first(4.0) == Candidate(torch.tensor([3.0]), 3.0, 2)
    assert tried == [9.0, 5.0, 3.0]
    assert first(1.5) is None
    assert tried[3:] == [9.0, 5.0, 3.0, 2.0]
    assert (theta, full) == (torch.tensor([1.0]), torch.tensor([8.0]))
