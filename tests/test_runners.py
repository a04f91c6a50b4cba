"""The laws of `trpo.samplers.runner`, for both runners; and compiled code against lockstep."""

import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from bits import bits, threads
from mujoco_tasks import TASKS, task_of
from tiny_task import Broken, Corridor, Failing

from runners.settings import options
from trpo.moments import Filter, empty, observation_filter
from trpo.policies import Policy, categorical_mlp, gaussian_mlp
from trpo.samplers.branches import follow
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.rollout_set import RolloutSet
from trpo.samplers.runner import Acting, Row, Runner, Track, Until, fresh
from trpo.samplers.tape import nothing, taped
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Simulator
from trpo.types import Array

Seed = np.random.SeedSequence
Make = Callable[[int], Runner]  # rows of the simulator


def policy_of(simulator: Simulator, **given: Any) -> Policy:
    """A Gaussian policy or one of choices, which depends on what it sees."""
    if simulator.space.actions.kind == "discrete":
        return categorical_mlp(simulator.space, hidden=(8,), last_gain=1.0)
    return gaussian_mlp(simulator.space, **{"hidden": (8,), "last_gain": 1.0} | given)


def stepped(make: Callable[[int], Simulator]) -> Make:
    def runner(rows: int) -> Runner:
        simulator = make(rows)
        return Lockstep(simulator, policy_of(simulator))

    return runner


def run_by(name: str, horizon: int = 1000) -> Make:
    def runner(rows: int) -> Runner:
        simulator = MujocoSimulator(task_of(name, horizon=horizon), rows)
        return Compiled(simulator, policy_of(simulator))

    return runner


def hoppers(rows: int) -> Simulator:
    return MujocoSimulator(task_of("hopper", horizon=30), rows)


MAKERS: dict[str, Make] = {
    "compiled hopper": run_by("hopper", 30),
    "compiled ant": run_by("ant", 12),
    "compiled reacher": run_by("reacher", 7),
    "hopper in lockstep": stepped(hoppers),
    "cart-poles in lockstep": stepped(lambda rows: CartPoleSimulator(CartPole(horizon=15), rows)),
    "corridor in lockstep": stepped(Corridor),
    "corridor of choices in lockstep": stepped(lambda rows: Corridor(rows, discrete=True)),
}


@pytest.fixture(params=MAKERS, ids=str)
def make(request: pytest.FixtureRequest) -> Make:
    return MAKERS[request.param]


def acting_in(runner: Runner, *, greedy: bool = False, each: int = 0) -> Acting:
    """Fixed parameters behind a filter, the same in all rows or each row's own."""
    rngs, space = np.random.default_rng(3).spawn(each or 1), runner.simulator.space
    thetas = [runner.policy.network.init(rng) for rng in rngs]
    rng = np.random.default_rng(4)
    mean, scale = 0.1 * rng.standard_normal((2, *space.obs)).astype(np.float32)
    theta = np.stack([theta.numpy() for theta in thetas]) if each else thetas[0]
    return Acting(theta, Filter(mean, np.exp(scale), 5.0), greedy)


def rows_of(count: int, seed: int = 0) -> list[Row]:
    return fresh(Seed(seed), count)


def ran(runner: Runner, rows: list[Row], until: Until, **given: Any) -> list[Track]:
    acting = given.pop("acting", None) or acting_in(runner)
    return list(runner.run(rows, acting, until, **given))


def test_a_track_has_the_promised_shapes_and_types(make: Make) -> None:
    runner = make(3)
    space, family = runner.simulator.space, runner.policy.distribution
    tracks = ran(runner, rows_of(3), Until(20), save=True)
    assert len(tracks) == 3
    for track in tracks:
        n, cuts = len(track.rewards), int(track.truncated.sum())
        assert n >= 20
        assert track.obs.shape == (n, *space.obs)
        assert track.actions.shape == (n, space.actions.dimensions)
        assert track.dist.shape == (n, family.parameters)
        assert [a.dtype for a in (track.obs, track.dist, track.after)] == [np.float32] * 3
        assert track.rewards.dtype == np.float64
        flags = track.terminal, track.truncated, track.failed
        assert [(flag.shape, flag.dtype) for flag in flags] == [((n,), bool)] * 3
        assert track.after.shape == (cuts, *space.obs)  # an episode ended it, so no other cut
        assert track.over[-1]
        assert not (track.terminal & track.truncated).any()
        assert pickle.loads(pickle.dumps(track.snapshot)) is not None


