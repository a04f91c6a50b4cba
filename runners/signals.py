"""Stopping politely: SIGINT and SIGTERM ask for a checkpoint and an exit; a repeated one insists.

A signal is remembered for the life of the process, so that the later runs of a sweep do not
start; a sweep's parent passes it on to the processes that joblib started.
"""

import multiprocessing
import signal
from types import FrameType

_received: list[int] = []


def listen() -> None:
    """From now on remember SIGINT and SIGTERM instead of dying at once."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _remember)


def exit_status() -> int:
    """128 + the first signal that came since `listen`, as shells report it; 0 if none did."""
    return 128 + _received[0] if _received else 0


def _remember(number: int, frame: FrameType | None) -> None:
    if number in _received:
        raise KeyboardInterrupt
    _received.append(number)
    for child in multiprocessing.active_children():
        if child.name.startswith("LokyProcess"):
            child.terminate()
