"""A simulator that remembers all that was done with it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from trpo.simulators.protocol import Simulator, Step
from trpo.simulators.rows import Closing
from trpo.types import Array


@dataclass
class Part:
    """What followed loads without a step between them; of the first part, what came before any."""

    snapshots: dict[int, Any] = field(default_factory=dict)  # by row
    steps: list[tuple[Array, Array, Array, Step]] = field(default_factory=list)

    @property
    def taken(self) -> int:
        """Simulator steps."""
        return sum(len(rows) for rows, *_ in self.steps)

    @property
    def failed(self) -> int:
        """Of these, the ones that failed in the engine."""
        return sum(int(step.failed.sum()) for *_, step in self.steps)

    def grid(self, which: int) -> Array:
        """Observations (0) or actions (1) as (T, rows, ·), NaN where a row had ended."""
        first = self.steps[0][1 + which]
        found = np.full((len(self.steps), *first.shape), np.nan)
        for t, (rows, *fields) in enumerate(self.steps):
            found[t, rows] = fields[which]
        return found


class Spy(Closing):
    """The simulator that it wraps, and its steps: rows, what was seen, done and returned."""

    def __init__(self, simulator: Simulator) -> None:
        """Watch from now on."""
        self.space, self.count, self._simulator = simulator.space, simulator.count, simulator
        self.reset, self.observe, self.save = simulator.reset, simulator.observe, simulator.save
        self.parts = [Part()]

    @property
    def taken(self) -> int:
        """Simulator steps in all."""
        return sum(part.taken for part in self.parts)

    @property
    def failed(self) -> int:
        """Of these, the ones that failed in the engine."""
        return sum(part.failed for part in self.parts)

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Begin a part, unless the last one has no steps yet."""
        if self.parts[-1].steps or not self.parts[-1].snapshots:
            self.parts.append(Part())
        self.parts[-1].snapshots.update(zip(rows.tolist(), snapshots, strict=True))
        self._simulator.load(rows, snapshots)

    def step(self, actions: Array, rows: Array) -> Step:
        """Step, and keep what happened."""
        seen = self.observe(rows).astype(np.float32)
        found = self._simulator.step(actions, rows)
        self.parts[-1].steps.append((rows, seen, actions.copy(), found))
        return found
