"""Any Gymnasium task: as Gymnasium plays it, exactly restored, or refused in plain words."""

import pickle
from collections.abc import Iterator
from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.spaces import Box, Dict, Discrete, MultiBinary, MultiDiscrete

from trpo.simulators.gymnasium import GymnasiumSimulator
from trpo.simulators.protocol import Choices

ROW = np.array([0])
REAL = Box(-1, 1, (2,))


class Toy(gymnasium.Env[Any, Any]):
    """Shows 0, adds up actions, and says that it ends by itself when told so."""

    def __init__(self, seen: Any = REAL, acted: Any = REAL, kept: Any = None) -> None:
        self.observation_space, self.action_space, self.kept = seen, acted, kept

    def reset(self, **_: Any) -> tuple[Any, dict[str, Any]]:
        self.given: list[Any] = []
        return np.zeros(self.observation_space.shape or ()), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self.given.append(action)
        ends = bool(np.any(np.asarray(action) == 1))
        return np.zeros(self.observation_space.shape or ()), 0.0, ends, True, {}


@pytest.fixture
def toy() -> Iterator[Any]:
    """Registers Toy with the given spaces and returns its id."""

    def register(steps: int | None = 5, **kwargs: Any) -> str:
        gymnasium.register("Toy-v0", Toy, max_episode_steps=steps, kwargs=kwargs)
        return "Toy-v0"

    yield register
    gymnasium.registry.pop("Toy-v0", None)


@pytest.mark.parametrize(
    "id", ["Pendulum-v1", "CartPole-v1", "MountainCar-v0", "Hopper-v5", "Ant-v5"]
)
def test_an_episode_is_what_gymnasium_itself_plays(id: str) -> None:
    env, seed = gymnasium.make(id), int(np.random.default_rng(0).integers(2**31))
    with GymnasiumSimulator(id, 1) as simulator:
        simulator.reset(np.random.default_rng(0), ROW)
        obs, _ = env.reset(seed=seed)
        np.testing.assert_array_equal(simulator.observe(ROW)[0], obs)
        rng, kind, ended = np.random.default_rng(1), simulator.space.actions, False
        while not ended:
            discrete = isinstance(kind, Choices)
            action = rng.integers(kind.counts) if discrete else rng.uniform(*kind)
            given = int(action[0]) if discrete else action.astype(env.action_space.dtype)
            obs, reward, terminated, truncated, _ = env.step(given)
            step = simulator.step(action[None], ROW)
            np.testing.assert_array_equal(simulator.observe(ROW)[0], obs)
            assert (step.reward[0], step.terminal[0]) == (reward, terminated)
            assert step.truncated[0] == (truncated and not terminated)
            ended = terminated or truncated


@pytest.mark.parametrize("id", ["Ant-v5", "Humanoid-v5", "HalfCheetah-v5"])
def test_a_pickled_row_continues_for_200_steps_with_the_same_bits_elsewhere(id: str) -> None:
    with GymnasiumSimulator(id, 2) as simulator:
        rng, kind = np.random.default_rng(0), simulator.space.actions
        actions = rng.uniform(*kind, (240, 1, kind.dimensions))
        simulator.reset(rng, np.arange(2))
        for action in actions[:30]:
            simulator.step(action, ROW)
        for action in actions[30:40]:
            simulator.step(action, ROW + 1)
        simulator.load(ROW + 1, pickle.loads(pickle.dumps(simulator.save(ROW))))
        for action in actions[40:]:
            here, there = simulator.step(action, ROW), simulator.step(action, ROW + 1)
            assert here == there
            np.testing.assert_array_equal(simulator.observe(ROW), simulator.observe(ROW + 1))
        (_, steps, first), (_, steps_too, second) = simulator.save(np.arange(2))
        assert steps == steps_too == 230
        assert first.physics["data"][0] == second.physics["data"][0]  # MuJoCo's time


def test_the_time_limit_is_the_registered_one_unless_given() -> None:
    assert GymnasiumSimulator("Pendulum-v1", 1).space.horizon == 200
    assert GymnasiumSimulator("Pendulum-v1", 1, horizon=7).space.horizon == 7


