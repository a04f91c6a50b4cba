"""State values against dense Gauss-Newton steps and NumPy's least squares."""

from collections.abc import Callable
from typing import Any

import numpy as np
import oracles
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trpo.baselines import (
    Baseline,
    ValueState,
    cnn_value,
    linear_features,
    mlp_value,
    no_baseline,
)
from trpo.chunks import CHUNK
from trpo.parameters import UnfitError
from trpo.types import Array, Stacks, Tensor

WIDTH, HIDDEN = 2, (4,)
PARAMETERS = WIDTH * 4 + 4 + 4 + 1
DENSE = oracles.dense([WIDTH, *HIDDEN, 1], True, False)
RNG = np.random.default_rng(0)
OBS = RNG.standard_normal((60, WIDTH)).astype(np.float32)
SMOOTH = 3.0 * OBS[:, 0] - OBS[:, 1] + 0.5
ROUGH = 5 * np.sign(np.sin(9 * OBS[:, 0])) * OBS[:, 1] ** 3


def value(**settings: Any) -> Baseline:
    """A small value network, fitted by one exact step unless told otherwise."""
    exact = {"gauss_newton_steps": 1, "cg_steps": 60, "damping": 0.01, "every": 1}
    return mlp_value((WIDTH,), hidden=HIDDEN, **{**exact, "max_halvings": 5, **settings})


def fitted(baseline: Baseline, obs: Array, targets: Array) -> tuple[Tensor, ValueState]:
    """The first parameters and the state after one fit."""
    state = baseline.init(np.random.default_rng(1))
    return state.theta.double(), baseline.fit(state, obs, targets, map)


def loss(theta: Tensor, targets: Array) -> float:
    """½ mean squared error of the standardised targets."""
    y = torch.from_numpy(targets / targets.std())
    return 0.5 * float((DENSE(theta, torch.from_numpy(OBS).double())[:, 0] - y).square().mean())


def dense_step(theta: Tensor, targets: Array, damping: float, every: int = 1) -> Tensor:
    """(JᵀJ/B + damping)⁻¹ Jᵀ(y − f)/B with dense matrices."""
    x, y = torch.from_numpy(OBS).double(), torch.from_numpy(targets / targets.std())
    jacobian = torch.autograd.functional.jacobian(lambda t: DENSE(t, x)[:, 0], theta)
    used = jacobian[::every]
    matrix = used.T @ used / len(used) + damping * torch.eye(PARAMETERS)
    return torch.linalg.solve(matrix, jacobian.T @ (y - DENSE(theta, x)[:, 0]) / len(y))


def test_one_fit_is_a_dense_gauss_newton_step() -> None:
    theta, state = fitted(value(), OBS, SMOOTH)
    step = dense_step(theta, SMOOTH, 0.01)
    assert loss(theta + step, SMOOTH) < loss(theta, SMOOTH)
    assert torch.allclose(state.theta.double() - theta, step, atol=2e-4)


def test_every_kth_state_is_used_for_the_curvature_alone() -> None:
    theta, state = fitted(value(every=3, damping=0.1), OBS, SMOOTH)
    step = dense_step(theta, SMOOTH, 0.1, every=3)
    assert torch.allclose(state.theta.double() - theta, step, atol=2e-4)
    assert not torch.allclose(step, dense_step(theta, SMOOTH, 0.1), atol=1e-2)


def test_step_is_halved_until_the_loss_falls() -> None:
    theta, state = fitted(value(max_halvings=20), OBS, ROUGH)
    full, taken = dense_step(theta, ROUGH, 0.01), state.theta.double() - theta
    losses = [loss(theta + 0.5**j * full, ROUGH) for j in range(21)]
    first = next(j for j, found in enumerate(losses) if found < loss(theta, ROUGH))
    assert first > 0
    assert torch.allclose(taken, 0.5**first * full, atol=1e-3)


def test_fit_stays_where_it_is_when_no_halving_helps() -> None:
    theta, state = fitted(value(max_halvings=0), OBS, ROUGH)
    assert torch.equal(state.theta.double(), theta)
    assert state.targets.count == len(ROUGH)


def test_fit_falls_to_zero_loss_on_a_realisable_problem() -> None:
    truth = torch.from_numpy(np.random.default_rng(5).standard_normal(PARAMETERS))
    targets = 100 * DENSE(truth, torch.from_numpy(OBS).double())[:, 0].numpy()
    baseline = value(gauss_newton_steps=500)
    _, state = fitted(baseline, OBS, targets)
    assert np.square(baseline.predict(state, OBS, map) - targets).mean() < 1e-4 * targets.var()


@given(seed=st.integers(0, 200), damping=st.sampled_from([1e-4, 1e-2, 1.0]))
def test_loss_never_rises(seed: int, damping: float) -> None:
    rng = np.random.default_rng(seed)
    targets = rng.standard_cauchy(60)
    theta, state = fitted(value(gauss_newton_steps=3, damping=damping), OBS, targets)
    assert loss(state.theta.double(), targets) <= loss(theta, targets) * (1 + 1e-5)


