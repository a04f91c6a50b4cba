"""What a row does, alone or among others: the laws of both runners."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
from bits import bits, threads
from hypothesis import given
from hypothesis import strategies as st
from tiny_task import HORIZON, Corridor

from trpo.moments import Filter
from trpo.policies import Policy, categorical_mlp, gaussian_mlp
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Acting, Row, Runner, Seed, Track, Until, fresh, seed_of
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Choices, Simulator, Space
from trpo.types import Array

LIMIT = 25  # of the hopper's episodes
STEPWISE = ("obs", "actions", "dist", "rewards", "terminal", "truncated", "failed")


def policy_of(space: Space) -> Policy:
    """A small network that depends on what it sees."""
    build: Any = categorical_mlp if isinstance(space.actions, Choices) else gaussian_mlp
    policy: Policy = build(space, hidden=(50,), last_gain=1.0)
    return policy


def lockstep(simulator: Simulator) -> Runner:
    """Rows side by side."""
    return Lockstep(simulator, policy_of(simulator.space))


MAKERS: dict[str, Callable[[int], Runner]] = {
    "corridor": lambda rows: lockstep(Corridor(rows)),
    "corridor, discrete": lambda rows: lockstep(Corridor(rows, discrete=True)),
    "cartpole": lambda rows: lockstep(CartPoleSimulator(CartPole(horizon=60), rows)),
    "hopper": lambda rows: lockstep(MujocoSimulator(hopper(horizon=LIMIT), rows)),
    "hopper, compiled": lambda rows: compiled(rows),
}
every_runner = pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
continuous = pytest.mark.parametrize(
    "make", [MAKERS[name] for name in ("corridor", "cartpole", "hopper", "hopper, compiled")]
)
of_the_corridor = pytest.mark.parametrize("make", [MAKERS["corridor"]], ids=["corridor"])


def compiled(rows: int, pmap: Any = map) -> Runner:
    """Rows each on its own."""
    simulator = MujocoSimulator(hopper(horizon=LIMIT), rows)
    return Compiled(simulator, policy_of(simulator.space), pmap)


def acting(runner: Runner, greedy: bool = False) -> Acting:
    """The runner's policy as it is initialised, behind a filter."""
    theta = runner.policy.network.init(np.random.default_rng(0))
    ones = np.ones(runner.simulator.space.obs, np.float32)
    return Acting(theta, Filter(0.1 * ones, ones / 3, 5.0), greedy)


def at(runner: Runner, number: int) -> Runner:
    """The runner of rows from that number on, which in lockstep is their place in a product."""
    return runner._replace(first=int(number)) if isinstance(runner, Lockstep) else runner


def tracks(runner: Runner, rows: Sequence[Row], until: Until, **more: Any) -> list[Track]:
    """What the rows did."""
    return [*runner.run(rows, acting(runner), until, **more)]


def start(count: int, seed: int = 0) -> list[Row]:
    """So many rows."""
    return fresh(Seed(seed), count)


# --- which rows run beside a row, and how many steps at once


@every_runner
@pytest.mark.parametrize("until", [Until(40), Until(40, 40), Until(1, 40), Until(1)], ids=repr)
def test_a_row_does_the_same_whatever_runs_beside_it(
    make: Callable[[int], Runner], until: Until
) -> None:
    rows = start(40)  # more than a policy is asked of at once
    first = [bits(track) for track in tracks(make(40), rows, until, save=True)]
    assert len({*first}) == 40
    for count in (1, 3, 64):
        assert [bits(track) for track in tracks(make(count), rows, until, save=True)] == first
    for n in np.random.default_rng(0).permutation(40)[:7]:
        (alone,) = tracks(at(make(2), n), [rows[n]], until, save=True)
        assert bits(alone) == first[n]


def test_compiled_rows_do_the_same_in_any_order() -> None:
    rows, order = start(40), np.random.default_rng(0).permutation(40)
    first = [bits(track) for track in tracks(compiled(40), rows, Until(40), save=True)]
    others = tracks(compiled(7), [rows[n] for n in order], Until(40), save=True)
    assert [bits(track) for track in others] == [first[n] for n in order]


