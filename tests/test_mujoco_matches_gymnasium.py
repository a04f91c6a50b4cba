"""MuJoCo tasks against Gymnasium's own: every number of whole episodes, bit for bit."""

import importlib.resources
import inspect
import pickle
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import mujoco
import numpy as np
import pytest
from mujoco_tasks import TASKS, Options, assert_same_reward, gym_env, state_of, task_of

from trpo.algorithms import Compute, policy_optimisation
from trpo.baselines import linear_features, no_baseline
from trpo.moments import empty, observation_filter
from trpo.parameters import UnfitError
from trpo.policies import gaussian_mlp, linear_gaussian
from trpo.samplers.batches import Estimator, from_paths
from trpo.samplers.compiled import Compiled
from trpo.samplers.runner import Acting, Row, Track, Until
from trpo.samplers.single_path import single_path
from trpo.simulators.mujoco import MujocoSimulator, load_model
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.tables import KEPT
from trpo.streams import stream
from trpo.types import Array
from trpo.updates import trpo

STEPS = 1000
ALIVE = {"terminate_when_unhealthy": False}
SEEN = (
    "include_cinert_in_observation",
    "include_cvel_in_observation",
    "include_qfrc_actuator_in_observation",
    "include_cfrc_ext_in_observation",
)
WHERE: Options = {"exclude_current_positions_from_observation": False}
SPEED: Options = {
    "frame_skip": 3,
    "forward_reward_weight": 2.5,
    "ctrl_cost_weight": 0.3,
    "reset_noise_scale": 0.02,
}
OPTIONS: dict[str, list[Options]] = {
    "inverted_pendulum": [{"frame_skip": 1, "reset_noise_scale": 0.05}],
    "inverted_double_pendulum": [
        {"frame_skip": 1, "healthy_reward": 0.3, "reset_noise_scale": 0.02}
    ],
    "reacher": [{"frame_skip": 5, "reward_dist_weight": 0.7, "reward_control_weight": 0.3}],
    "pusher": [
        {
            "frame_skip": 2,
            "reward_near_weight": 0.7,
            "reward_dist_weight": 0.3,
            "reward_control_weight": 0.7,
        }
    ],
    "swimmer": [WHERE | SPEED],
    "half_cheetah": [WHERE | SPEED],
    "hopper": [
        WHERE | SPEED | {"healthy_reward": 0.3, "healthy_z_range": (1.1, 1.3)},
        ALIVE | {"healthy_angle_range": (-0.05, 0.3)},
        {"healthy_state_range": (-2.0, 3.0)},
    ],
    "walker2d": [
        WHERE | SPEED | {"healthy_reward": 0.3, "healthy_angle_range": (-0.1, 0.05)},
        ALIVE | {"healthy_z_range": (1.15, 1.5)},
    ],
    "ant": [
        WHERE | SPEED | {"healthy_reward": 0.3, "healthy_z_range": (0.4, 0.9)},
        ALIVE
        | {
            "include_cfrc_ext_in_observation": False,
            "contact_cost_weight": 0.07,
            "contact_force_range": (-0.3, 0.2),
        },
    ],
    "humanoid": [
        WHERE | SPEED | dict.fromkeys(SEEN[::2], False) | {"healthy_z_range": (1.2, 1.38)},
        ALIVE
        | dict.fromkeys(SEEN[1::2], False)
        | {"contact_cost_weight": 1e-4, "contact_cost_range": (0.2, 3.0), "healthy_reward": 0.3},
    ],
    "humanoid_standup": [
        WHERE
        | dict.fromkeys(SEEN[::2], False)
        | {"frame_skip": 3, "ctrl_cost_weight": 0.3, "reset_noise_scale": 0.02},
        dict.fromkeys(SEEN[1::2], False)
        | {"uph_cost_weight": 3.0, "impact_cost_weight": 1e-4, "impact_cost_range": (0.2, 3.0)},
    ],
}
CASES = [(name, options) for name in TASKS for options in ({}, *OPTIONS[name])]
OURS = {"horizon", "forward_point"}  # options that Gymnasium's tasks do not have


def test_every_option_of_every_task_is_compared() -> None:
    for name, (_, make) in TASKS.items():
        compared = {option for options in OPTIONS[name] for option in options}
        assert compared == set(inspect.signature(make).parameters) - OURS, name


