"""The training loop: iterate, write a row, checkpoint; go on from wherever it was stopped.

The iteration's number keys its randomness, so the loop's position and the algorithm's state
are all that a resumed run needs to write the same bytes.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import torch

from runners import checkpoint
from runners.checkpoint import Checkpoint, Position
from runners.files import RunError
from runners.store import RunDirectory
from runners.table import Cell, Table
from trpo.streams import stream
from trpo.types import Algorithm

COUNTS = ("iteration", "env_steps", "episodes")
COLUMNS = (
    *("return_mean", "return_std", "return_100", "reward_per_step", "length_mean"),
    *("surrogate_gain", "kl_mean", "kl_max", "grad_norm", "step_norm", "cg_residual"),
    *("backtracks", "accepted", "entropy", "size", "explained_variance", "unstable_steps"),
)
INTEGERS = frozenset({"backtracks", "accepted", "unstable_steps"})
MAY_BE_NAN = frozenset(
    {"return_mean", "return_std", "return_100", "reward_per_step", "length_mean"}
    | {"explained_variance"}
)


class DivergedError(RunError):
    """A number that must be finite is not."""


class StoppedError(Exception):
    """A signal asked the run to stop; it has been checkpointed."""

    def __init__(self, signal: int) -> None:
        super().__init__(f"stopped by signal {signal}")
        self.signal = signal


class Plan(NamedTuple):
    """How long a run is; it ends when one of the two budgets is used up (None: no limit)."""

    seed: int
    iterations: int | None
    total_steps: int | None
    checkpoint_every: int

    def reached(self, position: Position) -> bool:
        """Whether the run is over."""
        return (self.iterations is not None and position.iteration >= self.iterations) or (
            self.total_steps is not None and position.env_steps >= self.total_steps
        )


class Row(NamedTuple):
    """What one iteration wrote."""

    metrics: dict[str, Cell]
    timing: dict[str, Cell]


class Hooks(NamedTuple):
    """What the loop tells the outside and asks of it."""

    on_row: Callable[[Row], None]
    on_save: Callable[[], None]
    warn: Callable[[str], None]
    stop: Callable[[], int | None]  # a signal's number once the run should stop


def train(algorithm: Algorithm, plan: Plan, directory: RunDirectory, hooks: Hooks) -> Position:
    """Run `algorithm` to the end of `plan`, from where `directory` says it was.

    Raises:
        DivergedError: a quantity is NaN or infinite; the message names it and the iteration.
        OSError: the disk is full.
        StoppedError: a signal came; the run is checkpointed.
    """
    position, state = _resume(algorithm, plan, directory, hooks)
    with (
        Table(directory.metrics, position.metrics_size) as metrics,
        Table(directory.timing, position.timing_size) as timing,
    ):
        saved = position
        while not plan.reached(position):
            if signal := hooks.stop():
                _save(directory, position, state, (metrics, timing), hooks)
                raise StoppedError(signal)
            state, row = _iterate(algorithm, plan.seed, position, state)
            ...
    return position