@every_runner
def test_a_shorter_run_is_the_beginning_of_a_longer_one(make: Callable[[int], Runner]) -> None:
    runner, rows = make(2), start(3)
    whole = tracks(runner, rows, Until(600, 600))
    for steps in (1, 63, 64, 65, 128, 255, 256, 257, 512, 513):  # noise is drawn in blocks
        for track, long in zip(tracks(runner, rows, Until(steps, steps)), whole, strict=True):
            assert len(track.rewards) == steps
            for name in STEPWISE:
                assert bits(getattr(track, name)) == bits(getattr(long, name)[:steps])


@continuous
def test_noise_is_never_drawn_twice(make: Callable[[int], Runner]) -> None:
    runner = make(2)
    found = tracks(runner, start(3), Until(600, 600))
    noise = [(t.actions - np.split(t.dist, 2, 1)[0]) / np.exp(np.split(t.dist, 2, 1)[1])
             for t in found]  # fmt: skip
    drawn = np.concatenate(noise)[:, 0]
    assert len(np.unique(drawn.round(5))) > 0.98 * len(drawn)  # of 1,800 some are that close
    assert abs(drawn.mean()) < 3.5 / len(drawn) ** 0.5
    assert abs(drawn.var() - 1) < 3.5 * (2 / len(drawn)) ** 0.5
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert abs(np.corrcoef(noise[one][:, 0], noise[other][:, 0])[0, 1]) < 4 / 600**0.5


def test_threads_do_not_change_a_bit() -> None:
    first = bits(tracks(compiled(1), start(9), Until(300, 300), save=True))
    for count in (1, 2, 3):
        with threads(count) as pmap:
            assert bits(tracks(compiled(1, pmap), start(9), Until(300, 300), save=True)) == first


@every_runner
def test_what_a_runner_did_before_changes_nothing(make: Callable[[int], Runner]) -> None:
    runner = make(3)
    first = bits(tracks(runner, start(5), Until(30)))
    tracks(runner, start(4, seed=1), Until(50, 50))
    assert bits(tracks(runner, start(5), Until(30))) == first


@every_runner
def test_no_rows_do_nothing(make: Callable[[int], Runner]) -> None:
    assert tracks(make(3), [], Until(30)) == []


# --- when a row stops


@pytest.mark.parametrize(
    ("until", "steps", "ended", "over"),
    [
        (Until(5), 4, True, False),
        (Until(5), 5, True, True),
        (Until(5), 5, False, False),
        (Until(5), 9, True, True),
        (Until(5), 900, False, False),
        (Until(5, 7), 6, False, False),
        (Until(5, 7), 7, False, True),
        (Until(5, 7), 6, True, True),
        (Until(5, 7), 4, True, False),
        (Until(5, 5), 5, False, True),
    ],
)
def test_until(until: Until, steps: int, ended: bool, over: bool) -> None:
    assert until.over(steps, ended) == over


@every_runner
@given(least=st.integers(1, 90), more=st.one_of(st.none(), st.integers(0, 40)))
def test_a_row_stops_when_it_is_over_and_not_before(
    make: Callable[[int], Runner], least: int, more: int | None
) -> None:
    until = Until(least, None if more is None else least + more)
    for track in tracks(make(2), start(3, seed=least), until):
        over = [until.over(t + 1, bool(end)) for t, end in enumerate(track.over)]
        assert over == [False] * (len(over) - 1) + [True]


# --- what a track holds


@every_runner
@pytest.mark.parametrize("until", [Until(90), Until(90, 90)], ids=["complete", "cut"])
def test_what_was_seen_after_each_cut_is_kept_in_order(
    make: Callable[[int], Runner], until: Until
) -> None:
    runner, longer = make(3), Until(95)
    for track, on in zip(
        tracks(runner, start(4), until), tracks(runner, start(4), longer), strict=True
    ):
        stopped = np.arange(len(track.rewards)) == len(track.rewards) - 1
        cut = np.flatnonzero(track.truncated | (stopped & ~track.terminal))
        assert len(track.after) == len(cut)
        for seen, t in zip(track.after, cut, strict=True):
            if not track.truncated[t]:  # stopped within an episode
                assert np.array_equal(seen, on.obs[t + 1])
            assert not np.array_equal(seen, track.obs[t])
        assert not (track.terminal & track.truncated).any()
        assert track.obs.dtype == track.dist.dtype == track.after.dtype == np.float32
        assert track.rewards.dtype == np.float64
        assert {field.dtype for field in track[4:7]} == {np.dtype(bool)}