def test_the_same_seeds_give_the_same_bits(make: Make) -> None:
    one, two = (ran(make(3), rows_of(3), Until(25, 60), save=True) for _ in range(2))
    assert bits(one) == bits(two)


def test_other_seeds_give_something_else(make: Make) -> None:
    one, two = (ran(make(2), rows_of(2, seed), Until(5, 5)) for seed in range(2))
    assert bits(one) != bits(two)
    assert bits(one[0]) != bits(one[1])


def assert_close(found: list[Track], expected: list[Track], tolerance: float = 1e-5) -> None:
    """The same flags, and numbers as near as products in another order leave them."""
    for one, other in zip(found, expected, strict=True):
        for name, a, b in zip(Track._fields[:-1], one[:-1], other[:-1], strict=True):
            np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance, err_msg=name)


def test_a_row_does_not_depend_on_the_others_their_number_or_their_order(make: Make) -> None:
    rows, order, steps = rows_of(7), [4, 2, 6, 0, 1, 5, 3], 40
    same: Callable[[list[Track], list[Track]], None] = assert_same_bits
    if make(1).name == "lockstep":  # BLAS adds up in another order for another number of rows
        same, steps = assert_close, 10
    until = Until(steps, steps)
    together = ran(make(7), rows, until, save=True)
    for count in (1, 3):  # more rows than the simulator has
        same(ran(make(count), rows, until, save=True), together)
    other = ran(make(7), [rows[n] for n in order], until, save=True)
    same(other, [together[n] for n in order])
    same(ran(make(7), rows[3:5], until, save=True), together[3:5])


def assert_same_bits(found: list[Track], expected: list[Track]) -> None:
    assert [bits(one) for one in found] == [bits(other) for other in expected]


@pytest.mark.parametrize("name", TASKS)
def test_threads_do_not_change_a_bit(name: str) -> None:
    simulator, shown = MujocoSimulator(task_of(name), 1), []
    policy = policy_of(simulator)
    for count in (1, 2, 3):
        with threads(count) as pmap:
            runner = Compiled(simulator, policy, pmap)
            shown.append(bits(ran(runner, rows_of(7), Until(20, 30), save=True)))
    shown.append(bits(ran(Compiled(simulator, policy), rows_of(7), Until(20, 30), save=True)))
    assert shown == shown[:1] * 4


def test_a_runner_remembers_nothing_of_earlier_runs(make: Make) -> None:
    runner = make(3)
    first = bits(ran(runner, rows_of(3), Until(25, 60), save=True))
    ran(runner, rows_of(2, seed=1), Until(3, 3))
    assert bits(ran(runner, rows_of(3), Until(25, 60), save=True)) == first


def test_no_rows_do_nothing(make: Make) -> None:
    assert ran(make(2), [], Until(3)) == []


def test_a_row_stops_at_its_episodes_end_or_after_the_most_steps(make: Make) -> None:
    (whole,) = ran(make(1), rows_of(1), Until(1))
    assert whole.over.nonzero()[0].tolist() == [len(whole.rewards) - 1]
    (several,) = ran(make(1), rows_of(1), Until(len(whole.rewards) + 1))
    assert several.over.sum() == 2
    assert several.over[-1]
    (cut,) = ran(make(1), rows_of(1), Until(9, 9))
    assert len(cut.rewards) == 9
    (either,) = ran(make(1), rows_of(1), Until(1, 10_000))
    assert bits(either) == bits(whole)


def test_a_longer_run_begins_as_a_shorter_one(make: Make) -> None:
    (short,), (long,) = (ran(make(1), rows_of(1), Until(n, n)) for n in (300, 700))
    for a, b in zip(short[:7], long[:7], strict=True):
        np.testing.assert_array_equal(a, b[:300])


def test_what_is_seen_after_a_cut_is_where_the_row_goes_on(make: Make) -> None:
    runner, row = make(1), np.array([0])
    (track,) = ran(runner, rows_of(1), Until(5, 5), save=True)
    if not track.over[-1]:
        runner.simulator.load(row, [track.snapshot])
        seen = runner.simulator.observe(row).astype(np.float32)
        np.testing.assert_array_equal(track.after[-1:], seen)
    (long,) = ran(runner, rows_of(1), Until(6, 6))
    if not track.over[-1]:
        np.testing.assert_array_equal(long.obs[5], track.after[-1])
    assert len(track.after) == (track.truncated | (np.arange(5) == 4) & ~track.terminal).sum()


