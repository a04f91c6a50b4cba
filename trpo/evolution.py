"""The strategy of the package cma as plain data, which anybody can read back without running code.

A state of it is a graph of the package's objects. What in these is plain data is kept, by the
names of its attributes; the objects follow from the settings, so they are made anew and filled.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from copy import deepcopy
from io import StringIO
from typing import Any, NamedTuple, Self

import numpy as np

from trpo.plain import is_plain
from trpo.types import Array


class Attributes(NamedTuple):
    """What is plain data in an object, and in the objects that it holds."""

    plain: dict[str, Any]
    held: dict[str, Any]  # Attributes by name


class Evolution(NamedTuple):
    """CMA-ES over P parameters, between a question and an answer or before a question."""

    theta: Array  # (P,) the first mean
    std: float
    population: int
    full: bool  # whether the full covariance is adapted
    reached: Attributes

    @classmethod
    def begun(cls, theta: Array, std: float, population: int, full: bool) -> Self:
        """Before the first question."""
        return cls(theta, std, population, full, of(strategy(theta, std, population, full)))

    def strategy(self) -> Any:
        """The package's own object in this state, which draws no noise by itself."""
        made = strategy(*self[:4])
        fill(made, self.reached)
        return made

    def ask(self, rng: np.random.Generator) -> tuple[Self, Array]:
        """Candidates (n, P) with noise from `rng`, and a state that knows them."""
        asked = self.strategy()
        asked.sm.randn = lambda *shape: rng.standard_normal(shape)
        with silence():
            candidates = np.stack(asked.ask())
        return self._replace(reached=of(asked)), candidates

    def tell(self, candidates: Array, returns: Array) -> Self:
        """The state once it knows the returns (n,) of the candidates (n, P)."""
        told = self.strategy()
        with silence():
            told.tell([*candidates], [*-returns])
        return self._replace(reached=of(told))

    def mean(self) -> Array:
        """The mean (P,)."""
        return np.array(self.strategy().mean)

    def spread(self) -> float:
        """The root of the mean variance of a parameter."""
        return float(np.sqrt(np.square(self.strategy().stds).mean()))


def of(holder: Any) -> Attributes:
    """The object's attributes as they are now."""
    found = Attributes({}, {})
    for name, value in vars(holder).items():
        if is_plain(value):
            found.plain[name] = deepcopy(value)
        elif is_object(value):
            found.held[name] = of(value)
    return found


def fill(holder: Any, attributes: Attributes) -> None:
    """Put the attributes into an object of the same kind."""
    vars(holder).update(deepcopy(attributes.plain))
    for name, inner in attributes.held.items():
        fill(getattr(holder, name), inner)


def is_object(value: Any) -> bool:
    """Whether the value holds attributes, and is no function, class or mapping of settings."""
    return hasattr(value, "__dict__") and not callable(value) and not isinstance(value, dict)


def strategy(theta: Array, std: float, population: int, full: bool) -> Any:
    """The package's object, from which all that is random, timed, written or printed is gone."""
    from cma import CMAEvolutionStrategy  # which imports pyplot: only where it is used
    from cma.sigma_adaptation import CMAAdaptSigmaCSA

    options = {
        "popsize": population,
        "CMA_diagonal": not full,
        "AdaptSigma": CMAAdaptSigmaCSA,
        "CMA_mirrors": 0,
        "conditioncov_alleviate": [1e8, np.inf],  # rescale parameters, but never rotate them
        "randn": no_noise,
        "seed": np.nan,  # leave NumPy's global generator alone
        "verbose": -9,
        "verb_log": 0,
    }
    made = CMAEvolutionStrategy(theta, std, options)
    made.logger = None  # it only refers back, and the circle would keep old states in memory
    made.timer = Stopped()
    return made


def no_noise(*shape: int) -> Array:
    """Stands where the package would draw by itself, and is never called."""
    raise AssertionError(f"noise {shape} was drawn that no generator was given for")


class Stopped:
    """A clock without hands in place of the package's, so that no state holds the time of day."""

    tic = 0.0

    def pause(self) -> None:
        """Do nothing."""


@contextmanager
def silence() -> Iterator[None]:
    """Within, what the package prints or warns of is dropped."""
    with warnings.catch_warnings(), redirect_stdout(StringIO()):
        warnings.simplefilter("ignore")
        yield