@of_the_corridor
def test_a_time_limit_keeps_the_state_that_it_cut(make: Callable[[int], Runner]) -> None:
    for track in tracks(make(2), start(4), Until(200)):
        limits = track.truncated.nonzero()[0]
        assert len(limits) > 0
        assert np.array_equal(track.after, track.obs[limits] + [1, 0])


@every_runner
def test_actions_and_rewards_are_those_of_the_simulator(make: Callable[[int], Runner]) -> None:
    runner, row, seed = make(1), np.array([0]), start(1)[0]
    (track,) = tracks(runner, [seed], Until(100))
    simulator, resets = make(1).simulator, np.random.default_rng(seed.resets)
    simulator.reset(resets, row)
    for t, action in enumerate(track.actions):
        assert np.array_equal(simulator.observe(row)[0].astype(np.float32), track.obs[t])
        given = simulator.space.actions.clip(action[None])
        reward, terminal, truncated, failed = simulator.step(given, row)
        assert reward[0] == track.rewards[t]
        assert (terminal[0], truncated[0]) == (track.terminal[t], track.truncated[t])
        assert failed[0] == track.failed[t]
        if terminal[0] or truncated[0]:
            simulator.reset(resets, row)


@given(st.lists(st.booleans(), min_size=1, max_size=40), st.integers(0, 9))
def test_ages_count_the_steps_of_each_episode(over: list[bool], first: int) -> None:
    expected, age = [], first
    for ended in over:
        expected.append(age)
        age = 0 if ended else age + 1
    assert track_of(np.zeros(len(over)), over).ages(first).tolist() == expected


def track_of(rewards: Array, over: Sequence[bool]) -> Track:
    """A track of which only this matters; some of the episodes met the time limit."""
    ended = np.array(over)
    late = ended & (np.arange(len(ended)) % 2 == 0)
    nothing = np.zeros((len(rewards), 1), np.float32)
    flags = ended & ~late, late, np.zeros_like(ended)
    return Track(nothing, nothing, nothing, rewards, *flags, nothing[:0], None)


class Told:
    """Notes what it is told of."""

    def __init__(self) -> None:
        self.states: dict[tuple[int, int], tuple[int, Any]] = {}

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        for i, (row, step, age) in enumerate(zip(rows, steps, ages, strict=True)):
            assert (row, step) not in self.states
            self.states[int(row), int(step)] = int(age), save(i)


@every_runner
def test_every_visited_state_is_told_of_once_and_can_be_returned_to(
    make: Callable[[int], Runner],
) -> None:
    runner, told = make(2), Told()
    found = tracks(runner, start(5), Until(70), keep=told)
    places = {(n, t) for n, track in enumerate(found) for t in range(len(track.rewards))}
    assert {*told.states} == places
    simulator, row = make(1).simulator, np.array([0])
    for (n, t), (age, snapshot) in told.states.items():
        track = found[n]
        assert age == track.ages(0)[t]
        simulator.load(row, [snapshot])
        assert np.array_equal(simulator.observe(row)[0].astype(np.float32), track.obs[t])
        reward, *flags = simulator.step(simulator.space.actions.clip(track.actions[t : t + 1]), row)
        assert reward[0] == track.rewards[t]
        assert [flag[0] for flag in flags] == [field[t] for field in track[4:7]]


@every_runner
def test_being_told_of_states_changes_no_bit(make: Callable[[int], Runner]) -> None:
    runner = make(2)
    plain = bits(tracks(runner, start(5), Until(70)))
    assert bits(tracks(runner, start(5), Until(70), keep=Told())) == plain


# --- rows that go on


