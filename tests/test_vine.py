"""The vine method: what is drawn, what its branches share, and what they are worth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from bits import bits, threads
from oracles import CHOICES, CONTINUOUS, DISCRETE
from spy import Part, Spy
from tiny_task import HORIZON, Corridor

from trpo.algorithms import Compute, policy_optimisation
from trpo.baselines import no_baseline
from trpo.moments import Filter
from trpo.objective import Objective
from trpo.policies import Policy, categorical_mlp, linear_gaussian
from trpo.reports import flatten
from trpo.samplers.batches import from_vine
from trpo.samplers.branches import first_actions
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.rollout_set import RolloutSet
from trpo.samplers.runner import Runner
from trpo.samplers.single_path import single_path
from trpo.samplers.tape import Carried
from trpo.samplers.vine import Grown, Sizes, of_vine, tried, vine
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.gymnasium import GymnasiumSimulator
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Choices, Simulator, Space, Step
from trpo.simulators.rows import ArrayRows
from trpo.streams import stream
from trpo.surrogates import (
    Surrogate,
    all_actions,
    self_normalised,
)
from trpo.types import Array, Map, Tensor
from trpo.updates import trpo

GAMMA = 0.9
FACTORED = DISCRETE._replace(actions=Choices((2, 3)))
SIZES = Sizes(trunks=4, trunk_length=8, states=10, branches=3, branch_length=5)


def policy_of(space: Space) -> tuple[Policy, Tensor]:
    """A linear policy with random weights."""
    discrete = isinstance(space.actions, Choices)
    policy = categorical_mlp(space, hidden=()) if discrete else linear_gaussian(space)
    rng = np.random.default_rng(5)
    theta = policy.network.init(rng).numpy()
    weights = len(theta) if discrete else len(theta) - space.actions.dimensions
    theta[:weights] += 0.3 * rng.standard_normal(weights).astype(np.float32)
    return policy, torch.from_numpy(theta)


def plain(obs: Array) -> Array:
    """No filter."""
    return obs


def halved(obs: Array) -> Array:
    """A filter."""
    return obs / 2 - 1


def lockstep(simulator: Simulator, policy: Policy) -> Runner:
    """Rows side by side."""
    return Lockstep(simulator, policy)


def grow(
    simulator: Any,
    sizes: Sizes = SIZES,
    *,
    seed: int = 0,
    gamma: float = GAMMA,
    see: Any = plain,
    runner: Callable[[Any, Policy], Runner] = lockstep,
    carried: Carried | None = None,
    **settings: Any,
) -> Grown:
    """One batch."""
    policy, theta = policy_of(simulator.space)
    grower = vine(runner(simulator, policy), sizes, gamma=gamma, **settings)
    return grower(np.random.default_rng(seed), theta, see, carried)


def cartpoles(rows: int = 30) -> CartPoleSimulator:
    """Cart-poles that fall soon, or stop at 12 steps."""
    return CartPoleSimulator(CartPole(horizon=12, max_angle=0.05, max_force=3.0), rows)


def hoppers(rows: int = 30) -> MujocoSimulator:
    """One-legged robots."""
    return MujocoSimulator(hopper(horizon=30), rows)


class Graph(ArrayRows):
    """Three states and three actions; every (s, a) has one successor, and (2, 2) ends the task."""

    NEXT = np.array([[0, 1, 2], [2, 0, 1], [1, 2, 0]])
    REWARD = np.array([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0], [0.3, 2.0, 5.0]])

    def __init__(self, rows: int, horizon: int = 40) -> None:
        """Every row in state 0."""
        super().__init__(np.zeros(1), rows)
        self.space = Space((3,), Choices((3,)), horizon)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Any state."""
        self._state[rows] = rng.integers(3, size=(len(rows), 1))
        self._elapsed[rows] = 0

    def observe(self, rows: Array) -> Array:
        """One-hot (n, 3)."""
        found: Array = np.eye(3)[self._state[rows, 0].astype(int)]
        return found

    def step(self, actions: Array, rows: Array) -> Step:
        """Go to the successor."""
        s, a = self._state[rows, 0].astype(int), actions[:, 0]
        self._state[rows, 0] = self.NEXT[s, a]
        self._elapsed[rows] += 1
        terminal = (s == 2) & (a == 2)
        late = self._elapsed[rows] >= self.space.horizon
        return Step(self.REWARD[s, a], terminal, late & ~terminal, np.zeros_like(terminal))


