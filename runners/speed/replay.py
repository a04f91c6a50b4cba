"""The bare engine on exactly the steps that a sampler took, to measure the sampler against."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from trpo.compiled import compiled
from trpo.samplers.runner import Acting, Keep, Row, Runner, Track, Until
from trpo.simulators.engine import advance, require_sound, set_state
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.tables import Engine
from trpo.types import Array, Map


class Segment(NamedTuple):
    """A stretch of one row: what it remembered before, and what was done."""

    line: Array  # (L,)
    actions: Array  # (t, A) float64, as the engine got them


class Beginnings:
    """Keeps where rows and episodes begin; otherwise the `keep` that it stands before."""

    def __init__(self, keep: Keep | None) -> None:
        """Pass on what is offered."""
        self._keep = keep
        self._found: list[tuple[int, int, Array]] = []  # row, step, line

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """Keep the states at which something begins."""
        if self._keep:
            self._keep.offer(rows, steps, ages, save)
        for i in np.flatnonzero((ages == 0) | (steps == 0)):
            self._found.append((int(rows[i]), int(steps[i]), save(int(i))[0]))

    def merge(self, other: Self) -> None:
        """Take what another was offered."""
        if self._keep and other._keep:
            self._keep.merge(other._keep)
        self._found += other._found

    def segments(self, number: int, actions: Array) -> Iterator[Segment]:
        """What row `number` did, from each of its beginnings on."""
        own = sorted((step, i) for i, (row, step, _) in enumerate(self._found) if row == number)
        ends = [step for step, _ in own[1:]] + [len(actions)]
        for (step, i), end in zip(own, ends, strict=True):
            yield Segment(self._found[i][2], actions[step:end])
        self._found = [found for found in self._found if found[0] != number]


class Wrapped:
    """A runner that is another one, and more."""

    def __init__(self, runner: Runner) -> None:
        """Wrap it."""
        self._runner = runner
        self.name, self.simulator, self.policy = runner.name, runner.simulator, runner.policy


class Timed(Wrapped):
    """Counts the seconds that rows run, nothing of what is made of their tracks afterwards."""

    seconds = 0.0

    def run(self, *given: Any, **more: Any) -> Iterator[Track]:
        """Run the rows; see runner.Runner."""
        began = time.perf_counter()
        yield from self._runner.run(*given, **more)
        self.seconds += time.perf_counter() - began


class Recording(Wrapped):
    """Notes what its rows did."""

    def __init__(self, runner: Runner) -> None:
        """Wrap it."""
        super().__init__(runner)
        self.segments: list[Segment] = []

    def run(
        self,
        rows: Sequence[Row],
        acting: Acting,
        until: Until,
        *,
        keep: Keep | None = None,
        save: bool = False,
    ) -> Iterator[Track]:
        """Run the rows, and note their segments."""
        begun, bounds = Beginnings(keep), self.simulator.space.actions
        tracks = self._runner.run(rows, acting, until, keep=begun, save=save)
        for number, track in enumerate(tracks):
            actions = np.asarray(bounds.clip(track.actions), np.float64)
            self.segments += begun.segments(number, actions)
            yield track


@compiled
def _replay(engine: Engine, line: Array, actions: Array) -> int:
    """The limit: nothing but the engine's steps. Returns `advance`'s status."""
    set_state(engine.model, engine.data, line.ctypes.data, engine.parts)
    ctrl = engine.ctrl
    for t in range(len(actions)):
        for i in range(len(ctrl)):
            ctrl[i] = actions[t, i]
        if advance(engine.model, engine.data, engine.steps, 0):
            return 1
    return 0


class Limit:
    """A compiled loop around mj_step, with nothing observed and nothing computed."""

    def __init__(self, simulator: MujocoSimulator, threads: int) -> None:
        """One engine a thread."""
        self._engines = [simulator.engine() for _ in range(threads)]

    def __call__(self, segments: Sequence[Segment], pmap: Map) -> None:
        """Take the segments' steps, each engine an equal share of them."""
        count = len(self._engines)

        def share(k: int) -> None:
            for segment in segments[k::count]:
                require_sound(_replay(self._engines[k][0], *segment))

        list(pmap(share, range(count)))
