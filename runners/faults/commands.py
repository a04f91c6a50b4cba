"""Commands that are started, watched, disturbed, and never left behind."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import psutil

from runners.faults.judged import Session
from runners.settings.tree import CONF

STEP = 0.05  # seconds between two looks
LONGEST = 300.0  # seconds that a command may take
GRACE = 60.0  # seconds in which the processes that a killed command leaves must end by themselves


class StoppedError(Exception):
    """The campaign is to end."""


class Place(NamedTuple):
    """Where a victim lives."""

    disk: Path  # a folder of its own, a small disk where one can be mounted
    aside: Path  # the campaign's own files about it
    stop: threading.Event  # set once the campaign is to end

    @property
    def store(self) -> Path:
        """The results_dir of its commands."""
        return self.disk / "runs"


class Running(NamedTuple):
    """A command that runs, as a fault finds it."""

    process: subprocess.Popen[bytes]
    place: Place
    again: Callable[[], Session]  # gives the same command a second time, to its end
    rng: np.random.Generator


Disturb = Callable[[Running], Sequence[Session]]
"""Does something to a running command; what other commands did meanwhile."""


def untouched(running: Running) -> Sequence[Session]:
    """Let it run."""
    return ()


def command(settings: Sequence[str], place: Place) -> list[str]:
    """What trains a victim, or goes on with it."""
    return [sys.executable, "-m", "runners.train", *settings, f"results_dir={place.store}"]


def session(
    line: Sequence[str],
    place: Place,
    environment: Mapping[str, str],
    disturb: Callable[[subprocess.Popen[bytes]], None] = lambda process: None,
) -> Session:
    """Give a command, disturb it, and see it and all that it started to their end.

    Raises:
        StoppedError: the campaign is to end; nothing of the command is left.
    """
    said = place.aside / f"said-{threading.get_ident()}-{time.monotonic_ns()}"
    with _started(line, said, {**os.environ, **environment}) as process:
        disturb(process)
        timed_out = not wait(lambda: process.poll() is not None, place.stop, LONGEST)
        wait(lambda: not members(process.pid), place.stop, GRACE)
        left = len(members(process.pid)) + timed_out
    words = said.read_text(errors="replace") + "it had to be killed\n" * timed_out
    said.unlink()
    return Session(process.wait(), words, left)


@contextlib.contextmanager
def _started(
    line: Sequence[str], said: Path, environment: Mapping[str, str]
) -> Iterator[subprocess.Popen[bytes]]:
    with said.open("wb") as stderr:
        process = subprocess.Popen(
            line,
            cwd=CONF.parent,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            start_new_session=True,
        )
    try:
        yield process
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait(over: Callable[[], bool], stop: threading.Event, seconds: float) -> bool:
    """Wait until it is over, but no longer than so many seconds; whether it is.

    Raises:
        StoppedError: the campaign is to end.
    """
    end = time.monotonic() + seconds
    while not (found := over()) and time.monotonic() < end:
        if stop.wait(STEP):
            raise StoppedError
    return found


def members(group: int) -> list[psutil.Process]:
    """The processes of a group that have not ended."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(ProcessLookupError, psutil.Error):
            if os.getpgid(process.pid) == group and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found