class Handed:
    """One row that goes on in another engine, from a pickled snapshot, every few steps."""

    def __init__(self, name: str, options: Options, every: int) -> None:
        """Both engines at rest."""
        task = task_of(name, **options)
        self._now, self._other = MujocoSimulator(task, 1), MujocoSimulator(task, 2)
        self._every, self._row, self._steps = every, np.array([0]), 0
        self._other.reset(np.random.default_rng(9), np.arange(2))  # its engine is somewhere else
        self.space = self._now.space

    def reset(self, rng: np.random.Generator) -> None:
        """A new episode."""
        self._now.reset(rng, self._row)

    def step(self, action: Array) -> tuple[float, bool, bool]:
        """Reward, termination and time limit."""
        found = self._now.step(action[None], self._row)
        assert not found.failed[0]
        self._steps += 1
        if self._steps % self._every == 0:
            snapshots = pickle.loads(pickle.dumps(self._now.save(self._row)))
            self._now, self._other = self._other, self._now
            self._now.load(self._row, snapshots)
        return float(found.reward[0]), bool(found.terminal[0]), bool(found.truncated[0])

    def state(self) -> tuple[Array, Array]:
        """What is seen, and what the engine's state is."""
        ((line, _),) = self._now.save(self._row)
        return self._now.observe(self._row)[0], line[: mujoco.mj_stateSize(self._now.model, KEPT)]


def assert_same(name: str, ours: tuple[Array, Array], seen: Array, env: Any) -> None:
    """The same observation and state, every bit."""
    np.testing.assert_array_equal(ours[0], seen, err_msg=name, strict=True)
    np.testing.assert_array_equal(ours[1], state_of(env), err_msg=name, strict=True)