def exact(policy: Policy, theta: Tensor, gamma: float, length: int) -> Array:
    """Q of the first `length` steps (3, 3), by dynamic programming."""
    logits = policy.network.at(theta)(torch.eye(3)).double()
    pi = torch.softmax(logits, 1).numpy()
    goes_on = np.ones((3, 3))
    goes_on[2, 2] = 0
    q = np.zeros((3, 3))
    for _ in range(length):
        q = Graph.REWARD + gamma * goes_on * (pi * q).sum(1)[Graph.NEXT]
    return q


# --- noise and first actions


def residuals(rows: int, common_noise: bool) -> Array:
    """Noise behind later actions (·, K), a state and step each, NaN where a branch had ended."""
    recorded = Spy(cartpoles(rows))
    grow(recorded, see=halved, common_noise=common_noise)
    policy, theta = policy_of(recorded.space)
    branches = []
    for part in recorded.parts[1:]:
        obs = part.grid(0)[1:].astype(np.float32)
        d = policy.network.at(theta)(torch.from_numpy(halved(obs)).flatten(0, 1)).numpy()
        noise = (part.grid(1)[1:].reshape(-1) - d[:, 0]) * np.exp(-d[:, 1])
        for branch in noise.reshape(obs.shape[:2]).T:
            branches.append([*branch, *[np.nan] * (SIZES.branch_length - 1 - len(branch))])
    assert len(branches) == SIZES.states * SIZES.branches
    groups = np.array(branches).reshape(SIZES.states, SIZES.branches, -1)
    steps = groups.swapaxes(1, 2).reshape(-1, SIZES.branches)
    return steps[~np.isnan(steps).all(1)]


ROWS = {"all at once": 30, "in parts": 7, "fewer than branches": 2, "one by one": 1}
in_any_parts = pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)


@in_any_parts
def test_branches_of_a_state_share_their_noise_and_other_states_have_other_noise(rows: int) -> None:
    groups = residuals(rows, common_noise=True)
    assert np.isnan(groups).any()  # some had ended while others of the same state went on
    assert np.nanmax(np.nanmax(groups, 1) - np.nanmin(groups, 1)) < 1e-5
    assert len(np.unique(np.nanmean(groups, 1).round(4))) == len(groups) > 20


@in_any_parts
def test_independent_branches_share_nothing(rows: int) -> None:
    noise = residuals(rows, common_noise=False).ravel()
    noise = noise[~np.isnan(noise)]
    assert len(np.unique(noise.round(5))) == len(noise) > 60
    assert abs(noise.mean()) < 3 / len(noise) ** 0.5


@pytest.mark.parametrize("common_noise", [True, False])
def test_discrete_branches_that_see_the_same_do_the_same_if_their_noise_is_common(
    common_noise: bool,
) -> None:
    recorded = Spy(Corridor(30, discrete=True))  # observations do not depend on actions
    grow(recorded, see=lambda obs: obs / 20, common_noise=common_noise)
    actions = recorded.parts[1].grid(1)[1:].reshape(-1, SIZES.states, 3)
    actions = actions[~np.isnan(actions).any(2)]
    assert (np.ptp(actions, axis=1) == 0).all() == common_noise
    assert set(actions.ravel()) == {0, 1, 2}


def test_first_actions_are_draws_of_the_old_policy_and_differ() -> None:
    simulator = Spy(cartpoles(1200))
    sizes = Sizes(20, 20, 400, 3, 1)
    samples = grow(simulator, sizes, see=lambda obs: 30 * obs).samples
    actions, (mean, log_std) = samples.actions[..., 0], samples.old.T[..., None]
    assert len(actions.unique()) == 1200
    assert mean.std() > 1
    z = (actions - mean) / log_std.exp()
    assert abs(z.mean().item()) < 3 / 1200**0.5
    assert abs(z.var().item() - 1) < 3 * (2 / 1200) ** 0.5
    log_q = torch.distributions.Normal(mean, log_std.exp()).log_prob(actions)
    assert torch.allclose(samples.log_q, log_q, atol=1e-5)
    done = simulator.parts[1].steps[0][2]
    assert np.array_equal(done, np.clip(samples.actions.numpy().reshape(-1, 1), -3, 3))


def test_all_discrete_actions_are_tried_once_where_there_are_branches_for_them() -> None:
    samples = grow(Corridor(40, discrete=True), SIZES._replace(branches=4)).samples
    assert samples.actions[..., 0].tolist() == [[0, 1, 2]] * SIZES.states
    assert samples.log_q.numpy() == pytest.approx(np.full((10, 3), -np.log(3)))


