"""The measurement of gradient estimates: its statistics, what it measures and what it leaves be."""

from collections.abc import Callable
from functools import partial
from typing import Any, Literal

import numpy as np
import pytest
import torch
from bits import bits
from oracles import dense, gaussian
from tiny_task import Corridor

from trpo.algorithms import Compute, TrainInfo, policy_optimisation
from trpo.baselines import linear_features
from trpo.moments import observation_filter
from trpo.policies import linear_gaussian
from trpo.reports import flatten
from trpo.samplers.batches import Batch, Estimator, from_paths, from_vine
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.single_path import single_path
from trpo.samplers.vine import Sizes, of_vine, vine
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.streams import stream
from trpo.surrogates import importance_weighted
from trpo.types import Algorithm, Array
from trpo.updates import trpo
from trpo.variance import Measuring, gradient_variance, spread

GAMMA, CLIP = 0.97, 10.0
Result = tuple[Measuring, list[dict[str, float]]]


class Measured:
    """A measurement on a simulator, all batches that it took and all training that it did."""

    def __init__(
        self,
        simulator: Any = None,
        sampler: Literal["single_path", "vine"] = "single_path",
        *,
        sizes: tuple[int, ...] = (40, 80),
        repeats: int = 3,
        spacing: int = 2,
    ) -> None:
        """Sizes are steps of single paths and states of a vine; training is the same for both."""
        self.simulator = simulator or cartpoles()
        self.policy = linear_gaussian(self.simulator.space)
        self.batches: list[Batch] = []
        self.given: list[Any] = []  # what each batch was collected with
        self.training: list[TrainInfo] = []
        make = {"single_path": self._paths, "vine": self._vine}[sampler]
        space, compute = self.simulator.space, Compute()
        surrogate = importance_weighted if sampler == "single_path" else of_vine(space, 3)
        train = policy_optimisation(
            self.policy,
            trpo(),
            self._paths(200, fresh=False),
            linear_features(space.obs),
            space,
            filter_clip=CLIP,
            compute=compute,
        )
        self.algorithm = gradient_variance(
            Algorithm(train.init, partial(self._train, train)),
            [partial(self._collect, make(size)) for size in sizes],
            self.policy,
            surrogate,
            space,
            repeats=repeats,
            spacing=spacing,
            filter_clip=CLIP,
            compute=compute,
        )

    def _paths(self, steps: int, fresh: bool = True) -> Callable[..., Batch]:
        boundary: Any = "complete" if fresh else "bootstrap"
        runner = Lockstep(self.simulator, self.policy)
        paths = single_path(runner, rows=12, steps=steps, boundary=boundary, fresh=fresh)
        return from_paths(paths, self.policy, Estimator(GAMMA))

    def _vine(self, states: int) -> Callable[..., Batch]:
        sizes = Sizes(trunks=4, trunk_length=20, states=states, branches=3, branch_length=10)
        return from_vine(vine(Lockstep(self.simulator, self.policy), sizes, gamma=GAMMA))

    def _collect(self, collect: Callable[..., Batch], *given: Any) -> Batch:
        self.given.append(given)
        self.batches.append(collect(*given))
        return self.batches[-1]

    def _train(self, train: Algorithm, *given: Any) -> Any:
        state, info = train.step(*given)
        self.training.append(info)
        return state, info

    def run(self, turns: int, state: Measuring | None = None) -> Result:
        """Some turns, from the beginning unless told otherwise."""
        state, infos = state or self.algorithm.init(stream(0, "init")), []
        for i in range(state.turn, state.turn + turns):
            state, info = self.algorithm.step(stream(0, "step", i), state)
            infos.append(flatten(info))
        return state, infos


def cartpoles() -> CartPoleSimulator:
    """Twelve cart-poles that last at most 30 steps."""
    return CartPoleSimulator(CartPole(horizon=30), 12)


def test_statistics_of_two_gradients_are_those_by_hand() -> None:
    found = spread(np.array([[1.0, 2.0], [3.0, 6.0]]))  # mean (2, 4), deviations ±(1, 2)
    assert found.grad_norm == pytest.approx(20**0.5)
    assert found.gradient_variance == pytest.approx(10)
    assert found.gradient_square == pytest.approx(20 - 10 / 2)


