"""A victim: one subject's run beside an undisturbed one, disturbed and judged again and again."""

import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runners.faults import disk
from runners.faults.commands import Place, Running, command, session, wait
from runners.faults.files import damageable, named, remove
from runners.faults.judged import BAD, FINE, REFUSED, UNTIDY, Rows, Session, complete, judged
from runners.faults.kinds import KILLED, Fault, mischief
from runners.faults.outcomes import Outcome
from runners.faults.subjects import Subject

ANY_MOMENT = 0.25  # of moments are drawn from the whole time; others come after a further row
ANEW = 0.7  # of finished runs are begun anew before a file of theirs is damaged


class Pace(NamedTuple):
    """Seconds that an undisturbed command takes."""

    begin: float  # until its first row
    rest: float  # from there on


class Victim(NamedTuple):
    """A run to disturb, what it should write, and how long that takes."""

    subject: Subject
    place: Place
    reference: Rows
    pace: Pace


def prepared(subject: Subject, folder: Path, stop: threading.Event) -> Victim:
    """Train the undisturbed reference of a victim.

    Raises:
        RuntimeError: it could not be trained.
        StoppedError: the campaign is to end.
    """
    folder.mkdir()
    place, began, first = Place(folder / "undisturbed", folder, stop), time.monotonic(), 0.0

    def look(process: subprocess.Popen[bytes]) -> None:
        nonlocal first
        wait(lambda: process.poll() is not None or bool(_size(place.store)), stop, np.inf)
        first = time.monotonic() - began

    ended = session(command(subject.settings, place), place, mischief(place), look)
    reference = rows(place.store)
    if ended.status or not reference:
        raise RuntimeError(f"{subject.name} did not train: {ended.said.strip()}")
    place = place._replace(disk=folder / "disk")
    disk.mount(place.disk)
    return Victim(subject, place, reference, Pace(first, time.monotonic() - began - first))


def disturbed(victim: Victim, fault: Fault, rng: np.random.Generator) -> list[Outcome]:
    """Do one fault and judge it; what it needs may be another before it.

    Raises:
        StoppedError: the campaign is to end.
    """
    found, store = [], victim.place.store
    over = complete(victim.reference, rows(store))
    if over and not (fault.when_done and rng.random() > ANEW):
        remove(store)
    if fault.damage and not damageable(store):
        found.append(_once(victim, KILLED, rng))
    if not fault.damage or damageable(store):
        found.append(_once(victim, fault, rng))
    return found


def _once(victim: Victim, fault: Fault, rng: np.random.Generator) -> Outcome:
    place, damaged = victim.place, bool(fault.damage)
    how = fault.damage(place.store, rng) if fault.damage else ""
    fault.before(place, rng)
    try:
        ended, others = _command(victim, fault, rng)
    finally:
        fault.after(place)
    kinds = [_judged(victim, ended, fault.expected, damaged)]
    kinds += [_judged(victim, each, {1}) for each in others]
    kind = next((each for each in kinds if each in BAD), kinds[0])
    told = [how, *(f"{each.status} {_last(each)}" for each in (ended, *others))]
    if kind == REFUSED and damaged:
        kind, more = _mended(victim, ended)
        told.append(more)
    outcome = Outcome(fault.name, kind, "; ".join(filter(None, told)))
    if kind in BAD:
        _set_aside(victim, outcome)
    return outcome


def _last(session: Session) -> str:
    return session.said.strip()[-1500:]


def _set_aside(victim: Victim, outcome: Outcome) -> None:
    """Keep what a fault of the suite left, and begin anew."""
    aside = Path(tempfile.mkdtemp(prefix="bad-", dir=victim.place.aside))
    (aside / "how.txt").write_text(f"{victim.subject.name}: {outcome}\n")
    if victim.place.store.exists():
        shutil.copytree(victim.place.store, aside / "runs")
    remove(victim.place.store)


def _command(
    victim: Victim, fault: Fault, rng: np.random.Generator
) -> tuple[Session, Sequence[Session]]:
    place, line = victim.place, command(victim.subject.settings, victim.place)
    environment: Mapping[str, str] = {**mischief(place), **fault.environment(place)}
    others: list[Session] = []

    def disturb(process: subprocess.Popen[bytes]) -> None:
        _await_moment(victim, process, rng)
        if fault.during and process.poll() is None:
            again = Running(process, place, lambda: session(line, place, environment), rng)
            others.extend(fault.during(again))

    if fault.during:
        return session(line, place, environment, disturb), others
    return session(line, place, environment), others


def _await_moment(
    victim: Victim, process: subprocess.Popen[bytes], rng: np.random.Generator
) -> None:
    """Wait for any moment, or more often for one after the command has written a row."""
    begin, rest = victim.pace
    stop, store = victim.place.stop, victim.place.store

    def ended() -> bool:
        return process.poll() is not None

    if rng.random() < ANY_MOMENT:
        wait(ended, stop, begin * rng.random())
        return
    before = _size(store)
    wait(lambda: ended() or _size(store) != before, stop, 3 * begin)
    wait(ended, stop, 0.7 * rest * rng.random())


def _mended(victim: Victim, refused: Session) -> tuple[str, str]:
    """Remove what a refusal names, and give the command once more; what became of it."""
    culprits = named(victim.place.store, refused.said)
    if not culprits:
        return UNTIDY, "it names no file"
    for path in culprits:
        remove(path)
    ended = session(
        command(victim.subject.settings, victim.place), victim.place, mischief(victim.place)
    )
    kind = _judged(victim, ended, ())
    return (REFUSED if kind == FINE else kind), f"then {ended.status} {_last(ended)}"


def _judged(
    victim: Victim, ended: Session, expected: Collection[int], damaged: bool = False
) -> str:
    found = rows(victim.place.store)
    return judged(victim.reference, found, ended, expected, victim.subject.runs, damaged)


def rows(store: Path) -> Rows:
    """Every metrics.csv below a store."""
    return {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("metrics.csv")}


def _size(store: Path) -> int:
    return sum(path.stat().st_size for path in store.rglob("metrics.csv"))
