"""The runner for any simulator and any policy: rows are stepped side by side."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.policies import Policy
from trpo.samplers.runner import Acting, Keep, Row, Track, Until
from trpo.simulators.protocol import Simulator
from trpo.types import Array

BLOCK = 64  # steps whose noise is drawn, and which are recorded, at once


class Lockstep(NamedTuple):
    """Runs as many rows side by side as the simulator has; see runner.Runner."""

    simulator: Simulator
    policy: Policy
    first: int = 0  # number of the first row that is run, among all that others run too

    @property
    def name(self) -> str:
        """What provenance calls it."""
        return "lockstep"

    def run(
        self,
        rows: Sequence[Row],
        acting: Acting,
        until: Until,
        *,
        keep: Keep | None = None,
        save: bool = False,
    ) -> Iterator[Track]:
        """Run the rows, a part at a time; see runner.Runner."""
        for i in range(0, len(rows), self.simulator.count):
            part = Part(self, rows[i : i + self.simulator.count], acting, self.first + i)
            part.walk(until, keep, save)
            yield from part.tracks(save)


class Moment(NamedTuple):
    """One step of n rows side by side."""

    obs: Array  # what is kept of what they saw
    actions: Array
    dist: Array
    rewards: Array
    terminal: Array
    truncated: Array
    failed: Array


class Record:
    """What N rows did, step after step, in arrays (BLOCK, N, ·).

    The large arrays that live on are not mixed with the small ones that a step leaves behind: many
    holes of the wrong size would else make a process's memory grow several times as fast.
    """

    def __init__(self, rows: int) -> None:
        """Of so many rows."""
        self._rows, self._blocks = rows, list[Moment]()

    def add(self, t: int, rows: Array, moment: Moment) -> None:
        """Note what some of the rows (n,), in their order, did in step t."""
        if t % BLOCK == 0:
            shapes = ((BLOCK, self._rows, *part.shape[1:]) for part in moment)
            types = (part.dtype for part in moment)
            self._blocks.append(Moment(*map(np.empty, shapes, types)))
        which = slice(None) if len(rows) == self._rows else rows
        for kept, part in zip(self._blocks[-1], moment, strict=True):
            kept[t % BLOCK, which] = part

    def of(self, row: int, steps: int) -> Moment:
        """The first steps of a row, its fields (steps, ·)."""
        fields = zip(*self._blocks, strict=True)
        return Moment(*(np.concatenate([b[:, row] for b in field])[:steps] for field in fields))


class Part:
    """Rows that run side by side."""

    def __init__(self, runner: Lockstep, rows: Sequence[Row], acting: Acting, first: int) -> None:
        """Begin them; the part's row 0 is row `first` of all."""
        self._simulator, self._number, self._every = runner.simulator, first, np.arange(len(rows))
        self._kept = runner.simulator.space.kept
        self._act = actor(runner.policy, acting, rows, self._every + first)
        self._resets = [np.random.default_rng(row.resets) for row in rows]
        self._forced = [row.action for row in rows]
        self._ages = np.array([row.age for row in rows])
        self._record, self._steps = Record(len(rows)), np.zeros(len(rows), int)
        self._after: list[list[Array]] = [[] for _ in rows]
        for n, row in enumerate(rows):
            if row.snapshot is None:
                self._reset(n)
            else:
                self._simulator.load(np.array([n]), [row.snapshot])
        self._begun = self._see(self._every)

    def _reset(self, row: int) -> None:
        self._simulator.reset(self._resets[row], np.array([row]))
        self._ages[row] = 0

    @np.errstate(invalid="ignore", over="ignore")  # what is not finite is found at the end
    def walk(self, until: Until, keep: Keep | None, save: bool) -> None:
        """Step the rows until each has stopped."""
        running = self._every
        for t in range(until.most or 2**62):
            if keep:
                at = np.full(len(running), t)
                keep.offer(running + self._number, at, self._ages[running], self._saver(running))
            moment = self._step(t, running)
            ended = moment.terminal | moment.truncated
            self._ages[running] += 1
            self._steps[running] += 1
            stops = np.array([until.over(t + 1, end) for end in ended])
            cut = moment.truncated | (stops & ~moment.terminal)
            for row, seen in zip(running[cut], self._see(running[cut]), strict=True):
                self._after[row].append(seen)
            for row in running[ended & (save | ~stops)]:
                self._reset(row)
            running = running[~stops]
            if not len(running):
                break

    def _step(self, t: int, rows: Array) -> Moment:
        obs = self._see(rows)
        dist, actions = self._act(t, obs, rows)
        if t == 0:
            actions = forced(actions, self._forced)
        step = self._simulator.step(self._simulator.space.actions.clip(actions), rows)
        moment = Moment(self._kept.part(obs), actions, dist, *step)
        self._record.add(t, rows, moment)
        return moment

    def _see(self, rows: Array) -> Array:
        return self._kept.seen(self._simulator.observe(rows))

    def _saver(self, rows: Array) -> Callable[[int], Any]:
        return lambda i: self._simulator.save(rows[i : i + 1])[0]

    def tracks(self, save: bool) -> Iterator[Track]:
        """What each row did."""
        for n, taken in enumerate(self._steps.tolist()):
            parts, actions, dist, rewards, terminal, truncated, failed = self._record.of(n, taken)
            obs = self._kept.whole(parts, self._begun[n], terminal | truncated)
            after = np.stack(self._after[n]) if self._after[n] else self._begun[:0]
            snapshot = self._simulator.save(np.array([n]))[0] if save else None
            yield Track(obs, actions, dist, rewards, terminal, truncated, failed, after, snapshot)


