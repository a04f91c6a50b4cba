"""The runner for MuJoCo's tasks: compiled code runs a row for many steps, rows run on threads."""

from collections.abc import Iterator, Sequence
from itertools import repeat
from queue import Empty, SimpleQueue
from typing import Any, NamedTuple

import numpy as np

from trpo.moments import Filter
from trpo.policies import Dense, Policy
from trpo.samplers.runner import Acting, Keep, Row, Track, Until
from trpo.simulators import kernel
from trpo.simulators.engine import require_sound
from trpo.simulators.mujoco import MujocoSimulator, begin
from trpo.simulators.tables import Engine, Net, Steps
from trpo.types import Array, Map

BLOCK = 256  # steps of a row whose noise is drawn, and which are recorded, at once


class Worker(NamedTuple):
    """An engine that one thread at a time uses."""

    engine: Engine
    data: Any  # keeps the engine's memory
    line: Array  # (L,) what the row remembers that it runs


class Compiled:
    """Runs each row on its own, any number of them at once; see runner.Runner."""

    name = "compiled"

    def __init__(self, simulator: MujocoSimulator, policy: Policy, pmap: Map = map) -> None:
        """Spread rows over `pmap`; the policy must have `dense` layers."""
        self.simulator, self.policy, self._pmap = simulator, policy, pmap
        self._idle: SimpleQueue[Worker] = SimpleQueue()

    def run(
        self,
        rows: Sequence[Row],
        acting: Acting,
        until: Until,
        *,
        keep: Keep | None = None,
        save: bool = False,
    ) -> Iterator[Track]:
        """Run the rows; see runner.Runner."""
        thetas = np.asarray(acting.theta)
        alone = thetas.ndim == 1
        acts = repeat(self._laid_out(thetas)) if alone else map(self._laid_out, thetas)

        def one(row: Row, acts: Dense) -> Walk:
            worker = self._worker()
            walk = Walk(self, worker, row, net_of(acts, acting.see), acting.greedy)
            walk.go(until, keep=keep is not None, save=save)
            self._idle.put(worker)
            return walk

        for number, walk in enumerate(self._pmap(one, rows, acts)):
            if keep:
                walk.offer(keep, number)
            yield walk.track

    def _worker(self) -> Worker:
        """One that is idle, or a new one."""
        try:
            return self._idle.get_nowait()
        except Empty:
            engine, data = self.simulator.engine()
            return Worker(engine, data, np.zeros(self.simulator.line))

    def _laid_out(self, theta: Array) -> Dense:
        assert self.policy.dense is not None
        return self.policy.dense(theta)


def net_of(acts: Dense, see: Filter) -> Net:
    """What acts and how it sees, for the kernel."""
    width = int(max(acts.sizes))
    now, then = np.empty((2, width), np.float32)
    return Net(*acts, see.mean, see.scale, see.clip, now, then)


class Walk:
    """One row under way."""

    def __init__(self, runner: Compiled, worker: Worker, row: Row, net: Net, greedy: bool) -> None:
        """Begin or go on."""
        self._worker, self._net, self._row = worker, net, row
        self._simulator, self._family = runner.simulator, runner.policy.distribution
        self._noise = None if greedy else np.random.default_rng(row.noise)
        self._resets: np.random.Generator | None = None
        self._after: list[Array] = []
        if row.snapshot is None:
            self._reset()
        else:
            worker.line[:], self._age = row.snapshot
            kernel.resume(worker.engine, worker.line)
        self._began = self._age

    def _reset(self) -> None:
        worker, simulator = self._worker, self._simulator
        self._resets = self._resets or np.random.default_rng(self._row.resets)
        begin(simulator.task, worker.engine, simulator.rest, self._resets, worker.line)
        self._age = 0

    def go(self, until: Until, *, keep: bool, save: bool) -> None:
        """Act until the row has stopped.

        Raises:
            EngineError: the engine gave up.
        """
        taken, stops, first, parts = 0, False, self._row.action, list[Steps]()
        while not stops:
            count = min(BLOCK, BLOCK if until.most is None else until.most - taken)
            noise, room, done = self._drawn(count), self._room(count, keep), 0
            while done < count and not stops:
                done += self._act(noise[done:], first, Steps(*(field[done:] for field in room)))
                first, ended = None, bool(room.flags[done - 1, :2].any())
                stops = until.over(taken + done, ended)
                self._look(room.flags[done - 1], stops)
                if ended and (save or not stops):
                    self._reset()
            taken += done
            parts.append(Steps(*(field[:done] for field in room)))
        self._told(joined(parts), save)

    def _act(self, noise: Array, first: Array | None, room: Steps) -> int:
        """Act until the episode or the noise ends; the number of steps."""
        told = NOTHING if first is None else np.asarray(first, np.float32)
        given = self._net, self._worker.line, noise, told, self._age, room
        steps, status = kernel.run(self._worker.engine, *given)
        require_sound(status)
        self._age += steps
        return int(steps)

    def _look(self, flags: Array, stops: bool) -> None:
        """Keep what follows a cut."""
        terminal, truncated, _ = flags.tolist()
        if truncated or (stops and not terminal):
            self._after.append(self._worker.line[self._simulator.seen].astype(np.float32))

    def _told(self, steps: Steps, save: bool) -> None:
        """Make the track, and remember what may be offered."""
        obs, actions, dist, rewards, flags, self._lines = steps
        after = np.stack(self._after) if self._after else obs[:0]
        snapshot = (self._worker.line.copy(), self._age) if save else None
        terminal, truncated, failed = flags.T
        told = obs, actions, dist, rewards, terminal, truncated, failed, after, snapshot
        self.track = Track(*told)

    def offer(self, keep: Keep, number: int) -> None:
        """Offer every state that the row visited; it is row `number`."""
        steps = np.arange(len(self._lines))
        ages = self.track.ages(self._began)
        keep.offer(
            np.full(len(steps), number),
            steps,
            ages,
            lambda i: (self._lines[i].copy(), int(ages[i])),
        )

    def _drawn(self, count: int) -> Array:
        if self._noise is None:
            return np.zeros((count, len(self._net.log_std)), np.float32)
        return self._family.noise(self._noise, count)

    def _room(self, count: int, record: bool) -> Steps:
        actions, seen = len(self._net.log_std), len(self._net.mean)
        return Steps(
            np.empty((count, seen), np.float32),
            np.empty((count, actions), np.float32),
            np.empty((count, 2 * actions), np.float32),
            np.empty(count),
            np.empty((count, 3), bool),
            np.empty((count * record, len(self._worker.line))),
        )


NOTHING = np.empty(0, np.float32)


def joined(parts: Sequence[Steps]) -> Steps:
    """Steps one after another."""
    if len(parts) == 1:
        return parts[0]
    return Steps(*(np.concatenate(field) for field in zip(*parts, strict=True)))
