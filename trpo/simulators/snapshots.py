"""Exact, picklable snapshots of Gymnasium environments.

A snapshot holds every attribute that is plain data, the state of every random generator and, of
MuJoCo's data, the time and every array of fixed size: positions, velocities and warm start, but
also the derived quantities that Ant and Humanoid read before they step. What is left out, contacts
and constraint rows, MuJoCo computes anew in every step.
"""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import gymnasium
import mujoco
import numpy as np
from gymnasium.envs.mujoco.mujoco_rendering import MujocoRenderer
from gymnasium.envs.registration import EnvSpec

from trpo.plain import is_plain
from trpo.types import Array

Env = gymnasium.Env[Any, Any]

FIXED = (gymnasium.Space, EnvSpec, mujoco.MjModel, MujocoRenderer)  # no step changes these


class Snapshot(NamedTuple):
    """All that an environment's future depends on, a wrapper's inner environment included."""

    plain: dict[str, Any]  # attributes that are plain data
    generators: dict[str, Any]  # states of those that are random generators
    physics: dict[str, tuple[float, dict[str, Array]]]  # time and arrays of those that are MjData
    inner: "Snapshot | None" = None  # of what a wrapper wraps


def fixed_arrays(env: Env) -> list[str]:
    """Names of MuJoCo's arrays of fixed size; in fresh data the others are still empty."""
    model = vars(env.unwrapped).get("model")
    if not isinstance(model, mujoco.MjModel):
        return []
    fresh = mujoco.MjData(model)
    arrays = [name for name in dir(fresh) if isinstance(getattr(fresh, name), np.ndarray)]
    return [name for name in arrays if getattr(fresh, name).size]


def capture(env: Env, arrays: list[str]) -> Snapshot:
    """The environment's snapshot; `arrays` are its `fixed_arrays`.

    Raises:
        TypeError: an attribute is none of the kinds that can be saved.
    """
    held: Any = env
    wraps = isinstance(env, gymnasium.Wrapper)
    snapshot = Snapshot({}, {}, {}, capture(held.env, arrays) if wraps else None)
    for name, value in vars(env).items():
        if is_plain(value):
            snapshot.plain[name] = value
        elif isinstance(value, np.random.Generator):
            snapshot.generators[name] = copy.deepcopy(value.bit_generator.state)
        elif isinstance(value, mujoco.MjData):
            saved = {array: getattr(value, array).copy() for array in arrays}
            snapshot.physics[name] = (value.time, saved)
        elif not isinstance(value, FIXED) and not (wraps and value is held.env):
            raise TypeError(f"its attribute {name!r} ({type(value).__name__}) is not plain data")
    _require_no_views(snapshot.plain)
    return snapshot._replace(plain=copy.deepcopy(snapshot.plain))  # at once: aliases stay aliases


def _require_no_views(plain: dict[str, Any]) -> None:
    """Raise TypeError where two arrays share memory, which copies of them would not."""
    known: dict[int, list[Array]] = {}
    for name, value in plain.items():
        for array in _arrays_in(value):
            others = known.setdefault(id(_root(array)), [])
            if any(other is not array and np.may_share_memory(other, array) for other in others):
                raise TypeError(f"its attribute {name!r} shares the memory of another array")
            others.append(array)


def _root(array: Array) -> Array:
    """The array whose memory this one shows."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def _arrays_in(value: Any) -> Iterator[Array]:
    if isinstance(value, np.ndarray):
        yield value
    elif isinstance(value, dict):
        yield from _arrays_in([*value, *value.values()])
    elif isinstance(value, list | tuple | set | frozenset):
        for part in value:
            yield from _arrays_in(part)


def restore(env: Env, snapshot: Snapshot) -> None:
    """Put the snapshot into an environment of the same kind."""
    held: dict[str, Any] = vars(env)
    if snapshot.inner:
        restore(held["env"], snapshot.inner)
    for name in [name for name, value in held.items() if is_plain(value)]:
        del held[name]  # also what it came to keep after the snapshot
    held.update(copy.deepcopy(snapshot.plain))
    for name, state in snapshot.generators.items():
        held[name].bit_generator.state = state
    for name, (time, arrays) in snapshot.physics.items():
        held[name].time = time
        for array, saved in arrays.items():
            getattr(held[name], array)[...] = saved
