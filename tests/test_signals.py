"""Processes begin without hearing the signals that ask to stop, and none is lost on the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from test_atari_runs import PONG, children
from test_cli import ENVIRONMENT, ROOT, SMOKE, require_nobody_left, start

from trpo.signals import STOPS, held_back, let_through

pytestmark = pytest.mark.process
STARTED = """
import multiprocessing, signal
from trpo.signals import held_back

if __name__ == "__main__":
    process = multiprocessing.get_context("spawn").Process(
        target=exec, args=("import signal; print(signal.pthread_sigmask(signal.SIG_BLOCK, []))",)
    )
    with held_back():
        process.start()
    process.join()
    print(signal.pthread_sigmask(signal.SIG_BLOCK, []))
"""
INTERRUPTED = """
import os, runpy, signal, time
from runners.sweep import pool

begin = pool.ProcessPoolExecutor

def interrupted(*arguments):
    os.kill(os.getpid(), signal.SIGINT)
    time.sleep(0.5)
    return begin(*arguments)

pool.ProcessPoolExecutor = interrupted
runpy.run_module("runners.train", run_name="__main__", alter_sys=True)
"""


def script(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run this code to its end."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=ENVIRONMENT, capture_output=True, text=True, timeout=300
    )


def test_signals_are_held_back_meanwhile_and_heard_afterwards() -> None:
    heard = []
    before = signal.signal(signal.SIGUSR2, lambda number, _: heard.append(number))
    try:
        with held_back():
            signal.raise_signal(signal.SIGUSR2)
            assert not heard
        assert heard == [signal.SIGUSR2]
        with held_back():
            signal.raise_signal(signal.SIGUSR2)
            let_through()
            assert len(heard) == 2
    finally:
        signal.signal(signal.SIGUSR2, before)


def test_the_very_first_process_begins_without_hearing_them_and_its_parent_hears_them() -> None:
    done = script(STARTED)
    assert done.stdout.splitlines() == [str({signal.Signals(each) for each in STOPS}), "set()"]


def test_an_interrupt_while_emulators_processes_are_loaded_shows_no_traceback(
    tmp_path: Path,
) -> None:
    process = start(*PONG, "workers=2", "sampler.rows=2", f"results_dir={tmp_path}", own_group=True)
    while process.poll() is None and len(children(process.pid)) < 3:  # one is multiprocessing's own
        time.sleep(0.01)
    time.sleep(0.1)
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in err
    require_nobody_left(process)


def test_an_interrupt_just_before_a_sweeps_process_is_started_is_not_lost(tmp_path: Path) -> None:
    workers = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=1", f"results_dir={tmp_path}")
    done = script(INTERRUPTED, "-m", *SMOKE, "seed=range(2)", *workers)
    assert (done.returncode, done.stderr) == (130, "")
    assert not list(tmp_path.glob("*/metrics.csv"))