GOING_ON = {
    **{f"compiled {name}": run_by(name) for name in TASKS},
    "half-cheetah in lockstep": stepped(
        lambda rows: MujocoSimulator(task_of("half_cheetah"), rows)
    ),
    "cart-pole in lockstep": stepped(lambda rows: CartPoleSimulator(CartPole(), rows)),
}


@pytest.mark.parametrize("name", GOING_ON)
def test_a_row_goes_on_from_inside_an_episode_as_if_it_had_not_been_stopped(name: str) -> None:
    make, rows = GOING_ON[name], rows_of(1)
    greedy = acting_in(make(1), greedy=True)
    (whole,) = ran(make(1), rows, Until(1, 40), acting=greedy)
    steps = len(whole.rewards)
    part = steps // 2
    (begun,) = ran(make(1), rows, Until(part, part), acting=greedy, save=True)
    snapshot = pickle.loads(pickle.dumps(begun.snapshot))
    elsewhere = make(3)
    ran(elsewhere, rows_of(2, seed=5), Until(3, 3))  # other rows were there before
    on = rows[0]._replace(snapshot=snapshot, age=part)
    (rest,) = ran(elsewhere, [on], Until(steps - part, steps - part), acting=greedy)
    assert steps > 4
    for a, b, c in zip(begun[:7], rest[:7], whole[:7], strict=True):
        np.testing.assert_array_equal(np.concatenate([a, b]), c)


@pytest.mark.parametrize("make", [run_by("half_cheetah", 12), stepped(lambda n: Corridor(n))])
def test_a_time_limit_counts_the_steps_before_a_snapshot(make: Make) -> None:
    runner = make(1)
    for seed in range(20):
        (begun,) = ran(runner, rows_of(1, seed), Until(5, 5), save=True)
        if not begun.over.any():
            break
    on = Row(*Seed(9).spawn(2), begun.snapshot, age=5)
    (rest,) = ran(runner, [on], Until(1))
    assert len(rest.rewards) == 7 if rest.truncated[-1] else len(rest.rewards) <= 7
    assert rest.ages(5).tolist() == [5 + t for t in range(len(rest.rewards))]


@pytest.mark.parametrize("kind", [Compiled, Lockstep])
def test_a_termination_at_the_time_limit_is_no_truncation(kind: Any) -> None:
    simulator = MujocoSimulator(task_of("hopper"), 1)
    policy = policy_of(simulator)
    (free,) = ran(kind(simulator, policy), rows_of(1), Until(1))
    length = len(free.rewards)
    for horizon, terminal in ((length, True), (length - 1, False)):
        simulator = MujocoSimulator(task_of("hopper", horizon=horizon), 1)
        (track,) = ran(kind(simulator, policy), rows_of(1), Until(1))
        assert len(track.rewards) == horizon > 2
        assert track.terminal[-1] == terminal
        assert track.truncated[-1] == (not terminal)
        assert len(track.after) == (not terminal)


