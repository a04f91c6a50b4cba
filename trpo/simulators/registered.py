"""Gymnasium's tasks as they are registered: made, described, and told what they may not be."""

import difflib
import importlib
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.envs.registration import load_env_creator

from trpo.parameters import UnfitError
from trpo.simulators.named import Registered
from trpo.simulators.protocol import Box, Choices, Space
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.snapshots import Env
from trpo.types import Array

UNKNOWN = (
    gymnasium.error.NameNotFound,
    gymnasium.error.NamespaceNotFound,
    gymnasium.error.VersionNotFound,
    gymnasium.error.DeprecatedEnv,
)


def make(task: Registered) -> tuple[Env, int | None]:
    """The environment in its own and these wrappers alone, and its registered time limit.

    Raises:
        UnfitError: the id is unknown, or it or a wrapper cannot be made; the message says why.
    """
    with ExitStack() as opening:
        try:
            return _made(task, opening)
        except UNKNOWN as error:
            known = task.id.rpartition(":")[2]
            near = ", ".join(difflib.get_close_matches(known, gymnasium.registry, n=3)) or "none"
            raise UnfitError(f"{task.id}: no such task; nearest: {near}") from error
        except (gymnasium.error.Error, ImportError, AttributeError) as error:
            raise UnfitError(f"{task.id}: {error}") from error
        except Exception as error:  # whatever a task's own code raises
            what = f"{type(error).__name__}: {error}"
            raise UnfitError(f"{task.id} cannot be made with these kwargs: {what}") from error


def _made(task: Registered, opening: ExitStack) -> tuple[Env, int | None]:
    with without_settotalmass_warning():
        made = gymnasium.make(task.id, disable_env_checker=True, **task.kwargs)
    spec, env = made.spec, made.unwrapped
    opening.callback(env.close)  # unless all goes well
    for own in spec.additional_wrappers if spec else ():
        wrapper: Any = load_env_creator(own.entry_point)
        env = wrapper(env, **(own.kwargs or {}))
    for name in task.wrappers:
        env = _named(name)(env)
    opening.pop_all()
    return env, spec.max_episode_steps if spec else None


def describe(task: Registered, env: Env, limit: int | None) -> Space:
    """The task's shapes and bounds, as a policy sees them.

    Raises:
        UnfitError: no time limit, or spaces that no policy here can read or fill.
    """
    seen, acted = env.observation_space, env.action_space
    horizon = limit if task.horizon is None else task.horizon
    if horizon is None:
        raise UnfitError(f"{task.id} has no time limit of its own: set horizon")
    if not isinstance(seen, spaces.Box):
        raise UnfitError(f"{task.id}: observations must be a Box, not {seen}")
    if isinstance(acted, spaces.Discrete):
        if task.scale_actions:
            raise UnfitError(f"{task.id}: actions are discrete: leave scale_actions out")
        return Space(seen.shape, Choices((int(acted.n),)), horizon)
    if not isinstance(acted, spaces.Box) or not np.issubdtype(acted.dtype, np.floating):
        raise UnfitError(f"{task.id}: actions must be Discrete or a real Box, not {acted}")
    own = Box(*(bound.astype(np.float64).ravel() for bound in (acted.low, acted.high)))
    if not task.scale_actions:
        return Space(seen.shape, own, horizon)
    if not np.isfinite(own).all():
        raise UnfitError(f"{task.id}: actions without bounds: set scale_actions=false")
    unit = Box(-np.ones_like(own.low), np.ones_like(own.high))
    return Space(seen.shape, unit, horizon, bounds=own)


def translator(space: Space, acted: gymnasium.Space[Any]) -> Callable[[Array], Any]:
    """What turns an action (A,), as policies give it, into what the environment takes."""
    if isinstance(acted, spaces.Discrete):
        first = int(acted.start)
        return lambda action: int(action[0]) + first
    assert isinstance(acted, spaces.Box)
    shape, kind = acted.shape, acted.dtype
    return lambda action: np.asarray(space.taken(action), kind).reshape(shape)


def out_of_reach(task: Registered, acted: gymnasium.Space[Any]) -> str | None:
    """What is told where a policy that begins within ±1 reaches no tenth of the bounds."""
    if task.scale_actions or not isinstance(acted, spaces.Box):
        return None
    low, high = acted.low.astype(np.float64), acted.high.astype(np.float64)
    reached = np.minimum(high, 1) - np.maximum(low, -1)
    if not np.any(np.isfinite(high - low) & (reached < (high - low) / 10)):
        return None
    bounds = f"{low.min():g} to {high.max():g}"
    return (
        f"{task.id}: actions within {bounds} are hardly reached by a policy that begins within "
        "±1: set scale_actions=true"
    )


def _named(name: str) -> Callable[[Env], Env]:
    module, _, own = name.rpartition(".")
    found: Callable[[Env], Env] = getattr(importlib.import_module(module), own)
    return found
