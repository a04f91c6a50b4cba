"""Stopping politely: SIGINT and SIGTERM ask for a checkpoint and an exit; a repeated one insists.

A signal is remembered for the life of the process, so that the later runs of a sweep do not
start. A sweep's parent passes it on to the workers that joblib started, and a worker whose
parent has died stops as if it had been asked to.
"""

import multiprocessing
import os
import signal
from types import FrameType

_received: list[int] = []
_parent = os.getppid()


def listen() -> None:
    """From now on remember SIGINT and SIGTERM instead of dying at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _remember)


def exit_status() -> int:
    """128 + the first signal that came since `listen`, as shells report it; 0 if none did."""
    if not _received and os.getppid() != _parent and _is_worker(multiprocessing.current_process()):
        _received.append(signal.SIGTERM)
    return 128 + _received[0] if _received else 0


def _remember(number: int, frame: FrameType | None) -> None:
    if number in _received:
        raise KeyboardInterrupt
    _received.append(number)
    for child in filter(_is_worker, multiprocessing.active_children()):
        child.terminate()


def _is_worker(process: multiprocessing.process.BaseProcess) -> bool:
    return process.name.startswith("LokyProcess")
