"""MuJoCo tasks at the engine's own speed: all rows are stepped in one call of its `Rollout`.

A row is one array [time, qpos, qvel] (mjSTATE_FULLPHYSICS) and its elapsed steps, so saving and
restoring is copying. The engine's warm start is zero at every call, so trajectories repeat bit for
bit, but agree with Gymnasium's only closely: one step from the same state differs by less than
1e-10 nearly always, by 1e-7 at worst.
"""

import importlib.resources

import mujoco
import numpy as np
from mujoco.rollout import Rollout

from trpo.simulators.mujoco_tasks import (
    Task,
    half_cheetah,
    hopper,
    inverted_pendulum,
    swimmer,
    walker2d,
)
from trpo.simulators.protocol import Box, Space, Step
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.rows import ArrayRows
from trpo.types import Array

__all__ = [
    "MujocoSimulator",
    "Task",
    "half_cheetah",
    "hopper",
    "inverted_pendulum",
    "swimmer",
    "walker2d",
]

FULL = mujoco.mjtState.mjSTATE_FULLPHYSICS


def load_model(name: str) -> mujoco.MjModel:
    """The model that Gymnasium itself uses, from its own XML."""
    asset = importlib.resources.files("gymnasium") / "envs" / "mujoco" / "assets" / f"{name}.xml"
    with importlib.resources.as_file(asset) as path, without_settotalmass_warning():
        return mujoco.MjModel.from_xml_path(str(path))


def healthy_box(task: Task, size: int) -> tuple[Array, Array]:
    """The box's bounds: low (size,), high (size,) over (qpos, qvel)."""
    low, high = np.full(size, -np.inf), np.full(size, np.inf)
    for first, last, least, most in task.healthy:
        low[first:last] = np.maximum(low[first:last], least)
        high[first:last] = np.minimum(high[first:last], most)
    return low, high


class MujocoSimulator(ArrayRows):
    """N rows of one task, on `threads` threads (1: the calling thread). See protocol.Simulator.

    A step has failed that the engine could not finish (it warned and stopped: time did not advance
    by the whole step, or the state is not finite). It ends its episode as terminal with reward 0
    and leaves the row as it was before.
    """

    def __init__(self, task: Task, rows: int, threads: int = 1) -> None:
        """Compile the model and place every row in its rest pose (reset before use)."""
        if threads < 1:
            raise ValueError(f"threads must be at least 1, not {threads}")
        model = load_model(task.model)
        rest = np.empty(mujoco.mj_stateSize(model, FULL))
        mujoco.mj_getState(model, mujoco.MjData(model), rest, FULL)
        super().__init__(rest, rows)
        self.space = Space(
            obs=(model.nq + model.nv - task.left_out,),
            actions=Box(*model.actuator_ctrlrange.T.copy()),
            horizon=task.horizon,
        )
        self._all_rows = np.arange(rows).tobytes()
        self.task, self.model, self._rest = task, model, rest
        self._control = np.empty((rows, task.frame_skip, model.nu))
        self._trace = np.empty((rows, task.frame_skip, len(rest)))
        self._seen = slice(1 + task.left_out, 1 + model.nq + model.nv)
        self._box = slice(1, 1 + model.nq + model.nv)
        self._low, self._high = healthy_box(task, model.nq + model.nv)
        self._dt = task.frame_skip * model.opt.timestep
        self._whole_step = self._dt - 0.5 * model.opt.timestep
        self._threads = threads
        self._models = [model] * rows
        self._data = [mujoco.MjData(model) for _ in range(threads)]
        self._pool = Rollout(nthread=threads if threads > 1 else 0)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Rest pose plus noise, drawn in Gymnasium's order: (nq,) then (nv,), row after row."""
        scale, nq, nv = self.task.reset_noise_scale, self.model.nq, self.model.nv
        for row in rows:
            state = self._rest.copy()
            state[1 : 1 + nq] += rng.uniform(-scale, scale, nq)
            if self.task.normal_velocity_noise:
                state[1 + nq : 1 + nq + nv] += scale * rng.standard_normal(nv)
            else:
                state[1 + nq : 1 + nq + nv] += rng.uniform(-scale, scale, nv)
            self._state[row], self._elapsed[row] = state, 0

    def observe(self, rows: Array) -> Array:
        """Positions and clipped velocities (n, O) float64."""
        seen = self._state[self._index(rows)][:, self._seen].copy()
        clip = self.task.velocity_clip
        if clip < np.inf:
            velocity = seen[:, -self.model.nv :]
            np.minimum(velocity, clip, out=velocity)
            np.maximum(velocity, -clip, out=velocity)
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Hold actions (n, A) for frame_skip engine steps."""
        index = self._index(rows)
        before = self._state[index]
        after = self._advance(before, actions)
        box = after[:, self._box]
        inside = box > self._low
        inside &= box < self._high
        healthy = np.logical_and.reduce(inside, axis=1)  # and finite: no NaN or inf is inside
        reward = self._reward(self._x(before), self._x(after), actions, healthy)
        terminal = ~healthy if self.task.terminate_when_unhealthy else np.zeros_like(healthy)
        failed = np.zeros_like(healthy)
        advanced = after[:, 0] - before[:, 0] > self._whole_step
        if not (np.logical_and.reduce(advanced) and np.logical_and.reduce(healthy)):
            failed = ~(advanced & np.logical_and.reduce(np.isfinite(after), axis=1))
            after, reward = np.where(failed[:, None], before, after), np.where(failed, 0.0, reward)
            terminal |= failed
        self._state[index] = after
        self._elapsed[index] += 1
        late = self._elapsed[index] >= self.task.horizon
        return Step(reward, terminal, late & ~terminal, failed)

    def close(self) -> None:
        """End the engine's threads."""
        self._pool.close()

    def _index(self, rows: Array) -> Array | slice:
        """What indexes the rows: a slice, which copies nothing, if they are all, in order."""
        return slice(None) if rows.tobytes() == self._all_rows else rows

    def _advance(self, before: Array, actions: Array) -> Array:
        """The states (n, 1 + nq + nv) after frame_skip engine steps, in a buffer used again."""
        n = len(before)
        control, trace = self._control[:n], self._trace[:n]
        control[:] = actions[:, None]
        self._pool.rollout(
            self._models[:n],
            self._data,
            before,
            control,
            skip_checks=True,
            nstep=self.task.frame_skip,
            state=trace,
            chunk_size=-(-n // (4 * self._threads)),  # four a thread even out slow rows
        )
        after: Array = trace[:, -1]
        return after

    def _x(self, state: Array) -> Array:
        """How far the rewarded point is (n,), in metres."""
        x, point = state[:, 1], self.task.forward_point
        return x + point * np.cos(state[:, 3]) if point else x

    def _reward(self, x: Array, x_after: Array, actions: Array, healthy: Array) -> Array:
        """Rewards w (x' - x) / dt + h [healthy'] - c |u|^2, each (n,)."""
        task = self.task
        forward = task.forward_reward_weight * ((x_after - x) / self._dt)
        cost = task.ctrl_cost_weight * np.add.reduce(actions * actions, axis=1)
        reward: Array = forward + task.healthy_reward * healthy - cost
        return reward
