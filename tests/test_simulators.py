"""The laws of `trpo.simulators.protocol`, for every simulator."""

import pickle
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from mujoco_tasks import TASKS, task_of

from trpo.simulators.atari import AtariSimulator
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.games import Game
from trpo.simulators.gymnasium import GymnasiumSimulator
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Choices, Simulator, Step
from trpo.types import Array

Make = Callable[[int, int], Simulator]  # (rows, horizon)
PLAIN = (
    "Ant-v5",
    "Humanoid-v5",
    "Hopper-v5",
    "Reacher-v5",
    "Pusher-v5",
    "CartPole-v1",
    "Pendulum-v1",
    "MountainCar-v0",
    "MountainCarContinuous-v0",
    "Acrobot-v1",
)


def compiled(name: str) -> Make:
    return lambda rows, horizon: MujocoSimulator(task_of(name, horizon=horizon), rows)


def plain(id: str) -> Make:
    return lambda rows, horizon: GymnasiumSimulator(id, rows, horizon)


def atari(game: str, **settings: Any) -> Make:
    """Episodes that differ in how long they wait before they begin."""
    return lambda rows, horizon: AtariSimulator(
        Game(game=game, horizon=horizon, no_ops=30, **settings), rows
    )


MAKERS: dict[str, Make] = {
    **{name: compiled(name) for name in TASKS},
    "cartpole": lambda rows, horizon: CartPoleSimulator(CartPole(horizon=horizon), rows),
    **{id: plain(id) for id in PLAIN},
    "pong": atari("pong"),
    "qbert": atari("qbert", actions="minimal", height=84, width=84),
    "space_invaders": atari("space_invaders", frame_skip=3, repeat_action_probability=0.25),
}


