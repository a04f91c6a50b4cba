"""Every branch of every step rule, driven by evaluations that the test makes up."""

from collections.abc import Callable
from math import inf, nan, sqrt

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trpo.line_search import LineSearch
from trpo.metrics import Curvature
from trpo.objective import Accepts, Evaluation
from trpo.steps import (
    Local,
    Radius,
    Step,
    adaptive_trust_region,
    ball,
    fixed_penalty,
    newton,
    trust_region,
)
from trpo.types import Tensor

THETA = torch.tensor([1.0, -2.0, 0.5], dtype=torch.float64)
X = torch.tensor([0.2, 0.4, -0.4], dtype=torch.float64)  # of norm 0.6
MEAN, MAX = 0.5, 2.0  # curvature along X: the mean over states and the maximum
DELTA = 0.04
HALVE = LineSearch(0.5, 10)
FULL, FULL_MAX = sqrt(2 * DELTA / MEAN), sqrt(2 * DELTA / MAX)  # lengths, in units of X
Evaluate = Callable[[float], Evaluation]  # of the distance from θ_old, in units of X


def local(evaluate: Evaluate, mean: float = MEAN, maximum: float = MAX) -> Local:
    """A neighbourhood in which only the distance along X matters; its gradient is X."""

    def found(theta: Tensor, accepts: Accepts) -> Evaluation:
        return evaluate(float((theta - THETA) @ X / X.square().sum()))

    curvature = Curvature(lambda v: v, lambda x: (mean, maximum), lambda x: curvature)
    return Local(THETA.clone(), X.clone(), curvature, found)


def good_below(limit: float) -> Evaluate:
    """Candidates nearer than `limit` keep the KL within DELTA; all of them gain."""
    return lambda t: Evaluation(t, DELTA if t <= limit else 1.01 * DELTA, 1.0)


def at(step: Step) -> float:
    """How far a rule went, in units of X."""
    assert torch.allclose(torch.linalg.cross(step.theta - THETA, X), torch.zeros(3).double())
    return float((step.theta - THETA) @ X / X.square().sum())


def test_first_candidate_is_the_border_of_the_quadratic_model() -> None:
    step = trust_region(DELTA, HALVE).move(DELTA, local(good_below(inf)), X)
    assert at(step) == pytest.approx(FULL)
    assert (step.accepted, step.backtracks, step.size) == (True, 0, DELTA)
    assert step.evaluation == Evaluation(pytest.approx(FULL), DELTA, 1.0)


@pytest.mark.parametrize("rejected", [1, 3, 10])
@pytest.mark.parametrize("shrink", [0.5, 0.8])
def test_candidates_shrink_until_the_kl_is_within_delta(rejected: int, shrink: float) -> None:
    limit = FULL * shrink**rejected * 1.001
    rule = trust_region(DELTA, LineSearch(shrink, 10))
    step = rule.move(DELTA, local(good_below(limit)), X)
    assert at(step) == pytest.approx(FULL * shrink**rejected)
    assert (step.accepted, step.backtracks) == (True, rejected)
    assert step.evaluation.gain == pytest.approx(FULL * shrink**rejected)


def test_candidates_shrink_until_the_surrogate_rises() -> None:
    rising = 0.3 * FULL
    neighbourhood = local(lambda t: Evaluation(rising - t, 0.0, 0.0))
    step = trust_region(DELTA, HALVE).move(DELTA, neighbourhood, X)
    assert (step.accepted, step.backtracks) == (True, 2)  # a half is too far, a quarter is not
    assert at(step) == pytest.approx(FULL / 4)


@pytest.mark.parametrize(
    "evaluation",
    [
        pytest.param(Evaluation(1.0, 1.01 * DELTA, 0.0), id="kl above delta"),
        pytest.param(Evaluation(0.0, 0.0, 0.0), id="no gain"),
        pytest.param(Evaluation(-1.0, 0.0, 0.0), id="a loss"),
        pytest.param(Evaluation(nan, 0.0, 0.0), id="gain not a number"),
        pytest.param(Evaluation(1.0, nan, 0.0), id="kl not a number"),
        pytest.param(Evaluation(1.0, inf, 0.0), id="kl infinite"),
    ],
)
def test_old_parameters_are_kept_when_no_candidate_is_good(evaluation: Evaluation) -> None:
    neighbourhood = local(lambda t: evaluation)
    step = trust_region(DELTA, LineSearch(0.5, 4)).move(DELTA, neighbourhood, X)
    assert step.theta is neighbourhood.theta
    assert torch.equal(step.theta, THETA)
    assert step.evaluation == Evaluation(0.0, 0.0, 0.0)
    assert (step.accepted, step.backtracks, step.size) == (False, 5, DELTA)


@given(limit=st.floats(0, 2), most=st.integers(0, 8), shrink=st.floats(0.1, 0.9))
def test_line_search_takes_the_first_good_candidate_or_none(
    limit: float, most: int, shrink: float
) -> None:
    tried: list[float] = []

    def evaluate(t: float) -> Evaluation:
        tried.append(t)
        return good_below(limit * FULL)(t)

    step = trust_region(DELTA, LineSearch(shrink, most)).move(DELTA, local(evaluate), X)
    assert tried == pytest.approx([FULL * shrink**j for j in range(len(tried))])
    assert all(t > limit * FULL for t in tried[:-1])
    assert step.accepted == (tried[-1] <= limit * FULL)
    assert step.accepted or len(tried) == most + 1
    assert step.backtracks == len(tried) - step.accepted


