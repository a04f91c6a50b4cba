"""Policies: a network that gives the parameters of an action distribution."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from trpo.dense import layout, mlp
from trpo.distributions import Categorical, DiagGaussian, Distribution
from trpo.networks import Network, with_free_parameters
from trpo.parameters import Count, Finite, UnfitError
from trpo.simulators.protocol import Space
from trpo.types import Array


class Dense(NamedTuple):
    """A Gaussian policy whose mean is a fully connected network, laid out for compiled code."""

    sizes: Array  # (L + 1,) units of each layer
    weights: Array  # every layer's transposed w (n, m) and b (m,), zeros where it has no b
    log_std: Array  # (A,)


class Policy(NamedTuple):
    """π_θ(a|s): `network` maps theta (P,) and observations (B, *O) to d (B, M)."""

    network: Network
    distribution: Distribution
    dense: Callable[[Array], Dense] | None = None  # theta (P,) -> it, where that is what it is


def gaussian_mlp(
    space: Space,
    *,
    hidden: Sequence[Count] = (64, 64),
    hidden_bias: bool = True,
    log_std: Finite = -0.5,
    last_gain: Finite = 0.01,
) -> Policy:
    """A tanh network for the mean, a free log standard deviation a dimension (App. D, Fig. 3).

    Args:
        space: the task's shapes.
        hidden: units of each hidden layer.
        hidden_bias: whether hidden layers have biases (False with 30 units gives the paper's 364
            parameters on its 10-dimensional swimmer, Table 2).
        log_std: initial log standard deviation, in the units of the action.
        last_gain: gain of the last layer's initialisation; small, so that the first policy hardly
            depends on the state.

    Raises:
        UnfitError: actions are choices, or observations are no vectors.
    """
    _require_fit(space, "continuous")
    dimensions = space.actions.dimensions
    sizes = [*space.obs, *hidden, dimensions]
    mean = mlp(sizes, hidden_bias=hidden_bias, last_gain=last_gain)
    layers = layout(sizes, hidden_bias=hidden_bias)

    def dense(theta: Array) -> Dense:
        weights, free = np.split(theta, [mean.size])
        return Dense(np.array(sizes), layers.transposed(weights), free.astype(np.float32))

    network = with_free_parameters(mean, dimensions, log_std)
    return Policy(network, DiagGaussian(dimensions), dense)


def linear_gaussian(space: Space, *, log_std: Finite = 0.0, last_gain: Finite = 0.01) -> Policy:
    """A linear mean and a free log standard deviation: cart-pole's six parameters (§8.1)."""
    return gaussian_mlp(space, hidden=(), log_std=log_std, last_gain=last_gain)


def categorical_mlp(
    space: Space,
    *,
    hidden: Sequence[Count] = (64, 64),
    hidden_bias: bool = True,
    last_gain: Finite = 0.01,
) -> Policy:
    """A tanh network for the logits of a discrete action; else as `gaussian_mlp`."""
    _require_fit(space, "discrete")
    choices = int(space.actions.number)
    sizes = [*space.obs, *hidden, choices]
    logits = mlp(sizes, hidden_bias=hidden_bias, last_gain=last_gain)
    return Policy(logits, Categorical(choices))


def _require_fit(space: Space, kind: str) -> None:
    """Raise UnfitError for another kind of actions, or observations that are no vectors."""
    if space.actions.kind != kind:
        raise UnfitError(f"it does not fit {space.actions.kind} actions")
    if len(space.obs) != 1:
        raise UnfitError(f"it needs vector observations, not shape {space.obs}")