def test_targets_are_scaled_by_all_that_were_seen_and_values_scaled_back() -> None:
    baseline = value(gauss_newton_steps=20)
    _, first = fitted(baseline, OBS, 1000 * SMOOTH)
    errors = baseline.predict(first, OBS, map) - 1000 * SMOOTH
    assert np.abs(errors).mean() < 100
    second = baseline.fit(first, OBS, 10 * SMOOTH, map)
    assert second.targets.std == pytest.approx(np.r_[1000 * SMOOTH, 10 * SMOOTH].std())
    plain, scaled = (fitted(value(), OBS, s * SMOOTH)[1] for s in (1, 8))
    assert torch.allclose(plain.theta, scaled.theta)


def test_values_of_several_chunks_are_those_of_each_state() -> None:
    baseline = value()
    obs = np.tile(OBS, (40, 1))
    assert len(obs) > 2 * CHUNK
    _, state = fitted(baseline, obs, np.tile(SMOOTH, 40))
    _, small = fitted(baseline, OBS, SMOOTH)
    assert torch.allclose(state.theta, small.theta, atol=1e-4)
    found = baseline.predict(state, obs, map)
    expected = DENSE(state.theta.double(), torch.from_numpy(obs).double())[:, 0].numpy()
    assert found == pytest.approx(expected * state.targets.std, abs=1e-4)
    assert found.dtype == np.float64


@pytest.mark.parametrize("baseline", [no_baseline(), linear_features((WIDTH,)), value()])
def test_fitting_changes_none_of_its_inputs_and_predicts_nothing_for_nothing(
    baseline: Baseline,
) -> None:
    obs, targets = OBS.copy(), SMOOTH.copy()
    state = baseline.init(np.random.default_rng(0))
    before = baseline.predict(state, obs, map)
    baseline.fit(state, obs, targets, map)
    assert np.array_equal(obs, OBS)
    assert np.array_equal(targets, SMOOTH)
    assert np.array_equal(baseline.predict(state, obs, map), before)
    assert baseline.predict(state, OBS[:0], map).shape == (0,)


def test_no_baseline_says_zero_whatever_it_saw() -> None:
    baseline = no_baseline()
    state = baseline.fit(baseline.init(np.random.default_rng(0)), OBS, SMOOTH, map)
    assert baseline.predict(state, OBS, map).tolist() == [0.0] * len(OBS)


@pytest.mark.parametrize("ridge", [1e-5, 0.1])
def test_linear_features_are_numpys_least_squares(ridge: float) -> None:
    baseline, count = linear_features((WIDTH,), ridge=ridge), len(OBS)
    state = baseline.fit(baseline.init(np.random.default_rng(0)), OBS, ROUGH, map)
    x = OBS.astype(np.float64)
    phi = np.concatenate([x, x**2, np.ones((count, 1))], axis=1)
    rows = np.concatenate([phi / np.sqrt(count), np.sqrt(ridge) * np.eye(phi.shape[1])])
    right = np.concatenate([ROUGH / np.sqrt(count), np.zeros(phi.shape[1])])
    weights = np.linalg.lstsq(rows, right)[0]
    assert baseline.predict(state, OBS, map) == pytest.approx(phi @ weights)


def test_linear_features_find_a_quadratic_function_and_clip_wild_observations() -> None:
    baseline = linear_features((WIDTH,), ridge=1e-12)
    targets = 2.0 + OBS[:, 0].astype(float) ** 2 - 3 * OBS[:, 1]
    state = baseline.fit(baseline.init(np.random.default_rng(0)), OBS, targets, map)
    assert baseline.predict(state, OBS, map) == pytest.approx(targets, abs=1e-6)
    wild, edge = np.array([[1e6, 0]], np.float32), np.array([[10, 0]], np.float32)
    assert baseline.predict(state, wild, map) == pytest.approx(baseline.predict(state, edge, map))


def test_convolutions_fit_a_function_of_images() -> None:
    """How bright the newest frame is on its left."""
    rng, shape = np.random.default_rng(0), (2, 14, 12)
    light = rng.uniform(0, 255, (303, 1, 2))
    shades = np.repeat(light, 6, axis=2) + np.zeros((1, 14, 1))
    frames = torch.from_numpy(shades.astype(np.uint8))
    at = torch.from_numpy(rng.integers(0, 303, (300, 2)).astype(np.int32))
    obs, targets = Stacks(frames, at), 7.0 + 0.1 * light[at[:, 1].numpy(), 0, 0]
    baseline = cnn_value(shape, channels=(4, 4), hidden=8, gauss_newton_steps=20, every=1)
    state = baseline.fit(baseline.init(rng), obs, targets, map)
    errors = baseline.predict(state, obs, map) - targets
    assert errors.var() < 0.02 * targets.var()
    assert abs(errors.mean()) < 0.1 * targets.std()
    alone = baseline.predict(state, obs.images().numpy(), map)
    assert np.array_equal(alone, baseline.predict(state, obs, map))
    assert baseline.predict(state, obs.images().numpy()[:0], map).shape == (0,)


@pytest.mark.parametrize(
    ("make", "shape", "why"),
    [
        (mlp_value, (4, 52, 40), r"it needs vector observations, not shape \(4, 52, 40\)"),
        (linear_features, (4, 52, 40), r"it needs vector observations, not shape"),
        (cnn_value, (11,), r"it reads frames, not vectors of shape \(11,\)"),
    ],
)
def test_a_baseline_that_does_not_fit_the_observations_is_refused(
    make: Callable[[tuple[int, ...]], Baseline], shape: tuple[int, ...], why: str
) -> None:
    with pytest.raises(UnfitError, match=why):
        make(shape)
