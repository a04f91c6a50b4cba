"""Stopping politely: a first signal asks for a checkpoint and an exit; a repeated one insists.

SIGINT, SIGTERM and SIGUSR2, which is how submitit says that a job's time is over. A signal is
remembered for the life of the process, so that the later runs of a sweep do not start. A sweep's
parent passes it on to the workers that joblib started, and a worker whose parent has died stops as
if it had been asked to. What a cluster's launcher does at a signal, it does once the run is
checkpointed; that signal does not insist.
"""

import multiprocessing
import os
import signal
import sys
from collections.abc import Callable
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)

_received: list[int] = []
_launcher: dict[int, Callable[[int, FrameType | None], object]] = {}
_parent = os.getppid()


def listen() -> None:
    """From now on remember these signals instead of dying at once."""
    for number in STOPS:
        before = signal.signal(number, _remember)
        if callable(before) and before not in (_remember, signal.default_int_handler):
            _launcher[number] = before


def exit_status() -> int:
    """128 + the first signal that came since `listen`, as shells report it; 0 if none did."""
    if not _received and os.getppid() != _parent and _is_worker(multiprocessing.current_process()):
        _received.append(signal.SIGTERM)
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
    if number in _received:
        if number in _launcher:  # which may signal a job's processes one by one and together
            return
        raise KeyboardInterrupt
    _received.append(number)
    for child in filter(_is_worker, multiprocessing.active_children()):
        child.terminate()


def _is_worker(process: multiprocessing.process.BaseProcess) -> bool:
    return process.name.startswith("LokyProcess")
