"""State values V(s) fitted to the returns that were seen."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.dense import mlp
from trpo.line_search import LineSearch
from trpo.moments import Moments, empty, merge
from trpo.networks import outputs
from trpo.parameters import Count, Natural, NonNegative
from trpo.regression import Data, gauss_newton, ridge_regression
from trpo.solvers import conjugate_gradient
from trpo.types import Array, Map, Tensor


class Baseline(NamedTuple):
    """`predict` gives V (B,) float64 for observations (B, *O); `fit` returns the next state."""

    init: Callable[[np.random.Generator], Any]
    predict: Callable[[Any, Array, Map], Array]
    fit: Callable[[Any, Array, Array, Map], Any]  # (state, obs (B, *O), targets (B,), pmap)


def no_baseline() -> Baseline:
    """V = 0, as in the paper's experiments (§5.1 subtracts nothing)."""
    return Baseline(
        init=lambda rng: (),
        predict=lambda state, obs, pmap: np.zeros(len(obs)),
        fit=lambda state, obs, targets, pmap: state,
    )


def linear_features(width: int, *, ridge: NonNegative = 1e-5) -> Baseline:
    """Ridge regression on [s, s², 1] (Duan et al. 2016, without their features of time).

    Args:
        width: entries of an observation.
        ridge: added to the diagonal of the mean of φφᵀ.
    """

    def features(obs: Array) -> Array:
        flat = np.clip(obs.reshape(len(obs), width).astype(np.float64), -10, 10)
        return np.concatenate([flat, flat**2, np.ones((len(flat), 1))], axis=1)

    def fit(state: Array, obs: Array, targets: Array, pmap: Map) -> Array:
        return ridge_regression(features(obs), targets, ridge)

    return Baseline(
        init=lambda rng: np.zeros(2 * width + 1),
        predict=lambda state, obs, pmap: features(obs) @ state,
        fit=fit,
    )


class ValueState(NamedTuple):
    """Parameters of a value network, and the moments of the targets that it has been fitted to."""

    theta: Tensor  # (P,)
    targets: Moments


def mlp_value(
    width: int,
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
        width: entries of an observation.
        hidden: units of each hidden layer.
        gauss_newton_steps: steps an iteration, each on the whole batch.
        cg_steps: products with JᵀJ a step.
        damping: added to the diagonal of JᵀJ/B.
        every: use every k-th state for JᵀJ.
        max_halvings: halvings after which the fit stops where it is.
    """
    network = mlp([width, *hidden, 1])
    fitted = partial(
        gauss_newton,
        network,
        steps=gauss_newton_steps,
        solve=conjugate_gradient(steps=cg_steps, damping=damping),
        every=every,
        search=LineSearch(0.5, max_halvings),
    )

    def init(rng: np.random.Generator) -> ValueState:
        return ValueState(network.init(rng), empty(()))

    def predict(state: ValueState, obs: Array, pmap: Map) -> Array:
        x = torch.from_numpy(obs.reshape(len(obs), width))
        v = outputs(network, state.theta, x, pmap)[:, 0]
        return v.double().numpy() * state.targets.std

    def fit(state: ValueState, obs: Array, targets: Array, pmap: Map) -> ValueState:
        seen = merge(state.targets, targets)
        x = torch.from_numpy(obs.reshape(len(obs), width))
        y = torch.from_numpy((targets / seen.std).astype(np.float32))[:, None]
        return ValueState(fitted(state.theta, Data(x, y), pmap=pmap), seen)

    return Baseline(init, predict, fit)
