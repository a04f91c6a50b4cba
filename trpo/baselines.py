"""State values V(s) fitted to the returns that were seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.chunks import CHUNK, chunks, total
from trpo.moments import Moments, empty, merge
from trpo.networks import Linearisation, Network, mlp
from trpo.parameters import Count, Natural, NonNegative
from trpo.solvers import Product, conjugate_gradient
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
        phi = features(obs)
        gram = phi.T @ phi / len(phi) + ridge * np.eye(phi.shape[1])
        return np.linalg.solve(gram, phi.T @ targets / len(phi))

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
    gauss_newton_steps: Natural = 3,
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
    solve = conjugate_gradient(steps=cg_steps, damping=damping)

    def init(rng: np.random.Generator) -> ValueState:
        return ValueState(network.init(rng), empty(()))

    def predict(state: ValueState, obs: Array, pmap: Map) -> Array:
        x = torch.from_numpy(obs.reshape(len(obs), width))
        parts = x.tensor_split(tuple(range(CHUNK, len(x), CHUNK)))
        outputs = list(pmap(network.at(state.theta), parts))
        return torch.cat(outputs)[:, 0].double().numpy() * state.targets.std

    def fit(state: ValueState, obs: Array, targets: Array, pmap: Map) -> ValueState:
        seen = merge(state.targets, targets)
        x = torch.from_numpy(obs.reshape(len(obs), width))
        y = torch.from_numpy((targets / seen.std).astype(np.float32))[:, None]
        problem = LeastSquares(network, chunks(Data(x, y)), len(x), pmap)
        theta, here = state.theta, problem.at(state.theta)
        for _ in range(gauss_newton_steps):
            step = solve(here.product(every), here.descent()).x
            found = problem.descend(theta, here, step, max_halvings)
            if found is None:
                break
            theta, here = found
        return ValueState(theta, seen)

    return Baseline(init, predict, fit)


class Data(NamedTuple):
    """Inputs and targets of a regression."""

    x: Tensor  # (B, width)
    y: Tensor  # (B, 1)


class Point:
    """½ mean (y − f(x))² around one theta."""

    def __init__(self, parts: list[tuple[Data, Linearisation]], count: int, pmap: Map) -> None:
        """Take the chunks, each with f linearised at theta, and their number of inputs."""
        self._parts, self._count, self._pmap = parts, count, pmap
        errors = [(at.output - data.y).double().square().sum() for data, at in parts]
        self.loss = 0.5 * float(sum(errors)) / count

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


@dataclass(frozen=True)
class LeastSquares:
    """A regression by a network, whose loss and derivatives are looked at point by point."""

    network: Network
    parts: list[Data]
    count: int  # B
    pmap: Map

    def at(self, theta: Tensor) -> Point:
        """Linearise around theta (P,)."""

        def one(data: Data) -> tuple[Data, Linearisation]:
            return data, self.network.linearise(theta, data.x)

        return Point(list(self.pmap(one, self.parts)), self.count, self.pmap)

    def descend(
        self, theta: Tensor, here: Point, step: Tensor, max_halvings: int
    ) -> tuple[Tensor, Point] | None:
        """The first of theta + step / 2^j with a smaller loss, j in [0, max_halvings], or None."""
        for halving in range(max_halvings + 1):
            candidate = theta + 0.5**halving * step
            there = self.at(candidate)
            if there.loss < here.loss:
                return candidate, there
        return None
