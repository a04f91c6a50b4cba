"""The laws of `trpo.types.Algorithm`, for every algorithm: a new one is one line of the list."""

import pickle
import random
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, get_args

import numpy as np
import pytest
import torch
from bits import bits, threads
from spy import Spy
from tiny_task import Broken, Failing

from trpo.algorithms import Compute, State, TrainInfo, policy_optimisation
from trpo.baselines import mlp_value, no_baseline
from trpo.black_box import black_box
from trpo.policies import gaussian_mlp, linear_gaussian
from trpo.reports import flatten, names
from trpo.samplers.batches import Collect, Estimator, from_paths, from_vine
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.single_path import single_path
from trpo.samplers.vine import Sizes, of_vine, vine
from trpo.searches import Search, cem, cma_es
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.protocol import Simulator
from trpo.streams import stream
from trpo.surrogates import importance_weighted
from trpo.tabular.examples import garnet
from trpo.tabular.theory import METHODS, theory
from trpo.tabular.world import aliased
from trpo.types import Algorithm, Info, Map
from trpo.updates import trpo
from trpo.variance import gradient_variance

ROWS, ITERATIONS = 12, 4
MANY = 2500  # steps of which every sum is of several chunks


class Given(NamedTuple):
    """What an algorithm is built of."""

    simulator: Simulator
    steps: int = 200  # of an iteration, about
    pmap: Map = map


def by_paths(given: Given) -> Algorithm[State, TrainInfo]:
    """The paper's protocol: whole paths, no baseline, no filter."""
    simulator, steps, pmap = given
    policy = linear_gaussian(simulator.space)
    runner = Lockstep(simulator, policy)
    paths = single_path(runner, rows=ROWS, steps=steps, boundary="complete", fresh=True)
    return policy_optimisation(
        policy,
        trpo(),
        from_paths(paths, policy, Estimator(gamma=0.99)),
        no_baseline(),
        simulator.space,
        filter_clip=0.0,
        compute=Compute(pmap),
    )


def by_cut_paths(given: Given) -> Algorithm[State, TrainInfo]:
    """The modern protocol: rows go on between batches, a value network, a filter."""
    simulator, steps, pmap = given
    policy = gaussian_mlp(simulator.space, hidden=(8,))
    runner = Lockstep(simulator, policy)
    paths = single_path(runner, rows=ROWS, steps=steps, boundary="bootstrap", fresh=False)
    gae = Estimator(gamma=0.99, name="gae", lam=0.95, standardise=True, bootstrap=True)
    return policy_optimisation(
        policy,
        trpo(),
        from_paths(paths, policy, gae),
        mlp_value(simulator.space.obs, hidden=(8,)),
        simulator.space,
        filter_clip=10.0,
        compute=Compute(pmap),
    )