@pytest.mark.parametrize(("name", "options"), CASES, ids=str)
def test_episodes_of_random_actions_are_gymnasiums_also_when_another_engine_goes_on(
    name: str, options: Options
) -> None:
    env, row, rng = gym_env(name, options), Handed(name, options, 37), np.random.default_rng(1)
    ours, env.np_random = np.random.default_rng(0), np.random.default_rng(0)
    over = True
    for _ in range(STEPS // 2):
        if over:
            row.reset(ours)
            assert_same(name, row.state(), env.reset()[0], env)
        action = rng.uniform(*row.space.actions)
        reward, terminal, late = row.step(action)
        seen, expected, ended, _, _ = env.step(action)
        assert_same(name, row.state(), seen, env)
        assert_same_reward(name, reward, expected)
        assert terminal == ended
        over = terminal or late


class Seen:
    """Keeps every line that a compiled row visits."""

    def __init__(self) -> None:
        """None yet."""
        self.lines: list[Array] = []

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """Save all."""
        self.lines += [save(i)[0] for i in range(len(steps))]


def acted(runner: Compiled, name: str, acting: Acting, steps: int = STEPS) -> Track:
    """What compiled code does in so many steps, found equal to what Gymnasium does."""
    simulator, row, kept = runner.simulator, Row(*np.random.SeedSequence(4).spawn(2)), Seen()
    (track,) = runner.run([row], acting, Until(steps, steps), keep=kept, save=True)
    env, size = gym_env(name), mujoco.mj_stateSize(simulator.model, KEPT)
    env.np_random, over = np.random.default_rng(row.resets), True
    lines = [(line[simulator.seen], line[:size]) for line in (*kept.lines, track.snapshot[0])]
    for t, action in enumerate(simulator.space.actions.clip(track.actions.astype(np.float64))):
        if over:
            seen, _ = env.reset()
        assert_same(name, lines[t], seen, env)
        np.testing.assert_array_equal(track.obs[t], seen.astype(np.float32), strict=True)
        seen, reward, ended, _, _ = env.step(action)
        assert_same_reward(name, track.rewards[t], reward)
        assert track.terminal[t] == ended
        over = track.over[t]
    assert_same(name, lines[-1], env.reset()[0] if over else seen, env)
    assert not track.failed.any()
    return track


@pytest.mark.parametrize("name", TASKS)
def test_compiled_episodes_of_a_network_that_moves_the_body_are_gymnasiums(name: str) -> None:
    simulator = MujocoSimulator(task_of(name), 1)
    policy = gaussian_mlp(simulator.space, hidden=(16, 16), log_std=-2.0, last_gain=3.0)
    theta = policy.network.init(np.random.default_rng(2))
    see = observation_filter(empty(simulator.space.obs), 0.0)
    track = acted(Compiled(simulator, policy), name, Acting(theta, see), 300)
    means = track.dist[:, : simulator.space.actions.dimensions]
    assert means.std(0).min() > 0.02  # far from the same whatever is seen


ENOUGH = {"inverted_pendulum": 1000, "hopper": 100}
"""Tasks that are learnt in seconds: until a greedy episode lasts so many steps."""


def trained(name: str, delta: float) -> tuple[Compiled, Acting, int]:
    """A linear policy after some iterations, how it acts, and how long an episode then lasts."""
    simulator = MujocoSimulator(task_of(name), 10)
    policy = linear_gaussian(simulator.space, log_std=-1.0)
    runner = Compiled(simulator, policy)
    paths = single_path(runner, rows=10, steps=1000, boundary="bootstrap", fresh=False)
    algorithm = policy_optimisation(
        policy,
        trpo(delta=delta),
        from_paths(paths, policy, Estimator(0.99, "gae", 0.95, standardise=True)),
        linear_features(simulator.space.obs) if name in ENOUGH else no_baseline(),
        simulator.space,
        filter_clip=10.0,
        compute=Compute(),
    )
    state, row = algorithm.init(stream(0, "init")), Row(*np.random.SeedSequence(4).spawn(2))
    accepted, lasts = 0, 1
    for i in range(100 if name in ENOUGH else 6):
        state, info = algorithm.step(stream(0, "step", i), state)
        accepted += info.update.accepted
        acting = Acting(state.theta, observation_filter(state.seen, 10.0), greedy=True)
        if name in ENOUGH:
            (track,) = runner.run([row], acting, Until(1))
            lasts = len(track.rewards)
            if lasts >= ENOUGH[name]:
                break
    assert accepted > 3
    return runner, acting, lasts


@pytest.mark.parametrize("name", TASKS)
def test_compiled_episodes_of_a_policy_in_training_are_gymnasiums(name: str) -> None:
    """Of what six iterations make of a linear policy, or as many as are enough."""
    for delta in (0.1, 0.03):  # which of them learns in time depends on the processor
        runner, acting, lasts = trained(name, delta)
        if lasts >= ENOUGH.get(name, 1):
            break
    assert acted(runner, name, acting).ages(0).max() + 1 >= ENOUGH.get(name, 1)


@pytest.mark.parametrize("name", TASKS)
@pytest.mark.parametrize("scale", [None, 0.03])
def test_initial_states_are_gymnasiums_from_the_same_generator(name: str, scale: float) -> None:
    given = {} if scale is None or name in ("reacher", "pusher") else {"reset_noise_scale": scale}
    env, simulator, row = gym_env(name, given), MujocoSimulator(task_of(name, **given), 1), [0]
    ours, env.np_random = np.random.default_rng(3), np.random.default_rng(3)
    for _ in range(100):
        simulator.reset(ours, np.array(row))
        np.testing.assert_array_equal(simulator.observe(np.array(row))[0], env.reset()[0])
    assert ours.bit_generator.state == env.np_random.bit_generator.state


@pytest.mark.parametrize("name", TASKS)
def test_bounds_sizes_and_defaults_are_gymnasiums(name: str) -> None:
    env, space = gym_env(name), MujocoSimulator(task_of(name), 1).space
    assert space.obs == env.observation_space.shape
    np.testing.assert_array_equal(space.actions.low, env.action_space.low)
    np.testing.assert_array_equal(space.actions.high, env.action_space.high)
    assert space.horizon == gymnasium.spec(TASKS[name][0]).max_episode_steps
    ours = {k: p.default for k, p in inspect.signature(TASKS[name][1]).parameters.items()}
    theirs = {k: p.default for k, p in inspect.signature(type(env)).parameters.items()}
    own = {k: ours[k] for k in OURS if k in ours}
    assert {k: theirs[k] for k in ours if k not in own} | own == ours
    assert own.get("forward_point", 0.0) == 0.0


def test_one_metre_along_the_swimmer_is_its_torsos_centre_of_mass() -> None:
    rng, row = np.random.default_rng(0), np.array([0])
    task = task_of("swimmer", forward_point=1.0, reset_noise_scale=1.0, ctrl_cost_weight=0.0)
    simulator = MujocoSimulator(task, 1)
    data, torso = mujoco.MjData(simulator.model), simulator.model.body("torso").id
    size = mujoco.mj_stateSize(simulator.model, KEPT)

    def centre() -> float:
        ((line, _),) = simulator.save(row)
        mujoco.mj_setState(simulator.model, data, line[:size], KEPT)
        mujoco.mj_kinematics(simulator.model, data)
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
    task = task_of(name, exclude_current_positions_from_observation=excluded)
    left_out = (2 if name == "swimmer" else 1) * excluded
    assert MujocoSimulator(task, 1).space.obs == (size - left_out,)


def test_only_the_settotalmass_warning_is_silenced(capfd: pytest.CaptureFixture[str]) -> None:
    load_model("half_cheetah")
    assert capfd.readouterr() == ("", "")
    with without_settotalmass_warning(), pytest.warns(UserWarning, match="something else"):
        mujoco.get_mju_user_warning()("something else")
    assert mujoco.get_mju_user_warning() is None


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
        task_of("hopper", **options)


def test_a_model_that_is_not_there_is_refused_in_one_line_that_names_it() -> None:
    with pytest.raises(UnfitError, match=r"MuJoCo cannot load its model nothing\.xml: ") as raised:
        MujocoSimulator(replace(task_of("hopper"), model="nothing"), 1)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["<mujoco><nonsense/></mujoco>", "<mujoco>", ""])
def test_a_model_that_the_engine_cannot_read_is_refused_in_one_line(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importlib.resources, "files", lambda name: tmp_path)
    folder = tmp_path / "envs/mujoco/assets"
    folder.mkdir(parents=True)
    (folder / "hopper.xml").write_text(text)
    with pytest.raises(UnfitError, match=r"MuJoCo cannot load its model hopper\.xml: ") as raised:
        load_model("hopper")
    assert "\n" not in str(raised.value)