def test_a_limit_that_the_task_sets_itself_is_a_truncation_unless_it_ended(toy: Any) -> None:
    with GymnasiumSimulator(toy(), 2) as simulator:
        step = simulator.step(np.array([[0.0, 0.5], [1.0, 0.5]]), np.arange(2))
    assert step.truncated.tolist() == [True, False]
    assert step.terminal.tolist() == [False, True]


def test_discrete_actions_count_from_the_spaces_start(toy: Any) -> None:
    with GymnasiumSimulator(toy(acted=Discrete(3, start=5)), 1) as simulator:
        assert simulator.space.actions == Choices((3,))
        simulator.step(np.array([[2]]), ROW)
        assert simulator.save(ROW)[0][2].plain["given"] == [7]


def test_pixels_stay_bytes_and_actions_take_the_spaces_shape(toy: Any) -> None:
    spaces = {"seen": Box(0, 255, (4, 3), np.uint8), "acted": Box(-1, 1, (2, 2))}
    with GymnasiumSimulator(toy(**spaces), 1) as simulator:
        assert simulator.observe(ROW).dtype == np.uint8
        assert simulator.space.obs == (4, 3)
        assert simulator.space.actions.dimensions == 4
        simulator.step(np.array([[1.0, 2.0, 3.0, 4.0]]), ROW)
        assert simulator.save(ROW)[0][2].plain["given"][0].tolist() == [[1, 2], [3, 4]]


@pytest.mark.parametrize(
    ("id", "message"),
    [
        ("Hoper-v5", r"Hoper-v5: no such task; nearest: Hopper-v5, "),
        ("zzz", "zzz: no such task; nearest: none"),
        ("no_such_module:Thing-v0", "no_such_module:Thing-v0: No module named 'no_such_module'"),
        ("FrozenLake-v1", r"FrozenLake-v1: observations must be a Box, not Discrete"),
        ("Blackjack-v1", "Blackjack-v1 has no time limit of its own: set horizon"),
    ],
)
def test_an_id_that_cannot_be_run_is_refused_naming_the_setting(id: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        GymnasiumSimulator(id, 1)


@pytest.mark.parametrize(
    ("spaces", "message"),
    [
        ({"acted": MultiDiscrete([2, 3])}, "actions must be Discrete or a real Box, not Multi"),
        ({"acted": MultiBinary(3)}, "actions must be Discrete or a real Box, not MultiBinary"),
        ({"acted": Box(0, 9, (1,), np.int64)}, "actions must be Discrete or a real Box, not Box"),
        ({"seen": Dict(a=REAL)}, "observations must be a Box, not Dict"),
    ],
)
def test_spaces_that_no_policy_can_serve_are_refused(toy: Any, spaces: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"Toy-v0: {message}"):
        GymnasiumSimulator(toy(**spaces), 1)


def test_an_impossible_time_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="horizon must be at least 1, not 0"):
        GymnasiumSimulator("Pendulum-v1", 1, horizon=0)


def test_an_environment_that_cannot_be_saved_says_so_when_it_is_saved(toy: Any) -> None:
    with GymnasiumSimulator(toy(kept=object()), 1) as simulator:
        simulator.step(np.zeros((1, 2)), ROW)
        with pytest.raises(
            ValueError,
            match=r"Toy-v0 cannot be saved: its attribute 'kept' \(object\) is not plain",
        ):
            simulator.save(ROW)


def test_a_random_generator_is_part_of_a_snapshot(toy: Any) -> None:
    with GymnasiumSimulator(toy(kept=np.random.default_rng(0)), 1) as simulator:
        saved = simulator.save(ROW)
        kept = simulator._envs[0].kept
        first = kept.random(3)
        simulator.load(ROW, saved)
        np.testing.assert_array_equal(simulator._envs[0].kept.random(3), first)


def test_a_loaded_snapshot_shares_nothing_with_the_environment(toy: Any) -> None:
    with GymnasiumSimulator(toy(), 1) as simulator:
        simulator.step(np.array([[0.25, 0.5]]), ROW)
        saved = simulator.save(ROW)
        for _ in range(2):
            simulator.load(ROW, saved)
            simulator.step(np.zeros((1, 2)), ROW)
            assert len(simulator.save(ROW)[0][2].plain["given"]) == 2