def by_vine(given: Given) -> Algorithm[State, TrainInfo]:
    """TRPO by vine, three branches a state."""
    simulator, steps, pmap = given
    policy = linear_gaussian(simulator.space)
    sizes = Sizes(4, trunk_length=steps // 4, states=steps // 2, branches=3, branch_length=5)
    return policy_optimisation(
        policy,
        trpo()._replace(surrogate=of_vine(simulator.space, sizes.branches)),
        from_vine(vine(Lockstep(simulator, policy), sizes, gamma=0.99)),
        no_baseline(),
        simulator.space,
        filter_clip=10.0,
        compute=Compute(pmap),
    )


def searched(search: Search, given: Given) -> Algorithm[Any, Info]:
    """A search of six parameters or fewer, through a filter."""
    simulator, steps, _ = given
    runner = Lockstep(simulator, linear_gaussian(simulator.space))
    return black_box(runner, search, steps=steps, filter_clip=5.0, deterministic=False)


def variance(given: Given) -> Algorithm[Any, Info]:
    """Batches of two sizes; training goes on before the third turn."""
    simulator, steps, pmap = given
    policy = gaussian_mlp(simulator.space, hidden=(8,))
    runner = Lockstep(simulator, policy)

    def paths(steps: int) -> Collect:
        sampler = single_path(runner, rows=ROWS, steps=steps, boundary="complete", fresh=True)
        return from_paths(sampler, policy, Estimator(gamma=0.99))

    return gradient_variance(
        by_cut_paths(given),
        [paths(steps), paths(2 * steps)],
        policy,
        importance_weighted,
        simulator.space,
        repeats=2,
        spacing=1,
        filter_clip=10.0,
        compute=Compute(pmap),
    )


def exact(method: Any, given: Given) -> Algorithm[Any, Info]:
    """A method of the theory, which simulates nothing."""
    mdps = garnet(stream(0, "mdp"), 4, states=6, actions=3, branching=2)
    return theory(aliased(mdps, 3), method)


Build = Callable[[Given], Algorithm[Any, Any]]
SIMULATING: dict[str, Build] = {
    "trpo by paths": by_paths,
    "trpo by cut paths": by_cut_paths,
    "trpo by vine": by_vine,
    "cem": partial(searched, cem(ROWS, extra_std=1.0)),
    "cma_es": partial(searched, cma_es(ROWS)),
    "cma_es, separable": partial(searched, cma_es(ROWS, covariance="separable")),
    "gradient_variance": variance,
}
ALGORITHMS: dict[str, Build] = {
    **SIMULATING,
    **{f"theory, {method}": partial(exact, method) for method in METHODS},
}
every_algorithm = pytest.mark.parametrize("build", ALGORITHMS.values(), ids=ALGORITHMS)
every_simulating = pytest.mark.parametrize("build", SIMULATING.values(), ids=SIMULATING)


def cartpoles(rows: int = 5 * ROWS) -> CartPoleSimulator:
    """Cart-poles that last at most 30 steps."""
    return CartPoleSimulator(CartPole(horizon=30), rows)


class Course(NamedTuple):
    """The states that an algorithm went through, its first one too, and what it reported."""

    states: list[Any]
    infos: list[Any]


def run(algorithm: Algorithm[Any, Any], iterations: int = ITERATIONS) -> Course:
    """Some iterations from the beginning."""
    return go_on(algorithm, algorithm.init(stream(0, "init")), 0, iterations)


def go_on(algorithm: Algorithm[Any, Any], state: Any, first: int, last: int) -> Course:
    """The iterations [first, last) from a state."""
    course = Course([state], [])
    for i in range(first, last):
        state, info = algorithm.step(stream(0, "step", i), state)
        course.states.append(state)
        course.infos.append(info)
    return course


@every_algorithm
def test_the_same_generators_give_the_same_bits_whatever_was_done_before(build: Build) -> None:
    algorithm = build(Given(cartpoles()))
    first = run(algorithm)
    assert len({bits(state) for state in first.states}) == ITERATIONS + 1  # bits tell them apart
    assert bits(run(algorithm)) == bits(first)  # in a simulator that has run
    assert bits(run(build(Given(cartpoles())))) == bits(first)  # and in a new one


@every_algorithm
def test_a_pickled_state_goes_on_with_the_same_bits_in_a_new_simulator(build: Build) -> None:
    whole = run(build(Given(cartpoles())))
    for i in range(ITERATIONS):
        state = pickle.loads(pickle.dumps(whole.states[i]))
        rest = go_on(build(Given(cartpoles())), state, i, ITERATIONS)
        assert bits(rest) == bits(Course(whole.states[i:], whole.infos[i:]))


@every_algorithm
def test_a_step_leaves_the_state_that_it_was_given_as_it_was(build: Build) -> None:
    algorithm = build(Given(cartpoles()))
    state = algorithm.init(stream(0, "init"))
    for i in range(ITERATIONS):
        before = bits(state)
        after, _ = algorithm.step(stream(0, "step", i), state)
        again, _ = algorithm.step(stream(0, "step", i), state)
        assert bits(state) == before
        assert bits(again) == bits(after)
        state = after


@every_algorithm
def test_threads_do_not_change_a_bit(build: Build) -> None:
    plain = bits(run(build(Given(cartpoles(), MANY)), 2))
    for count in (1, 2):
        with threads(count) as pmap:
            assert bits(run(build(Given(cartpoles(), MANY, pmap)), 2)) == plain


@every_simulating
@pytest.mark.parametrize("rows", [1, ROWS - 1, 20 * ROWS])
def test_how_many_rows_run_side_by_side_changes_no_bit(build: Build, rows: int) -> None:
    plain = bits(run(build(Given(cartpoles())), 2))
    assert bits(run(build(Given(cartpoles(rows))), 2)) == plain


@every_algorithm
def test_no_generator_that_all_share_is_read_or_changed(build: Build) -> None:
    found = []
    for seed in (1, 2):
        random.seed(seed)
        np.random.seed(seed)  # noqa: NPY002 (it is what this is about)
        torch.manual_seed(seed)
        before = random.getstate(), bits(np.random.get_state()), bits(torch.get_rng_state())  # noqa: NPY002
        found.append(bits(run(build(Given(cartpoles())))))
        after = random.getstate(), bits(np.random.get_state()), bits(torch.get_rng_state())  # noqa: NPY002
        assert after == before
    assert found[0] == found[1]


@every_algorithm
def test_what_is_reported_has_the_names_of_its_type_and_is_finite(build: Build) -> None:
    algorithm = build(Given(cartpoles()))
    kind = get_args(algorithm.step.__annotations__["return"])[1]
    columns = names(kind)
    rows = [flatten(info) for info in run(algorithm).infos]
    mappings = tuple(f"{column}_" for column in columns if column not in rows[0])
    for row in rows:
        assert [*row] == [*rows[0]]
        assert all(name in columns or name.startswith(mappings) for name in row)
        assert isinstance(row["steps"], int)
        assert isinstance(row["episodes"], int)
        assert np.isfinite([x for x in row.values() if x is not None]).all()


@every_simulating
def test_steps_are_those_that_the_simulator_took_and_that_failed_in_it(build: Build) -> None:
    simulator = Spy(Failing(ROWS))
    algorithm = build(Given(simulator))
    state = algorithm.init(stream(0, "init"))
    for i in range(ITERATIONS):
        taken, failed = simulator.taken, simulator.failed
        state, info = algorithm.step(stream(0, "step", i), state)
        assert info.steps == simulator.taken - taken > 0
        assert info.unstable_steps == simulator.failed - failed > 0


@every_simulating
@pytest.mark.parametrize("quantity", ["observation", "reward"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error_that_names_it(
    build: Build, quantity: str, value: float
) -> None:
    with pytest.raises(FloatingPointError, match=f"{quantity}s are not finite"):
        run(build(Given(Broken(ROWS, quantity, value))))
