"""State values V(s) fitted to the returns that were seen."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.convolutions import convolutional
from trpo.dense import mlp
from trpo.line_search import LineSearch
from trpo.moments import Moments, empty, merge
from trpo.networks import Network, outputs
from trpo.observations import batch, stack, width
from trpo.parameters import Count, Natural, NonNegative
from trpo.regression import Data, gauss_newton, ridge_regression
from trpo.solvers import Solver, conjugate_gradient
from trpo.types import Array, Map, Observations, Tensor


class Baseline(NamedTuple):
    """`predict` gives V (B,) float64 for observations (B, *O); `fit` returns the next state."""

    init: Callable[[np.random.Generator], Any]
    predict: Callable[[Any, Observations, Map], Array]
    fit: Callable[[Any, Observations, Array, Map], Any]
    """(state, obs (B, *O), targets (B,), pmap)"""


def no_baseline() -> Baseline:
    """V = 0, as in the paper's experiments (§5.1 subtracts nothing)."""
    return Baseline(
        init=lambda rng: (),
        predict=lambda state, obs, pmap: np.zeros(len(obs)),
        fit=lambda state, obs, targets, pmap: state,
    )


def linear_features(shape: tuple[int, ...], *, ridge: NonNegative = 1e-5) -> Baseline:
    """Ridge regression on [s, s², 1] (Duan et al. 2016, without their features of time).

    Args:
        shape: of an observation.
        ridge: added to the diagonal of the mean of φφᵀ.

    Raises:
        UnfitError: observations are no vectors.
    """
    size = 2 * width(shape) + 1

    def features(obs: Observations) -> Array:
        s = np.clip(np.asarray(obs, np.float64), -10, 10)
        return np.concatenate([s, s**2, np.ones((len(s), 1))], axis=1)

    def fit(state: Array, obs: Observations, targets: Array, pmap: Map) -> Array:
        return ridge_regression(features(obs), targets, ridge)

    return Baseline(
        init=lambda rng: np.zeros(size),
        predict=lambda state, obs, pmap: features(obs) @ state,
        fit=fit,
    )


class ValueState(NamedTuple):
    """Parameters of a value network, and the moments of the targets that it has been fitted to."""

    theta: Tensor  # (P,)
    targets: Moments


def mlp_value(
    shape: tuple[int, ...],
    *,
    hidden: Sequence[Count] = (64, 64),
    gauss_newton_steps: Natural = 2,
    cg_steps: Count = 8,
    damping: NonNegative = 0.01,
    every: Count = 4,
    max_halvings: Natural = 5,
) -> Baseline:
    """A tanh network for V(s) / (standard deviation of the returns), fitted by Gauss-Newton.

    Each step solves (JᵀJ/B + damping I) x = Jᵀ(y − V)/B by conjugate gradient, with the same
    products as the policy's Fisher matrix, and halves the step until the squared error falls.

    Args:
        shape: of an observation.
        hidden: units of each hidden layer.
        gauss_newton_steps: steps an iteration, each on the whole batch.
        cg_steps: products with JᵀJ a step.
        damping: added to the diagonal of JᵀJ/B.
        every: use every k-th state for JᵀJ.
        max_halvings: halvings after which the fit stops where it is.

    Raises:
        UnfitError: observations are no vectors.
    """
    network = mlp([width(shape), *hidden, 1])
    solve = conjugate_gradient(steps=cg_steps, damping=damping)
    return value(network, gauss_newton_steps, solve, every, LineSearch(0.5, max_halvings))


def cnn_value(
    shape: tuple[int, ...],
    *,
    channels: Sequence[Count] = (16, 16),
    hidden: Count = 20,
    gauss_newton_steps: Natural = 2,
    cg_steps: Count = 8,
    damping: NonNegative = 0.01,
    every: Count = 4,
    max_halvings: Natural = 5,
) -> Baseline:
    """The same with the convolutions of `categorical_cnn`, for observations that are frames.

    Args:
        shape: of an observation.
        channels: filters of each convolution.
        hidden: units of the layer after them.
        gauss_newton_steps: as of `mlp_value`, and so are those that follow.
        cg_steps: see there.
        damping: see there.
        every: see there.
        max_halvings: see there.

    Raises:
        UnfitError: observations are no stacks of frames, or frames are too small.
    """
    network = convolutional(stack(shape), 1, channels=channels, hidden=hidden, last_gain=1.0)
    solve = conjugate_gradient(steps=cg_steps, damping=damping)
    return value(network, gauss_newton_steps, solve, every, LineSearch(0.5, max_halvings))


def value(network: Network, steps: int, solve: Solver, every: int, search: LineSearch) -> Baseline:
    """V by a network with one output; see `gauss_newton` for what its fit is told."""
    fitted = partial(gauss_newton, network, steps=steps, solve=solve, every=every, search=search)

    def init(rng: np.random.Generator) -> ValueState:
        return ValueState(network.init(rng), empty(()))

    def predict(state: ValueState, obs: Observations, pmap: Map) -> Array:
        v = outputs(network, state.theta, batch(obs), pmap)[:, 0]
        return v.double().numpy() * state.targets.std

    def fit(state: ValueState, obs: Observations, targets: Array, pmap: Map) -> ValueState:
        seen = merge(state.targets, targets)
        y = torch.from_numpy((targets / seen.std).astype(np.float32))[:, None]
        return ValueState(fitted(state.theta, Data(batch(obs), y), pmap=pmap), seen)

    return Baseline(init, predict, fit)
