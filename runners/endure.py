"""Disturb small runs at random, give the same command again, and count rows lost or different.

`make endure MINUTES=20`, or `python -m runners.endure`. Each subject is trained undisturbed once;
then a victim of the same settings is signalled, killed, or has a file damaged, and begins anew
when it is done. What is damaged may be refused; no row may be lost or another. The exit status is
1 if any was, or if a run ended in a traceback or with a status that is not documented.
"""

import argparse
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from runners.faults.judged import CLASSES, FINE, REFUSED, Rows, Session, judged
from runners.faults.kinds import FAULTS, Fault
from runners.run.display import duration
from runners.run.words import complain
from runners.settings.tree import CONF
from runners.sweep.progress import say

LENGTH = ("total_steps=null", "checkpoint_every=5")
SUBJECTS = (
    ("env=hopper", "protocol=modern", "iterations=20", "steps_per_iteration=500", *LENGTH),
    ("env=cartpole", "protocol=paper", "iterations=20", "steps_per_iteration=500", *LENGTH),
)
"""Settings of small runs with many quick iterations."""


class Victim(NamedTuple):
    """A run to disturb: its settings, its store, what it should write, and how long that takes."""

    settings: Sequence[str]
    store: Path
    reference: Rows
    seconds: float


def main(arguments: Sequence[str] | None = None) -> int:
    """Disturb until the time is up or so many faults were done; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.endure",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = " (default: %(default)s)"
    parser.add_argument(
        "--minutes", type=float, default=20, help="of faults, after the references" + usual
    )
    parser.add_argument("--faults", type=int, default=10**6, help="at most so many" + usual)
    parser.add_argument("--seed", type=int, default=0, help="of the moments" + usual)
    parser.add_argument("--subjects", type=int, default=len(SUBJECTS), help="so many" + usual)
    given = parser.parse_args(arguments)
    if min(given.minutes, given.faults, given.subjects) <= 0:
        complain("error: --minutes, --faults and --subjects must be above 0")
        return 1
    folder = Path(tempfile.mkdtemp(prefix="endure-"))
    counts: Counter[tuple[str, str]] = Counter()
    try:
        victims = [prepared(s, folder / str(n)) for n, s in enumerate(SUBJECTS[: given.subjects])]
        end = time.monotonic() + 60 * given.minutes
        for number in range(given.faults):
            if time.monotonic() > end:
                break
            rng = np.random.default_rng([given.seed, number])
            fault = FAULTS[number % len(FAULTS)]
            found = disturbed(victims[number // len(FAULTS) % len(victims)], fault, rng)
            counts[fault.name, found] += 1
            left = duration(max(0.0, end - time.monotonic()))
            say(f"{number + 1} faults, at most {left} left  {fault.name}: {found}")
    except RuntimeError as error:
        complain(f"error: {error}")
        return 1
    finally:
        bad = {kind for _, kind in counts} - {FINE, REFUSED}
        if not bad:
            shutil.rmtree(folder)
    say(table(counts))
    if bad:
        complain(f"error: {', '.join(sorted(bad))}; the runs are in {folder}")
    return int(bool(bad))


def prepared(settings: Sequence[str], folder: Path) -> Victim:
    """Train the undisturbed reference of a victim.

    Raises:
        RuntimeError: it could not be trained.
    """
    begun = time.monotonic()
    session = trained(settings, folder / "reference", None, 0.0)
    if session.status:
        raise RuntimeError(f"{' '.join(settings)} did not train: {session.said.strip()}")
    took = time.monotonic() - begun
    return Victim(settings, folder / "victim", rows(folder / "reference"), took)


def disturbed(victim: Victim, fault: Fault, rng: np.random.Generator) -> str:
    """Do one fault and judge it; a victim that is done or refused begins anew."""
    fault.before(victim.store, rng)
    moment = victim.seconds * rng.random()
    session = trained(victim.settings, victim.store, fault, moment)
    found = judged(victim.reference, rows(victim.store), session, fault.expected)
    if found == FINE and session.status:
        return found
    if victim.store.exists() and found in (FINE, REFUSED):
        shutil.rmtree(victim.store)
    elif victim.store.exists():
        victim.store.rename(Path(tempfile.mkdtemp(prefix="bad-", dir=victim.store.parent)) / "runs")
    if found not in (FINE, REFUSED):
        complain(f"{fault.name}: {found}, status {session.status}: {session.said[-500:]}")
    return found


def trained(settings: Sequence[str], store: Path, fault: Fault | None, moment: float) -> Session:
    """Give the command once, and disturb it after `moment` seconds if the fault says how."""
    command = [sys.executable, "-m", "runners.train", *settings, f"results_dir={store}"]
    process = subprocess.Popen(
        command,
        cwd=CONF.parent,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        if fault and fault.during:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(moment)
            if process.poll() is None:
                fault.during(process)
        _, said = process.communicate()
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    return Session(process.returncode, said)


def rows(store: Path) -> Rows:
    """Every metrics.csv below a store."""
    return {str(p.relative_to(store)): p.read_bytes() for p in store.rglob("metrics.csv")}


def table(counts: Counter[tuple[str, str]]) -> str:
    """How often each fault was done, and what became of it."""
    names = list(dict.fromkeys(name for name, _ in counts))
    lines = [f"{'fault':<12}{'count':>10}" + "".join(f"{kind:>10}" for kind in CLASSES)]
    for name in names:
        each = [counts[name, kind] for kind in CLASSES]
        lines.append(f"{name:<12}{sum(each):>10}" + "".join(f"{n:>10}" for n in each))
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