def test_variance_is_the_trace_of_the_covariance() -> None:
    gradients = np.random.default_rng(0).standard_normal((7, 5)) * [1, 2, 3, 4, 5] + 10
    found = spread(gradients)
    assert found.gradient_variance == pytest.approx(np.trace(np.cov(gradients.T)))
    squares = [a @ b for i, a in enumerate(gradients) for j, b in enumerate(gradients) if i != j]
    assert found.gradient_square == pytest.approx(np.mean(squares))  # the U-statistic


def test_estimates_are_unbiased() -> None:
    rng, mean, std = np.random.default_rng(0), np.array([0.5, 0.0, -1.0]), np.array([1, 2, 0.5])
    draws = mean + std * rng.standard_normal((4000, 3, 3))  # R = 3
    found = [spread(gradients) for gradients in draws]
    for name, expected in (("gradient_variance", std @ std), ("gradient_square", mean @ mean)):
        values = np.array([getattr(each, name) for each in found])
        assert abs(values.mean() - expected) < 3 * values.std() / len(values) ** 0.5
    assert min(each.gradient_square for each in found) < 0


def ends(ended: Array) -> list[int]:
    """The last step of each step's path."""
    last = np.flatnonzero(ended)
    return [int(last[last >= t][0]) for t in range(len(ended))]


def test_numbers_are_those_of_independent_batches_at_the_present_policy() -> None:
    measured = Measured(sizes=(40, 80))
    state, _ = measured.run(3)
    theta, collect = state.trained.theta, measured._paths(80)
    later, (info,) = measured.run(1, state)
    rngs = stream(0, "step", 3).spawn(2)[1].spawn(3)
    see, gradients = observation_filter(state.trained.seen, CLIP), []
    for rng in rngs:
        batch = collect(rng, theta, see, None, lambda obs: np.zeros(len(obs)))
        rollout, at = batch.paths.rollout, theta.double().requires_grad_()
        discounted = [  # of every step: what follows it until its path's end
            sum(GAMMA**k * r for k, r in enumerate(rollout.rewards[t : end + 1]))
            for t, end in enumerate(ends(rollout.ended))
        ]
        obs = torch.from_numpy(see(rollout.obs)).double()
        chosen = gaussian(dense([4, 1], True, True)(at, obs))
        log_p = chosen.log_prob(torch.from_numpy(rollout.actions))
        ratio = torch.exp(log_p - log_p.detach())
        value = (ratio * torch.tensor(discounted)).mean()
        gradients.append(torch.autograd.grad(value, at)[0].numpy())
    mean = np.mean(gradients, 0)
    variance = sum(np.sum((g - mean) ** 2) for g in gradients) / 2
    assert info["gradient_variance"] == pytest.approx(variance, rel=1e-3)
    assert info["grad_norm"] == pytest.approx(np.linalg.norm(mean), rel=1e-4)
    assert info["gradient_square"] == pytest.approx(mean @ mean - variance / 3, rel=1e-3)
    assert variance > 0
    assert torch.equal(later.trained.theta, theta)


@pytest.mark.parametrize("sampler", ["single_path", "vine"])
def test_batches_are_collected_afresh_without_values_and_through_the_frozen_filter(
    sampler: Any,
) -> None:
    measured = Measured(sampler=sampler)
    state, _ = measured.run(2)
    measured.given.clear()
    state, _ = measured.run(2, state)
    obs = np.random.default_rng(0).standard_normal((5, 4)).astype(np.float32)
    assert len(measured.given) == 6
    for _, theta, see, carried, values in measured.given:
        assert theta is state.trained.theta
        assert np.array_equal(see(obs), observation_filter(state.trained.seen, CLIP)(obs))
        assert carried is None
        assert values(obs).tolist() == [0.0] * 5
    draws = [rng.random() for rng, *_ in measured.given]
    assert len({*draws}) == 6


