"""Sweeps on a real Slurm and a real Ray: `python -m tests.cluster` or `make test-cluster`.

Eight tiny runs by each launcher; jobs, nodes and workers are killed in the middle, the same command
is given again, and every metrics.csv must have the bytes that the basic launcher writes. What is
not installed is skipped. All daemons are begun here and end with the test.
"""

import argparse
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import FrameType

from runners.run.words import complain
from runners.sweep.progress import say
from tests.cluster import rays, slurm
from tests.cluster.processes import environment, kill, marked
from tests.cluster.sweep import RUNS, Sweep

CLUSTERS = {"slurm": slurm, "ray": rays}
STOPS = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    """Check one launcher after another; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m tests.cluster", description=__doc__)
    parser.add_argument("clusters", nargs="*", choices=[*CLUSTERS, []], help="default: all")
    chosen = parser.parse_args().clusters or list(CLUSTERS)
    for number in STOPS:
        signal.signal(number, _stop)
    lacking = {name: CLUSTERS[name].missing() for name in chosen}
    for name, install in lacking.items():
        if install:
            say(f"{name}: skipped: {install}")
    there = [name for name in chosen if not lacking[name]]
    if not (there := [name for name in chosen if not lacking[name]]):
        return 0
    folder, failed = Path(tempfile.mkdtemp(prefix="trpo-")), [""]
    try:
        failed = failures(there, folder)
    except (AssertionError, TimeoutError, subprocess.TimeoutExpired) as error:
        complain(f"basic: FAILED: {error}")
    except SystemExit:  # asked to stop
        failed = []
        raise
    finally:
        kill(partial(marked, folder))
        if not failed:
            shutil.rmtree(folder)
    if failed:
        say(f"logs: {folder}")
    return int(bool(failed))


def _stop(number: int, frame: FrameType | None) -> None:
    """End with all daemons, which nothing may interrupt."""
    for each in STOPS:
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def failures(there: list[str], folder: Path) -> list[str]:
    """Those of these on which the sweep does not write the bytes of the basic launcher."""
    began = time.monotonic()
    say(f"basic: {RUNS} runs, which the others are compared with")
    basic = Sweep((), folder / "runs", environment(folder))
    basic.finish(400)
    say(f"basic: done in {time.monotonic() - began:.0f} s")
    return [name for name in there if not _check(name, folder / name, basic.metrics())]


def _check(name: str, folder: Path, expected: Mapping[str, bytes]) -> bool:
    began = time.monotonic()
    say(f"{name}:")
    folder.mkdir()
    try:
        CLUSTERS[name].check(folder, expected)
    except Exception as error:
        complain(f"{name}: FAILED: {type(error).__name__}: {error}")
        return False
    say(f"{name}: the same bytes, in {time.monotonic() - began:.0f} s")
    return True


if __name__ == "__main__":
    sys.exit(main())
