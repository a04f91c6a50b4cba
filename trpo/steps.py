"""Step rules: how far to go along a direction x with F x = g.

A rule carries one number from update to update, its size: the radius δ of a constraint or the
coefficient λ of a penalty (1 where there is neither). Only `adaptive` changes it.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite, sqrt
from typing import Annotated, Literal, NamedTuple

from trpo.line_search import LineSearch
from trpo.metrics import Curvature
from trpo.objective import Accepts, Evaluation, anything
from trpo.parameters import NonNegative, Positive, Range
from trpo.types import Tensor


class Local(NamedTuple):
    """All that a step rule may know of the neighbourhood of θ_old."""

    theta: Tensor  # (P,)
    gradient: Tensor  # (P,) g = ∇L(θ_old)
    curvature: Curvature
    evaluate: Callable[[Tensor, Accepts], Evaluation]
    """a candidate θ, or as much of it as shows that it is not accepted"""


class Step(NamedTuple):
    """Where a rule went."""

    theta: Tensor  # (P,) the new parameters; θ_old itself when nothing was accepted
    evaluation: Evaluation  # of the new parameters
    backtracks: int  # candidates rejected
    accepted: bool
    size: float  # the next update's δ or λ


@dataclass(frozen=True)
class StepRule:
    """`move(size, local, x) -> Step`, beginning with this `size` (δ or λ)."""

    size: float
    move: Callable[[float, Local, Tensor], Step]


@dataclass(frozen=True)
class Radius:
    """How an adaptive radius follows the model's quality (Nocedal and Wright, Algorithm 4.1).

    Attributes:
        poor: below this ratio of gain to prediction the radius is divided by `factor`.
        good: above it the radius is multiplied by `factor`.
        factor: see above.
        delta_max: the radius never grows beyond this KL, in nats.
    """

    poor: NonNegative = 0.25
    good: NonNegative = 0.75
    factor: Annotated[float, Range(low=1, closed=(False, True))] = 2.0
    delta_max: Positive = 0.1


Over = Literal["mean", "max"]


def fixed_penalty(lam: float) -> StepRule:
    """θ + x/λ: maximise gᵀs − λ/2 sᵀFs (Eq. 17). Nothing bounds the KL."""

    def move(lam: float, local: Local, x: Tensor) -> Step:
        return _take(local, x / lam, lam)

    return StepRule(lam, move)


def ball(delta: float) -> StepRule:
    """θ + x √(2δ / xᵀFx): the border of the quadratic model's ball (Eq. 18 when F = I)."""

    def move(delta: float, local: Local, x: Tensor) -> Step:
        return _take(local, x * _length(local, x, delta, "mean"), delta)

    return StepRule(delta, move)


def trust_region(delta: float, search: LineSearch, *, over: Over = "mean") -> StepRule:
    """The constrained step of Eq. 12 (or 11) by the line search of App. C.

    Start at √(2δ / xᵀFx) and shrink until the surrogate rises and KL ≤ δ. When no candidate
    does, θ_old is kept.

    Args:
        delta: bound on the KL, in nats.
        search: the candidates.
        over: whether the mean over states of the KL is bounded (Eq. 12) or its maximum (Eq. 11);
            the first candidate's length is set by the same one.
    """

    def move(delta: float, local: Local, x: Tensor) -> Step:
        def improves_within(found: Evaluation) -> bool:
            kl = found.kl_mean if over == "mean" else found.kl_max
            return found.gain > 0 and kl <= delta

        full = x * _length(local, x, delta, over)
        return _searched(local, full, search, improves_within, delta)

    return StepRule(delta, move)


def adaptive_trust_region(delta: float, search: LineSearch, radius: Radius) -> StepRule:
    """A trust region whose radius follows how well the local model predicted.

    The prediction is the linear gain gᵀs. Where the gain was less than `poor` times it, or the
    line search had to backtrack, the next radius is smaller; where it was more than `good` times
    it at the first candidate, larger.
    """
    inner = trust_region(delta, search)

    def move(delta: float, local: Local, x: Tensor) -> Step:
        step = inner.move(delta, local, x)
        predicted = float(local.gradient.dot(step.theta - local.theta))
        ratio = step.evaluation.gain / predicted if step.accepted and predicted > 0 else 0.0
        if step.backtracks or ratio < radius.poor:
            return step._replace(size=delta / radius.factor)
        larger = max(delta, min(delta * radius.factor, radius.delta_max))
        return step._replace(size=larger if ratio > radius.good else delta)

    return StepRule(delta, move)


def newton(search: LineSearch) -> StepRule:
    """The whole step x = F⁻¹g, shrunk until the objective rises; nothing bounds the KL.

    Where F is the objective's own (expected) Hessian this is Fisher scoring.
    """

    def move(size: float, local: Local, x: Tensor) -> Step:
        return _searched(local, x, search, lambda found: found.gain > 0, size)

    return StepRule(1.0, move)


def _length(local: Local, x: Tensor, delta: float, over: Over) -> float:
    """√(2δ / xᵀFx), or zero along a direction without curvature."""
    mean, maximum = local.curvature.quadratic(x)
    curvature = mean if over == "mean" else maximum
    return sqrt(2 * delta / curvature) if curvature > 0 and isfinite(curvature) else 0.0


def _take(local: Local, step: Tensor, size: float) -> Step:
    theta = local.theta + step
    return Step(theta, local.evaluate(theta, anything), 0, True, size)


def _searched(
    local: Local,
    full: Tensor,
    search: LineSearch,
    accepts: Accepts,
    size: float,
) -> Step:
    """To the first good candidate along `full`, or nowhere."""

    def look(theta: Tensor) -> Evaluation:
        return local.evaluate(theta, accepts)

    good = search.first(local.theta, full, look, accepts)
    if good is None:
        nothing = Evaluation(0.0, 0.0, 0.0)
        return Step(local.theta, nothing, search.max_backtracks + 1, False, size)
    return Step(good.theta, good.found, good.rejected, True, size)
