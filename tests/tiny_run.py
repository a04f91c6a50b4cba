"""A random walk as an Algorithm, and a run of it, for tests of the loop and the store."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from runners.run import signals
from runners.run.loop import Hooks, Plan, Row, StoppedError, train
from runners.store.checkpoint import Position
from runners.store.directory import RunDirectory
from trpo.types import Algorithm, Tensor

STEPS = 7  # of every iteration


class Walker(NamedTuple):
    """What is carried: a position, and a snapshot as simulators make them."""

    theta: Tensor  # (3,)
    history: tuple[float, ...]
    snapshot: bytes


def walk(spoil: Callable[[int, dict[str, float]], None] | None = None) -> Algorithm:
    """A walk of which `spoil(iteration, info)` may change what an iteration reports."""

    def init(rng: np.random.Generator) -> Walker:
        return Walker(torch.from_numpy(rng.normal(size=3)), (), b"")

    def step(rng: np.random.Generator, state: Walker) -> tuple[Walker, dict[str, float]]:
        theta = state.theta + torch.from_numpy(rng.normal(size=3))
        history = (*state.history, float(theta[0]))
        info = {
            "steps": STEPS,
            "episodes": len(history) % 2,
            "return_mean": float(np.mean(history)),
            "return_std": float("nan"),
            "kl_mean": float(theta.square().sum()),
            "accepted": 1.0,
        }
        if spoil:
            spoil(len(history), info)
        return Walker(theta, history, rng.bytes(8)), info

    return Algorithm(init, step)


def run(
    path: Path,
    iterations: int = 20,
    algorithm: Algorithm | None = None,
    warn: Callable[[str], None] = lambda message: None,
    stop: Callable[[], int] = lambda: 0,
) -> Position:
    """Train in `path`, checkpointing every third iteration."""
    plan = Plan(seed=1, iterations=iterations, total_steps=None, checkpoint_every=3)
    hooks = Hooks(on_row=_ignore, on_save=lambda: None, warn=warn, stop=stop)
    with RunDirectory(path) as directory:
        return train(algorithm or walk(), plan, directory, hooks)


def run_slowly(path: Path, iterations: int) -> None:
    """The same run, a millisecond or more an iteration; stops at SIGTERM."""
    signals.listen()
    algorithm = walk(lambda iteration, info: time.sleep(0.001))
    try:
        run(path, iterations, algorithm, stop=signals.exit_status)
    except StoppedError as stopped:
        sys.exit(stopped.exit_status)


def _ignore(row: Row) -> None:
    """Show nothing."""
