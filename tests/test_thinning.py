"""F from every k-th state is an estimate of F, whatever period the task has.

A batch lies path after path, and a stride through it that shares a factor with the length of paths
would meet some of their phases only. Batches are handed over in a random order for that reason.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from trpo.algorithms import Compute, policy_optimisation
from trpo.baselines import mlp_value, no_baseline
from trpo.dense import mlp
from trpo.metrics import Metric, kl_hessian, score_covariance
from trpo.policies import Policy, gaussian_mlp, linear_gaussian
from trpo.regression import Point
from trpo.samplers.batches import (
    Batch,
    Collect,
    Estimator,
    estimate,
    from_paths,
    from_vine,
    shuffled,
)
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Runner
from trpo.samplers.single_path import Sampler, single_path
from trpo.samplers.vine import Sizes, vine
from trpo.simulators.locomotion import half_cheetah
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Box, Space, Step
from trpo.simulators.rows import ArrayRows
from trpo.streams import stream
from trpo.types import Array, Samples, Tensor, UpdateInfo
from trpo.updates import Direction, Rule, natural_gradient, trpo

PERIOD, COUNTS, DELTA = 10, 7, 0.01
PLAIN = Estimator(gamma=0.9)
THINNED = Direction(every=PERIOD)


class Phases(ArrayRows):
    """Ten steps, and the action counts in the one of number COUNTS alone."""

    def __init__(self, rows: int) -> None:
        super().__init__(np.zeros(1), rows)
        self.space = Space((PERIOD,), Box(-np.ones(1), np.ones(1)), PERIOD)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        self._state[rows], self._elapsed[rows] = 0, 0

    def observe(self, rows: Array) -> Array:
        """The phase, one-hot (n, 10)."""
        found: Array = np.eye(PERIOD)[self._state[rows, 0].astype(int)]
        return found

    def step(self, actions: Array, rows: Array) -> Step:
        counts = self._state[rows, 0] == COUNTS
        self._state[rows, 0] += 1
        self._elapsed[rows] += 1
        over = self._elapsed[rows] == PERIOD
        nothing = np.zeros_like(over)
        return Step(np.where(counts, actions[:, 0], 0.0), over, nothing, nothing)


def phases() -> Runner:
    """A linear policy in that task."""
    simulator = Phases(20)
    return Lockstep(simulator, linear_gaussian(simulator.space))


def paths_of(runner: Runner, rows: int, steps: int = 2000) -> Sampler:
    """The paper's sampling."""
    return single_path(runner, rows=rows, steps=steps, boundary="complete", fresh=True)


def in_path_order(sampler: Sampler, policy: Policy, estimator: Estimator) -> Collect:
    """As `from_paths`, but for the order."""

    def collect(rng: Any, theta: Any, see: Any, carried: Any, values: Any) -> Batch:
        paths = sampler(rng.spawn(2)[0], theta, see, carried)
        found = estimate(paths, policy, estimator, see, values)
        targets = found.samples.obs.numpy(), found.targets
        return Batch(found.samples, paths, targets, paths.steps, paths.unstable, None)

    return collect


Order = Callable[[Sampler, Policy, Estimator], Collect]


def updates(
    runner: Runner, order: Order, rule: Rule, *, rows: int, iterations: int
) -> list[UpdateInfo]:
    """What some iterations did by the paper's protocol, their batches of 2,000 steps so ordered."""
    algorithm = policy_optimisation(
        runner.policy,
        rule,
        order(paths_of(runner, rows), runner.policy, PLAIN),
        no_baseline(),
        runner.simulator.space,
        filter_clip=0.0,
        compute=Compute(),
    )
    state, found = algorithm.init(stream(0, "init")), []
    for i in range(iterations):
        state, info = algorithm.step(stream(0, "step", i), state)
        found.append(info.update)
    return found


