"""Checkpoints that are whole or not there: checksummed, renamed into place, one kept in reserve.

A file is one header line, `TRPO-CHECKPOINT 1 <sha256 of the payload>`, and the payload.
"""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import torch

from runners.store.files import RunError, write_atomically

MAGIC = b"TRPO-CHECKPOINT 1 "
HEADER_SIZE = len(MAGIC) + hashlib.sha256().digest_size * 2 + 1


class Position(NamedTuple):
    """How far a run is, and how long its tables were then."""

    iteration: int = 0
    env_steps: int = 0
    episodes: int = 0
    metrics_size: int = 0  # bytes of metrics.csv
    timing_size: int = 0  # bytes of timing.csv


class Checkpoint(NamedTuple):
    """All that a run needs to go on: the algorithm's state after `position.iteration`."""

    position: Position
    state: Any


class DamagedError(Exception):
    """A file is not what was written; the message says how."""


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
    """
    payload = io.BytesIO()
    torch.save((tuple(checkpoint.position), checkpoint.state), payload)
    data = payload.getvalue()
    header = MAGIC + hashlib.sha256(data).hexdigest().encode() + b"\n"
    write_atomically(path, header + data, reserve=reserve(path))


def load(path: Path) -> Checkpoint:
    """Read and verify one checkpoint.

    Raises:
        DamagedError: it was truncated or altered.
        FileNotFoundError: there is none.
        RunError: it is whole, but of classes that the code no longer has.
    """
    content = path.read_bytes()
    header, data = content[:HEADER_SIZE], content[HEADER_SIZE:]
    if not header.startswith(MAGIC) or len(header) < HEADER_SIZE:
        raise DamagedError(f"{path.name} is damaged: no valid header")
    if hashlib.sha256(data).hexdigest().encode() != header[len(MAGIC) : -1]:
        raise DamagedError(f"{path.name} is damaged: its checksum does not match")
    try:
        position, state = torch.load(io.BytesIO(data), weights_only=False)
    except Exception as error:
        message = f"{path} was written by other code and cannot be read: {error}"
        raise RunError(" ".join(message.split())) from error
    return Checkpoint(Position(*position), state)


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
