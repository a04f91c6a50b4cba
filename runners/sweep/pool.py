"""Runs in worker processes, so many at a time; a worker that dies loses no more than its own run.

Each slot has a pool of one process of its own, so that nothing is shared which a killed one could
take along. The run that it lost is begun once more: from its checkpoint, as after any crash.
"""

import multiprocessing
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack

from joblib import effective_n_jobs

from runners.run import signals
from runners.run.described import Run
from runners.run.execute import execute_run
from runners.run.words import complain
from trpo.signals import hold_back, let_through

TRIES = 2  # times that a run is begun whose worker dies

_busy = threading.Lock()  # held in a worker while it runs something


def run_all(runs: Sequence[Run], n_jobs: int) -> None:
    """Run these, the first ones first; their directories tell how each of them went.

    Args:
        runs: the next begins where one has ended, whatever its end.
        n_jobs: how many at a time; -1 is one a core.
    """
    signals.listen(multiprocessing.active_children)
    here = threading.local()
    slots = min(effective_n_jobs(n_jobs), len(runs))
    with ExitStack() as workers, ThreadPoolExecutor(slots, initializer=hold_back) as threads:
        for ended in as_completed([threads.submit(_in_worker, run, here, workers) for run in runs]):
            ended.result()


def _in_worker(run: Run, here: threading.local, workers: ExitStack) -> None:
    """Run it in this thread's worker, one of `workers`, and once more in a new one if that dies."""
    for left in reversed(range(TRIES)):
        if not hasattr(here, "worker"):
            spawn = multiprocessing.get_context("spawn")
            here.worker = workers.enter_context(ProcessPoolExecutor(1, spawn, _begin))
            here.worker.submit(os.getpid)  # starts it: from now on, signals are passed on to it
        if signals.exit_status():
            return
        try:
            here.worker.submit(_run, run).result()
        except BrokenProcessPool:
            del here.worker
            what = "it is tried again" if left else "it is given up"
            complain(f"warning: {run.directory.path.name}: its process died; {what}")
        else:
            return


def _begin() -> None:
    """In a new worker: hear the signals that were held back, and end when the parent has."""
    signals.listen()
    let_through()
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent
    parent.join()
    signals.stop()
    with _busy:
        os._exit(signals.exit_status())


def _run(run: Run) -> None:
    with _busy:
        execute_run(run, quiet=True)
