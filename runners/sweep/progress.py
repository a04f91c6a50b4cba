"""A sweep as its user sees it: a plan before, live progress during, a summary after."""

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from runners.run.display import Clock, duration, line, sentence
from runners.store.table import last_row
from runners.sweep.jobs import DONE, RUNNING, WAITING, Job, estimated_seconds

LIVE_SECONDS = 0.5  # between updates on a terminal
PATIENCE = 1.0  # seconds that a plan may take without a word
PLAIN_PATIENCE = 5.0  # the same where lines stay
SHARE = 0.05  # of the time, at most, that is spent looking at very many runs
PLAIN_SECONDS = 15.0  # between lines elsewhere
LOST = "lost"
STATUSES = (DONE, "failed", "interrupted", LOST, WAITING)  # in the order of a summary


@contextmanager
def planning() -> Iterator[Callable[[int, int], None]]:
    """What to call with how many runs are planned so far, and of how many; shown on stderr."""
    with line(patience=PATIENCE if sys.stderr.isatty() else PLAIN_PATIENCE) as show:
        yield lambda done, of: show(done / of, f"planned {done:,} of {of:,} runs")


def unfinished(planned: Iterable[Job]) -> list[Job]:
    """Those that are not done."""
    return [job for job in planned if not job.run.done]


@contextmanager
def monitored(planned: Sequence[Job]) -> Iterator[None]:
    """Within, show how the runs advance; at the end, how each of them ended."""
    monitor = Monitor(planned)
    try:
        yield
    finally:
        monitor.stop()
        say(summary(planned, monitor.began))


def plan(planned: Sequence[Job], at_once: int) -> str:
    """What a sweep is going to do."""
    pending = unfinished(planned)
    steps = sum(job.steps for job in planned)
    left = sum(job.steps - job.steps_done() for job in pending)
    seconds = estimated_seconds(pending, at_once)
    estimate = "unknown until the first run reports" if seconds is None else duration(seconds)
    return (
        f"sweep of {len(planned)} runs ({len(planned) - len(pending)} done already), "
        f"{steps:,} steps ({left:,} to go), up to {at_once} at a time\nestimated time: {estimate}"
    )


def summary(planned: Sequence[Job], since: float) -> str:
    """How the runs of a sweep that began at `since` ended, with each error.

    A run is lost that never came to write its end.
    """
    known = [job.status(since) for job in planned]
    statuses = [LOST if status == RUNNING else status for status in known]
    counts = sorted(Counter(statuses).items(), key=lambda item: STATUSES.index(item[0]))
    lines = [", ".join(f"{count} {status}" for status, count in counts)]
    for job, status in zip(planned, statuses, strict=True):
        if status not in (DONE, WAITING):
            error = job.provenance().get("error")
            lines.append(f"  {status}: {job.directory.path.name}" + (f": {error}" if error else ""))
    return "\n".join(lines)


class Monitor:
    """Shows on stderr how the runs of a sweep advance, read from their directories."""

    def __init__(self, planned: Sequence[Job]) -> None:
        """Begin to watch, in a thread of its own."""
        self.planned = planned
        self.began = time.time() - 0.1  # file systems' clocks lag behind by some milliseconds
        self._steps = [job.steps_done() for job in planned]
        self._status = [WAITING] * len(planned)
        self._all = sum(job.steps for job in planned)
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
            took, over = 0.0, False
            while not over:
                over = self._over.wait(max(LIVE_SECONDS, took / SHARE))
                began = time.monotonic()
                screen.update(Text(self.text()), refresh=True)
                took = time.monotonic() - began

    def _fraction(self) -> float:
        return sum(self._steps) / self._all

    def _look(self) -> None:
        """See how each run is; what was done stays so, and what waits takes no steps."""
        for i, job in enumerate(self.planned):
            if self._status[i] != DONE:
                self._status[i] = job.status(self.began)
                if self._status[i] != WAITING:
                    self._steps[i] = job.steps_done()

    def text(self) -> str:
        """The whole sweep on one line, with a bar, and each running run on one."""
        self._look()
        counts, fraction = Counter(self._status), self._fraction()
        lines = [
            f"{bar(fraction)} {fraction:4.0%}  {counts[DONE]}/{len(self.planned)} runs"
            + (f"  {counts['failed']} failed" if counts["failed"] else "")
            + f"  ETA {duration(self._clock.remaining(fraction))}"
        ]
        for job, status in zip(self.planned, self._status, strict=True):
            if status == RUNNING:
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
