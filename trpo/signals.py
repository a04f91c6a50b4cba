"""Signals that ask a process to stop, and how processes begin without hearing them.

A process that loads its modules would end at one with a traceback, or leave it unheard.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR2)
"""SIGUSR2 is how submitit says that a job's time is over."""
QUIET = "ignore:resource_tracker"
"""After `kill -9`, Python's own process removes what is left, and would tell it as a leak."""


def hold_back() -> set[int]:
    """Hold them back from this thread, and from what it starts; what was held back before."""
    if QUIET not in sys.warnoptions:  # which Python's own process is started with
        sys.warnoptions.append(QUIET)
    resource_tracker.ensure_running()  # the thread that starts it hears signals again
    return signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)


def let_through() -> None:
    """Hear what was held back, and what comes."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


@contextmanager
def held_back() -> Iterator[None]:
    """Hold them back meanwhile; processes that are started do so until they let them through."""
    before = hold_back()
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