def test_too_many_discrete_actions_are_drawn_uniformly() -> None:
    samples = grow(Corridor(800, discrete=True), Sizes(20, 20, 400, 2, 1)).samples
    counts = np.bincount(samples.actions.numpy().ravel(), minlength=3)
    assert abs(counts - 800 / 3).max() < 3 * (800 * 2 / 9) ** 0.5
    assert samples.log_q.numpy() == pytest.approx(np.full((400, 2), -np.log(3)))


@pytest.mark.parametrize(
    ("space", "branches", "expected"),
    [(CONTINUOUS, 9, 9), (DISCRETE, 9, CHOICES), (DISCRETE, 2, 2), (FACTORED, 9, 6)],
)
def test_actions_tried(space: Space, branches: int, expected: int) -> None:
    assert tried(space, branches) == expected


def test_all_combinations_of_factors_are_tried_once() -> None:
    rng, policy, old = np.random.default_rng(0), policy_of(DISCRETE)[0], np.zeros((2, CHOICES))
    actions, log_q = first_actions(rng, policy, FACTORED, old, 6)
    assert actions.tolist() == [[[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]] * 2
    assert log_q.numpy() == pytest.approx(np.full((2, 6), -np.log(6)))


# --- branches

MAKERS: dict[str, Callable[[int], Any]] = {
    "corridor": Corridor,
    "corridor, discrete": lambda rows: Corridor(rows, discrete=True),
    "cartpole": cartpoles,
    "hopper": hoppers,
    "Pendulum-v1": lambda rows: GymnasiumSimulator("Pendulum-v1", rows, 12),
    "CartPole-v1": lambda rows: GymnasiumSimulator("CartPole-v1", rows, 12),
}
every_simulator = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)


def replay(simulator: Simulator, part: Part, row: int) -> tuple[float, str]:
    """Q̂ of one branch from its recorded actions, step by step, and why it ended."""
    alone, q = np.array([0]), 0.0
    simulator.load(alone, [part.snapshots[row]])
    for t, (rows, _, actions, _) in enumerate(part.steps):
        reward, terminal, truncated, _ = simulator.step(actions[rows == row], alone)
        q += GAMMA**t * reward[0]
        if terminal[0] or truncated[0]:
            return q, "termination" if terminal[0] else "limit"
    return q, "length"


