"""MuJoCo tasks, stepped by compiled code; states equal Gymnasium's bit for bit.

Here rows are stepped in lockstep, whatever acts; `trpo.samplers.compiled` runs whole paths.
"""

import importlib.resources
from typing import Any

import mujoco
import numpy as np

from trpo.parameters import UnfitError
from trpo.simulators import kernel
from trpo.simulators.engine import require_sound
from trpo.simulators.protocol import Box, Space, Step
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.rows import ArrayRows
from trpo.simulators.tables import Engine, engine_of
from trpo.simulators.task import Task
from trpo.types import Array

__all__ = ["MujocoSimulator", "begin", "load_model"]


def load_model(name: str) -> mujoco.MjModel:
    """The model that Gymnasium itself uses, from its own XML.

    Raises:
        UnfitError: it is not there, or the engine cannot read it.
    """
    asset = importlib.resources.files("gymnasium") / "envs" / "mujoco" / "assets" / f"{name}.xml"
    try:
        with importlib.resources.as_file(asset) as path, without_settotalmass_warning():
            return mujoco.MjModel.from_xml_path(str(path))
    except (ValueError, OSError) as error:
        said = " ".join(str(error).split())
        raise UnfitError(f"MuJoCo cannot load its model {name}.xml: {said}") from error


def begin(task: Task, engine: Engine, rest: tuple[Array, Array], rng: Any, line: Array) -> None:
    """Begin an episode of a row, its start drawn by `rng`.

    Raises:
        EngineError: the engine gave up.
    """
    position, velocity = task.start(rng, *rest)
    require_sound(kernel.begin(engine, line, position, velocity))


class MujocoSimulator(ArrayRows):
    """N rows of one task; see protocol.Simulator.

    A step has failed that the engine could not finish (it warned and began anew, or the state is
    not finite). It ends its episode as terminal with reward 0 and leaves the row as it was before.
    """

    def __init__(self, task: Task, rows: int) -> None:
        """Compile the model and place every row in its rest pose (reset before use)."""
        self.task, self.model = task, load_model(task.model)
        self._engine, self._data = self.engine()
        seen, size = int(self._engine.table.parts[0]), len(self._engine.state)
        self.seen, self.line = slice(size, size + seen), size + seen + 1  # of a row's line
        line = np.zeros(self.line)
        self.rest = self._data.qpos.copy(), self._data.qvel.copy()
        require_sound(kernel.begin(self._engine, line, *self.rest))
        super().__init__(line, rows)
        self.space = Space((seen,), Box(self._engine.low, self._engine.high), task.horizon)

    def engine(self) -> tuple[Engine, Any]:
        """Another engine for the task, for a thread of its own, and its data, to be kept alive."""
        return engine_of(self.task, self.model)

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin episodes as Gymnasium does, row after row."""
        for row in rows:
            begin(self.task, self._engine, self.rest, rng, self._state[row])
            self._elapsed[row] = 0

    def observe(self, rows: Array) -> Array:
        """What was last seen (n, O) float64."""
        seen: Array = self._state[rows, self.seen]
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Hold actions (n, A) for frame_skip engine steps.

        Raises:
            EngineError: the engine gave up.
        """
        reward, flags = np.empty(len(rows)), np.empty((len(rows), 3), bool)
        given = np.asarray(actions, np.float64)
        require_sound(kernel.step_each(self._engine, self._state, rows, given, reward, flags))
        terminal, _, failed = flags.T
        self._elapsed[rows] += 1
        late = self._elapsed[rows] >= self.space.horizon
        return Step(reward, terminal, late & ~terminal, failed)