@every_runner
def test_rows_that_begin_at_snapshots_go_on_within_the_episode(
    make: Callable[[int], Runner],
) -> None:
    runner, told = make(3), Told()
    found = tracks(runner, start(3), Until(70), keep=told)
    places = [*told.states.items()][::5]
    rows = [
        Row(Seed(9), Seed(9), snapshot, age, found[n].actions[t])
        for (n, t), (age, snapshot) in places
    ]
    for ((n, t), (age, _)), row in zip(places, rows, strict=True):
        (again,) = tracks(at(runner, n), [row], Until(1))
        for name in STEPWISE:
            assert bits(getattr(again, name)[0]) == bits(getattr(found[n], name)[t])
        if not found[n].over[t]:
            assert np.array_equal(again.obs[1], found[n].obs[t + 1])
        length = age + len(again.rewards)  # of the whole episode
        assert length <= runner.simulator.space.horizon
        late = length == runner.simulator.space.horizon
        assert again.truncated[-1] == (late and not again.terminal[-1])


@every_runner
def test_ages_go_on_from_those_that_a_row_began_with(make: Callable[[int], Runner]) -> None:
    runner = make(2)
    short = tracks(runner, start(4), Until(9, 9), save=True)
    ages = [int(track.ages(0)[-1] + 1) * (not track.over[-1]) for track in short]
    begins = zip(start(4, seed=1), short, ages, strict=True)
    rows = [row._replace(snapshot=track.snapshot, age=age) for row, track, age in begins]
    told = Told()
    found = tracks(runner, rows, Until(30), keep=told)
    for (n, t), (age, _) in told.states.items():
        assert age == found[n].ages(ages[n])[t]
    assert len({*ages}) > 1 or ages == [9] * 4


class SameStart(Corridor):
    """Every episode begins alike."""

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        super().reset(np.random.default_rng(3), rows)


class SameFall(CartPoleSimulator):
    """Every episode begins alike."""

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        super().reset(np.random.default_rng(3), rows)


HALVES: dict[str, Callable[[int], Runner]] = {
    "corridor": lambda rows: lockstep(SameStart(rows)),
    "cartpole": lambda rows: lockstep(SameFall(CartPole(), rows)),
    "hopper": lambda rows: lockstep(MujocoSimulator(hopper(reset_noise_scale=0.0), rows)),
    "hopper, compiled": lambda rows: Compiled(
        (simulator := MujocoSimulator(hopper(reset_noise_scale=0.0), rows)),
        policy_of(simulator.space),
    ),
}


@pytest.mark.parametrize("make", HALVES.values(), ids=HALVES)
@pytest.mark.parametrize("half", [1, HORIZON, 30, 64, 130])
def test_a_row_goes_on_where_it_stopped_so_that_two_halves_are_one_whole(
    make: Callable[[int], Runner], half: int
) -> None:
    runner, rows = make(2), start(3)
    greedy = acting(runner, greedy=True)  # no noise, and starts are alike

    def run(rows: list[Row], steps: int) -> list[Track]:
        return [*runner.run(rows, greedy, Until(steps, steps), save=True)]

    first = run(rows, half)
    ages = [int(track.ages(0)[-1] + 1) * (not track.over[-1]) for track in first]
    again = zip(rows, first, ages, strict=True)
    on = [row._replace(snapshot=track.snapshot, age=age) for row, track, age in again]
    for one, other, whole in zip(first, run(on, half), run(rows, 2 * half), strict=True):
        for name in STEPWISE:
            joined = np.concatenate([getattr(one, name), getattr(other, name)])
            assert bits(joined) == bits(getattr(whole, name))
        inner = len(one.after) - (not one.over[-1])  # its own end was no cut of the whole
        assert bits(np.concatenate([one.after[:inner], other.after])) == bits(whole.after)
        assert bits(other.snapshot) == bits(whole.snapshot)


@every_runner
def test_a_row_that_stops_at_an_episodes_end_goes_on_with_a_new_one(
    make: Callable[[int], Runner],
) -> None:
    runner = make(2)
    seeds = start(3)
    found = tracks(runner, seeds, Until(1), save=True)
    longer = tracks(runner, seeds, Until(70))
    again = [row._replace(snapshot=track.snapshot) for row, track in zip(seeds, found, strict=True)]
    for one, other, whole in zip(found, tracks(runner, again, Until(1)), longer, strict=True):
        assert one.over[-1]
        assert np.array_equal(other.obs[0], whole.obs[len(one.rewards)])
    assert [track.snapshot for track in longer] == [None] * 3  # none unless it is asked for