def test_training_happens_only_before_another_round_of_sizes() -> None:
    measured = Measured(sizes=(40, 80, 60), spacing=2)
    state, _ = measured.run(0)
    counts, changed, trained = [], [], []
    for _ in range(6):
        before = state
        state, (info,) = measured.run(1, before)
        counts.append(len(measured.training))
        changed.append(not torch.equal(state.trained.theta, before.trained.theta))
        trained.append(info["trained"])
    assert counts == [0, 0, 0, 2, 2, 2]
    assert changed == [False, False, False, True, False, False]
    assert trained == [0, 0, 0, 2, 2, 2]


def test_policies_are_the_same_whatever_is_measured() -> None:
    (one, first), (other, second) = (Measured(sampler=s).run(6) for s in ("single_path", "vine"))
    more, _ = Measured(repeats=5, sizes=(20, 30)).run(6)
    assert bits(one.trained) == bits(other.trained)
    assert torch.equal(one.trained.theta, more.trained.theta)
    assert first[0]["gradient_variance"] != second[0]["gradient_variance"]
    start = Measured().algorithm.init(stream(0, "init")).trained.theta
    assert not torch.equal(one.trained.theta, start)


@pytest.mark.parametrize("sampler", ["single_path", "vine"])
def test_all_steps_are_counted_those_of_training_too(sampler: Any) -> None:
    simulator = Corridor(12)
    measured = Measured(simulator, sampler=sampler, sizes=(20, 30))
    state, infos = measured.run(4)
    assert state.turn == 4
    assert sum(info["steps"] for info in infos) == simulator.steps
    assert sum(info.steps for info in measured.training) == 2 * 204
    for i, info in enumerate(infos):
        batches = measured.batches[3 * i : 3 * i + 3]
        assert info["estimate_steps"] == pytest.approx(np.mean([b.steps for b in batches]))
        assert info["q_samples"] == pytest.approx(np.mean([b.samples.q.numel() for b in batches]))
        assert info["steps"] == sum(b.steps for b in batches) + 408 * (i == 2)
    if sampler == "vine":
        assert [info["q_samples"] for info in infos] == [60, 90] * 2


def test_episodes_are_those_of_the_measured_batches() -> None:
    measured = Measured()
    state, infos = measured.run(4)
    every = [batch.paths for batch in measured.batches]
    for i, info in enumerate(infos):
        paths = every[3 * i : 3 * i + 3]
        returns = np.concatenate([p.returns for p in paths])
        assert info["episodes"] == len(returns)
        assert info["return_mean"] == pytest.approx(returns.mean())
        assert info["return_std"] == pytest.approx(returns.std())
        assert info["length_mean"] == pytest.approx(
            np.concatenate([p.lengths for p in paths]).mean()
        )
        assert info["reward_per_step"] == pytest.approx(returns.mean() / 30)
        latest = np.concatenate([p.returns for p in every[: 3 * i + 3]])[-100:]
        assert info["return_100"] == pytest.approx(latest.mean())
    assert len(state.recent) == 100


def test_gradients_that_are_not_finite_are_an_error_that_names_them() -> None:
    measured = Measured()

    def broken(*given: Any) -> Batch:
        batch = Measured()._paths(40)(*given)
        return batch._replace(samples=batch.samples._replace(q=batch.samples.q * torch.nan))

    space = measured.simulator.space
    algorithm = gradient_variance(
        measured.algorithm._replace(init=lambda rng: measured.algorithm.init(rng).trained),
        [broken],
        measured.policy,
        importance_weighted,
        space,
        repeats=2,
        spacing=0,
        filter_clip=CLIP,
        compute=Compute(),
    )
    with pytest.raises(FloatingPointError, match="gradients are not finite"):
        algorithm.step(stream(0, "step"), algorithm.init(stream(0, "init")))


@pytest.mark.parametrize("repeats", [1, 0])
def test_fewer_than_two_batches_are_refused(repeats: int) -> None:
    with pytest.raises(ValueError, match=rf"^repeats must be at least 2.*not {repeats}"):
        Measured(repeats=repeats)


def test_vines_gradients_vary_much_less_with_as_many_q_samples() -> None:
    variance = []
    for sampler, size in (("single_path", 180), ("vine", 60)):
        _, (info,) = Measured(sampler=sampler, sizes=(size, size), repeats=12).run(1)
        variance.append(info["gradient_variance"])
        assert info["q_samples"] >= 180
    assert variance[1] < variance[0] / 5
