"""What a task is tried for before it is trusted: some steps of it, twice, and from a snapshot.

A task of somebody's own may return what it does not declare, depend on more than its seed, or keep
what no snapshot holds: views into an array, handles to an engine outside, a shared generator.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from trpo.parameters import UnfitError
from trpo.simulators.protocol import Box, Choices
from trpo.simulators.snapshots import Env, capture, restore
from trpo.types import Array

STEPS = 6  # of a trial at most; fewer where an episode ends
SEEDS = (1, 2, 3)
NUMBERS = "biuf"  # NumPy's kinds: booleans, integers, reals


class Found(NamedTuple):
    """What came of a trial."""

    doubt: str | None  # why the same seed may give other numbers
    unsaved: str | None  # why its states cannot be saved; None if they can


class Trial(NamedTuple):
    """Two environments of one task, and what is needed to step them."""

    id: str
    pair: tuple[Env, Env]
    arrays: list[str]  # see `snapshots.fixed_arrays`
    given: Callable[[Array], Any]
    actions: Array  # (STEPS, A)

    def run(self) -> Found:
        """Try it.

        Raises:
            UnfitError: it returns what it does not declare.
        """
        (first,), both = self._episodes(self.pair[0]), self._episodes(*self.pair)
        unsaved = self._unsaved()
        if all(_same(first, again) for again in both):
            return Found(None, unsaved)
        doubt = (
            f"{self.id} gives other numbers for the same seed: does it draw from a generator that "
            "reset(seed=...) does not set, or depend on the clock or on other environments?"
        )
        return Found(doubt, unsaved and "it gives other numbers for the same seed")

    def _episodes(self, *envs: Env) -> list[list[Any]]:
        """An episode of each, all from one seed and side by side."""
        begun = [told_reset(self.id, env, SEEDS[0]) for env in envs]
        return [[obs, *steps] for obs, steps in zip(begun, self._steps(*envs), strict=True)]

    def _steps(self, *envs: Env, count: int = STEPS) -> list[list[Any]]:
        """What so many steps of each return, taken side by side; none follows an episode's end."""
        found: list[list[Any]] = [[] for _ in envs]
        for action in self.actions[:count]:
            for env, steps in zip(envs, found, strict=True):
                if not steps or not ended(steps[-1]):
                    steps.append(told_step(self.id, env, self.given(action)))
        return found

    def _unsaved(self) -> str | None:
        """Whether both environments go on from one snapshot as the first did, side by side."""
        one, two = self.pair
        told_reset(self.id, two, SEEDS[2])
        told_reset(self.id, one, SEEDS[1])
        if ended(self._steps(one, count=1)[0][-1]):
            told_reset(self.id, one, SEEDS[1])
        try:
            saved = capture(one, self.arrays)
        except TypeError as error:
            return str(error)
        (due,) = self._steps(one)
        told_reset(self.id, one, SEEDS[2])
        self._steps(one, count=1)
        for env in self.pair:
            restore(env, saved)
        if all(_same(due, came) for came in self._steps(one, two)):
            return None
        return "from what was saved it goes on otherwise (does it keep views, or states elsewhere?)"


def ended(step: tuple[Any, ...]) -> bool:
    """Whether an episode did: terminated or truncated."""
    return bool(step[2] or step[3])


def trial_actions(actions: Box | Choices) -> Array:
    """Actions (STEPS, A) that differ, within the bounds and not far from nothing."""
    rng = np.random.default_rng(0)
    if isinstance(actions, Choices):
        return rng.integers(actions.counts, size=(STEPS, len(actions.counts)))
    drawn: Array = actions.clip(rng.uniform(-1, 1, (STEPS, actions.dimensions)))
    return drawn


def told_reset(id: str, env: Env, seed: int) -> Array:
    """The first observation.

    Raises:
        UnfitError: it is not what was declared, or none came.
    """
    try:
        came = env.reset(seed=seed)
    except Exception as error:
        raise _raised(f"{id}: reset()", error) from error
    if not isinstance(came, tuple) or len(came) != 2:
        raise UnfitError(f"{id}: reset() returned no (observation, info): is it of gym's old API?")
    return told_observation(id, env, came[0])


def told_step(id: str, env: Env, action: Any) -> tuple[Any, ...]:
    """Observation, reward, terminated and truncated.

    Raises:
        UnfitError: they are not what was declared, or none came.
    """
    try:
        came: Any = env.step(action)
    except Exception as error:
        raise _raised(f"{id}: step()", error) from error
    if not isinstance(came, tuple | list) or len(came) != 5:
        what = f"{len(came)} values" if isinstance(came, tuple | list) else repr(came)
        raise UnfitError(
            f"{id}: step() returned {what}, not (observation, reward, terminated, truncated, "
            "info): is it of gym's old API?"
        )
    obs, reward, terminated, truncated, _ = came
    if np.ndim(reward):
        raise UnfitError(f"{id}: a reward must be a number, not an array {np.shape(reward)}")
    try:
        reward = float(reward)
    except Exception as error:
        raise _raised(f"{id}: a reward of {reward!r}", error) from error
    return told_observation(id, env, obs), reward, bool(terminated), bool(truncated)


def told_observation(id: str, env: Env, obs: Any) -> Array:
    """The observation, as an array.

    Raises:
        UnfitError: it is not of the declared shape.
    """
    declared = env.observation_space.shape
    try:
        came = np.array(obs)
    except Exception as error:
        raise _raised(f"{id}: an observation {declared}", error) from error
    if came.shape != declared:
        raise UnfitError(f"{id}: observations are declared as {declared}, and {came.shape} came")
    if came.dtype.kind not in NUMBERS:
        raise UnfitError(f"{id}: observations must be numbers, not {obs!r}")
    return came


def _raised(what: str, error: Exception) -> UnfitError:
    """What is told where the task's own code failed."""
    return UnfitError(f"{what} raised {type(error).__name__}: {error}")


def _same(one: Any, other: Any) -> bool:
    return len(one) == len(other) and all(
        _same(a, b) if isinstance(a, tuple | list) else np.array_equal(a, b, equal_nan=True)
        for a, b in zip(one, other, strict=True)
    )
