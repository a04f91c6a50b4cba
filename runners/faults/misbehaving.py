"""A task that raises, hangs or returns NaN at one of its steps, while a file tells it to."""

import os
import time
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
from gymnasium.spaces import Box

MISCHIEF = "ENDURE_MISCHIEF"
"""Environment variable: the file that holds one of `DEEDS` and a number of steps."""
ID = f"{__name__}:Misbehaving-v0"


def fail() -> float:
    """Raise what nobody expects."""
    raise LookupError("the task misbehaves")


def hang() -> float:
    """Never return."""
    while True:
        time.sleep(1.0)


def nan() -> float:
    """A reward that is no number."""
    return float("nan")


DEEDS = {deed.__name__: deed for deed in (fail, hang, nan)}


class Misbehaving(gymnasium.Env[Any, Any]):
    """Adds up actions; misbehaves at so many steps of all such tasks in this process."""

    observation_space = Box(-np.inf, np.inf, (2,), np.float64)
    action_space = Box(-1, 1, (1,), np.float32)
    steps = 0  # of all of them

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin somewhere."""
        super().reset(seed=seed)
        self.place = self.np_random.uniform(-1, 1, 2)
        return self.place.copy(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """Move, and misbehave if that is due."""
        self.place = self.place + 0.1 * float(action[0])
        reward = -float(np.square(self.place).sum())
        return self.place.copy(), self._mischief() or reward, False, False, {}

    def _mischief(self) -> float | None:
        Misbehaving.steps += 1
        path = Path(os.environ.get(MISCHIEF, ""))
        if not path.is_file():
            return None
        deed, due = path.read_text().split()
        return DEEDS[deed]() if int(due) <= Misbehaving.steps else None


gymnasium.register(ID.partition(":")[2], f"{__name__}:Misbehaving")
