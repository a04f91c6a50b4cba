"""The bare engine on exactly the steps that a sampler took, to measure the sampler against."""

from typing import Any, NamedTuple

import mujoco
import numpy as np

from trpo.simulators.mujoco import FULL, MujocoSimulator
from trpo.simulators.protocol import Step
from trpo.simulators.rows import Closing
from trpo.types import Array


class Segment(NamedTuple):
    """A stretch of one row: where it started and what was done."""

    state: Array  # (S,) full physics
    actions: Array  # (t, A) as the engine got them


class Recorder(Closing):
    """A MuJoCo simulator that notes what is done to it; otherwise the one that it wraps."""

    def __init__(self, simulator: Any) -> None:
        """Wrap `simulator`, which is MuJoCo's own."""
        self._simulator: MujocoSimulator = simulator
        self.space, self.count = simulator.space, simulator.count
        self.observe, self.save = simulator.observe, simulator.save
        self.model, self.task = simulator.model, simulator.task
        self._open: dict[int, tuple[Array, list[Array]]] = {}
        self._closed: list[Segment] = []

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Reset, and begin a segment in each row."""
        self._simulator.reset(rng, rows)
        self._begin(rows)

    def load(self, rows: Array, snapshots: Any) -> None:
        """Load, and begin a segment in each row."""
        self._simulator.load(rows, snapshots)
        self._begin(rows)

    def step(self, actions: Array, rows: Array) -> Step:
        """Step, and note the actions."""
        for row, action in zip(rows, actions, strict=True):
            self._open[row][1].append(np.array(action, np.float64))
        return self._simulator.step(actions, rows)

    def segments(self) -> list[Segment]:
        """All that was recorded since the last call."""
        self._begin(np.arange(self._simulator.count))
        found, self._closed = self._closed, []
        return found

    def _begin(self, rows: Array) -> None:
        for row, (state, _) in zip(rows, self._simulator.save(rows), strict=True):
            before, actions = self._open.get(row, (state, []))
            if actions:
                self._closed.append(Segment(before, np.stack(actions)))
            self._open[row] = (state, [])


def replay(simulator: MujocoSimulator | Recorder, segments: list[Segment]) -> None:
    """A loop around mj_step, with nothing observed and nothing computed."""
    model, frame_skip = simulator.model, simulator.task.frame_skip
    data = mujoco.MjData(model)
    for segment in segments:
        mujoco.mj_setState(model, data, segment.state, FULL)
        for action in segment.actions:
            data.ctrl[:] = action
            mujoco.mj_step(model, data, frame_skip)