def forced(actions: Array, first: Sequence[Array | None]) -> Array:
    """The actions (n, A), those of rows that are told what to do first replaced."""
    told = [n for n, action in enumerate(first) if action is not None]
    if told:
        actions[told] = [first[n] for n in told]
    return actions


Act = Callable[[int, Array, Array], tuple[Array, Array]]
"""(step t, raw observations (n, *O), rows (n,)) -> parameters (n, M), actions (n, A)"""


def actor(policy: Policy, acting: Acting, rows: Sequence[Row], numbers: Array) -> Act:
    """What acts in these rows, which have these numbers among all."""
    parameters = answering(policy, acting, numbers)
    family, see = policy.distribution, acting.see
    rngs = [np.random.default_rng(row.noise) for row in rows]
    still = 0 * family.noise(np.random.default_rng(0), len(rows))
    blocks: list[Array] = []  # noise (n, BLOCK, ·) of the steps to come

    def act(t: int, obs: Array, running: Array) -> tuple[Array, Array]:
        if not acting.greedy and t % BLOCK == 0:
            blocks[:] = [np.stack([family.noise(rng, BLOCK) for rng in rngs], axis=1)]
        noise = still if acting.greedy else blocks[0][t % BLOCK]
        d = parameters(see(obs), running)
        return d, family.sample(d, noise if len(running) == len(rows) else noise[running])

    return act


def answering(policy: Policy, acting: Acting, numbers: Array) -> Callable[[Array, Array], Array]:
    """(what is seen (n, *O), rows (n,)) -> parameters d (n, M)."""
    theta = torch.as_tensor(acting.theta)
    if theta.ndim > 1:
        return policy.network.act_each(theta.numpy()[numbers])
    return Tiles(policy.network.act(theta), policy.network.tile, numbers)


class Tiles:
    """Answers to inputs of which always as many are given at once, each in its row's place.

    The last bits of a product of matrices depend on their sizes and on a row's place in them; so a
    row has one place, whichever others run beside it.
    """

    def __init__(self, answer: Callable[[Array], Array], tile: int, numbers: Array) -> None:
        """`numbers` (N,) are those of the rows; number i has place i mod tile."""
        self._answer, self._tile = answer, tile
        self._numbers, self._running = numbers, -1
        self._plan: list[tuple[Array, Array]] = []

    def __call__(self, x: Array, rows: Array) -> Array:
        """The answers (n, M) to inputs (n, ·) of these rows, which are never more than before."""
        if len(rows) != self._running:
            self._running, self._plan = len(rows), self._planned(self._numbers[rows])
        answers = [self._of(x[which], places) for which, places in self._plan]
        return answers[0] if len(answers) == 1 else np.concatenate(answers)

    def _planned(self, numbers: Array) -> list[tuple[Array, Array]]:
        """Which rows have which places in each tile."""
        tiles, places = np.divmod(numbers, self._tile)
        return [(np.flatnonzero(tiles == t), places[tiles == t]) for t in np.unique(tiles)]

    def _of(self, x: Array, places: Array) -> Array:
        if len(x) == self._tile:
            return self._answer(x)
        filled = np.repeat(x[:1], self._tile, axis=0)
        filled[places] = x
        return self._answer(filled)[places]
