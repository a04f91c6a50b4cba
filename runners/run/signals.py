"""Stopping politely: SIGINT and SIGTERM ask for a checkpoint and an exit; a repeated one insists.

A signal is remembered for the life of the process, so that the later runs of a sweep do not
start. Who starts workers passes it on to them.
"""

import signal
from collections.abc import Callable, Iterable
from multiprocessing.process import BaseProcess
from types import FrameType

_received: list[int] = []


def listen(workers: Callable[[], Iterable[BaseProcess]] = tuple) -> None:
    """From now on remember SIGINT and SIGTERM instead of dying at once.

    Args:
        workers: the processes that shall be stopped too.
    """

    def remember(number: int, frame: FrameType | None) -> None:
        insisting = number in _received
        _received.append(number)
        for worker in workers():
            worker.terminate()
        if insisting:
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, remember)


def stop() -> None:
    """Stop as if SIGTERM had come."""
    _received.append(signal.SIGTERM)


def exit_status() -> int:
    """128 + the first signal that came since `listen`, as shells report it; 0 if none did."""
    return 128 + _received[0] if _received else 0