# --- what acts


@every_runner
def test_the_first_action_is_the_one_that_a_row_is_told(make: Callable[[int], Runner]) -> None:
    runner = make(2)
    told = np.array([7.0, -7.0, 0.25])[: runner.simulator.space.actions.dimensions]
    told = told.astype(np.float32)
    if isinstance(runner.simulator.space.actions, Choices):
        told = np.array([2])
    plain = start(3)
    rows = [plain[0], plain[1]._replace(action=told), plain[2]]
    found, free = tracks(runner, rows, Until(300, 300)), tracks(runner, plain, Until(300, 300))
    assert np.array_equal(found[1].actions[0], told)
    assert np.array_equal(found[1].dist[0], free[1].dist[0])
    assert bits(found[0]) == bits(free[0])
    assert bits(found[2]) == bits(free[2])
    if runner.simulator.space.actions.kind == "continuous":
        size = runner.simulator.space.actions.dimensions
        noise = [t.actions[1:] - t.dist[1:, :size] for t in (found[1], free[1])]
        assert noise[0] == pytest.approx(noise[1], abs=1e-5)  # of later steps: the same


@every_runner
def test_greedy_rows_take_the_mean_or_the_likeliest_choice(make: Callable[[int], Runner]) -> None:
    runner = make(2)
    for track in runner.run(start(3), acting(runner, greedy=True), Until(70)):
        if isinstance(runner.simulator.space.actions, Choices):
            expected = track.dist.argmax(1)[:, None]
        else:
            expected = np.split(track.dist, 2, axis=1)[0]
        assert np.array_equal(track.actions, expected)


@every_runner
def test_each_row_acts_by_its_own_parameters_where_there_are_many(
    make: Callable[[int], Runner],
) -> None:
    runner, rows = make(2), start(5)
    given = acting(runner)
    size = runner.policy.network.size
    thetas = 0.3 * np.random.default_rng(0).standard_normal((5, size))
    every = [*runner.run(rows, given._replace(theta=thetas), Until(70))]
    for n, track in enumerate(every):
        only = given._replace(theta=thetas[n : n + 1])
        (alone,) = runner.run(rows[n : n + 1], only, Until(70))
        assert bits(alone) == bits(track)
    assert len({bits(track.dist[0]) for track in every}) == 5


@every_runner
def test_rows_that_share_their_streams_do_the_same(make: Callable[[int], Runner]) -> None:
    one, other = start(2)
    found = tracks(make(2), [one, one, other, one], Until(70))
    first = bits(found[0])
    assert [bits(track) == first for track in found] == [True, True, False, True]


@every_runner
def test_noise_and_starts_are_streams_of_their_own(make: Callable[[int], Runner]) -> None:
    runner, (one, other) = make(2), start(2)
    both, noise, resets = (
        tracks(runner, [row], Until(1))[0]
        for row in (one, one._replace(resets=other.resets), one._replace(noise=other.noise))
    )
    assert np.array_equal(both.obs[0], resets.obs[0])
    assert not np.array_equal(both.obs[0], noise.obs[0])
    if runner.simulator.space.actions.kind == "continuous":
        size = runner.simulator.space.actions.dimensions
        of = [t.actions[0] - t.dist[0, :size] for t in (both, noise, resets)]
        assert of[0] == pytest.approx(of[1], abs=1e-6)
        assert abs(of[0] - of[2]).min() > 1e-4


def test_fresh_rows_have_seeds_of_their_own_every_time() -> None:
    seed = seed_of(np.random.default_rng(5))
    rows = [*fresh(seed, 4), *fresh(seed, 4)]
    drawn = {np.random.default_rng(x).bytes(8) for row in rows for x in (row.noise, row.resets)}
    assert len(drawn) == 16
    assert {(row.snapshot, row.age, row.action) for row in rows} == {(None, 0, None)}


def test_a_seed_is_what_its_generator_was_made_from() -> None:
    one, other = (np.random.default_rng([1, 2]) for _ in range(2))
    other.bytes(100)
    assert bits([*fresh(seed_of(one), 3)]) == bits([*fresh(seed_of(other), 3)])
