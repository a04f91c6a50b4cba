"""Our eleven MuJoCo tasks beside Gymnasium's own."""

from collections.abc import Callable
from typing import Any

import gymnasium
import mujoco
import numpy as np

from trpo.simulators import control, humanoids, locomotion
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.tables import KEPT
from trpo.simulators.task import Task
from trpo.types import Array

Options = dict[str, Any]
TASKS: dict[str, tuple[str, Callable[..., Task]]] = {
    "inverted_pendulum": ("InvertedPendulum-v5", control.inverted_pendulum),
    "inverted_double_pendulum": ("InvertedDoublePendulum-v5", control.inverted_double_pendulum),
    "reacher": ("Reacher-v5", control.reacher),
    "pusher": ("Pusher-v5", control.pusher),
    "swimmer": ("Swimmer-v5", locomotion.swimmer),
    "hopper": ("Hopper-v5", locomotion.hopper),
    "walker2d": ("Walker2d-v5", locomotion.walker2d),
    "half_cheetah": ("HalfCheetah-v5", locomotion.half_cheetah),
    "ant": ("Ant-v5", locomotion.ant),
    "humanoid": ("Humanoid-v5", humanoids.humanoid),
    "humanoid_standup": ("HumanoidStandup-v5", humanoids.humanoid_standup),
}


def task_of(name: str, **options: Any) -> Task:
    """Ours."""
    return TASKS[name][1](**options)


def gym_env(name: str, options: Options | None = None) -> Any:
    """Gymnasium's, without its wrappers."""
    with without_settotalmass_warning():
        return gymnasium.make(TASKS[name][0], **options or {}).unwrapped


def state_of(env: Any) -> Array:
    """Time, positions, velocities and warm start of a Gymnasium task, as a row keeps them."""
    state = np.zeros(mujoco.mj_stateSize(env.model, KEPT))
    mujoco.mj_getState(env.model, env.data, state, KEPT)
    return state


def assert_same_reward(name: str, ours: float, expected: float) -> None:
    """The same, every bit; of Reacher and Pusher the last two may differ.

    They reward distances, which are `numpy.linalg.norm`'s there: a dot product, whose products and
    sums BLAS may make one operation.
    """
    bound = 4 * np.finfo(float).eps * abs(expected) if name in ("reacher", "pusher") else 0.0
    assert abs(ours - expected) <= bound, (name, ours, expected)
