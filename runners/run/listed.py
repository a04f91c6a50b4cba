"""What runs there are in a store, and how each of them is; nothing is written."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from filelock import FileLock, Timeout

from runners.run.loop import Plan
from runners.settings.tree import NUMBERS
from runners.store.checkpoint import Position
from runners.store.directory import RunDirectory
from runners.store.files import RunError
from runners.store.provenance import read
from runners.store.table import last_row

SCORES = ("return_100", "return_mean")
"""Columns of metrics.csv that say how good a policy is, the better one first."""


class State(NamedTuple):
    """How a run is."""

    name: str
    prunable: bool = False  # whether nobody goes on with it


DONE = State("done")
RUNNING = State("running")
STOPPED = State("stopped")  # the same command goes on with it
FAILED = State("failed", True)
SUPERSEDED = State("superseded", True)  # of other code, which made other numbers
UNREADABLE = State("unreadable", True)


class Listed(NamedTuple):
    """One run as its directory tells it."""

    path: Path
    state: State
    said: dict[str, Any]  # run.json
    fraction: float  # of what it is planned to take
    score: float | None
    written: float  # when something last was, in seconds of the system's clock
    size: int  # bytes
    error: str | None

    def is_like(self, word: str) -> bool:
        """Whether a filter takes it: key=value of run.json or its state, or a part of its name."""
        key, equals, value = word.partition("=")
        known = {**self.said, "state": self.state.name}
        return str(known.get(key)) == value if equals else word in self.path.name


def listed(results: Path) -> Iterator[Listed]:
    """Every run below a folder, by name."""
    for path in sorted(results.glob("*/config.yaml")):
        yield of(RunDirectory(path.parent))


def of(directory: RunDirectory) -> Listed:
    """How the run of a directory is."""
    said, row = described(directory), last_row(directory.metrics)
    provenance = read(directory.provenance)
    at = Position(int(row.get("iteration") or 0), int(row.get("env_steps") or 0))
    plan = Plan(0, said.get("iterations"), said.get("total_steps"), 1)
    score = next((float(row[name]) for name in SCORES if row.get(name)), None)
    files = [path.stat() for path in directory.path.rglob("*") if path.is_file()]
    return Listed(
        directory.path,
        state(directory, said, provenance),
        said,
        plan.fraction(at) if said else 0.0,
        score,
        max((file.st_mtime for file in files), default=0.0),
        sum(file.st_size for file in files),
        provenance.get("error"),
    )


def described(directory: RunDirectory) -> dict[str, Any]:
    """What run.json says, {} where it cannot be read."""
    try:
        found = json.loads(directory.description.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def state(directory: RunDirectory, said: dict[str, Any], provenance: dict[str, Any]) -> State:
    """How the run is; one that a process holds is running whatever its files say."""
    if is_held(directory.path):
        return RUNNING
    if not said:
        return UNREADABLE
    if said.get("numbers") != NUMBERS:
        return SUPERSEDED
    try:
        if directory.reached():
            return DONE
    except RunError:
        return UNREADABLE
    return FAILED if provenance.get("status") == FAILED.name else STOPPED


def is_held(path: Path) -> bool:
    """Whether a process is running the run of a directory."""
    lock = path / ".lock"
    if not lock.exists():
        return False
    try:
        with FileLock(lock, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # a store that cannot be written
        return False
