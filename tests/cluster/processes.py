"""Processes that carry a mark in their environment, as do all that they start."""

import os
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import psutil

MARK = "TRPO_TEST_CLUSTER"


def environment(folder: Path, **others: str) -> dict[str, str]:
    """That of this process, with the mark of `folder` and `others`."""
    return {**os.environ, MARK: str(folder), **others}


def marked(folder: Path, **others: str) -> Iterator[psutil.Process]:
    """The processes that carry the mark of `folder` and `others`."""
    wanted = {MARK: str(folder), **others}.items()
    for process in psutil.process_iter():
        try:
            if wanted <= process.environ().items():
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):  # it ended, or is another user's
            continue


def holding(path: Path) -> Iterator[psutil.Process]:
    """The processes that have this file open."""
    for process in psutil.process_iter():
        try:
            if any(file.path == str(path) for file in process.open_files()):
                yield process
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue


def kill(find: Callable[[], Iterable[psutil.Process]]) -> None:
    """End what `find` finds at once, and what that starts meanwhile."""
    while found := list(find()):
        for process in found:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(found, timeout=10)


def wait_for(what: str, seconds: float, condition: Callable[[], object]) -> None:
    """Return once `condition` holds.

    Raises:
        TimeoutError: it did not within so many seconds; the message says `what` was awaited.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"{what}: not after {seconds:.0f} s")
        time.sleep(0.1)
