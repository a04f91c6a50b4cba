"""Candidates that cannot be accepted cost less than a pass, and nothing else changes."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from oracles import CASES, problem

from trpo.line_search import LineSearch
from trpo.objective import PART, Evaluation, Objective
from trpo.surrogates import importance_weighted
from trpo.types import Tensor
from trpo.updates import Rule, max_kl, natural_gradient, rwr, tnpg, trpo, update, vanilla_pg

CHUNK = 2  # states
STATES = 10 * PART * CHUNK  # in ten parts
SEARCH = LineSearch(0.7, 12)


class Counting:
    """A problem whose network counts the states that it is asked of, in short chunks."""

    def __init__(self, name: str, seed: int = 0, chunk: int = CHUNK) -> None:
        """Count from now on."""
        self.problem = problem(name, seed, states=STATES, weighted=True)
        network = self.problem.policy.network
        self.passed = 0

        def at(theta: Tensor) -> Callable[[Tensor], Tensor]:
            apply = network.at(theta)

            def counted(x: Tensor) -> Tensor:
                self.passed += len(x)
                return apply(x)

            return counted

        self.policy = self.problem.policy._replace(network=network._replace(at=at, chunk=chunk))

    @property
    def objective(self) -> Objective:
        """Of the problem."""
        found = self.problem
        return Objective(self.policy, importance_weighted, found.samples, found.theta, map)

    def evaluate(self, distance: float, accepts: Callable[[Evaluation], bool]) -> Evaluation:
        """A candidate so far away along the gradient, and count the states of it alone."""
        objective = self.objective
        theta = self.problem.theta + distance * objective.gradient()
        self.passed = 0
        return objective.evaluate(theta, accepts)


def within(delta: float) -> Callable[[Evaluation], bool]:
    """The mean KL is at most delta."""
    return lambda found: found.kl_mean <= delta


def test_a_far_candidate_costs_one_part_and_is_refused() -> None:
    spy, accepts = Counting("mlp"), within(0.01)
    found = spy.evaluate(1e3, accepts)
    assert not accepts(found)
    assert spy.passed == STATES // 10


def test_a_bound_on_the_maximum_stops_at_the_part_that_breaks_it() -> None:
    spy = Counting("categorical")
    every = spy.evaluate(1.0, lambda found: True)
    found = spy.evaluate(1.0, lambda found: found.kl_max < every.kl_max)
    assert found.kl_max == every.kl_max
    assert spy.passed <= STATES
    spy.evaluate(1.0, lambda found: found.kl_max < 0.5 * every.kl_max)
    assert spy.passed < STATES


@pytest.mark.parametrize("name", CASES)
def test_a_candidate_that_may_be_accepted_is_evaluated_in_full(name: str) -> None:
    spy, whole = Counting(name), Counting(name)
    full = whole.evaluate(1.0, lambda found: True)
    assert spy.evaluate(1.0, within(full.kl_mean)) == full
    assert spy.passed == whole.passed == STATES


def test_a_candidate_without_gain_or_with_no_number_is_refused_as_in_full() -> None:
    spy = Counting("mlp")
    loss = spy.evaluate(-1.0, lambda found: found.gain > 0)
    assert loss.gain < 0
    assert spy.passed == STATES
    objective = spy.objective
    nowhere = objective.evaluate(torch.full_like(spy.problem.theta, torch.nan), within(1.0))
    assert not within(1.0)(nowhere)


@pytest.mark.parametrize("over", ["kl_mean", "kl_max"])
@given(name=st.sampled_from(sorted(CASES)), seed=st.integers(0, 50), reach=st.floats(-2, 2))
def test_decisions_are_those_of_the_full_evaluation(
    over: str, name: str, seed: int, reach: float
) -> None:
    spy = Counting(name, seed)
    delta = 0.01

    def accepts(found: Evaluation) -> bool:
        return found.gain > 0 and getattr(found, over) <= delta

    full = spy.evaluate(10**reach, lambda found: True)
    found = spy.evaluate(10**reach, accepts)
    assert accepts(found) == accepts(full)
    assert found == full or not accepts(full)


def whole_passes(found: Counting, rule: Rule) -> float:
    """How often an update asks the network of every state, its linearisations not counted."""
    found.passed = 0
    update(found.policy, rule, found.problem.samples, found.problem.theta, rule.step.size)
    return found.passed / STATES


@pytest.mark.parametrize("rule", [natural_gradient(), tnpg(), vanilla_pg()])
def test_rules_that_take_what_they_get_evaluate_it_in_full(rule: Rule) -> None:
    assert whole_passes(Counting("mlp"), rule) == 1


@pytest.mark.parametrize("rule", [trpo(delta=3.0, search=SEARCH), max_kl(search=SEARCH)])
def test_a_trust_region_saves_passes_and_takes_the_same_candidate(rule: Rule) -> None:
    spy, plain = Counting("mlp"), Counting("mlp", chunk=STATES)
    saved, paid = whole_passes(spy, rule), whole_passes(plain, rule)
    found = problem("mlp", states=STATES, weighted=True)
    short, long = (
        update(each.policy, rule, found.samples, found.theta, rule.step.size)
        for each in (spy, plain)
    )
    assert short.info.backtracks == long.info.backtracks > 0
    assert torch.allclose(short.theta, long.theta, atol=1e-12)
    assert paid == long.info.backtracks + 1
    assert saved < paid


def test_rwr_asks_of_every_state_as_nothing_bounds_its_kl() -> None:
    spy = Counting("mlp")
    passes = whole_passes(spy, rwr(search=SEARCH))
    assert passes == int(passes) >= 1
