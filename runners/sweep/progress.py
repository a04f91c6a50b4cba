"""A sweep as its user sees it: a plan before, live progress during, a summary after."""

import atexit
import sys
import threading
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, Self

from hydra.experimental.callback import Callback
from omegaconf import DictConfig
from rich.console import Console
from rich.live import Live
from rich.text import Text

from runners.run import signals
from runners.run.display import Clock, duration, sentence
from runners.settings.mistakes import explain
from runners.store.table import last_row
from runners.sweep import launchers
from runners.sweep.jobs import Job, estimated_seconds, jobs

LIVE_SECONDS = 0.5  # between updates on a terminal
PLAIN_SECONDS = 15.0  # between lines elsewhere
STATUSES = ("done", "failed", "interrupted", "running", "waiting")  # in the order of a summary


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
            SystemExit: the sweep is refused, or all of it is done.
        """
        try:
            planned = jobs(config)
        except Exception as error:
            sys.exit(f"error: {explain(error)}")
        launcher = config.hydra.launcher
        say(plan(planned, launchers.at_once(launcher, len(planned))))
        if all(job.run.done for job in planned):
            say(config.results_dir)
            sys.exit(0)
        if launchers.kind(launcher).here:
            signals.listen()
        self._monitor = Monitor(planned)
        atexit.register(self._monitor.stop)

    def on_multirun_end(self, config: DictConfig, **kwargs: Any) -> None:
        """Print how each run ended.

        Raises:
            SystemExit: always; its status is zero only if every run is done.
        """
        if self._monitor:
            self._monitor.stop()
            say(summary(self._monitor.planned, self._monitor.began))
            say(config.results_dir)
            unfinished = not all(job.run.done for job in self._monitor.planned)
            sys.exit(signals.exit_status() or int(unfinished))


def plan(planned: Sequence[Job], at_once: int) -> str:
    """What a sweep is going to do."""
    pending = [job for job in planned if not job.run.done]
    steps = sum(job.steps for job in planned)
    left = sum(job.steps - job.steps_done() for job in pending)
    seconds = estimated_seconds(pending, at_once)
    estimate = "unknown until the first run reports" if seconds is None else duration(seconds)
    return (
        f"sweep of {len(planned)} runs ({len(planned) - len(pending)} done already), "
        f"{steps:,} steps ({left:,} to go), up to {at_once} at a time\nestimated time: {estimate}"
    )


def summary(planned: Sequence[Job], since: float) -> str:
    """How the runs of a sweep that began at `since` ended, with each error."""
    statuses = [job.status(since) for job in planned]
    counts = sorted(Counter(statuses).items(), key=lambda item: STATUSES.index(item[0]))
    lines = [", ".join(f"{count} {status}" for status, count in counts)]
    for job, status in zip(planned, statuses, strict=True):
        if status not in ("done", "waiting"):
            error = job.provenance().get("error")
            lines.append(f"  {status}: {job.directory.path.name}" + (f": {error}" if error else ""))
    return "\n".join(lines)


class Monitor:
    """Shows on stderr how the runs of a sweep advance, read from their directories."""

    def __init__(self, planned: Sequence[Job]) -> None:
        """Begin to watch, in a thread of its own."""
        self.planned = planned
        self.began = time.time() - 0.1  # file systems' clocks lag behind by some milliseconds
        self._clock = Clock()
        self._clock.remaining(self._fraction())
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Show the last state and end."""
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        console = Console(stderr=True, highlight=False, markup=False)
        if not console.is_terminal:
            while not self._over.wait(PLAIN_SECONDS):
                console.print(self.text(), soft_wrap=True)
            return
        with Live(console=console, auto_refresh=False) as screen:
            over = False
            while not over:
                over = self._over.wait(LIVE_SECONDS)
                screen.update(Text(self.text()), refresh=True)

    def _fraction(self) -> float:
        steps = sum(job.steps for job in self.planned)
        return sum(job.steps_done() for job in self.planned) / steps

    def text(self) -> str:
        """The whole sweep on one line, with a bar, and each running run on one."""
        statuses = [job.status(self.began) for job in self.planned]
        counts = Counter(statuses)
        fraction = self._fraction()
        lines = [
            f"{bar(fraction)} {fraction:4.0%}  {counts['done']}/{len(self.planned)} runs"
            + (f"  {counts['failed']} failed" if counts["failed"] else "")
            + f"  ETA {duration(self._clock.remaining(fraction))}"
        ]
        for job, status in zip(self.planned, statuses, strict=True):
            if status == "running":
                now = _numbers(job)
                how = sentence(now) if now else "starting"
                lines.append(f"  {job.directory.path.name}  {how}")
        return "\n".join(lines)


def bar(fraction: float, width: int = 30) -> str:
    """A bar of which this fraction is filled."""
    filled = round(fraction * width)
    return "━" * filled + "╌" * (width - filled)


def _numbers(job: Job) -> dict[str, float]:
    cells = last_row(job.directory.metrics) | last_row(job.directory.timing)
    return {name: float(cell) for name, cell in cells.items() if cell}


def say(text: str) -> None:
    """Print to stdout as it is."""
    Console(highlight=False, markup=False, soft_wrap=True).print(text)
