"""Any registered Gymnasium task: N environments stepped one by one.

Slower than `mujoco.py`, whose oracle it is. What a snapshot holds says `snapshots.py`, and what a
task is tried for `trial.py`.
"""

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import numpy as np

from trpo.parameters import Count, UnfitError, check
from trpo.simulators.named import Registered
from trpo.simulators.protocol import Step
from trpo.simulators.registered import describe, make, out_of_reach, translator
from trpo.simulators.rows import Closing, at_least_one
from trpo.simulators.snapshots import Env, capture, fixed_arrays, restore
from trpo.simulators.trial import Trial, told_reset, told_step, trial_actions
from trpo.types import Array


class GymnasiumSimulator(Closing):
    """N rows of one registered task, see `Registered`."""

    def __init__(
        self,
        id: str,
        rows: int,
        horizon: Count | None = None,
        kwargs: Mapping[str, Any] | None = None,
        wrappers: Sequence[str] = (),
        scale_actions: bool = False,
    ) -> None:
        """Make the environments, try one, and leave each in some initial state (reset before use).

        Raises:
            UnfitError: the task cannot be made or run.
        """
        check(GymnasiumSimulator.__init__, {"horizon": horizon})
        self._id, self.count = id, at_least_one(rows)
        task = Registered(id, horizon, kwargs or {}, wrappers, scale_actions)
        with ExitStack() as opening:
            envs = []
            for _ in range(rows):
                env, limit = make(task)
                opening.callback(env.close)
                envs.append(env)
            self._envs: tuple[Env, ...] = tuple(envs)
            self.space = describe(task, envs[0], limit)
            self._arrays = fixed_arrays(envs[0])
            self._given = translator(self.space, envs[0].action_space)
            self._unsaved = self._tried(task)
            pixels = envs[0].observation_space.dtype == np.uint8
            self._obs = np.zeros((rows, *self.space.obs), np.uint8 if pixels else np.float64)
            self._elapsed = np.zeros(rows, np.int64)  # (N,)
            self.reset(np.random.default_rng(0), np.arange(rows))
            self._closing = opening.pop_all()

    def _tried(self, task: Registered) -> str | None:
        """Why no state can be saved, if none can; what is doubtful is told in `space`."""
        other, _ = make(task)
        try:
            actions = trial_actions(self.space.actions)
            pair = self._envs[0], other
            found = Trial(self._id, pair, self._arrays, self._given, actions).run()
        finally:
            other.close()
        far = out_of_reach(task, self._envs[0].action_space)
        self.space = self.space._replace(doubts=tuple(filter(None, (found.doubt, far))))
        return found.unsaved

    def close(self) -> None:
        """Close the environments."""
        self._closing.close()

    @property
    def environment(self) -> Env:
        """That of the first row."""
        return self._envs[0]

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Reset the environments, each with a seed drawn from rng, row after row."""
        for row in rows:
            self._obs[row] = told_reset(self._id, self._envs[row], int(rng.integers(2**31)))
            self._elapsed[row] = 0

    def observe(self, rows: Array) -> Array:
        """The last observations (n, *O), float64 or uint8."""
        seen: Array = self._obs[rows]
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Step the environments one after another."""
        reward, (terminal, cut) = np.empty(len(rows)), np.empty((2, len(rows)), bool)
        for n, (row, action) in enumerate(zip(rows, actions, strict=True)):
            found = told_step(self._id, self._envs[row], self._given(action))
            self._obs[row], reward[n], terminal[n], cut[n] = found
        self._elapsed[rows] += 1
        late = (self._elapsed[rows] >= self.space.horizon) | cut
        return Step(reward, terminal, late & ~terminal, np.zeros_like(terminal))

    def save(self, rows: Array) -> list[Any]:
        """Snapshots (observation, elapsed, environment), one a row.

        Raises:
            UnfitError: the environments cannot be saved.
        """
        if self._unsaved is not None:
            raise UnfitError(f"{self._id} cannot be saved: {self._unsaved}")
        try:
            captured = [capture(self._envs[row], self._arrays) for row in rows]
        except TypeError as error:  # it came to keep something else on the way
            raise UnfitError(f"{self._id} cannot be saved: {error}") from error
        return [
            (self._obs[row].copy(), int(self._elapsed[row]), found)
            for row, found in zip(rows, captured, strict=True)
        ]

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Put the snapshots into the environments of the rows."""
        for row, (obs, elapsed, snapshot) in zip(rows, snapshots, strict=True):
            self._obs[row], self._elapsed[row] = obs, elapsed
            restore(self._envs[row], snapshot)