@every_simulator
@in_any_parts
def test_every_branch_replays_bit_for_bit_and_every_step_is_counted(
    make: Callable[[int], Any], rows: int
) -> None:
    recorded, single = Spy(make(rows)), make(1)
    found = grow(recorded)
    trunk, *parts = recorded.parts
    k = found.samples.q.shape[1]
    assert len(parts) == -(-SIZES.states * k // rows)
    replayed = [replay(single, part, row) for part in parts for row in part.snapshots]
    q, reasons = zip(*replayed, strict=True)
    assert np.array_equal(found.samples.q.numpy().ravel(), np.array(q, np.float32))
    if isinstance(single, Corridor) and rows == 30:
        assert set(reasons) == {"termination", "limit", "length"}
    assert found.trunk.steps == trunk.taken == len(found.trunk.rollout.obs)
    assert found.steps == trunk.taken + sum(part.taken for part in parts)
    assert found.unstable == 0


@every_simulator
def test_samples_are_the_states_that_the_branches_begin_in(make: Callable[[int], Any]) -> None:
    recorded, single = Spy(make(30)), make(1)
    found = grow(recorded, see=halved)
    samples, (policy, theta) = found.samples, policy_of(single.space)
    k = tried(single.space, SIZES.branches)
    snapshots = recorded.parts[1].snapshots
    for n, obs in enumerate(samples.obs.numpy()):
        for row in range(n * k, n * k + k):
            single.load(np.array([0]), [snapshots[row]])
            assert np.array_equal(halved(single.observe(np.array([0])).astype(np.float32))[0], obs)
    old = policy.network.at(theta)(samples.obs)
    assert samples.old.numpy() == pytest.approx(old.numpy(), rel=1e-4, abs=1e-5)
    assert samples.obs.shape == (10, *single.space.obs)
    assert samples.actions.shape == (10, k, single.space.actions.dimensions)
    assert samples.q.shape == samples.log_q.shape == (10, k)
    assert all(bool(x.isfinite().all()) for x in samples)
    assert samples.weight.tolist() == [1.0] * 10
    assert {x.dtype for x in samples._replace(actions=samples.q)} == {torch.float32}


def test_trunks_are_whole_paths_of_the_old_policy() -> None:
    simulator = Corridor(30)
    policy, theta = policy_of(simulator.space)
    trunk = grow(simulator).trunk
    other = Corridor(SIZES.trunks)
    steps = SIZES.trunks * SIZES.trunk_length
    runner = Lockstep(other, policy)
    sampler = single_path(runner, rows=SIZES.trunks, steps=steps, boundary="complete", fresh=True)
    alone = sampler(np.random.default_rng(0).spawn(4)[0], theta, plain, None)
    assert np.array_equal(trunk.rollout.rewards, alone.rollout.rewards)
    assert np.array_equal(trunk.returns, alone.returns)
    assert trunk.carried is None


@every_simulator
@pytest.mark.parametrize("common_noise", [True, False])
def test_the_same_generator_gives_the_same_batch_whatever_was_done_before(
    make: Callable[[int], Any], common_noise: bool
) -> None:
    simulator = make(30)
    first = bits(grow(simulator, common_noise=common_noise))
    assert bits(grow(simulator, seed=1, common_noise=common_noise)) != first
    assert bits(grow(simulator, common_noise=common_noise)) == first
    assert bits(grow(make(30), common_noise=common_noise)) == first


@every_simulator
@pytest.mark.parametrize("draw", ["uniform", "discounted"])
def test_how_many_rows_run_side_by_side_changes_no_bit(
    make: Callable[[int], Any], draw: str
) -> None:
    first, *others = (bits(grow(make(rows), draw=draw)) for rows in (30, 47, 7, 2, 1))
    assert all(other == first for other in others)


def test_threads_do_not_change_a_bit() -> None:
    def grown(pmap: Map, rows: int) -> bytes:
        sizes = SIZES._replace(branch_length=10)
        see = Filter(np.zeros(11, np.float32), np.ones(11, np.float32), 5.0)
        return bits(grow(hoppers(rows), sizes, see=see, runner=lambda *on: Compiled(*on, pmap)))

    alone = grown(map, 1)
    assert grown(map, 30) == alone
    for count in (1, 2, 3):
        with threads(count) as pmap:
            assert grown(pmap, 4) == alone


def test_rewards_that_only_a_branch_finds_to_be_infinite_are_an_error() -> None:
    class Poor(Corridor):
        def step(self, actions: Array, rows: Array) -> Step:
            step = super().step(actions, rows)
            return step._replace(reward=np.full(len(rows), np.inf if len(rows) > 4 else 1.0))

    with pytest.raises(FloatingPointError, match="rewards are not finite"):
        grow(Poor(30))


def test_a_rollout_set_larger_than_what_is_visited_is_refused_before_any_step() -> None:
    simulator = Corridor(100)
    grow(simulator, SIZES._replace(states=32))
    before = simulator.steps
    with pytest.raises(ValueError, match=r"states must be at most .* 32.*not 33"):
        grow(simulator, SIZES._replace(states=33))
    assert simulator.steps == before


# --- the rollout set


@pytest.mark.parametrize("rows", [9, 3])
def test_every_visited_state_is_offered_once_with_its_age(
    monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    offers: dict[tuple[int, int], tuple[int, Any]] = {}
    decays = []

    class Offers(RolloutSet):
        def __init__(self, size: int, seed: Any, decay: float) -> None:
            decays.append(decay)
            super().__init__(size, seed, decay)

        def offer(self, rows: Array, steps: Array, ages: Array, save: Any) -> None:
            for i, (row, step, age) in enumerate(zip(rows, steps, ages, strict=True)):
                assert (row, step) not in offers
                offers[row, step] = age, save(i)
            super().offer(rows, steps, ages, save)

    monkeypatch.setattr("trpo.samplers.vine.RolloutSet", Offers)
    trunk = grow(Corridor(rows), SIZES, gamma=0.7, draw="discounted").trunk
    assert decays == [0.7]
    seen = np.split(trunk.rollout.obs, trunk.rows[1:])
    assert {*offers} == {(row, step) for row, obs in enumerate(seen) for step in range(len(obs))}
    for (row, step), (age, (state, elapsed)) in offers.items():
        assert age == elapsed == seen[row][step][0]  # the position is the age
        assert np.array_equal(state, seen[row][step])


def test_a_vine_that_discounts_much_starts_where_episodes_start() -> None:
    sizes = Sizes(trunks=4, trunk_length=HORIZON, states=4, branches=2, branch_length=1)
    starts = grow(Corridor(8), sizes, gamma=1e-6, draw="discounted").samples.obs[:, 0]
    anywhere = grow(Corridor(8), sizes, gamma=1e-6).samples.obs[:, 0]
    assert starts.tolist() == [0.0] * 4
    assert anywhere.sum() > 0


# --- what branches are worth


@pytest.mark.parametrize("common_noise", [True, False])
@pytest.mark.parametrize("length", [1, 6])
def test_means_of_branches_are_the_exact_truncated_q(length: int, common_noise: bool) -> None:
    simulator = Graph(1800, horizon=10**6)
    sizes = Sizes(trunks=20, trunk_length=300, states=1800, branches=3, branch_length=length)
    samples = grow(simulator, sizes, common_noise=common_noise).samples
    assert of_vine(simulator.space, 3) is all_actions
    q = exact(*policy_of(simulator.space), GAMMA, length)
    for state, expected in enumerate(q):
        found = samples.q[samples.obs[:, state] == 1].double().numpy()
        assert len(found) > 100
        error = found.std(0) / len(found) ** 0.5
        assert (abs(found.mean(0) - expected) <= 4 * error + 1e-6).all()
    if length > 1:
        assert found.std(0)[:2].min() > 0.1  # there was something to average over


def test_gradient_of_all_actions_is_that_of_the_exact_q() -> None:
    simulator = Graph(1800, horizon=10**6)
    policy, theta = policy_of(simulator.space)
    sizes = Sizes(trunks=20, trunk_length=300, states=1800, branches=3, branch_length=6)
    samples = grow(simulator, sizes).samples
    truth = torch.from_numpy(exact(policy, theta, GAMMA, 6).astype(np.float32))
    exactly = samples._replace(q=truth[samples.obs.argmax(1)])
    found, expected = (
        Objective(policy, all_actions, s, theta, map).gradient() for s in (samples, exactly)
    )
    assert (found - expected).norm() < 0.1 * expected.norm()


# --- the surrogate


@pytest.mark.parametrize(
    ("space", "count", "expected"),
    [
        (DISCRETE, CHOICES, all_actions),
        (DISCRETE, CHOICES - 1, self_normalised),
        (FACTORED, 6, all_actions),
        (CONTINUOUS, 2, self_normalised),
        (CONTINUOUS, CHOICES, self_normalised),
    ],
)
def test_the_surrogate_follows_the_action_space(
    space: Space, count: int, expected: Surrogate
) -> None:
    assert of_vine(space, count) is expected


@pytest.mark.parametrize("space", [CONTINUOUS, DISCRETE])
def test_the_self_normalised_estimator_of_one_action_is_refused(space: Space) -> None:
    with pytest.raises(ValueError, match="branches must be at least 2"):
        of_vine(space, 1)


# --- the whole algorithm


def test_trpo_by_vine_learns_to_balance_a_pole() -> None:
    simulator = CartPoleSimulator(CartPole(horizon=100), 600)
    policy = linear_gaussian(simulator.space)
    sizes = Sizes(trunks=6, trunk_length=60, states=150, branches=4, branch_length=40)
    grower = vine(Lockstep(simulator, policy), sizes, gamma=0.99)
    algorithm = policy_optimisation(
        policy,
        trpo(delta=0.05)._replace(surrogate=of_vine(simulator.space, sizes.branches)),
        from_vine(grower),
        no_baseline(),
        simulator.space,
        filter_clip=0.0,
        compute=Compute(),
    )
    state, infos = algorithm.init(stream(0, "init")), []
    for i in range(15):
        state, info = algorithm.step(stream(0, "step", i), state)
        infos.append(flatten(info))
    returns = [info["return_mean"] for info in infos]
    assert np.mean(returns[-3:]) > 1.4 * returns[0]
    for info in infos:
        assert 0 < info["kl_mean"] <= 0.05
        assert info["q_samples"] == 600
        assert info["steps"] > 360 + 600
        assert info["explained_variance"] is None


def test_persistent_trunks_go_on_where_the_last_batch_stopped() -> None:
    kept = {"boundary": "truncate", "fresh": False}
    simulator = cartpoles()
    first = grow(simulator, **kept)
    carried = first.trunk.carried
    assert carried is not None
    assert first.trunk.steps == SIZES.visited
    second = grow(simulator, seed=1, carried=carried, **kept)
    assert second.trunk.steps == SIZES.visited
    begins = second.trunk.rollout.obs[second.trunk.rows]
    for row, snapshot in enumerate(carried.snapshots):
        simulator.load(np.array([0]), [snapshot])
        seen = simulator.observe(np.array([0]))[0].astype(np.float32)
        np.testing.assert_array_equal(begins[row], seen)
    assert grow(simulator).trunk.carried is None
