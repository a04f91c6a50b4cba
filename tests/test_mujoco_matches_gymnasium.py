"""The fast path against Gymnasium's own environments, from 1,000 states a task."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gymnasium
import mujoco as engine
import numpy as np
import pytest

from trpo.simulators import mujoco
from trpo.simulators.mujoco import MujocoSimulator, Task
from trpo.simulators.protocol import Step
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.types import Array

Options = dict[str, Any]
ROWS, STEPS = 20, 50
TASKS: dict[str, tuple[str, Callable[..., Task]]] = {
    "inverted_pendulum": ("InvertedPendulum-v5", mujoco.inverted_pendulum),
    "swimmer": ("Swimmer-v5", mujoco.swimmer),
    "hopper": ("Hopper-v5", mujoco.hopper),
    "walker2d": ("Walker2d-v5", mujoco.walker2d),
    "half_cheetah": ("HalfCheetah-v5", mujoco.half_cheetah),
}
OPTIONS: list[Options] = [
    {},
    {"exclude_current_positions_from_observation": False, "ctrl_cost_weight": 0.25},
    {"frame_skip": 3, "forward_reward_weight": 2.5, "reset_noise_scale": 0.02},
]
CASES: list[tuple[str, Options]] = [
    *((name, options) for name in TASKS if name != "inverted_pendulum" for options in OPTIONS),
    ("inverted_pendulum", {}),
    ("inverted_pendulum", {"frame_skip": 1, "reset_noise_scale": 0.05}),
    ("hopper", {"healthy_z_range": (1.1, 1.3), "healthy_reward": 0.3}),
    ("hopper", {"healthy_angle_range": (-0.05, 0.3), "terminate_when_unhealthy": False}),
    ("hopper", {"healthy_state_range": (-2.0, 3.0)}),
    ("walker2d", {"healthy_z_range": (1.15, 1.5), "terminate_when_unhealthy": False}),
    ("walker2d", {"healthy_angle_range": (-0.1, 0.05), "healthy_reward": 2.0}),
]


def gym_env(name: str, options: Options) -> Any:
    """The plain environment; a changed frame_skip needs its frame rate to be changed too."""
    with without_settotalmass_warning():
        if "frame_skip" not in options:
            return gymnasium.make(TASKS[name][0], **options).unwrapped
        kind = type(gymnasium.make(TASKS[name][0]).unwrapped)
        modes = {"render_modes": kind.metadata["render_modes"]}
        plain = type("Plain", (kind,), {"metadata": modes})
        return plain(**options)


def visits(simulator: MujocoSimulator) -> Iterator[tuple[Array, Array, Array, Step]]:
    """States that random actions lead to, the actions, and what was seen and given after."""
    rows, rng, space = np.arange(ROWS), np.random.default_rng(0), simulator.space
    simulator.reset(rng, rows)
    for _ in range(STEPS):
        actions = rng.uniform(*space.actions, (ROWS, space.actions.dimensions))
        before = np.stack([state for state, _ in simulator.save(rows)])
        step = simulator.step(actions, rows)
        yield before, actions, simulator.observe(rows), step
        simulator.reset(rng, rows[step.terminal])


def gym_step(env: Any, state: Array, action: Array) -> tuple[Array, float, bool]:
    """Observation, reward and termination after one step from a state [time, qpos, qvel]."""
    nq = env.model.nq
    env.set_state(state[1 : 1 + nq], state[1 + nq :])
    obs, reward, terminated, _, _ = env.step(action)
    return obs, float(reward), bool(terminated)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_one_step_agrees_with_gymnasium_from_1000_states(name: str, options: Options) -> None:
    env, errors = gym_env(name, options), []
    with MujocoSimulator(TASKS[name][1](**options), ROWS) as simulator:
        for before, actions, seen, step in visits(simulator):
            for n in range(ROWS):
                obs, reward, terminated = gym_step(env, before[n], actions[n])
                np.testing.assert_allclose(seen[n], obs, rtol=1e-6, atol=1e-7)
                np.testing.assert_allclose(step.reward[n], reward, rtol=1e-7, atol=1e-7)
                assert step.terminal[n] == terminated
                assert not step.failed[n]
                errors.append(max(np.abs(seen[n] - obs).max(), abs(step.reward[n] - reward)))
    assert len(errors) == 1000
    assert np.quantile(errors, 0.99) < 1e-10  # the worst differ by where the solver began


@pytest.mark.parametrize("name", ["inverted_pendulum", "hopper", "walker2d"])
def test_random_actions_end_episodes_so_that_terminations_are_compared(name: str) -> None:
    with MujocoSimulator(TASKS[name][1](), ROWS) as simulator:
        assert sum(step.terminal.sum() for *_, step in visits(simulator)) > 20


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("scale", [None, 0.03])
def test_initial_states_are_gymnasiums_from_the_same_generator(name: str, scale: float) -> None:
    options = {} if scale is None else {"reset_noise_scale": scale}
    env, row = gym_env(name, options), np.array([0])
    ours, theirs = np.random.default_rng(3), np.random.default_rng(3)
    env.np_random = theirs
    with MujocoSimulator(TASKS[name][1](**options), 1) as simulator:
        for _ in range(100):
            simulator.reset(ours, row)
            np.testing.assert_array_equal(simulator.observe(row)[0], env.reset_model())


@pytest.mark.parametrize("name", TASKS)
def test_bounds_sizes_and_defaults_are_gymnasiums(name: str) -> None:
    env = gymnasium.make(TASKS[name][0]) if name != "half_cheetah" else gym_env(name, {})
    with MujocoSimulator(TASKS[name][1](), 1) as simulator:
        space = simulator.space
    assert space.obs == env.observation_space.shape
    np.testing.assert_array_equal(space.actions.low, env.action_space.low)
    np.testing.assert_array_equal(space.actions.high, env.action_space.high)
    assert space.horizon == gymnasium.spec(TASKS[name][0]).max_episode_steps
    ours = {k: p.default for k, p in inspect.signature(TASKS[name][1]).parameters.items()}
    theirs = {k: p.default for k, p in inspect.signature(type(env.unwrapped)).parameters.items()}
    own = {"horizon": 1000} | ({"forward_point": 0.0} if name == "swimmer" else {})
    assert set(ours) - set(theirs) == set(own)
    assert {k: theirs[k] for k in ours if k not in own} | own == ours


def test_one_metre_along_the_swimmer_is_its_torsos_centre_of_mass() -> None:
    rng, row = np.random.default_rng(0), np.array([0])
    task = mujoco.swimmer(forward_point=1.0, reset_noise_scale=1.0, ctrl_cost_weight=0.0)
    with MujocoSimulator(task, 1) as simulator:
        data, torso = engine.MjData(simulator.model), simulator.model.body("torso").id

        def centre() -> float:
            ((state, _),) = simulator.save(row)
            engine.mj_setState(simulator.model, data, state, mujoco.FULL)
            engine.mj_kinematics(simulator.model, data)
            return float(data.xipos[torso, 0])

        for _ in range(20):
            simulator.reset(rng, row)
            before = centre()
            reward = simulator.step(rng.uniform(-1, 1, (1, 2)), row).reward[0]
            dt = 4 * simulator.model.opt.timestep
            assert reward == pytest.approx((centre() - before) / dt, abs=1e-9)


@pytest.mark.parametrize("excluded", [True, False])
@pytest.mark.parametrize(("name", "size"), [("swimmer", 10), ("hopper", 12), ("walker2d", 18)])
def test_observing_positions_gives_the_papers_dimensions(
    name: str, size: int, excluded: bool
) -> None:
    task = TASKS[name][1](exclude_current_positions_from_observation=excluded)
    with MujocoSimulator(task, 1) as simulator:
        left_out = (2 if name == "swimmer" else 1) * excluded
        assert simulator.space.obs == (size - left_out,)


def test_a_step_that_fails_ends_the_row_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the engine writes its warnings to a file here
    rows = np.arange(3)
    with MujocoSimulator(mujoco.half_cheetah(), 3) as simulator:
        simulator.reset(np.random.default_rng(0), rows)
        (state, elapsed), *_ = simulator.save(rows)
        state[12] = 1e11  # a velocity beyond the engine's bound
        simulator.load(rows[1:2], [(state, elapsed)])
        step = simulator.step(np.zeros((3, 6)), rows)
        assert step.terminal.tolist() == [False, True, False]
        assert step.reward[1] == 0
        assert step.failed.tolist() == [False, True, False]
        np.testing.assert_array_equal(simulator.save(rows[1:2])[0][0], state)
        simulator.reset(np.random.default_rng(0), rows[1:2])
        step = simulator.step(np.zeros((3, 6)), rows)
        assert not (step.terminal | step.failed).any()


def test_only_the_settotalmass_warning_is_silenced(capfd: pytest.CaptureFixture[str]) -> None:
    mujoco.load_model("half_cheetah")
    assert capfd.readouterr() == ("", "")
    with without_settotalmass_warning(), pytest.warns(UserWarning, match="something else"):
        engine.get_mju_user_warning()("something else")
    assert engine.get_mju_user_warning() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"frame_skip": 0}, r"frame_skip must be at least 1, not 0"),
        ({"horizon": 0}, r"horizon must be at least 1, not 0"),
        ({"reset_noise_scale": -1.0}, r"reset_noise_scale must be at least 0, not -1\.0"),
        ({"healthy_z_range": (2.0, 0.7)}, r"healthy ranges must rise, not go from 2\.0 to"),
    ],
)
def test_impossible_numbers_are_refused_naming_the_setting(options: Options, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mujoco.hopper(**options)


def test_no_threads_are_refused() -> None:
    with pytest.raises(ValueError, match="threads must be at least 1, not 0"):
        MujocoSimulator(mujoco.hopper(), 1, threads=0)
