"""Ray on this machine, from an environment of its own."""

import os
import secrets
import signal
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from runners.sweep.progress import say
from tests.cluster.processes import environment, kill, marked, wait_for
from tests.cluster.sweep import ROOT, Sweep

PYTHON = ROOT / ".venv-ray" / "bin" / "python"
CORES = 2


def missing() -> str:
    """How to install what is not there; "" where all of it is."""
    return "" if PYTHON.exists() else "make setup-ray"


def check(folder: Path, expected: Mapping[str, bytes]) -> None:
    """Kill a worker, then the whole Ray, and compare what the sweep writes in the end."""
    settings = ("hydra/launcher=ray_cluster", f"hydra.launcher.ray.init.num_cpus={CORES}")
    env = environment(folder, RAY_TMPDIR=str(folder), RAY_AUTH_TOKEN=secrets.token_hex(32))
    sweep = Sweep(settings, folder / "runs", env, str(PYTHON))
    try:
        first = sweep.start()
        wait_for("a run on each core", 180, lambda: len(sweep.running(5)) == CORES)
        lost = sweep.running(5)[0]
        say("  a worker is killed: Ray does its run again")
        os.kill(sweep.provenance(lost)["pid"], signal.SIGKILL)
        wait_for("the run again", 300, lambda: sweep.begun_again(lost))
        say("  the sweep is killed, and Ray ends with it; the same command again")
        first.kill()
        first.wait()
        wait_for("the end of Ray", 60, lambda: not list(marked(folder)))
        assert sweep.metrics() != expected, "all was done before the same command again"
        sweep.finish(400)
        assert sweep.metrics() == expected, "the bytes are not those of the basic launcher"
    finally:
        kill(partial(marked, folder))
