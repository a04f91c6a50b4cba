"""How an episode of a MuJoCo task begins; numbers are drawn in Gymnasium's order."""

from collections.abc import Callable

import numpy as np

from trpo.types import Array

Start = Callable[[np.random.Generator, Array, Array], tuple[Array, Array]]
"""(rng, qpos (nq,), qvel (nv,) of the model's rest) -> positions and velocities to begin with"""


def near_rest(scale: float, *, normal_velocities: bool = False) -> Start:
    """Uniform noise within ±scale on both, or normal noise of that deviation on velocities."""

    def start(rng: np.random.Generator, qpos: Array, qvel: Array) -> tuple[Array, Array]:
        position = qpos + rng.uniform(-scale, scale, len(qpos))
        if normal_velocities:
            return position, qvel + scale * rng.standard_normal(len(qvel))
        return position, qvel + rng.uniform(-scale, scale, len(qvel))

    return start


def arm_and_target(rng: np.random.Generator, qpos: Array, qvel: Array) -> tuple[Array, Array]:
    """Reacher: a bent arm, and a target anywhere in a disc of 0.2 m."""
    position = rng.uniform(-0.1, 0.1, len(qpos)) + qpos
    while True:
        goal = rng.uniform(-0.2, 0.2, 2)
        if np.linalg.norm(goal) < 0.2:
            break
    position[-2:] = goal
    velocity = qvel + rng.uniform(-0.005, 0.005, len(qvel))
    velocity[-2:] = 0
    return position, velocity


def arm_and_object(rng: np.random.Generator, qpos: Array, qvel: Array) -> tuple[Array, Array]:
    """Pusher: the arm at rest, and an object at least 0.17 m from its goal."""
    position = qpos.copy()
    while True:
        place = np.concatenate([rng.uniform(-0.3, 0, 1), rng.uniform(-0.2, 0.2, 1)])
        if np.linalg.norm(place) > 0.17:
            break
    position[-4:-2], position[-2:] = place, 0
    velocity = qvel + rng.uniform(-0.005, 0.005, len(qvel))
    velocity[-4:] = 0
    return position, velocity
