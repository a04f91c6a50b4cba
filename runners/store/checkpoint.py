"""Checkpoints that are whole or not there: checksummed, renamed into place, one kept in reserve.

A file is one header line, `TRPO-CHECKPOINT 1 <sha256 of the payload>`, and the payload: plain data
in named tuples and the suite's dataclasses. A file from a stranger is safe to load: nothing that
lies in it is called. What is more than plain data is refused, already when it is saved.
"""

import hashlib
import importlib
import io
import sys
from collections.abc import Callable
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch.serialization import get_unsafe_globals_in_checkpoint, safe_globals

from runners.store.files import RunError, write_atomically

MAGIC = b"TRPO-CHECKPOINT 1 "
SUITE = "trpo"  # whose dataclasses a state may hold, besides anybody's named tuples
BUILTIN = ("bytes", "complex", "frozenset")
VALUES = (*(f"builtins.{name}" for name in BUILTIN), "ale_py._ale_py.ALEState")
"""Further types of values that are no more than their content."""
HEADER_SIZE = len(MAGIC) + hashlib.sha256().digest_size * 2 + 1


class Position(NamedTuple):
    """How far a run is, and how long its tables were then."""

    iteration: int = 0
    env_steps: int = 0
    episodes: int = 0
    metrics_size: int = 0  # bytes of metrics.csv
    timing_size: int = 0  # bytes of timing.csv
    metrics_sum: int | None = None  # CRC-32 of these bytes of metrics.csv; None where unknown


class Checkpoint(NamedTuple):
    """All that a run needs to go on: the algorithm's state after `position.iteration`."""

    position: Position
    state: Any


class DamagedError(Exception):
    """A file is not what was written; the message says how."""


class NotPlainError(Exception):
    """A payload holds more than plain data; the message is its name."""


class Newest(NamedTuple):
    """The newest checkpoint that can be used, and what is wrong with a newer one."""

    checkpoint: Checkpoint | None  # None where there is none
    problems: list[str]


def reserve(path: Path) -> Path:
    """Where the checkpoint before the one at `path` is kept."""
    return path.with_suffix(".prev.pt")


def save(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint; what was at `path` becomes the reserve.

    Raises:
        OSError: the disk is full; the checkpoints are as they were.
        RunError: the state holds what could not be read back.
    """
    payload = io.BytesIO()
    torch.save((tuple(checkpoint.position), checkpoint.state), payload)
    data = payload.getvalue()
    try:
        types(data)
    except NotPlainError as error:
        raise RunError(
            f"the run's state holds {error}, which no checkpoint may: a task that keeps such a "
            "thing needs sampler.fresh=true"
        ) from error
    header = MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n"
    write_atomically(path, header + data, reserve=reserve(path))


def load(path: Path) -> Checkpoint:
    """Read and verify one checkpoint.

    Raises:
        DamagedError: it was truncated or altered.
        FileNotFoundError: there is none.
        RunError: it is whole, but of classes that the code no longer has, or holds more than
            plain data.
    """
    content = path.read_bytes()
    header, data = content[:HEADER_SIZE], content[HEADER_SIZE:]
    if not header.startswith(MAGIC) or len(header) < HEADER_SIZE:
        raise DamagedError(f"{path.name} is damaged: no valid header")
    if hashlib.sha256(data).hexdigest().encode() != header[len(MAGIC) : -1]:
        raise DamagedError(f"{path.name} is damaged: its checksum does not match")
    try:
        with safe_globals([*NUMPY, *types(data)]):
            position, state = torch.load(io.BytesIO(data), weights_only=True)
    except NotPlainError as error:
        raise RunError(f"{path} is not loaded: it holds {error}, and could run code") from error
    except Exception as error:
        message = f"{path} was written by other code and cannot be read: {error}"
        raise RunError(" ".join(message.split())) from error
    return Checkpoint(Position(*position), state)


def _numpy() -> list[Any]:
    """What NumPy's arrays and numbers are made of, those that hold objects left out."""
    makers = [np.zeros(0).__reduce__()[0], np.float64(0).__reduce__()[0]]
    kinds = {type(np.dtype(code)) for code in np.typecodes["All"] if code != "O"}
    return [*makers, np.ndarray, np.dtype, *sorted(kinds, key=str)]


NUMPY = _numpy()


def types(data: bytes) -> list[type]:
    """The types that a payload is made of, but for those that are always known.

    Raises:
        NotPlainError: it needs something else.
        ImportError, AttributeError: it needs what the suite no longer has.
    """
    known = {f"{each.__module__}.{each.__qualname__}" for each in NUMPY}
    names = get_unsafe_globals_in_checkpoint(io.BytesIO(data))
    return [_type(name) for name in sorted(set(names) - known)]


def _type(name: str) -> type:
    module, _, own = name.rpartition(".")
    ours = module.split(".")[0] == SUITE
    if ours or name in VALUES:
        found = getattr(importlib.import_module(module), own)
    else:
        found = getattr(sys.modules.get(module), own, None)  # nothing else is loaded for a file
    if isinstance(found, type) and (
        name in VALUES
        or (issubclass(found, tuple) and hasattr(found, "_fields"))
        or (ours and is_dataclass(found))
    ):
        return found
    raise NotPlainError(name)


def newest(path: Path, require: Callable[[Position], None] = lambda position: None) -> Newest:
    """The checkpoint at `path`, or its reserve where that one is missing or damaged.

    Args:
        path: where checkpoints are saved.
        require: raises DamagedError where what else was written does not reach a position.

    Raises:
        RunError: as `load`.
    """
    problems = []
    for each in (path, reserve(path)):
        try:
            found = load(each)
            require(found.position)
        except FileNotFoundError:
            continue
        except DamagedError as error:
            problems.append(str(error))
        else:
            return Newest(found, problems)
    return Newest(None, problems)
