"""The faults: each a value that says what is done before, while and after a command runs."""

import contextlib
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

from runners.faults import disk
from runners.faults.commands import Disturb, Place, Running, wait
from runners.faults.files import flipped, remove, torn
from runners.faults.judged import Session
from runners.faults.misbehaving import DEEDS, MISCHIEF, fail, hang, nan

STEPS = 3000  # of a task of one's own, by which it has misbehaved
WORKER_LINE = "spawn_main"  # in the command line of what multiprocessing starts
PATIENCE = 3.0  # seconds between a signal and the second one


def _nothing(place: Place, rng: np.random.Generator) -> None:
    """Leave all as it is."""


def _no_more(place: Place) -> None:
    """Nothing is to be undone."""


def _as_it_is(place: Place) -> Mapping[str, str]:
    return {}


def _possible(place: Place) -> str | None:
    return None


@dataclass(frozen=True)
class Fault:
    """What happens to a run between two sessions, or during one."""

    name: str
    expected: frozenset[int] = frozenset()  # exit statuses besides 0; 1 with a line of error
    damage: Callable[[Path, np.random.Generator], str] | None = None  # to files, told in words
    before: Callable[[Place, np.random.Generator], None] = _nothing
    environment: Callable[[Place], Mapping[str, str]] = _as_it_is
    during: Disturb | None = None  # at some moment; None: the command runs to its end
    after: Callable[[Place], None] = _no_more
    missing: Callable[[Place], str | None] = _possible  # why it cannot be done here
    when_done: bool = False  # whether it is also done to a finished run


def _to_command(number: signal.Signals) -> Disturb:
    def send(running: Running) -> Sequence[Session]:
        running.process.send_signal(number)
        return ()

    return send


def _to_all(number: signal.Signals) -> Disturb:
    def send(running: Running) -> Sequence[Session]:
        os.killpg(running.process.pid, number)
        return ()

    return send


def _kill_worker(running: Running) -> Sequence[Session]:
    with contextlib.suppress(psutil.Error):  # it may end meanwhile
        children = psutil.Process(running.process.pid).children(recursive=True)
        workers = [each for each in children if WORKER_LINE in " ".join(each.cmdline())]
        if workers:
            workers[int(running.rng.integers(len(workers)))].kill()
    return ()


def _twice(running: Running) -> Sequence[Session]:
    return (running.again(),)


def _insist(running: Running) -> Sequence[Session]:
    """As one does with what hangs: once, and after some seconds again."""
    running.process.terminate()
    if not wait(lambda: running.process.poll() is not None, running.place.stop, PATIENCE):
        running.process.terminate()
    return ()


def _fill(running: Running) -> Sequence[Session]:
    disk.fill(running.place.disk)
    return ()


def _no_disk(place: Place) -> str | None:
    return None if place.disk.is_mount() else "no small disk can be mounted here"


def mischief(place: Place) -> Mapping[str, str]:
    """Where a task of one's own finds whether it is to misbehave."""
    return {MISCHIEF: str(place.aside / "mischief")}


def _tell(deed: Callable[[], float]) -> Callable[[Place, np.random.Generator], None]:
    def tell(place: Place, rng: np.random.Generator) -> None:
        order = f"{deed.__name__} {rng.integers(STEPS)}"
        Path(mischief(place)[MISCHIEF]).write_text(order)

    assert deed in DEEDS.values()
    return tell


def _behave(place: Place) -> None:
    remove(Path(mischief(place)[MISCHIEF]))


def _library() -> Path | None:
    return next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


def _no_library(place: Place) -> str | None:
    return None if _library() else "libfaketime is not installed"


def _clock(place: Place, rng: np.random.Generator) -> None:
    (place.aside / "clock").write_text("+0")


def _own_clock(place: Place) -> Mapping[str, str]:
    return {
        "LD_PRELOAD": str(_library()),
        "FAKETIME_TIMESTAMP_FILE": str(place.aside / "clock"),
        "FAKETIME_NO_CACHE": "1",
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "NO_FAKE_STAT": "1",
    }


def _turn_back(running: Running) -> Sequence[Session]:
    hours = int(running.rng.integers(1, 10_000))
    (running.place.aside / "clock").write_text(f"-{hours}h")
    return ()


_FAILS, _DIES = frozenset({1}), frozenset({-signal.SIGKILL})
_TERM = frozenset({128 + signal.SIGTERM, -signal.SIGTERM})  # the latter before it can listen
_INT = frozenset({128 + signal.SIGINT, -signal.SIGINT})

KILLED = Fault("kill -9 of all its processes", _DIES, during=_to_all(signal.SIGKILL))
WORKER = Fault("kill -9 of a worker", during=_kill_worker)
TWICE = Fault("two commands at once", _FAILS, during=_twice)  # the later to lock a run is refused
COMMON = (
    KILLED,
    Fault("kill -9 of the command", _DIES, during=_to_command(signal.SIGKILL)),
    Fault("SIGTERM", _TERM, during=_to_command(signal.SIGTERM)),
    Fault("Ctrl-C", _INT, during=_to_all(signal.SIGINT)),
    Fault("torn file", _FAILS, damage=torn, when_done=True),
    Fault("flipped bit", _FAILS, damage=flipped, when_done=True),
    Fault("disk full", _FAILS, during=_fill, after=lambda p: disk.empty(p.disk), missing=_no_disk),
    Fault(
        "read-only store",
        _FAILS,
        before=lambda place, rng: disk.protect(place.disk),
        after=lambda place: disk.release(place.disk),
        missing=_no_disk,
        when_done=True,
    ),
    Fault(
        "clock moved back",
        before=_clock,
        environment=_own_clock,
        during=_turn_back,
        missing=_no_library,
    ),
)
"""Those that may happen to any command."""
OWN = (
    Fault("task raises", _FAILS, before=_tell(fail), after=_behave),
    Fault("task hangs", _TERM | _INT, before=_tell(hang), during=_insist, after=_behave),
    Fault("task returns NaN", _FAILS, before=_tell(nan), after=_behave),
)
"""Those of a task of one's own."""
