"""A random walk as an Algorithm, and a run of it, for tests of the loop and the store."""

import signal
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import NamedTuple

import numpy as np
import torch

from runners.run import signals
from runners.run.loop import Hooks, Plan, Row, StoppedError, train
from runners.store.checkpoint import Position, load
from runners.store.directory import RunDirectory
from trpo.types import Algorithm, Tensor

STEPS = 7  # of every iteration


class Note(NamedTuple):
    """What an iteration reports."""

    steps: int
    episodes: int
    return_mean: float
    return_std: float | None
    kl_mean: float
    accepted: bool


class Walker(NamedTuple):
    """What is carried: a position, and a snapshot as simulators make them."""

    theta: Tensor  # (3,)
    history: tuple[float, ...]
    snapshot: bytes


Walk = Algorithm[Walker, Note]


def walk(spoil: Callable[[int, Note], Note] | None = None) -> Walk:
    """A walk of which `spoil(iteration, info)` may change what an iteration reports."""

    def init(rng: np.random.Generator) -> Walker:
        return Walker(torch.from_numpy(rng.normal(size=3)), (), b"")

    def step(rng: np.random.Generator, state: Walker) -> tuple[Walker, Note]:
        theta = state.theta + torch.from_numpy(rng.normal(size=3))
        history = (*state.history, float(theta[0]))
        mean, square = float(np.mean(history)), float(theta.square().sum())
        info = Note(STEPS, len(history) % 2, mean, None, square, True)
        if spoil:
            info = spoil(len(history), info)
        return Walker(theta, history, rng.bytes(8)), info

    return Algorithm(init, step)


def run(
    path: Path,
    iterations: int = 20,
    algorithm: Walk | None = None,
    warn: Callable[[str], None] = lambda message: None,
    stop: Callable[[], int] = lambda: 0,
    columns: Sequence[str] = (),
    keep: int = 0,
) -> Position:
    """Train in `path`, checkpointing every third iteration."""
    plan = Plan(1, iterations, None, checkpoint_every=3, keep_checkpoints=keep)
    hooks = Hooks(on_row=_ignore, on_save=lambda: None, warn=warn, stop=stop)
    with RunDirectory(path) as directory:
        return train(algorithm or walk(), plan, directory, hooks, columns)


def run_slowly(path: Path, iterations: int) -> None:
    """The same run, a millisecond or more an iteration; stops at SIGTERM."""
    signals.listen()
    algorithm = walk(_slow)
    try:
        run(path, iterations, algorithm, stop=signals.exit_status)
    except StoppedError as stopped:
        sys.exit(stopped.exit_status)


def run_as_a_job(path: Path, note: Path) -> None:
    """The same as a job of a launcher, which at SIGUSR2 notes how far the checkpoint is."""

    def requeue(number: int, frame: FrameType | None) -> None:
        note.write_text(f"{number} {load(path / 'checkpoint.pt').position.iteration}")

    signal.signal(signal.SIGUSR2, requeue)
    try:
        run_slowly(path, 100_000)
    except SystemExit:
        signals.hand_back()


def _slow(iteration: int, info: Note) -> Note:
    time.sleep(0.001)
    return info


def _ignore(row: Row) -> None:
    """Show nothing."""
