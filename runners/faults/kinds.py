"""The faults: each a value that edits files between two sessions, or disturbs a session."""

import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np


class Fault(NamedTuple):
    """What happens to a run, before it is started again or at a moment while it runs."""

    name: str
    before: Callable[[Path, np.random.Generator], None]
    """Edits files below the store, before the command is given again."""
    during: Callable[[subprocess.Popen[str]], None] | None
    """Disturbs the running command; None: it runs to its end."""
    expected: frozenset[int]
    """Exit statuses besides 0; 1: refused; a negative one: death by that signal."""


def untouched(store: Path, rng: np.random.Generator) -> None:
    """Leave all files as they are."""


def torn(store: Path, rng: np.random.Generator) -> None:
    """Cut one file of the store to a random length, if there is any that is not empty."""
    for path in _drawn(store, rng):
        os.truncate(path, int(rng.integers(path.stat().st_size)))


def flipped(store: Path, rng: np.random.Generator) -> None:
    """Flip one bit of one file of the store, if there is any that is not empty."""
    for path in _drawn(store, rng):
        data = bytearray(path.read_bytes())
        data[int(rng.integers(len(data)))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)


def _drawn(store: Path, rng: np.random.Generator) -> list[Path]:
    files = sorted(p for p in store.rglob("*") if p.is_file() and p.stat().st_size)
    return [files[int(rng.integers(len(files)))]] if files else []


def _sent(number: signal.Signals) -> Callable[[subprocess.Popen[str]], None]:
    return lambda process: os.killpg(process.pid, number)


FAULTS = (
    Fault("kill -9", untouched, _sent(signal.SIGKILL), frozenset({-9})),
    Fault("SIGTERM", untouched, _sent(signal.SIGTERM), frozenset({143, -15})),
    Fault("SIGINT", untouched, _sent(signal.SIGINT), frozenset({130, -2})),
    Fault("torn file", torn, None, frozenset({1})),
    Fault("flipped bit", flipped, None, frozenset({1})),
)
"""All of them; signals go to the whole process group, as a terminal's Ctrl-C does."""
