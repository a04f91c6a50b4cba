"""Policies: a network that gives the parameters of an action distribution."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import numpy as np

from trpo.convolutions import convolutional, laid_out
from trpo.dense import layout, mlp
from trpo.distributions import DiagGaussian, Distribution, choosing
from trpo.layouts import Layout
from trpo.networks import Network, with_free_parameters
from trpo.observations import stack, width
from trpo.parameters import Count, Finite, UnfitError
from trpo.simulators.protocol import Box, Choices, Space
from trpo.types import Array


class Dense(NamedTuple):
    """A Gaussian policy whose mean is a fully connected network, laid out for compiled code."""

    sizes: Array  # (L + 1,) units of each layer
    weights: Array  # every layer's transposed w (n, m) and b (m,), zeros where it has no b
    log_std: Array  # (A,)


class Plain(NamedTuple):
    """A policy's network as other programs can compute it: layers, and tanh between them."""

    weights: tuple[Array, ...]  # w (m, n), or of a convolution with stride STRIDE (m, 4, 4, n)
    biases: tuple[Array, ...]  # b (m,), zeros where there is none
    free: Array  # (k,) the last parameters of the distribution, which depend on no observation


class Policy(NamedTuple):
    """π_θ(a|s): `network` maps theta (P,) and observations (B, *O) to d (B, M)."""

    network: Network
    distribution: Distribution
    dense: Callable[[Array], Dense] | None = None  # theta (P,) -> it, where that is what it is
    plain: Callable[[Array], Plain] | None = None  # theta (P,) -> its layers, where it tells them


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
    dimensions = box(space).dimensions
    sizes = [width(space.obs), *hidden, dimensions]
    mean = mlp(sizes, hidden_bias=hidden_bias, last_gain=last_gain)
    layers = layout(sizes, hidden_bias=hidden_bias)

    def dense(theta: Array) -> Dense:
        weights, free = np.split(theta, [mean.size])
        return Dense(np.array(sizes), layers.transposed(weights), free.astype(np.float32))

    network = with_free_parameters(mean, dimensions, log_std)
    return Policy(network, DiagGaussian(dimensions), dense, partial(plain, layers))


def plain(layers: Layout, theta: Array) -> Plain:
    """A policy's layers, and what of theta (P,) comes after them."""
    weights, free = np.split(theta, [sum(layers.lengths)])
    return Plain(*layers.filled(weights), free)


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
    """A tanh network for the logits of a choice, or of one a factor; else as `gaussian_mlp`."""
    chosen = choosing(choices(space).counts)
    sizes = [width(space.obs), *hidden, chosen.parameters]
    logits = mlp(sizes, hidden_bias=hidden_bias, last_gain=last_gain)
    return Policy(logits, chosen, plain=partial(plain, layout(sizes, hidden_bias=hidden_bias)))


def categorical_cnn(
    space: Space,
    *,
    channels: Sequence[Count] = (16, 16),
    hidden: Count = 20,
    last_gain: Finite = 0.01,
) -> Policy:
    """Two convolutions, 20 units: the paper's Atari network (Fig. 3, Table 3).

    With the three factors 3, 3 and 2 of its actions (App. D) it has 33,500 parameters.

    Args:
        space: the task's shapes.
        channels: filters of each convolution.
        hidden: units of the layer after them.
        last_gain: as of `gaussian_mlp`.

    Raises:
        UnfitError: actions are continuous, observations are no stacks of frames, or frames are too
            small.
    """
    chosen, shape = choosing(choices(space).counts), stack(space.obs)
    logits = convolutional(
        shape, chosen.parameters, channels=channels, hidden=hidden, last_gain=last_gain
    )
    layers = laid_out(shape, chosen.parameters, channels, hidden)
    return Policy(logits, chosen, plain=partial(plain, layers))


def box(space: Space) -> Box:
    """The task's actions, if they are continuous.

    Raises:
        UnfitError: they are not.
    """
    if isinstance(space.actions, Box):
        return space.actions
    raise UnfitError(f"it does not fit {space.actions.kind} actions")


def choices(space: Space) -> Choices:
    """The task's actions, if they are choices.

    Raises:
        UnfitError: they are not.
    """
    if isinstance(space.actions, Choices):
        return space.actions
    raise UnfitError(f"it does not fit {space.actions.kind} actions")