class Kept:
    """Everything that was offered."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.states: dict[tuple[int, int], tuple[int, Any]] = {}

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """Save all; none comes twice."""
        for i, (row, step, age) in enumerate(zip(rows, steps, ages, strict=True)):
            assert (row, step) not in self.states
            self.states[int(row), int(step)] = int(age), save(i)


def test_every_visited_state_is_offered_once_and_replays_bit_for_bit(make: Make) -> None:
    kept, runner = Kept(), make(1)
    greedy = acting_in(runner, greedy=True)
    tracks = ran(runner, rows_of(3), Until(18), acting=greedy, keep=kept)
    assert set(kept.states) == {
        (n, t) for n, track in enumerate(tracks) for t in range(len(track.rewards))
    }
    for (n, t), (age, snapshot) in list(kept.states.items())[::3]:
        track = tracks[n]
        assert track.ages(0)[t] == age
        left = int(track.over[t:].argmax()) + 1
        (again,) = ran(make(1), [Row(*Seed(7).spawn(2), snapshot, age)], Until(1), acting=greedy)
        for a, b in zip(again[:7], track[:7], strict=True):
            np.testing.assert_array_equal(a, b[t : t + left])


def test_a_row_that_is_told_what_to_do_first_does_it_and_then_acts_as_ever(make: Make) -> None:
    runner = make(1)
    (free,) = ran(runner, rows_of(1), Until(6, 6))
    (same,) = ran(runner, [rows_of(1)[0]._replace(action=free.actions[0])], Until(6, 6))
    assert bits(same) == bits(free)
    other = np.zeros_like(free.actions[0])
    (told,) = ran(runner, [rows_of(1)[0]._replace(action=other)], Until(6, 6))
    np.testing.assert_array_equal(told.actions[0], other)
    np.testing.assert_array_equal(told.obs[0], free.obs[0])
    if runner.simulator.space.actions.kind == "continuous":  # the same noise, of each step its own
        std = np.exp(free.dist[:, free.actions.shape[1] :])
        noises = [(t.actions - t.dist[:, : t.actions.shape[1]]) / std for t in (free, told)]
        np.testing.assert_allclose(noises[1][1:], noises[0][1:], atol=1e-5)


def test_greedy_rows_draw_no_noise(make: Make) -> None:
    runner = make(1)
    greedy = acting_in(runner, greedy=True)
    (one,) = ran(runner, rows_of(1), Until(9, 9), acting=greedy)
    other_noise = rows_of(1)[0]._replace(noise=Seed(11))
    (two,) = ran(runner, [other_noise], Until(9, 9), acting=greedy)
    assert bits(one) == bits(two)
    if runner.simulator.space.actions.kind == "continuous":
        np.testing.assert_array_equal(one.actions, one.dist[:, : one.actions.shape[1]])
    else:
        np.testing.assert_array_equal(one.actions[:, 0], one.dist.argmax(1))


def test_each_row_may_have_parameters_of_its_own(make: Make) -> None:
    each = acting_in(make(1), each=5)
    rows, until = rows_of(5), Until(8, 8)
    found = ran(make(2), rows, until, acting=each)
    for n, row in enumerate(rows):
        theta = torch.from_numpy(each.theta[n].copy())
        alone = ran(make(1), [row], until, acting=each._replace(theta=theta))
        assert_close(found[n : n + 1], alone)
    assert bits(found[0].dist) != bits(found[1].dist)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("greedy", [False, True])
def test_compiled_code_does_what_lockstep_does_within_1e_5_over_20_steps(
    name: str, greedy: bool
) -> None:
    """Of an untrained policy; contacts of three tasks make more of the last bits of an action."""
    simulator = MujocoSimulator(task_of(name), 4)
    policy = gaussian_mlp(simulator.space)
    runners = Compiled(simulator, policy), Lockstep(simulator, policy)
    acting = acting_in(runners[0], greedy=greedy)
    pairs = zip(*(ran(r, rows_of(4), Until(20, 20), acting=acting) for r in runners), strict=True)
    bound = 1e-3 if name in ("half_cheetah", "ant", "humanoid_standup") else 1e-5
    for one, two in pairs:
        for flag in ("terminal", "truncated", "failed"):
            np.testing.assert_array_equal(getattr(one, flag), getattr(two, flag))
        for field in ("obs", "rewards", "after"):
            a, b = getattr(one, field), getattr(two, field)
            np.testing.assert_allclose(a, b, rtol=bound, atol=bound, err_msg=field)
        for a, b in ((one.actions, two.actions), (one.dist, two.dist)):
            np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", TASKS)
def test_compiled_answers_to_what_was_seen_are_locksteps_within_1e_5(name: str) -> None:
    simulator = MujocoSimulator(task_of(name), 1)
    policy = policy_of(simulator, hidden=(64, 64))
    acting = acting_in(Compiled(simulator, policy))
    answer = policy.network.act(acting.theta)
    for track in ran(Compiled(simulator, policy), rows_of(3), Until(100), acting=acting):
        expected = answer(acting.see(track.obs))
        np.testing.assert_allclose(track.dist, expected, rtol=1e-5, atol=1e-5)


def branches(runner: Runner) -> tuple[list[Any], Array]:
    """States that were visited and actions to try in them."""
    chosen = RolloutSet(6, Seed(3))
    ran(runner, rows_of(3), Until(18), keep=chosen)
    _, snapshots = chosen.states()
    actions = runner.simulator.space.actions
    rng, shape = np.random.default_rng(0), (6, 3, actions.dimensions)
    if actions.kind == "discrete":
        return snapshots, rng.integers(0, 3, shape) % int(actions.number)
    return snapshots, rng.uniform(-1, 1, shape).astype(np.float32)


def test_branches_replay_bit_for_bit(make: Make) -> None:
    snapshots, actions = branches(make(18))
    again = branches(make(18))
    assert bits(again) == bits((snapshots, actions))

    def grown(runner: Runner, common: bool) -> Any:
        given = {"length": 8, "gamma": 0.9, "common_noise": common}
        return follow(runner, Seed(2), acting_in(runner), snapshots, actions, **given)

    for common in (False, True):
        assert bits(grown(make(18), common)) == bits(grown(make(18), common))
    assert bits(grown(make(18), True)) != bits(grown(make(18), False))


@pytest.mark.parametrize("name", TASKS)
def test_a_compiled_branch_is_what_the_simulator_does_from_its_snapshot(name: str) -> None:
    runner = run_by(name)(1)
    snapshots, actions = branches(runner)
    noise, acting = Seed(2), acting_in(runner)
    rows = [Row(noise, noise, snapshots[0], action=action) for action in actions[0]]
    tracks = ran(runner, rows, Until(1, 8), acting=acting)
    simulator, row = run_by(name)(2).simulator, np.array([1])
    for track in tracks:
        simulator.load(row, [pickle.loads(pickle.dumps(snapshots[0]))])
        for t, action in enumerate(simulator.space.actions.clip(track.actions)):
            seen = simulator.observe(row)[0]
            np.testing.assert_array_equal(track.obs[t], seen.astype(np.float32))
            step = simulator.step(action[None], row)
            assert step.reward[0] == track.rewards[t]
            assert step.terminal[0] == track.terminal[t]
    same = [Row(noise, noise, snapshots[0], action=actions[0, 0])] * 2
    one, two = ran(runner, same, Until(1, 8), acting=acting)
    assert bits(one) == bits(two)  # noise that is shared is the same noise


@pytest.mark.parametrize("kind", [Compiled, Lockstep])
def test_parameters_that_are_not_finite_are_found_by_either_runner(kind: Any) -> None:
    simulator = MujocoSimulator(task_of("half_cheetah"), 2)
    policy = policy_of(simulator)
    theta = policy.network.init(np.random.default_rng(0))
    theta[0] = np.nan
    acting = Acting(theta, observation_filter(empty(simulator.space.obs), 0.0))
    tracks = ran(kind(simulator, policy), rows_of(2), Until(3, 3), acting=acting, save=True)
    with pytest.raises(FloatingPointError, match="rewards"):
        taped(tracks, nothing(2), go_on=True)


def test_a_failed_step_ends_an_episode_in_lockstep_too() -> None:
    runner = Lockstep(Failing(2), policy_of(Failing(2)))
    for track in ran(runner, rows_of(2), Until(20)):
        assert track.failed.any()
        assert track.terminal[track.failed].all()


@pytest.mark.parametrize("quantity", ["observation", "reward"])
def test_what_is_not_finite_is_kept_for_whoever_checks(quantity: str) -> None:
    simulator = Broken(2, quantity, np.nan)
    tracks = ran(Lockstep(simulator, policy_of(simulator)), rows_of(2), Until(12))
    with pytest.raises(FloatingPointError, match=quantity):
        taped(tracks, nothing(2), go_on=False)


def test_a_policy_that_cannot_be_compiled_runs_in_lockstep_and_the_runner_says_so() -> None:
    simulator = MujocoSimulator(task_of("hopper"), 2)
    dense = policy_of(simulator)
    run = options.GROUPS["env"]["hopper"].run
    assert run(simulator, dense, map).name == "compiled"
    plain = run(simulator, dense._replace(dense=None), map)
    assert plain.name == "lockstep"
    acting = acting_in(plain)
    one = ran(plain, rows_of(2), Until(10, 10), acting=acting)
    assert_close(one, ran(run(simulator, dense, map), rows_of(2), Until(10, 10), acting=acting))


def test_tasks_without_compiled_steps_run_in_lockstep() -> None:
    simulator = CartPoleSimulator(CartPole(), 2)
    run = options.GROUPS["env"]["cartpole"].run
    assert run(simulator, policy_of(simulator), map).name == "lockstep"
