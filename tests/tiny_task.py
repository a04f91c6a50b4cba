"""A corridor whose every episode has a length drawn at its start, for tests of the sampler."""

import numpy as np

from trpo.simulators.protocol import Box, Choices, Space, Step
from trpo.simulators.rows import ArrayRows
from trpo.types import Array

HORIZON = 12


class Corridor(ArrayRows):
    """State and observation: steps walked, and the length after which the task ends.

    Reward: the action, and 10 times the position reached. Lengths are uniform within
    [1, 2 * HORIZON), so that about half of the episodes meet the time limit instead.
    """

    def __init__(self, rows: int, discrete: bool = False, horizon: int = HORIZON) -> None:
        """Take actions within [-1, 1], or one of three."""
        super().__init__(np.zeros(2), rows)
        self.space = Space(
            (2,), Choices((3,)) if discrete else Box(-np.ones(1), np.ones(1)), horizon
        )
        self.begun: list[int] = []  # lengths of the episodes begun, as they began
        self.steps = 0

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin at zero, with a new length."""
        lengths = rng.integers(1, 2 * HORIZON, len(rows))
        self._state[rows] = np.stack([np.zeros(len(rows)), lengths], 1)
        self._elapsed[rows] = 0
        self.begun += np.minimum(lengths, self.space.horizon).tolist()

    def observe(self, rows: Array) -> Array:
        """(n, 2)."""
        seen: Array = self._state[rows]
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Walk one step."""
        self._state[rows, 0] += 1
        self._elapsed[rows] += 1
        self.steps += len(rows)
        position, length = self._state[rows].T
        terminal = position >= length
        late = self._elapsed[rows] >= self.space.horizon
        reward = actions[:, 0] + 10.0 * position
        return Step(reward, terminal, late & ~terminal, np.zeros_like(terminal))


class Failing(Corridor):
    """A corridor whose engine fails at the fourth position of every row."""

    def step(self, actions: Array, rows: Array) -> Step:
        """End there."""
        step = super().step(actions, rows)
        failed = self._state[rows, 0] == 4
        return step._replace(
            terminal=step.terminal | failed, truncated=step.truncated & ~failed, failed=failed
        )


class Broken(Corridor):
    """A corridor in which a quantity becomes `value` at the fourth position of every row."""

    def __init__(self, rows: int, quantity: str, value: float) -> None:
        """Break `quantity`, one of observation and reward."""
        super().__init__(rows)
        self._quantity, self._value = quantity, value

    def observe(self, rows: Array) -> Array:
        """Lie, perhaps."""
        seen = super().observe(rows).copy()
        if self._quantity == "observation":
            seen[seen[:, 0] == 4, 1] = self._value
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Lie, perhaps."""
        step = super().step(actions, rows)
        if self._quantity == "reward":
            step.reward[self._state[rows, 0] == 4] = self._value
        return step
