"""Search distributions over parameters: the cross-entropy method, and CMA-ES through pycma.

Each is asked for candidates and told what they were worth; `black_box.py` runs them.
"""

from collections.abc import Callable
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np

from trpo.evolution import Evolution
from trpo.parameters import Count, NonNegative, Positive, Range, UnfitError, checked
from trpo.types import Array

Covariance = Literal["auto", "full", "separable"]

MATRICES = 10  # of P×P float64 that an iteration with full covariance holds at its peak, measured


class Search(NamedTuple):
    """A search distribution over P parameters; no function changes the state that it is given."""

    renews: bool  # whether n more may be asked for before it is told of all
    init: Callable[[Array], Any]  # first mean (P,) float64 -> state
    ask: Callable[[np.random.Generator, Any], tuple[Any, Array]]  # -> state, candidates (n, P)
    tell: Callable[[Any, Array, Array], Any]  # state, candidates, returns (n,), more is better
    mean: Callable[[Any], Array]  # state -> the distribution's mean (P,)
    spread: Callable[[Any], float]  # root mean square of its standard deviations
    note: Callable[[int], str]  # P -> what is searched how; UnfitError where P forbids it


class Gaussian(NamedTuple):
    """The cross-entropy method's state: independent Gaussians over the parameters."""

    mean: Array  # (P,)
    variance: Array  # (P,) of the last elite
    told: int  # t, iterations so far


@checked
def cem(
    population: Annotated[int, Range(low=2)],
    *,
    elite: Annotated[float, Range(0, 1, (False, True))] = 0.2,
    std: Positive = 1.0,
    extra_std: NonNegative = 0.0,
    extra_iterations: Count = 100,
) -> Search:
    """The cross-entropy method with decreasing noise (Szita and Lőrincz 2006).

    Mean and variance become those of the best candidates. Iteration t = 0, 1, … draws with the
    variance var + extra_std² max(0, 1 − t / extra_iterations), so that it does not vanish too soon;
    theirs, max(5 − t / 10, 0), is extra_std = √5 and extra_iterations = 50.

    Args:
        population: n candidates at once; an iteration asks for as many times n as its steps allow.
        elite: fraction of all of these that the next distribution is fitted to; at least two are.
        std: initial standard deviation of every parameter.
        extra_std: standard deviation of the noise that is added at first.
        extra_iterations: iterations after which none is added any more.
    """

    def variance(state: Gaussian) -> Array:
        return state.variance + extra_std**2 * max(0.0, 1 - state.told / extra_iterations)

    def init(theta: Array) -> Gaussian:
        return Gaussian(theta, np.full(len(theta), std**2), 0)

    def ask(rng: np.random.Generator, state: Gaussian) -> tuple[Gaussian, Array]:
        noise = rng.standard_normal((population, len(state.mean)))
        return state, state.mean + np.sqrt(variance(state)) * noise

    def tell(state: Gaussian, candidates: Array, returns: Array) -> Gaussian:
        best = max(2, round(elite * len(candidates)))
        chosen = candidates[np.argsort(-returns, kind="stable")[:best]]
        return Gaussian(chosen.mean(0), chosen.var(0), state.told + 1)

    def spread(state: Gaussian) -> float:
        return float(np.sqrt(variance(state).mean()))

    def note(size: int) -> str:
        return f"cross-entropy method with diagonal covariance, {size:,} parameters"

    return Search(True, init, ask, tell, lambda state: state.mean, spread, note)


@checked
def cma_es(
    population: Annotated[int, Range(low=4)],
    *,
    std: Positive = 0.5,
    covariance: Covariance = "auto",
    memory_mib: Count = 512,
) -> Search:
    """Covariance matrix adaptation (Hansen and Ostermeier 1996, 2001), as the package cma has it.

    The package's settings are kept, its negative update of the covariance included, but for three:
    the step size follows the cumulative path in any dimension (the package changes to two-point
    adaptation, which draws from NumPy's global generator, from 300 on), small populations get no
    mirrored candidates, and parameters are never transformed. It never stops by itself.

    Args:
        population: n candidates an iteration.
        std: initial standard deviation of every parameter.
        covariance: full, only its diagonal (separable, Ros and Hansen 2008), or auto: full if that
            fits into `memory_mib`.
        memory_mib: what full covariance may need; not what the machine has, so that the result
            does not depend on it.

    Raises:
        ParameterError: a setting out of its range; and, from `init` and `note`, UnfitError: the
            full covariance does not fit into `memory_mib`.
    """

    def init(theta: Array) -> Evolution:
        full = full_covariance(covariance, len(theta), memory_mib)
        return Evolution.begun(theta, std, population, full)

    def ask(rng: np.random.Generator, state: Evolution) -> tuple[Evolution, Array]:
        return state.ask(rng)

    def note(size: int) -> str:
        kind = "full" if full_covariance(covariance, size, memory_mib) else "separable"
        return f"CMA-ES with {kind} covariance, {size:,} parameters"

    return Search(False, init, ask, Evolution.tell, Evolution.mean, Evolution.spread, note)


def full_covariance(covariance: Covariance, size: int, memory_mib: int) -> bool:
    """Whether to adapt the full covariance of `size` parameters within so much memory."""
    need = MATRICES * 8 * size**2 / 2**20
    if covariance == "full" and need > memory_mib:
        raise UnfitError(
            f"full covariance needs {need:,.0f} MiB for {size:,} parameters: "
            "take covariance=separable (or auto), or raise memory_mib"
        )
    return covariance != "separable" and need <= memory_mib
