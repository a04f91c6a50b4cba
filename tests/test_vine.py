"""The vine method: what is drawn, what its branches share, and what they are worth."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from oracles import CHOICES, CONTINUOUS, DISCRETE, Problem, problem
from spy import Part, Spy
from tiny_task import HORIZON, Corridor

from trpo.algorithms import Compute, policy_optimisation
from trpo.baselines import no_baseline
from trpo.objective import Objective
from trpo.policies import Policy, categorical_mlp, linear_gaussian
from trpo.reports import flatten
from trpo.samplers.batches import from_vine
from trpo.samplers.branches import first_actions
from trpo.samplers.rollout_set import RolloutSet
from trpo.samplers.single_path import single_path
from trpo.samplers.vine import Grown, Sizes, of_vine, tried, vine
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.gymnasium import GymnasiumSimulator
from trpo.simulators.mujoco import MujocoSimulator, hopper
from trpo.simulators.protocol import Choices, Simulator, Space, Step
from trpo.simulators.rows import ArrayRows
from trpo.streams import stream
from trpo.surrogates import (
    Surrogate,
    all_actions,
    importance_weighted,
    self_normalised,
)
from trpo.types import Array, Samples, Tensor
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


def grow(
    simulator: Any,
    sizes: Sizes = SIZES,
    *,
    seed: int = 0,
    gamma: float = GAMMA,
    see: Callable[[Array], Array] = plain,
    **settings: Any,
) -> Grown:
    """One batch."""
    policy, theta = policy_of(simulator.space)
    grower = vine(simulator, policy, sizes, gamma=gamma, **settings)
    return grower(np.random.default_rng(seed), theta, see)


def cartpoles(rows: int = 30) -> CartPoleSimulator:
    """Cart-poles that fall soon, or stop at 12 steps."""
    return CartPoleSimulator(CartPole(horizon=12, max_angle=0.05, max_force=3.0), rows)


def hoppers(rows: int = 30, threads: int = 1) -> MujocoSimulator:
    """One-legged robots."""
    return MujocoSimulator(hopper(horizon=30), rows, threads)


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
    found = []
    for part in recorded.parts[1:]:
        obs = part.grid(0)[1:].astype(np.float32)
        d = policy.network.at(theta)(torch.from_numpy(halved(obs)).flatten(0, 1)).numpy()
        noise = (part.grid(1)[1:].reshape(-1) - d[:, 0]) * np.exp(-d[:, 1])
        found.append(noise.reshape(-1, SIZES.branches))
    groups = np.concatenate(found)
    return groups[~np.isnan(groups).all(1)]


@pytest.mark.parametrize("rows", [30, 7])
def test_branches_of_a_state_share_their_noise_and_other_states_have_other_noise(rows: int) -> None:
    groups = residuals(rows, common_noise=True)
    assert np.isnan(groups).any()  # some had ended while others of the same state went on
    assert np.nanmax(np.nanmax(groups, 1) - np.nanmin(groups, 1)) < 1e-5
    assert len(np.unique(np.nanmean(groups, 1).round(4))) == len(groups) > 20


@pytest.mark.parametrize("rows", [30, 7])
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

ROWS = {"all at once": 30, "in parts": 7, "one by one": 4}
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
@pytest.mark.parametrize("rows", ROWS.values(), ids=ROWS)
def test_every_branch_replays_bit_for_bit_and_every_step_is_counted(
    make: Callable[[int], Any], rows: int
) -> None:
    recorded, single = Spy(make(rows)), make(1)
    found = grow(recorded)
    trunk, *parts = recorded.parts
    k = found.samples.q.shape[1]
    assert len(parts) == -(-SIZES.states // (rows // k))
    replayed = [replay(single, part, row) for part in parts for row in range(len(part.snapshots))]
    q, reasons = zip(*replayed, strict=True)
    assert np.array_equal(found.samples.q.numpy().ravel(), np.array(q, np.float32))
    if isinstance(single, Corridor) and rows == 30:
        assert set(reasons) == {"termination", "limit", "length"}
    assert found.trunk.steps == trunk.taken == found.trunk.rollout.valid.sum()
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
        for snapshot in snapshots[n * k : n * k + k]:
            single.load(np.array([0]), [snapshot])
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
    sampler = single_path(other, policy, steps=steps, boundary="complete", fresh=True)
    alone = sampler(np.random.default_rng(0).spawn(4)[0], theta, plain, None)
    assert np.array_equal(trunk.rollout.rewards, alone.rollout.rewards)
    assert np.array_equal(trunk.returns, alone.returns)
    assert trunk.carried is None


def same(one: Grown, other: Grown) -> bool:
    """Whether two batches have the same bits."""
    fields = zip(one.samples, other.samples, strict=True)
    return one.steps == other.steps and all(torch.equal(a, b) for a, b in fields)


@every_simulator
@pytest.mark.parametrize("common_noise", [True, False])
def test_the_same_generator_gives_the_same_batch_whatever_was_done_before(
    make: Callable[[int], Any], common_noise: bool
) -> None:
    simulator = make(30)
    first = grow(simulator, common_noise=common_noise)
    assert not same(grow(simulator, seed=1, common_noise=common_noise), first)
    assert same(grow(simulator, common_noise=common_noise), first)
    assert same(grow(make(30), common_noise=common_noise), first)


def test_threads_of_the_engine_do_not_change_a_bit() -> None:
    found = []
    for threads in (1, 2, 3):
        with hoppers(30, threads) as simulator:
            found.append(grow(simulator, SIZES._replace(branch_length=10)))
    assert same(found[0], found[1])
    assert same(found[0], found[2])


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


def drawn(rng: np.random.Generator, size: int, weights: Array) -> list[tuple[int, int]]:
    """States (step, row) drawn from those with weights (T, N)."""
    kept = RolloutSet(size, rng)
    for step, line in enumerate(weights):
        rows = np.arange(len(line)) + 1
        kept.offer(step, line, lambda rows, step=step: [(step, int(row)) for row in rows], rows)
    (steps, rows), snapshots = kept.states()
    assert [*zip(steps, rows, strict=True)] == snapshots == sorted(snapshots)
    assert len({*snapshots}) == min(size, weights.size)  # without replacement
    return snapshots


def frequencies(draws: int, size: int, weights: Array) -> Array:
    """How often each state was drawn (T, N)."""
    rng, counts = np.random.default_rng(1), np.zeros(weights.shape)
    for _ in range(draws):
        for step, row in drawn(rng, size, weights):
            counts[step, row - 1] += 1
    return counts / draws


@pytest.mark.parametrize("size", [1, 3, 11])
def test_uniform_draws_give_every_visited_state_the_same_chance(size: int) -> None:
    p, draws = size / 12, 1500
    deviation = frequencies(draws, size, np.ones((4, 3))) - p
    assert abs(deviation).max() < 3.5 * (p * (1 - p) / draws) ** 0.5


def test_discounted_draws_are_in_proportion_to_the_discount() -> None:
    weights, draws = 0.6 ** np.arange(5)[:, None] * np.ones((5, 2)), 2500
    p = weights / weights.sum()
    found = frequencies(draws, 1, weights)
    assert (abs(found - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


def test_the_second_of_two_draws_is_in_proportion_to_what_is_left() -> None:
    w, draws = np.array([[0.5, 0.3, 0.2]]), 4000
    first = w[0]
    p = np.array([first[i] + sum(first[j] * first[i] / (1 - first[j]) for j in range(3) if j != i)
                  for i in range(3)])  # fmt: skip
    assert (abs(frequencies(draws, 2, w)[0] - p) < 3.5 * (p * (1 - p) / draws) ** 0.5).all()


@pytest.mark.parametrize("size", [12, 50])
def test_all_states_are_drawn_where_there_are_no_more(size: int) -> None:
    every = [(step, row) for step in range(4) for row in (1, 2, 3)]
    assert drawn(np.random.default_rng(0), size, np.ones((4, 3))) == every


def test_every_visited_state_is_offered_with_the_discount_of_its_age(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    offers = []

    class Offers(RolloutSet):
        def offer(self, step: int, weights: Array, save: Any, rows: Array) -> None:
            offers.append((step, weights, rows, save(rows)))
            super().offer(step, weights, save, rows)

    monkeypatch.setattr("trpo.samplers.vine.RolloutSet", Offers)
    rollout = grow(Corridor(9), SIZES, gamma=0.7, draw="discounted").trunk.rollout
    assert [step for step, *_ in offers] == [*range(len(rollout.obs))]
    for step, weights, rows, snapshots in offers:
        seen = rollout.obs[step, rows]
        assert np.array_equal(rows, np.flatnonzero(rollout.valid[step]))
        assert weights == pytest.approx(0.7 ** seen[:, 0])  # the position is the age
        assert np.array_equal([state for state, _ in snapshots], seen)


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


# --- surrogates


def test_values_are_those_of_a_double_loop() -> None:
    found, rng = problem("mlp", tried=4), np.random.default_rng(2)
    samples = found.samples._replace(log_q=torch.from_numpy(rng.standard_normal((30, 4))))
    log_p = torch.from_numpy(rng.standard_normal((30, 4)))
    for n in range(30):
        p, q, r = np.exp(log_p[n].numpy()), samples.q[n].numpy(), np.exp(samples.log_q[n].numpy())
        above, below, every = 0.0, 0.0, 0.0
        for k in range(4):
            every += p[k] * q[k]
            above += p[k] / r[k] * q[k]
            below += p[k] / r[k]
        assert all_actions(log_p, samples)[n].item() == pytest.approx(every)
        assert self_normalised(log_p, samples)[n].item() == pytest.approx(above / below)


def gradient(surrogate: Surrogate, found: Problem, samples: Samples, theta: Tensor) -> Tensor:
    """∇L (P,) at theta, by the suite."""
    return Objective(found.policy, surrogate, samples, theta, map).gradient()


def scores(found: Problem, theta: Tensor) -> Tensor:
    """∇ log π_θ of every action (B, K, P), by autograd."""
    jacobian: Tensor = torch.autograd.functional.jacobian(found.log_prob, theta)
    return jacobian


def numerical(found: Problem, surrogate: Surrogate, theta: Tensor) -> Tensor:
    """∇L (P,) at theta by central differences."""
    h = 1e-5

    def value(at: Tensor) -> Tensor:
        return found.mean(surrogate(found.log_prob(at), found.samples))

    units = torch.eye(len(theta), dtype=torch.float64)
    return torch.stack([(value(theta + h * u) - value(theta - h * u)) / (2 * h) for u in units])


def moved(found: Problem) -> Tensor:
    """Parameters other than those that the actions were drawn under."""
    rng = np.random.default_rng(3)
    return found.theta + 0.2 * torch.from_numpy(rng.standard_normal(len(found.theta)))


vine_policies = pytest.mark.parametrize("name", ["linear", "mlp", "categorical"])


@vine_policies
@pytest.mark.parametrize("tried", [2, 4])
def test_self_normalised_gradient_at_the_old_policy_needs_no_baseline(
    name: str, tried: int
) -> None:
    found = problem(name, tried=tried, weighted=True)
    q = found.samples.q
    centred = q - q.mean(1, keepdim=True)
    per_state = torch.einsum("bkp,bk->bp", scores(found, found.theta), centred) / tried
    weight = found.samples.weight
    expected = (weight[:, None] * per_state).sum(0) / weight.sum()
    ours = gradient(self_normalised, found, found.samples, found.theta)
    assert torch.allclose(ours, expected, atol=1e-12)


@vine_policies
def test_self_normalised_gradient_elsewhere_is_the_closed_form(name: str) -> None:
    found = problem(name, tried=3)
    theta, q = moved(found), found.samples.q
    ratio = torch.exp(found.log_prob(theta) - found.samples.log_q)
    share = ratio / ratio.sum(1, keepdim=True)
    centred = q - (share * q).sum(1, keepdim=True)
    expected = torch.einsum("bkp,bk->p", scores(found, theta), share * centred) / len(q)
    ours = gradient(self_normalised, found, found.samples, theta)
    assert torch.allclose(ours, expected, atol=1e-12)


@vine_policies
@pytest.mark.parametrize("surrogate", [all_actions, self_normalised])
def test_gradients_are_those_of_finite_differences(name: str, surrogate: Surrogate) -> None:
    found = problem(name, tried=3, weighted=True)
    for theta in (found.theta, moved(found)):
        expected = numerical(found, surrogate, theta)
        assert torch.allclose(gradient(surrogate, found, found.samples, theta), expected, atol=1e-8)


def every_action(found: Problem) -> Samples:
    """The samples with every action tried in each state, and q uniform."""
    return found.samples._replace(
        actions=torch.arange(CHOICES)[:, None].expand(30, CHOICES, 1),
        log_q=torch.full((30, CHOICES), -np.log(CHOICES), dtype=torch.float64),
    )


@pytest.mark.parametrize("old", [True, False])
@pytest.mark.parametrize("surrogate", [all_actions, self_normalised])
def test_a_constant_added_to_all_q_of_a_state_leaves_the_gradient_alone(
    surrogate: Surrogate, old: bool
) -> None:
    found = problem("categorical", tried=CHOICES)
    samples = every_action(found)
    shift = 100 * torch.from_numpy(np.random.default_rng(4).standard_normal((30, 1)))
    theta = found.theta if old else moved(found)
    lifted = samples._replace(q=samples.q + shift)
    one, other = (gradient(surrogate, found, s, theta) for s in (samples, lifted))
    assert torch.allclose(one, other, atol=1e-12)
    assert not torch.allclose(  # but the estimator with importance weights needs a baseline
        *(gradient(importance_weighted, found, found.samples._replace(q=q), theta)
          for q in (samples.q, lifted.q))
    )  # fmt: skip


def test_with_every_action_tried_uniformly_both_estimators_agree() -> None:
    found = problem("categorical", tried=CHOICES)
    samples = every_action(found)
    log_p = torch.log_softmax(samples.old, 1)
    one, other = all_actions(log_p, samples), self_normalised(log_p, samples)
    assert torch.allclose(one, other)


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
    grower = vine(simulator, policy, sizes, gamma=0.99)
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
