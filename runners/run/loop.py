"""The training loop: iterate, write a row, checkpoint; go on from wherever it was stopped.

The iteration's number keys its randomness, so the position and the algorithm's state are all
that a resumed run needs to write the same bytes.
"""

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import torch

from runners.store.checkpoint import Checkpoint, DamagedError, Position, newest, save
from runners.store.directory import RunDirectory
from runners.store.files import RunError
from runners.store.table import Cell, Table, checksum
from trpo.reports import flatten
from trpo.streams import stream
from trpo.types import Algorithm, Tensor


class DivergedError(RunError):
    """A number that must be finite is not."""


class StoppedError(Exception):
    """A signal asked the run to stop; it has been checkpointed."""

    def __init__(self, exit_status: int) -> None:
        """Remember what the process should exit with."""
        super().__init__(f"stopped by signal {exit_status - 128}")
        self.exit_status = exit_status


class Plan(NamedTuple):
    """How long a run is: until the first budget that is not None is used up."""

    seed: int
    iterations: int | None
    total_steps: int | None
    checkpoint_every: int  # iterations
    keep_checkpoints: int = 0  # the same, of those that stay; 0 is none

    def fraction(self, position: Position) -> float:
        """How much of the run is behind `position`, in [0, 1]."""
        budgets = ((position.iteration, self.iterations), (position.env_steps, self.total_steps))
        return min(1.0, max((used / limit for used, limit in budgets if limit), default=1.0))

    def keeps(self, position: Position) -> bool:
        """Whether the checkpoint at `position` stays."""
        return bool(self.keep_checkpoints) and position.iteration % self.keep_checkpoints == 0


class Row(NamedTuple):
    """What one iteration wrote."""

    position: Position
    metrics: dict[str, Cell]
    timing: dict[str, Cell]


class Hooks(NamedTuple):
    """What the loop tells the outside, and asks of it."""

    on_row: Callable[[Row], None]
    on_save: Callable[[], None]
    warn: Callable[[str], None]
    stop: Callable[[], int]  # the exit status once the run should stop, 0 while it may go on


def train(
    algorithm: Algorithm[Any, Any],
    plan: Plan,
    directory: RunDirectory,
    hooks: Hooks,
    columns: Sequence[str] = (),
) -> Position:
    """Run `algorithm` to the end of `plan`, from where `directory` says that it was.

    Metrics are written under the names of `columns`, in their order and empty where the algorithm
    reports no such thing; whatever else it reports follows.

    Raises:
        DivergedError: a quantity is NaN or infinite; the message names it and the iteration.
        OSError: the disk is full.
        StoppedError: a signal came; the run is checkpointed.
    """
    now = _resume(algorithm, plan.seed, directory, hooks.warn)
    with (
        Table(directory.metrics, now.position.metrics_size) as metrics,
        Table(directory.timing, now.position.timing_size) as timing,
    ):
        while plan.fraction(now.position) < 1:
            state, row = _iterate(algorithm, plan.seed, now, columns)
            metrics.append(row.metrics)
            timing.append(row.timing)
            tables = (metrics.size, timing.size, metrics.checksum)
            now = Checkpoint(Position(*row.position[:3], *tables), state)
            hooks.on_row(row)
            if plan.keeps(now.position):
                _keep(directory.kept(now.position.iteration), now)
            stop, over = hooks.stop(), plan.fraction(now.position) == 1
            if stop or over or now.position.iteration % plan.checkpoint_every == 0:
                metrics.sync()
                timing.sync()
                save(directory.checkpoint, now)
                hooks.on_save()
            if stop and not over:
                raise StoppedError(stop)
    return now.position


def _keep(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint that stays, in place of one that a crash left.

    That is before the run's own checkpoint is, so that a resumed run has missed none.
    """
    path.parent.mkdir(exist_ok=True)
    path.unlink(missing_ok=True)
    save(path, checkpoint)


def _resume(
    algorithm: Algorithm[Any, Any], seed: int, directory: RunDirectory, warn: Callable[[str], None]
) -> Checkpoint:
    """The newest checkpoint that can be used, or else the beginning."""
    saved, problems = newest(directory.checkpoint, partial(_require_tables, directory))
    found = saved or Checkpoint(Position(), algorithm.init(stream(seed, "init")))
    if problems:
        warn(f"{'; '.join(problems)}; going on after iteration {found.position.iteration}")
    return found


def _require_tables(directory: RunDirectory, position: Position) -> None:
    sizes = ((directory.metrics, position.metrics_size), (directory.timing, position.timing_size))
    for path, size in sizes:
        if size and (not path.exists() or path.stat().st_size < size):
            raise DamagedError(f"{path.name} is shorter than at iteration {position.iteration}")
    written = position.metrics_sum
    if written not in (None, checksum(directory.metrics, position.metrics_size)):
        raise DamagedError(
            f"{directory.metrics.name} is not what was written up to iteration {position.iteration}"
        )


def _iterate(
    algorithm: Algorithm[Any, Any], seed: int, now: Checkpoint, columns: Sequence[str]
) -> tuple[Any, Row]:
    iteration = now.position.iteration + 1
    began = time.perf_counter()
    try:
        state, info = algorithm.step(stream(seed, "step", iteration), now.state)
    except FloatingPointError as error:
        raise DivergedError(f"iteration {iteration}: {error}") from error
    seconds = time.perf_counter() - began
    found: dict[str, Cell] = dict.fromkeys(columns) | flatten(info)
    for name, value in _diverged(found, state):
        raise DivergedError(f"iteration {iteration}: {name} is {value}")
    steps, episodes = (int(found.pop(name) or 0) for name in ("steps", "episodes"))
    before = now.position
    position = Position(iteration, before.env_steps + steps, before.episodes + episodes)
    counts: dict[str, Cell] = dict(
        zip(("iteration", "env_steps", "episodes"), position[:3], strict=True)
    )
    timing = {"wall_seconds": seconds, "steps_per_second": steps / seconds}
    return state, Row(position, counts | found, {"iteration": iteration, **timing})


def _diverged(found: Mapping[str, Cell], state: Any) -> Iterator[tuple[str, float]]:
    for name, value in found.items():
        if value is not None and not math.isfinite(value):
            yield name, value
    for name, tensor in _tensors("state", state):
        if not torch.isfinite(tensor).all():
            yield name, float(tensor[~torch.isfinite(tensor)][0])


def _tensors(name: str, tree: Any) -> Iterator[tuple[str, Tensor]]:
    """The tensors in a tree of NamedTuples, each by the name of its field."""
    if isinstance(tree, torch.Tensor):
        yield name, tree
    elif isinstance(tree, tuple) and hasattr(tree, "_asdict"):
        for field, value in tree._asdict().items():
            yield from _tensors(field, value)
