"""Atari from pixels: one emulator a row, stepped one after another.

Emulators hold Python's lock, so that threads gain nothing: `samplers.processes` runs rows in
processes of their own. Nothing of a row is random but what its episodes begin with and, where
`repeat_action_probability` is set, which actions are repeated; both are drawn from the row's own
generator and not from the emulator's, so that a snapshot holds all of it.
"""

import difflib
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from trpo.parameters import ParameterError
from trpo.simulators.games import Game
from trpo.simulators.protocol import Space, Step
from trpo.simulators.rows import Closing, at_least_one
from trpo.simulators.screens import AS_THEY_ARE, GREYS, View
from trpo.types import Array

STILL = 0  # the emulator's action of doing nothing
PAL_LINES = 250  # of a screen of a European console, whose colours are others

try:
    import ale_py
    from ale_py import roms
except ImportError as error:
    raise ImportError(f"ale-py cannot be imported ({error}): `make setup` installs it") from error

ale_py.ALEInterface.setLoggerMode(ale_py.LoggerMode.Error)


def emulator(game: str) -> ale_py.ALEInterface:
    """An emulator with the game's cartridge in it, one frame a call.

    Raises:
        ParameterError: there is no such game.
    """
    known = roms.get_all_rom_ids()
    path = roms.get_rom_path(game) if game in known else None
    if path is None or not ale_py.ALEInterface.isSupportedROM(path):
        near = difflib.get_close_matches(game, known, n=3)
        hint = f" (nearest: {', '.join(near)})" if near else ""
        raise ParameterError("game", game, f"a game that ale-py ships{hint}")
    found = ale_py.ALEInterface()
    found.setFloat("repeat_action_probability", 0.0)
    found.setInt("random_seed", 0)
    found.loadROM(str(path))
    return found


class Snapshot(NamedTuple):
    """All that a row's future depends on."""

    machine: Any  # the emulator's state
    stack: Array  # (S, h, w) uint8, what is seen
    elapsed: int  # steps of the episode
    last: int  # the action of the last frame
    repeats: dict[str, Any]  # state of the generator that repeats actions


class Machine:
    """One row."""

    def __init__(self, task: Game) -> None:
        """Switch the emulator on and keep where its episodes begin."""
        self.task, self.ale = task, emulator(task.game)
        self.numbers = task.numbers([a.value for a in self.ale.getMinimalActionSet()])
        height, width = self.ale.getScreenDims()
        for name, small, large in (("height", task.height, height), ("width", task.width, width)):
            if small > large:
                raise ParameterError(name, small, f"at most {large}, the screen's")
        colours = height != PAL_LINES
        self._grab = self.ale.getScreen if colours else self.ale.getScreenGrayscale
        frame = task.height, task.width
        self._view = View((height, width), frame, GREYS if colours else AS_THEY_ARE)
        self.stack = np.zeros((task.stack, task.height, task.width), np.uint8)
        self.elapsed, self._last = 0, STILL
        self._repeats = np.random.default_rng(0)
        self.ale.reset_game()
        self._start = self.ale.cloneState()

    def reset(self, rng: np.random.Generator) -> None:
        """Begin an episode, in the same state of the emulator each time but for `no_ops`."""
        self.ale.restoreState(self._start)
        for _ in range(int(rng.integers(1, self.task.no_ops + 1))):
            self.ale.act(STILL)
        self._repeats = np.random.default_rng(rng.integers(2**63))
        self.elapsed, self._last = 0, STILL
        self._look(alone=True)
        self.stack[:] = self._view.frame()

    def step(self, action: int) -> tuple[float, bool]:
        """Hold an action, as the emulator numbers it; the reward, and whether the game is over."""
        task, reward, over = self.task, 0, False
        for left in reversed(range(task.frame_skip)):
            reward += self.ale.act(self._acted(action))
            over = self.ale.game_over()
            if over or left < 2:
                self._look(left % 2, alone=over or task.frame_skip == 1)
            if over:
                break
        self.elapsed += 1
        self.stack[:-1] = self.stack[1:]
        self.stack[-1] = self._view.frame()
        return float(np.sign(reward) if task.rewards == "clipped" else reward), over

    def _acted(self, action: int) -> int:
        """The action of the next frame, which may be that of the last one."""
        chance = self.task.repeat_action_probability
        if not chance or self._repeats.random() >= chance:
            self._last = action
        return self._last

    def _look(self, which: int = 0, *, alone: bool) -> None:
        """Take the present screen as one of the two that are seen, or as both."""
        screens = self._view.screens
        self._grab(screens[which])
        if alone:
            screens[1 - which] = screens[which]

    def save(self) -> Snapshot:
        """What the row goes on from."""
        repeats = dict(self._repeats.bit_generator.state)
        return Snapshot(self.ale.cloneState(), self.stack.copy(), self.elapsed, self._last, repeats)

    def load(self, snapshot: Snapshot) -> None:
        """Go on from there."""
        self.ale.restoreState(snapshot.machine)
        self.stack[:] = snapshot.stack
        self.elapsed, self._last = snapshot.elapsed, snapshot.last
        self._repeats.bit_generator.state = snapshot.repeats


class AtariSimulator(Closing):
    """N rows of one game. Observations: stacks (n, S, h, w) uint8 of frames, the oldest first."""

    space: Space

    def __init__(self, task: Game, rows: int) -> None:
        """Switch the emulators on (reset before use)."""
        self.count = at_least_one(rows)
        self.machines = [Machine(task) for _ in range(rows)]
        self._numbers = self.machines[0].numbers
        self.space = task.space(self._numbers)
        self.reset(np.random.default_rng(0), np.arange(rows))

    def reset(self, rng: np.random.Generator, rows: Array) -> None:
        """Begin a new episode in each of these rows."""
        for row in rows:
            self.machines[row].reset(rng)

    def observe(self, rows: Array) -> Array:
        """The stacks (n, S, h, w) uint8 of the rows."""
        seen = np.empty((len(rows), *self.space.obs), np.uint8)
        for n, row in enumerate(rows):
            seen[n] = self.machines[row].stack
        return seen

    def step(self, actions: Array, rows: Array) -> Step:
        """Hold actions (n, A), indices of choices, for one step each."""
        reward, terminal = np.empty(len(rows)), np.empty(len(rows), bool)
        numbers = self._numbers[tuple(actions.T)]
        for n, (row, number) in enumerate(zip(rows, numbers, strict=True)):
            reward[n], terminal[n] = self.machines[row].step(int(number))
        elapsed = np.array([self.machines[row].elapsed for row in rows])
        late = (elapsed >= self.space.horizon) & ~terminal
        return Step(reward, terminal, late, np.zeros_like(terminal))

    def save(self, rows: Array) -> list[Any]:
        """One `Snapshot` a row."""
        return [self.machines[row].save() for row in rows]

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Put the snapshots into the rows."""
        for row, snapshot in zip(rows, snapshots, strict=True):
            self.machines[row].load(snapshot)
