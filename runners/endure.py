"""Disturb small runs at random moments, give the same command again, and count what is lost.

  make endure MINUTES=20        python -m runners.endure --minutes 20 --seed 0

Each subject is trained undisturbed once. A victim of the same settings is then killed, stopped,
its disk filled, its files damaged, its clock moved back; the same command is given again, over and
over. At all times its rows must be the first of the undisturbed run's, byte for byte, and all of
them at its end ("identical"). What cannot go on is refused in one line, and goes on once the cause
is gone ("refused"). Rows that are missing ("lost") or others ("different"), and a command that
ends otherwise than is documented, with a traceback or leaving processes ("untidy"), are faults of
the suite: the exit status is 1 if there was any.
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from runners.faults import disk
from runners.faults.judged import BAD
from runners.faults.kinds import Fault
from runners.faults.outcomes import Outcome, table, told
from runners.faults.subjects import SUBJECTS
from runners.faults.victims import Victim, disturbed, prepared
from runners.run.display import line
from runners.run.words import complain
from runners.sweep.progress import say

MANY = 1_000_000
LOOK = 1.0  # seconds between two looks at the clock


def main(arguments: Sequence[str] | None = None) -> int:
    """Disturb until the time is up or so many faults were done; the exit status."""
    given = _parser().parse_args(arguments)
    if not (given.minutes > 0 and given.faults > 0 and 0 < given.subjects <= len(SUBJECTS)):
        complain(
            "error: --minutes and --faults must be above 0, --subjects at most "
            f"{len(SUBJECTS)} and above 0"
        )
        return 1
    outcomes, status = list[Outcome](), 0
    with _folder() as folder:
        try:
            _campaign(folder, given, outcomes)
        except KeyboardInterrupt:
            status = 130
        except RuntimeError as error:
            complain(f"error: {error}")
            status = 1
        finally:
            bad = _report(folder, outcomes)
    return status or int(bad)


def _report(folder: Path, outcomes: Sequence[Outcome]) -> bool:
    """Print the table, and keep what faults of the suite left; whether there was any."""
    if outcomes:
        say(table(outcomes))
    bad = [outcome for outcome in outcomes if outcome.kind in BAD]
    if bad:
        kept = Path(tempfile.mkdtemp(prefix="endured-"))
        for path in folder.glob("*/bad-*"):
            shutil.move(path, kept / f"{path.parent.name}-{path.name}")
        complain(f"error: {len(bad)} of {len(outcomes)} faults; what they left is in {kept}")
    return bool(bad)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m runners.endure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = " (default: %(default)s)"
    parser.add_argument(
        "--minutes", type=float, default=20.0, help="of faults, after the references" + usual
    )
    parser.add_argument("--faults", type=int, default=MANY, help="at most so many" + usual)
    parser.add_argument("--seed", type=int, default=0, help="of faults and moments" + usual)
    parser.add_argument(
        "--subjects", type=int, default=len(SUBJECTS), help="the first so many" + usual
    )
    return parser


@contextmanager
def _folder() -> Iterator[Path]:
    """A folder for all files, gone at the end with the small disks that were mounted in it."""
    folder = Path(tempfile.mkdtemp(prefix="endure-"))
    try:
        yield folder
    finally:
        for each in folder.glob("*/disk"):
            disk.unmount(each)
        shutil.rmtree(folder)


def _campaign(folder: Path, given: argparse.Namespace, outcomes: list[Outcome]) -> None:
    """Prepare the victims, disturb as many at once as there are cores, and add up `outcomes`.

    Raises:
        KeyboardInterrupt: it was stopped; no process of it is left.
        RuntimeError: a subject could not be trained.
    """
    stop, subjects = threading.Event(), SUBJECTS[: given.subjects]
    with _interrupted(), ThreadPoolExecutor(os.cpu_count()) as threads:
        try:
            making = [
                threads.submit(prepared, each, folder / str(n), stop)
                for n, each in enumerate(subjects)
            ]
            victims: list[Victim] = []
            with line() as show:
                for future in making:
                    done = len(victims) / len(subjects)
                    show(done, f"trained {len(victims)} of {len(subjects)} subjects undisturbed")
                    victims.append(future.result())
            with line() as show:
                _disturb(threads, victims, given, show, outcomes)
        finally:
            stop.set()


@contextmanager
def _interrupted() -> Iterator[None]:
    """Within, SIGTERM interrupts as Ctrl-C does."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _disturb(
    threads: ThreadPoolExecutor,
    victims: Sequence[Victim],
    given: argparse.Namespace,
    show: Callable[[float, str], None],
    found: list[Outcome],
) -> None:
    """Do faults until the time is up or there were so many; add what became of each."""
    skipped = {
        f.name: why for v in victims for f in v.subject.faults if (why := f.missing(v.place))
    }
    for name, why in skipped.items():
        say(f"skipped: {name}: {why}")
    began, begun = time.monotonic(), 0
    waiting, turns = list(victims), [_turns(v, [given.seed, n]) for n, v in enumerate(victims)]
    busy: dict[Future[list[Outcome]], Victim] = {}
    while True:
        passed = (time.monotonic() - began) / (60 * given.minutes)
        while waiting and len(busy) < (os.cpu_count() or 1) and passed < 1 and begun < given.faults:
            victim = waiting.pop(0)
            fault, rng = next(turns[victims.index(victim)])
            busy[threads.submit(disturbed, victim, fault, rng)] = victim
            begun += 1
        if not busy:
            return
        for future in wait(busy, LOOK, FIRST_COMPLETED).done:
            waiting.append(busy.pop(future))
            found += future.result()
            _tell_bad(future.result(), waiting[-1])
        show(min(0.99, max(passed, len(found) / given.faults)), told(found))


def _turns(victim: Victim, seed: Sequence[int]) -> Iterator[tuple[Fault, np.random.Generator]]:
    """All faults that can be done to a victim, in another order each time."""
    rng = np.random.default_rng(seed)
    possible = [each for each in victim.subject.faults if not each.missing(victim.place)]
    while True:
        for index in rng.permutation(len(possible)):
            yield possible[index], rng


def _tell_bad(outcomes: Sequence[Outcome], victim: Victim) -> None:
    for each in outcomes:
        if each.kind in BAD:
            complain(f"{each.kind}: {each.fault} of {victim.subject.name}: {each.how}")


if __name__ == "__main__":
    sys.exit(main())