@pytest.fixture(params=MAKERS, ids=str)
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Makes simulators of one kind and closes them after the test."""
    opened: list[Simulator] = []

    def make(rows: int, horizon: int = 1000) -> Simulator:
        opened.append(MAKERS[request.param](rows, horizon))
        return opened[-1]

    yield make
    for simulator in opened:
        simulator.close()


def actions_for(simulator: Simulator, seed: int, steps: int, rows: int) -> Array:
    """Random actions (steps, rows, A)."""
    rng, kind = np.random.default_rng(seed), simulator.space.actions
    if isinstance(kind, Choices):
        return rng.integers(0, kind.counts, (steps, rows, kind.dimensions))
    return rng.uniform(kind.low, kind.high, (steps, rows, kind.dimensions))


def play(simulator: Simulator, rows: Array, actions: Array) -> list[list[Any]]:
    """What each row showed, step after step; a row that ends goes back to where it began."""
    began, shown = simulator.save(rows), [[] for _ in rows]
    for action in actions:
        step = simulator.step(action, rows)
        seen = simulator.observe(rows)
        for n, history in enumerate(shown):
            flags = bool(step.terminal[n]), bool(step.truncated[n])
            history.append((seen[n].tobytes(), float(step.reward[n]), *flags))
            if any(flags):
                simulator.load(rows[n : n + 1], [began[n]])
    return shown


def started(make: Any, rows: int, horizon: int = 1000) -> tuple[Simulator, Array]:
    """A simulator whose rows have been reset and moved a little, and its row numbers."""
    simulator, numbers = make(rows, horizon), np.arange(rows)
    simulator.reset(np.random.default_rng(0), numbers)
    play(simulator, numbers, actions_for(simulator, 1, 5, rows))
    return simulator, numbers


def test_observations_and_step_have_the_promised_shapes_and_types(make: Any) -> None:
    simulator, rows = started(make, 3)
    space, seen = simulator.space, simulator.observe(rows[1:])
    step = simulator.step(actions_for(simulator, 0, 1, 2)[0], rows[1:])
    assert simulator.count == 3
    assert seen.shape == (2, *space.obs)
    assert seen.dtype == (np.float64 if space.kept.filtered else np.uint8)
    assert [field.shape for field in step] == [(2,)] * 4
    assert [field.dtype for field in step] == [float, bool, bool, bool]
    assert not step.failed.any()


def test_same_seed_and_actions_give_the_same_bits(make: Any) -> None:
    (one, rows), (two, _) = started(make, 3), started(make, 3)
    actions = actions_for(one, 2, 20, 3)
    assert play(one, rows, actions) == play(two, rows, actions)


def test_a_row_does_not_depend_on_the_others_nor_on_its_number(make: Any) -> None:
    many, rows = started(make, 5)
    snapshots, actions = many.save(rows), actions_for(many, 2, 15, 5)
    together = play(many, rows, actions)
    order = np.array([3, 0, 4, 2, 1])
    many.load(order, snapshots)
    assert play(many, order, actions) == together
    single = make(1)
    for n in rows:
        single.load(np.array([0]), [snapshots[n]])
        assert play(single, np.array([0]), actions[:, n : n + 1]) == together[n : n + 1]


def test_a_restored_row_replays_exactly_also_after_pickling_and_in_another_row(make: Any) -> None:
    simulator, rows = started(make, 3)
    snapshot = pickle.loads(pickle.dumps(simulator.save(rows[:1])))
    seen = simulator.observe(rows[:1])
    actions = actions_for(simulator, 3, 25, 1)
    first = play(simulator, rows[:1], actions)
    simulator.load(rows, [snapshot[0]] * 3)
    np.testing.assert_array_equal(simulator.observe(rows), np.repeat(seen, 3, axis=0))
    assert play(simulator, rows, np.repeat(actions, 3, axis=1)) == first * 3


def test_a_snapshot_is_not_changed_by_what_happens_after(make: Any) -> None:
    simulator, rows = started(make, 2)
    snapshots = simulator.save(rows)
    before = pickle.dumps(snapshots)
    simulator.load(rows, snapshots)
    play(simulator, rows, actions_for(simulator, 4, 10, 2))
    assert pickle.dumps(snapshots) == before


def test_an_observation_is_a_copy(make: Any) -> None:
    simulator, rows = started(make, 2)
    seen = simulator.observe(rows)
    kept = seen.copy()
    seen += 1
    np.testing.assert_array_equal(simulator.observe(rows), kept)


def test_resetting_a_row_leaves_the_others_alone(make: Any) -> None:
    simulator, rows = started(make, 3)
    seen = simulator.observe(rows)
    simulator.reset(np.random.default_rng(5), rows[1:2])
    changed = (simulator.observe(rows) != seen).reshape(3, -1).any(axis=1)
    assert changed.tolist() == [False, True, False]


def test_resets_depend_on_the_generator_alone(make: Any) -> None:
    simulator, rows = started(make, 2)
    simulator.reset(np.random.default_rng(6), rows)
    first = simulator.observe(rows)
    simulator.reset(np.random.default_rng(6), rows[::-1])
    np.testing.assert_array_equal(simulator.observe(rows[::-1]), first)
    one, other = play(simulator, rows, np.repeat(actions_for(simulator, 2, 40, 1), 2, axis=1))
    assert one != other


def test_the_time_limit_truncates_and_is_restored_with_a_row(make: Any) -> None:
    simulator, rows = make(2, 4), np.arange(2)
    simulator.reset(np.random.default_rng(0), rows)
    actions = 0 * actions_for(simulator, 0, 4, 2)
    cuts = [simulator.step(action, rows).truncated.tolist() for action in actions[:2]]
    snapshot = simulator.save(rows[:1])
    steps = [simulator.step(action, rows) for action in actions[2:]]
    cuts += [step.truncated.tolist() for step in steps]
    assert cuts == [[False, False]] * 3 + [[True, True]]
    assert not any(step.terminal.any() for step in steps)
    simulator.reset(np.random.default_rng(1), rows)
    simulator.load(rows[1:], snapshot)
    cuts = [simulator.step(action, rows).truncated.tolist() for action in actions]
    assert cuts[:2] == [[False, False], [False, True]]
    assert cuts[3][0]


def test_stepping_some_rows_neither_moves_nor_ages_the_others(make: Any) -> None:
    simulator, rows = make(3, 3), np.arange(3)
    simulator.reset(np.random.default_rng(0), rows)
    seen = simulator.observe(rows)
    still = 0 * actions_for(simulator, 0, 3, 3)
    for _ in range(2):
        simulator.step(still[0, :1], rows[1:2])
    np.testing.assert_array_equal(simulator.observe(rows[::2]), seen[::2])
    cuts = [simulator.step(still[0], rows).truncated.tolist() for _ in range(3)]
    assert cuts[0] == [False, True, False]
    assert cuts[1][::2] == [False, False]
    assert cuts[2][::2] == [True, True]


def until_terminal(make: Make, horizon: int) -> tuple[int, Step]:
    """How many random steps an episode lasted, and the last one."""
    with make(1, horizon) as simulator:
        row = np.array([0])
        simulator.reset(np.random.default_rng(0), row)
        for count, action in enumerate(actions_for(simulator, 7, 500, 1), start=1):
            step = simulator.step(action, row)
            if step.terminal[0]:
                return count, step
    raise AssertionError("the task never ended")


@pytest.mark.parametrize("name", ["inverted_pendulum", "hopper", "cartpole", "CartPole-v1"])
def test_a_termination_at_the_time_limit_is_no_truncation(name: str) -> None:
    length, _ = until_terminal(MAKERS[name], 1000)
    count, step = until_terminal(MAKERS[name], length)
    assert count == length > 2
    assert not step.truncated[0]


def test_no_rows_is_refused_naming_the_setting(make: Any) -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, not 0"):
        make(0)
