"""Stopping politely: a first signal asks for a checkpoint and an exit; a repeated one insists.

A signal is remembered for the life of the process, so that the later runs of a sweep do not start.
Who starts workers passes it on to them. What a cluster's launcher does at a signal, it does once
the run is checkpointed; that signal does not insist.
"""

import signal
import sys
from collections.abc import Callable, Iterable
from multiprocessing.process import BaseProcess
from types import FrameType

from trpo.signals import STOPS

_received: list[int] = []
_workers: list[Callable[[], Iterable[BaseProcess]]] = []
_launcher: dict[int, Callable[[int, FrameType | None], object]] = {}


def listen(workers: Callable[[], Iterable[BaseProcess]] | None = None) -> None:
    """From now on remember these signals instead of dying at once.

    Args:
        workers: the processes that shall be stopped too.
    """
    if workers:
        _workers.append(workers)
    for number in STOPS:
        before = signal.signal(number, _remember)
        if callable(before) and before not in (_remember, signal.default_int_handler):
            _launcher[number] = before


def stop() -> None:
    """Stop as if SIGTERM had come."""
    _received.append(signal.SIGTERM)


def exit_status() -> int:
    """128 + the first signal that came since `listen`, as shells report it; 0 if none did."""
    return 128 + _received[0] if _received else 0


def hand_back() -> None:
    """Do what a launcher does at the first signal that came, if this process is a launcher's.

    Raises:
        SystemExit: it is; a job that was stopped must not be taken for one that has ended.
    """
    if _received and _received[0] in _launcher:
        number = _received[0]
        _launcher[number](number, None)
        sys.exit(exit_status())


def _remember(number: int, frame: FrameType | None) -> None:
    insisting = number in _received
    if insisting and number in _launcher:  # it may signal a job's processes one by one and together
        return
    _received.append(number)
    for workers in _workers:
        for worker in workers():
            worker.terminate()
    if insisting:
        raise KeyboardInterrupt
