"""Any registered Gymnasium task: N environments stepped one by one.

Slower than `mujoco.py`, whose oracle it is; for what a snapshot holds see `snapshots.py`.
"""

import difflib
from collections.abc import Callable, Sequence
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from trpo.parameters import Count, UnfitError, check
from trpo.simulators.protocol import Box, Choices, Space, Step
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.rows import Closing, at_least_one
from trpo.simulators.snapshots import Env, capture, fixed_arrays, restore
from trpo.types import Array


def make(id: str) -> tuple[Env, int | None]:
    """The bare environment, without Gymnasium's wrappers, and its registered time limit.

    Raises:
        UnfitError: the id is unknown, its packages are missing, or it needs its own wrappers.
    """
    try:
        with without_settotalmass_warning():
            env = gymnasium.make(id, disable_env_checker=True)
    except (gymnasium.error.Error, ImportError) as error:
        near = difflib.get_close_matches(id, gymnasium.registry, n=3)
        unknown = f"no such task; nearest: {', '.join(near) or 'none'}"
        raise UnfitError(f"{id}: {error if id in gymnasium.registry else unknown}") from error
    if env.spec and env.spec.additional_wrappers:
        raise UnfitError(f"{id}: tasks registered with their own wrappers cannot be run")
    return env.unwrapped, env.spec.max_episode_steps if env.spec else None


def describe(id: str, env: Env, horizon: int | None) -> Space:
    """The task's shapes and bounds.

    Raises:
        UnfitError: no time limit, or spaces that no policy here can read or fill.
    """
    seen, acted = env.observation_space, env.action_space
    if horizon is None:
        raise UnfitError(f"{id} has no time limit of its own: set horizon")
    if not isinstance(seen, spaces.Box):
        raise UnfitError(f"{id}: observations must be a Box, not {seen}")
    if isinstance(acted, spaces.Discrete):
        return Space(seen.shape, Choices((int(acted.n),)), horizon)
    if not isinstance(acted, spaces.Box) or not np.issubdtype(acted.dtype, np.floating):
        raise UnfitError(f"{id}: actions must be Discrete or a real Box, not {acted}")
    low, high = (bound.astype(np.float64).ravel() for bound in (acted.low, acted.high))
    return Space(seen.shape, Box(low, high), horizon)


def translator(acted: gymnasium.Space[Any]) -> Callable[[Array], Any]:
    """What turns an action (A,), as policies give it, into what the environment takes."""
    if isinstance(acted, spaces.Discrete):
        first = int(acted.start)
        return lambda action: int(action[0]) + first
    shape = acted.shape or ()
    return lambda action: np.asarray(action, np.float64).reshape(shape)


class GymnasiumSimulator(Closing):
    """N rows of one registered task. `horizon` replaces its registered time limit."""

    def __init__(self, id: str, rows: int, horizon: Count | None = None) -> None:
        """Make the environments, each in some initial state (reset before use)."""
        check(GymnasiumSimulator.__init__, {"horizon": horizon})
        self._id, self.count = id, at_least_one(rows)
        envs, limits = zip(*(make(id) for _ in range(rows)), strict=True)
        self._envs: tuple[Env, ...] = envs
        self.space = describe(id, envs[0], limits[0] if horizon is None else horizon)
        self._arrays = fixed_arrays(envs[0])
        self._given = translator(envs[0].action_space)
        pixels = envs[0].observation_space.dtype == np.uint8
        self._obs = np.zeros((rows, *self.space.obs), np.uint8 if pixels else np.float64)
        self._elapsed = np.zeros(rows, np.int64)  # (N,)
        self.reset(np.random.default_rng(0), np.arange(rows))

    @property
    def environment(self) -> Env:
        """That of the first row."""
        return self._envs[0]

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Reset the environments, each with a seed drawn from rng, row after row."""
        for row in rows:
            self._obs[row], _ = self._envs[row].reset(seed=int(rng.integers(2**31)))
            self._elapsed[row] = 0

    def observe(self, rows: Array) -> Array:
        """The last observations (n, *O), float64 or uint8."""
        seen: Array = self._obs[rows]
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Step the environments one after another."""
        reward, (terminal, cut) = np.empty(len(rows)), np.empty((2, len(rows)), bool)
        for n, (row, action) in enumerate(zip(rows, actions, strict=True)):
            found = self._envs[row].step(self._given(action))
            self._obs[row], reward[n], terminal[n], cut[n], _ = found
        self._elapsed[rows] += 1
        late = (self._elapsed[rows] >= self.space.horizon) | cut
        return Step(reward, terminal, late & ~terminal, np.zeros_like(terminal))

    def save(self, rows: Array) -> list[Any]:
        """Snapshots (observation, elapsed, environment), one a row.

        Raises:
            UnfitError: an environment keeps something that cannot be saved.
        """
        try:
            return [
                (
                    self._obs[row].copy(),
                    int(self._elapsed[row]),
                    capture(self._envs[row], self._arrays),
                )
                for row in rows
            ]
        except TypeError as error:
            raise UnfitError(f"{self._id} cannot be saved: {error}") from error

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Put the snapshots into the environments of the rows."""
        for row, (obs, elapsed, snapshot) in zip(rows, snapshots, strict=True):
            self._obs[row], self._elapsed[row] = obs, elapsed
            restore(self._envs[row], snapshot)
