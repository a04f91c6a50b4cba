"""Policy optimisation: what is carried, learnt and reported; see also test_algorithm_laws.py."""

from typing import Any

import numpy as np
import pytest
import torch
from tiny_task import HORIZON, Corridor

from trpo.algorithms import Compute, State, policy_optimisation
from trpo.baselines import linear_features, mlp_value, no_baseline
from trpo.moments import observation_filter
from trpo.policies import gaussian_mlp
from trpo.reports import flatten
from trpo.samplers.batches import Estimator, from_paths
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.single_path import Boundary, single_path
from trpo.samplers.tape import Sampled
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.streams import stream
from trpo.types import Algorithm
from trpo.updates import Rule, natural_gradient, trpo

GAE = Estimator(gamma=0.99, name="gae", lam=0.95, standardise=True, bootstrap=True)
Result = tuple[State, list[dict[str, float]]]


class Recorder:
    """An algorithm on a simulator, and every batch that it saw."""

    def __init__(
        self,
        simulator: Any,
        *,
        rule: Rule | None = None,
        steps: int = 300,
        boundary: Boundary = "bootstrap",
        estimator: Estimator = GAE,
        baseline: Any = None,
        filter_clip: float = 10.0,
    ) -> None:
        """Build it; persistent rows and a value network unless told otherwise."""
        self.policy = gaussian_mlp(simulator.space, hidden=(8,))
        fresh = boundary == "complete"
        runner = Lockstep(simulator, self.policy)
        self._sampler = single_path(
            runner, rows=simulator.count, steps=steps, boundary=boundary, fresh=fresh
        )
        self.batches: list[Sampled] = []
        self.algorithm: Algorithm = policy_optimisation(
            self.policy,
            rule or trpo(),
            from_paths(self._sample, self.policy, estimator),
            baseline or mlp_value(simulator.space.obs, hidden=(8,)),
            simulator.space,
            filter_clip=filter_clip,
            compute=Compute(),
        )

    def _sample(self, *arguments: Any) -> Sampled:
        self.batches.append(self._sampler(*arguments))
        return self.batches[-1]

    def run(self, iterations: int, state: State | None = None, first: int = 0) -> Result:
        """Some iterations, from the beginning unless told otherwise."""
        state = state or self.algorithm.init(stream(0, "init"))
        infos = []
        for i in range(first, first + iterations):
            state, info = self.algorithm.step(stream(0, "step", i), state)
            infos.append(flatten(info))
        return state, infos


def cartpoles() -> CartPoleSimulator:
    """Five cart-poles that last at most 40 steps."""
    return CartPoleSimulator(CartPole(horizon=40), 5)


def test_observation_filter_is_frozen_within_an_iteration_and_then_sees_the_batch() -> None:
    recorder = Recorder(cartpoles())
    state, _ = recorder.run(0)
    everything = []
    for i in range(3):
        before = state
        state, _ = recorder.run(1, before, first=i)
        rollout = recorder.batches[-1].rollout
        obs = rollout.obs
        seen = torch.from_numpy(observation_filter(before.seen, 10.0)(obs))
        dist = recorder.policy.network.at(before.theta)(seen).numpy()
        assert rollout.dist == pytest.approx(dist, abs=1e-6)
        everything.append(obs)
        assert state.seen.mean == pytest.approx(np.concatenate(everything).mean(0, dtype=float))
        assert state.seen.std == pytest.approx(np.concatenate(everything).std(0, dtype=float))


def test_without_a_filter_nothing_is_counted() -> None:
    state, _ = Recorder(cartpoles(), filter_clip=0.0).run(2)
    assert state.seen.count == 0


def test_reported_returns_are_raw_sums_whatever_the_learner_sees() -> None:
    recorder = Recorder(Corridor(4), steps=90)
    state, infos = recorder.run(12)
    finished = [batch.returns for batch in recorder.batches]
    for i, (batch, info) in enumerate(zip(recorder.batches, infos, strict=True)):
        assert info["return_mean"] == pytest.approx(batch.returns.mean())
        assert info["return_std"] == pytest.approx(batch.returns.std())
        assert info["reward_per_step"] == pytest.approx(batch.returns.mean() / HORIZON)
        assert info["length_mean"] == pytest.approx(batch.lengths.mean())
        assert (info["steps"], info["episodes"]) == (92, len(batch.returns))
        latest = np.concatenate(finished[: i + 1])[-100:]
        assert info["return_100"] == pytest.approx(latest.mean())
    total = sum(batch.rollout.rewards.sum() for batch in recorder.batches)
    assert state.carried is not None
    assert np.concatenate(finished).sum() + state.carried.returns.sum() == pytest.approx(total)
    assert sum(len(f) for f in finished) > 100 == len(state.recent)


def test_iteration_without_a_finished_episode_reports_no_return() -> None:
    simulator = CartPoleSimulator(CartPole(max_position=1e9, max_angle=1e9), 2)
    _, (info,) = Recorder(simulator, steps=20).run(1)
    names = ("return_mean", "return_std", "return_100", "reward_per_step", "length_mean")
    assert all(info[name] is None for name in names)
    assert info["episodes"] == 0


def test_parameters_that_are_not_finite_are_an_error_that_names_them() -> None:
    recorder = Recorder(cartpoles(), rule=natural_gradient(penalty=1e-300))
    with pytest.raises(FloatingPointError, match="policy parameters are not finite"):
        recorder.run(1)


def test_baseline_is_fitted_after_the_update_that_used_it() -> None:
    recorder = Recorder(cartpoles(), baseline=linear_features((4,)), filter_clip=0.0)
    first, infos = recorder.run(1)
    assert infos[0]["explained_variance"] == pytest.approx(0, abs=1e-9)  # V was still zero
    _, (second,) = recorder.run(1, first, first=1)
    assert second["explained_variance"] > 0.3


def test_the_papers_protocol_learns_to_balance_a_pole() -> None:
    simulator = CartPoleSimulator(CartPole(horizon=100), 20)
    recorder = Recorder(
        simulator,
        rule=trpo(delta=0.05),
        steps=1000,
        boundary="complete",
        estimator=Estimator(gamma=0.99),
        baseline=no_baseline(),
        filter_clip=0.0,
    )
    _, infos = recorder.run(25)
    returns = np.array([info["return_mean"] for info in infos])
    assert returns[-10:].mean() > 1.6 * returns[:5].mean()  # a single batch has ten episodes
    assert all(info["kl_mean"] <= 0.05 for info in infos)
