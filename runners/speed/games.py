"""What `make bench` measures of Atari: emulators, simulator, policy, processes, whole iterations.

The limit is a loop of the emulators' own `act`: on the same number of them, from the same states,
the same actions, with the same frame skip. It looks at no screen.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import psutil

from runners.speed.measure import Setup, medians, seconds
from runners.studies.training import TRAINING
from trpo.moments import Filter
from trpo.policies import Policy, categorical_cnn
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.processes import Processes
from trpo.samplers.runner import Acting, Row, Track, Until, fresh
from trpo.simulators.atari import AtariSimulator
from trpo.simulators.games import Game
from trpo.streams import stream
from trpo.types import Array

ROWS, STEPS = 8, 100  # side by side, and of each in a round
PAUSE = 0.1  # seconds between two looks at the memory
PLAIN = Filter(np.zeros(1, np.float32), np.ones(1, np.float32), 0.0)


class Shares(NamedTuple):
    """One game on one thread; medians over rounds of equal work."""

    limit: float  # steps/s of the emulators alone
    simulator: float  # the limit's seconds / the simulator's, its frames taken and shrunk
    sampler: float  # the limit's seconds / those with the policy, noise and records


def runner(game: str, rows: int) -> Lockstep:
    """The paper's network on a game."""
    simulator = AtariSimulator(Game(game=game), rows)
    return Lockstep(simulator, categorical_cnn(simulator.space))


def acting(policy: Policy) -> Acting:
    """As its first parameters."""
    return Acting(policy.network.init(stream(0, "init")), PLAIN)


def shares(game: str, rounds: int) -> Shares:
    """Measure the limit, the simulator and the sampler in turn, on the same steps."""
    lockstep = runner(game, ROWS)
    simulator = lockstep.simulator
    assert isinstance(simulator, AtariSimulator)
    how, found = acting(lockstep.policy), []
    rows = fresh(np.random.SeedSequence(0), ROWS)
    with simulator:
        for i in range(rounds + 1):
            began = time.perf_counter()
            tracks = list(lockstep.run(rows, how, Until(1, STEPS), save=True))
            sampling = time.perf_counter() - began
            before = [row.snapshot for row in rows]
            if i:  # the first round begins episodes
                limit = seconds(partial(emulated, simulator, before, tracks))
                stepping = seconds(partial(stepped, simulator, before, tracks))
                steps = sum(len(track.rewards) for track in tracks)
                found.append((steps / limit, limit / stepping, limit / sampling))
            rows = following(rows, tracks)
    return Shares(*medians(found))


def following(rows: list[Row], tracks: list[Track]) -> list[Row]:
    """Where each row goes on, with noise of its own."""
    return [
        Row(row.noise.spawn(1)[0], row.resets, track.snapshot)
        for row, track in zip(rows, tracks, strict=True)
    ]


def emulated(simulator: AtariSimulator, before: list[Any], tracks: list[Track]) -> None:
    """The limit: nothing but the emulators' frames."""
    for machine, snapshot, track in zip(simulator.machines, before, tracks, strict=True):
        machine.load(snapshot)
        skip = range(machine.task.frame_skip)
        for number in machine.numbers[tuple(track.actions.T)].tolist():
            for _ in skip:
                machine.ale.act(number)


def stepped(simulator: AtariSimulator, before: list[Any], tracks: list[Track]) -> None:
    """The same steps, and what is seen of them."""
    simulator.load(np.arange(ROWS), before)
    for t in range(STEPS):
        running = np.array([n for n, track in enumerate(tracks) if t < len(track.rewards)])
        if not len(running):
            break
        actions: Array = np.stack([tracks[n].actions[t] for n in running])
        simulator.step(actions, running)
        simulator.observe(running)


def side_by_side(game: str, rounds: int) -> float:
    """How many times the rate of one process two of them reach."""

    def rate(count: int) -> float:
        with closing(Processes(partial(runner, game), count, 2 * ROWS)) as spread:
            how, rates = acting(spread.policy), []
            for i in range(rounds + 1):
                rows = fresh(np.random.SeedSequence(i), 2 * ROWS)
                began = time.perf_counter()
                list(spread.run(rows, how, Until(STEPS, STEPS)))
                rates.append(len(rows) * STEPS / (time.perf_counter() - began))
            return float(np.median(rates[1:]))

    return rate(2) / rate(1)


def iterations(setup: Setup, count: int) -> tuple[float, float]:
    """Median steps/s of `count` whole iterations after a first, then `peak` during another one."""
    rates = []
    with TRAINING.open(setup.identity, setup.resources) as opening:
        step = opening.algorithm.step
        state, _ = step(stream(0, "step", 1), opening.algorithm.init(stream(0, "init")))
        for i in range(2, count + 2):
            began = time.perf_counter()
            state, info = step(stream(0, "step", i), state)
            rates.append(info.steps / (time.perf_counter() - began))
        memory = peak(partial(step, stream(0, "step", count + 2), state))
    return float(np.median(rates)), memory


def peak(work: Callable[[], Any]) -> float:
    """The most memory in MiB that this process and those it started hold at once during `work`."""
    over = threading.Event()

    def watch() -> float:
        most = held()
        while not over.wait(PAUSE):
            most = max(most, held())
        return most

    with ThreadPoolExecutor(1) as pool:
        watching = pool.submit(watch)
        try:
            work()
        finally:
            over.set()
        return watching.result()


def held() -> float:
    """The memory in MiB that they hold now; pages that several of them share count once."""
    me = psutil.Process()
    family = [me, *me.children(recursive=True)]
    total = 0
    for each in family:
        with suppress(psutil.NoSuchProcess):  # it ended meanwhile
            total += each.memory_full_info().pss
    return total / 2**20