def test_bound_over_the_maximum_has_the_maximums_length_and_constraint() -> None:
    kl_max = {"near": DELTA, "far": 1.01 * DELTA}

    def evaluate(t: float) -> Evaluation:
        return Evaluation(1.0, 0.0, kl_max["near" if t <= 0.6 * FULL_MAX else "far"])

    step = trust_region(DELTA, HALVE, over="max").move(DELTA, local(evaluate), X)
    assert at(step) == pytest.approx(FULL_MAX / 2)
    assert step.backtracks == 1
    mean = trust_region(DELTA, HALVE).move(DELTA, local(evaluate), X)
    assert at(mean) == pytest.approx(FULL)


@pytest.mark.parametrize("curvature", [0.0, -1.0, nan, inf])
def test_direction_without_a_usable_curvature_is_not_followed(curvature: float) -> None:
    neighbourhood = local(lambda t: Evaluation(t, 0.0, 0.0), curvature, curvature)
    step = trust_region(DELTA, HALVE).move(DELTA, neighbourhood, X)
    assert not step.accepted
    assert torch.equal(step.theta, THETA)
    assert at(ball(DELTA).move(DELTA, neighbourhood, X)) == 0


def test_ball_goes_to_the_border_whatever_is_there() -> None:
    step = ball(DELTA).move(DELTA, local(lambda t: Evaluation(-1.0, 9.0, 9.0)), X)
    assert at(step) == pytest.approx(FULL)
    assert step.evaluation == Evaluation(-1.0, 9.0, 9.0)
    assert (step.accepted, step.backtracks, step.size) == (True, 0, DELTA)


@pytest.mark.parametrize("lam", [0.25, 1.0, 8.0])
def test_fixed_penalty_divides_the_direction_by_its_coefficient(lam: float) -> None:
    step = fixed_penalty(lam).move(lam, local(lambda t: Evaluation(t, 9.0, 9.0)), X)
    assert at(step) == pytest.approx(1 / lam)
    assert (step.accepted, step.size) == (True, lam)
    assert step.evaluation.gain == pytest.approx(1 / lam)


@pytest.mark.parametrize("rule", [ball, fixed_penalty, lambda s: trust_region(s, HALVE)])
def test_the_size_that_is_handed_in_counts_and_not_the_first_one(
    rule: Callable[..., object],
) -> None:
    neighbourhood = local(good_below(inf))
    carried, made = rule(DELTA).move(DELTA / 4, neighbourhood, X), rule(DELTA / 4)
    assert torch.equal(carried.theta, made.move(DELTA / 4, neighbourhood, X).theta)
    assert made.size == DELTA / 4


def follow(ratio: float, delta: float = DELTA, limit: float = inf, most: int = 5) -> Step:
    """An adaptive step whose gain is `ratio` times the linear prediction gᵀs = t ‖X‖²."""

    def evaluate(t: float) -> Evaluation:
        kl = delta if t <= limit * sqrt(2 * delta / MEAN) else inf
        return Evaluation(ratio * t * float(X @ X), kl, 0.0)

    rule = adaptive_trust_region(0.5, LineSearch(0.5, most), Radius(0.25, 0.75, 3.0, 0.1))
    return rule.move(delta, local(evaluate), X)


@pytest.mark.parametrize(
    ("ratio", "delta", "expected"),
    [
        pytest.param(0.2, 0.03, 0.01, id="poor: smaller"),
        pytest.param(0.3, 0.03, 0.03, id="fair: the same"),
        pytest.param(0.7, 0.03, 0.03, id="fair still: the same"),
        pytest.param(0.8, 0.03, 0.09, id="good: larger"),
        pytest.param(1.5, 0.03, 0.09, id="better than predicted: larger"),
        pytest.param(0.8, 0.05, 0.1, id="good: up to the largest"),
        pytest.param(0.8, 0.2, 0.2, id="good but beyond the largest: the same"),
    ],
)
def test_radius_follows_the_models_quality(ratio: float, delta: float, expected: float) -> None:
    step = follow(ratio, delta)
    assert step.accepted
    assert at(step) == pytest.approx(sqrt(2 * delta / MEAN))
    assert step.size == pytest.approx(expected)


def test_radius_shrinks_after_a_backtrack_however_good_the_model_is_there() -> None:
    step = follow(1.0, limit=0.6)
    assert (step.accepted, step.backtracks) == (True, 1)
    assert step.size == pytest.approx(DELTA / 3)


@pytest.mark.parametrize("most", [0, 5])
def test_radius_shrinks_when_no_candidate_is_good(most: int) -> None:
    step = follow(1.0, limit=0.0, most=most)
    assert not step.accepted
    assert torch.equal(step.theta, THETA)
    assert step.size == pytest.approx(DELTA / 3)


def test_newton_takes_the_whole_step_whatever_the_kl() -> None:
    step = newton(HALVE).move(1.0, local(lambda t: Evaluation(t, 99.0, 99.0)), X)
    assert at(step) == pytest.approx(1)
    assert (step.accepted, step.backtracks, step.size) == (True, 0, 1.0)


@pytest.mark.parametrize("shrink", [0.5, 0.8])
def test_newton_shrinks_until_the_objective_rises(shrink: float) -> None:
    rising = local(lambda t: Evaluation(1.01 * shrink**3 - t, 0.0, 0.0))
    step = newton(LineSearch(shrink, 10)).move(1.0, rising, X)
    assert (step.accepted, step.backtracks) == (True, 3)
    assert at(step) == pytest.approx(shrink**3)


def test_newton_that_never_rises_stays() -> None:
    step = newton(HALVE).move(1.0, local(lambda t: Evaluation(-t, 0.0, 0.0)), X)
    assert (step.accepted, step.backtracks, at(step)) == (False, 11, 0.0)
    assert step.evaluation == Evaluation(0.0, 0.0, 0.0)