def batch(order: Order = in_path_order, seed: int = 0) -> tuple[Policy, Tensor, Batch]:
    """One of 200 states in that task, under a policy with weights of about a half."""
    runner = phases()
    policy, rng = runner.policy, np.random.default_rng(seed)
    theta = torch.from_numpy(0.5 * rng.standard_normal(policy.network.size).astype(np.float32))
    collect = order(paths_of(runner, 20, 200), policy, PLAIN)
    return policy, theta, collect(rng, theta, lambda obs: obs, None, lambda obs: np.zeros(len(obs)))


# --- whole updates


def test_in_path_order_the_thinned_metric_sees_one_phase_and_every_update_is_rejected() -> None:
    found = updates(phases(), in_path_order, trpo(direction=THINNED), rows=20, iterations=10)
    assert not any(info.accepted for info in found)  # which is what the order is there for


@pytest.mark.parametrize("every", [1, 2, 5, PERIOD, 2 * PERIOD])
def test_in_random_order_updates_are_accepted_however_the_metric_is_thinned(every: int) -> None:
    rule = trpo(delta=DELTA, direction=Direction(every=every))
    found = updates(phases(), from_paths, rule, rows=20, iterations=10)
    assert sum(info.accepted for info in found) >= 9
    assert all(info.kl_mean <= DELTA for info in found)
    assert all(info.kl_mean > DELTA / 4 for info in found if info.accepted)


def test_natural_gradient_moves_as_far_as_with_the_whole_metric_in_random_order_alone() -> None:
    def first(order: Order, every: int) -> float:
        rule = natural_gradient(penalty=1.0, direction=Direction(every=every))
        return updates(phases(), order, rule, rows=20, iterations=1)[0].kl_mean

    whole = first(from_paths, 1)
    assert first(in_path_order, 1) == pytest.approx(whole, rel=1e-3)
    assert whole / 3 < first(from_paths, PERIOD) < 3 * whole  # 20 states or so of each phase
    assert first(in_path_order, PERIOD) > 1e6 * whole


def test_a_cheetah_whose_paths_have_ten_steps_has_its_updates_accepted() -> None:
    simulator = MujocoSimulator(half_cheetah(horizon=PERIOD), 10)
    policy = gaussian_mlp(simulator.space, hidden=(50,), log_std=0.0)
    runner = Compiled(simulator, policy)
    rule = trpo(delta=DELTA, direction=THINNED)
    found = updates(runner, from_paths, rule, rows=10, iterations=3)
    assert all(info.accepted and 0 < info.kl_mean <= DELTA for info in found)
    ordered = updates(runner, in_path_order, rule, rows=10, iterations=3)
    assert not any(info.accepted for info in ordered)


# --- what a stride estimates


def direction(policy: Policy) -> Tensor:
    """Some v (P,)."""
    return torch.from_numpy(
        np.random.default_rng(1).standard_normal(policy.network.size).astype(np.float32)
    )


def products(metric: Metric, policy: Policy, theta: Tensor, many: list[Samples]) -> Array:
    """F v (·, P) of each of these samples."""
    v = direction(policy)
    found = [metric(policy, samples, theta, map).product(v) for samples in many]
    return torch.stack(found).double().numpy()


def within_noise(estimates: Array, truth: Array) -> None:
    """Assert that the mean of estimates (n, P) is the truth (P,) up to three standard errors."""
    error = estimates.std(0, ddof=1) / len(estimates) ** 0.5
    assert (abs(estimates.mean(0) - truth) <= 3 * error + 5e-6).all()  # the rest: single precision
    assert (estimates.std(0) > 0).any()


@pytest.mark.parametrize("every", [2, 3, 5, 7, PERIOD, 3 * PERIOD])
@pytest.mark.parametrize("metric", [kl_hessian, score_covariance])
def test_a_thinned_metric_is_an_unbiased_estimate_of_the_whole(
    metric: Callable[..., Metric], every: int
) -> None:
    policy, theta, found = batch()
    rng = np.random.default_rng(2)
    many = [shuffled(rng, found.samples)[0] for _ in range(400)]
    (truth,) = products(metric(every=1), policy, theta, [found.samples])
    within_noise(products(metric(every=every), policy, theta, many), truth)


