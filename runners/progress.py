"""A sweep as its user sees it: a plan before, live progress during, a summary after."""

import atexit
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any, Self

import joblib
from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.live import Live
from rich.text import Text

from runners import signals
from runners.config import explain
from runners.display import Clock, duration, sentence
from runners.sweeps import Job, estimated_seconds, jobs
from runners.table import last_row

LIVE_SECONDS = 0.5  # between updates on a terminal
PLAIN_SECONDS = 15.0  # between lines elsewhere


class SweepCallback(Callback):
    """Hydra calls this in the process that started a sweep; single runs do not notice it."""

    def __init__(self) -> None:
        """Wait for a sweep."""
        self._monitor: Monitor | None = None

    def __reduce__(self) -> tuple[type[Self], tuple[()]]:
        """Travel to worker processes as one that has nothing to do."""
        return type(self), ()

    def on_multirun_start(self, config: DictConfig, **kwargs: Any) -> None:
        """Refuse what is misconfigured, print the plan, begin to watch.

        Raises:
            SystemExit: nothing is left to be done, or the sweep is refused.
        """
        try:
            planned = jobs(config)
        except Exception as error:
            raise SystemExit(f"error: {explain(error)}") from error
        console = Console(highlight=False, markup=False, soft_wrap=True)
        at_once = joblib.effective_n_jobs(config.hydra.launcher.get("n_jobs", 1))
        console.print(plan(planned, at_once))
        if all(job.directory.done for job in planned):
            console.print(config.results_dir)
            raise SystemExit(0)
        signals.listen()
        self._monitor = Monitor(planned)
        self._monitor.start()
        atexit.register(self._monitor.stop)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print how each run ended.

        Raises:
            SystemExit: always; the status is non-zero unless all runs are done.
        """
        if self._monitor is None:
            return
        self._monitor.stop()
        console = Console(highlight=False, markup=False, soft_wrap=True)
        console.print(summary(self._monitor.planned, self._monitor.began))
        console.print(config.results_dir)
        unfinished = any(not job.directory.done for job in self._monitor.planned)
        sys.exit(signals.exit_status() or int(unfinished))