def test_a_metric_thinned_in_path_order_is_none() -> None:
    policy, theta, found = batch()
    thin, whole = (
        products(kl_hessian(every=k), policy, theta, [found.samples])[0] for k in (PERIOD, 1)
    )
    assert (thin[1:PERIOD] == 0).all()  # of phases that it does not see
    assert (abs(whole[1:PERIOD]) > 1e-4).all()


@pytest.mark.parametrize("every", [2, 3, PERIOD])
def test_a_thinned_value_functions_product_is_an_unbiased_estimate_of_the_whole(every: int) -> None:
    _, _, found = batch()
    assert found.targets is not None
    network, rng = mlp([PERIOD, 4, 1]), np.random.default_rng(3)
    theta = network.init(rng)
    v = torch.from_numpy(rng.standard_normal(network.size).astype(np.float32))

    def product(obs: Array, targets: Array, every: int) -> Array:
        x, y = torch.from_numpy(obs), torch.from_numpy(targets.astype(np.float32))[:, None]
        point = Point(network.linearise(theta, x), y)
        found: Array = point.product(every)(v).double().numpy()
        return found

    orders = [shuffled(rng, found.samples)[1] for _ in range(400)]
    many = [tuple(each[order] for each in found.targets) for order in orders]
    truth = product(*found.targets, 1)
    within_noise(np.stack([product(*one, every) for one in many]), truth)
    if every == PERIOD:
        assert abs(product(*found.targets, every) - truth).max() > 0.1 * abs(truth).max()


def test_a_value_function_that_is_thinned_fits_all_phases_in_random_order() -> None:
    def left(order: Order, every: int) -> float:
        _, _, found = batch(order)
        assert found.targets is not None
        obs, _ = found.targets
        targets = 10 * np.sin(obs.argmax(1).astype(float))  # another worth in every phase
        value = mlp_value((PERIOD,), hidden=(16,), gauss_newton_steps=5, every=every, damping=1e-3)
        state = value.fit(value.init(np.random.default_rng(0)), obs, targets, map)
        return float(np.square(value.predict(state, obs, map) - targets).mean() / targets.var())

    assert left(from_paths, 1) < 0.01
    assert left(from_paths, PERIOD) < 0.1
    assert left(in_path_order, PERIOD) > 0.5


# --- the order that batches are handed over in


def test_batches_of_paths_come_in_an_order_of_their_generators_own() -> None:
    _, _, found = batch(from_paths)
    _, _, same = batch(from_paths)
    _, _, ordered = batch(in_path_order)
    assert found.targets is not None
    assert torch.equal(found.samples.obs, same.samples.obs)
    assert np.array_equal(found.paths.rollout.obs, ordered.paths.rollout.obs)
    assert np.array_equal(found.samples.obs.numpy(), found.targets[0])
    assert not torch.equal(found.samples.obs, ordered.samples.obs)
    rows = [
        {
            tuple(np.concatenate([x.flatten(1) for x in each.samples[:3]], axis=1)[i])
            for i in range(200)
        }
        for each in (found, ordered)
    ]
    assert rows[0] == rows[1]  # the same states, with what belongs to them
    seen = found.samples.obs.argmax(1)[::PERIOD]
    assert len(set(seen.tolist())) > PERIOD / 2


def test_batches_of_a_vine_do_so_too() -> None:
    runner = phases()
    theta = runner.policy.network.init(np.random.default_rng(0))
    grower = vine(runner, Sizes(4, PERIOD, 40, 2, 3), gamma=0.9)
    given: Any = theta, lambda obs: obs
    rngs = [np.random.default_rng(0) for _ in range(3)]
    grown = grower(rngs[0].spawn(2)[0], *given, None).samples
    found, same = (
        from_vine(grower)(rng, *given, None, lambda obs: obs).samples for rng in rngs[1:]
    )
    assert grown.obs.argmax(1).tolist() == [*range(PERIOD)] * 4  # all states, in path order
    assert torch.equal(found.q, same.q)
    assert found.obs.argmax(1)[::PERIOD].unique().numel() > 1
    both = [
        sorted(torch.cat([field.flatten(1) for field in samples[:5]], 1).tolist())
        for samples in (found, grown)
    ]
    assert both[0] == both[1]
