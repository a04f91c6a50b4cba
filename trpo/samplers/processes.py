"""Rows in processes of their own, for simulators whose steps hold Python's lock.

Each process has a simulator and acts in it by itself: the policy's parameters go out, and what the
rows did comes back. A row depends on nothing but what it begins with, so a process that is lost, by
an emulator that aborts or by a signal, is started again and its rows are run again, and nothing of
it is seen in what they did.
"""

import multiprocessing
import pickle
import signal
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from multiprocessing.connection import Connection, wait
from typing import Any, NamedTuple, Self

import torch

from trpo.policies import Policy
from trpo.samplers.runner import Acting, Keep, Row, Runner, Track, Until
from trpo.simulators.protocol import Simulator
from trpo.types import Array

TRIES = 3  # times that the same rows are begun

Make = Callable[[int], Runner]
"""rows -> a runner with so many side by side; called in each process, so it must be picklable"""


class LostError(RuntimeError):
    """The processes of some rows were lost again and again."""


class Job(NamedTuple):
    """Some of the rows."""

    rows: Sequence[Row]
    acting: Acting
    until: Until
    keep: Keep | None
    save: bool
    first: int  # number of the first of them among all

    def done_by(self, runner: Runner) -> "Done":
        """What they did, and what was kept of it."""
        keep = self.keep and Numbered(self.keep, self.first)
        tracks = runner.run(self.rows, self.acting, self.until, keep=keep, save=self.save)
        return Done(list(tracks), self.keep)


class Done(NamedTuple):
    """What rows did."""

    tracks: list[Track]
    kept: Keep | None


class Numbered(NamedTuple):
    """Tells a `Keep` the numbers that rows have among all."""

    keep: Keep
    first: int

    def offer(self, rows: Array, steps: Array, ages: Array, save: Callable[[int], Any]) -> None:
        """See `Keep.offer`."""
        self.keep.offer(rows + self.first, steps, ages, save)

    def merge(self, other: Self) -> None:
        """See `Keep.merge`."""
        self.keep.merge(other.keep)


def serve(make: Make, rows: int, connection: Connection) -> None:
    """Do one job after another, as long as the parent lives; what a process does."""
    for stops in (signal.SIGINT, signal.SIGTERM):  # which the parent heeds
        signal.signal(stops, signal.SIG_IGN)
    torch.set_num_threads(1)
    runner = make(rows)
    with runner.simulator, suppress(EOFError, BrokenPipeError):  # the parent is gone
        while True:
            job = pickle.loads(connection.recv_bytes())
            try:
                reply: Done | Exception = job.done_by(runner)
            except Exception as error:
                reply = error
            connection.send_bytes(pickle.dumps(reply, protocol=5))


class Worker:
    """One process, and the job that it does."""

    def __init__(self, make: Make, rows: int) -> None:
        """Start it."""
        self._begin = make, rows
        self.job: int | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self._process = context.Process(target=serve, args=(*self._begin, there), daemon=True)
        self._process.start()
        there.close()

    def give(self, number: int, job: Job) -> None:
        """Have it do a job."""
        self.job = number
        with suppress(OSError):  # it was lost; whoever waits for it finds out
            self.connection.send_bytes(pickle.dumps(job, protocol=5))

    def taken(self) -> Done | Exception | None:
        """What its job came to; None if the process was lost, in whose place is a new one."""
        self.job = None
        try:
            found: Done | Exception = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            self.again()
            return None
        return found

    def again(self) -> None:
        """A new process in place of this one."""
        self.end()
        self.job = None
        self._start()

    def end(self) -> None:
        """Stop it, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()


class Processes:
    """Runs rows in so many processes; see runner.Runner."""

    name = "lockstep"

    def __init__(self, make: Make, count: int, rows: int) -> None:
        """Start `count` processes for up to `rows` rows at once in all.

        `make` is called here too, for one row, from which the task and the policy are known.
        """
        self._here, self._rows = make(1), -(-rows // count)
        self._workers = [Worker(make, self._rows) for _ in range(count)]

    @property
    def simulator(self) -> Simulator:
        """The task, one row of it."""
        return self._here.simulator

    @property
    def policy(self) -> Policy:
        """Whose parameters `run` is given."""
        return self._here.policy

    def run(
        self,
        rows: Sequence[Row],
        acting: Acting,
        until: Until,
        *,
        keep: Keep | None = None,
        save: bool = False,
    ) -> Iterator[Track]:
        """Run the rows, a share after another in whichever process is free; see runner.Runner.

        Raises:
            LostError: the same rows were lost again and again.
        """
        before = deepcopy(keep)  # what each process offers to, of which this one takes all
        share = min(self._rows, -(-len(rows) // len(self._workers)))
        jobs = [
            Job(rows[i : i + share], own(acting, slice(i, i + share)), until, before, save, i)
            for i in range(0, len(rows), share)
        ]
        for done in self._done(jobs):
            if keep and done.kept:
                keep.merge(done.kept)
            yield from done.tracks

    def _done(self, jobs: Sequence[Job]) -> Iterator[Done]:
        """What the jobs came to, in their order."""
        waiting, found, tries = deque(range(len(jobs))), dict[int, Done](), [0] * len(jobs)
        try:
            for number in range(len(jobs)):
                while number not in found:
                    self._give(waiting, jobs, tries)
                    for worker in self._answered():
                        job = worker.job
                        assert job is not None
                        reply = worker.taken()
                        if isinstance(reply, Exception):
                            raise reply
                        if reply is None:
                            waiting.appendleft(job)
                        else:
                            found[job] = reply
                yield found.pop(number)
        finally:
            self._abandon()

    def _give(self, waiting: deque[int], jobs: Sequence[Job], tries: list[int]) -> None:
        """Give every process that is free one of the jobs that wait."""
        for worker in self._workers:
            if worker.job is None and waiting:
                number = waiting.popleft()
                tries[number] += 1
                if tries[number] > TRIES:
                    raise LostError(
                        f"the process of rows {jobs[number].first} and on was lost {TRIES} times: "
                        "set workers=0 to see why"
                    )
                worker.give(number, jobs[number])

    def _answered(self) -> list[Worker]:
        """The processes that have an answer, or were lost."""
        busy = {worker.connection: worker for worker in self._workers if worker.job is not None}
        return [busy[connection] for connection in wait(list(busy)) if connection in busy]

    def _abandon(self) -> None:
        """Start the processes again that still do something that nobody waits for."""
        for worker in self._workers:
            if worker.job is not None:
                worker.again()

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.end()
        self._here.simulator.close()


def own(acting: Acting, rows: slice) -> Acting:
    """What acts in some of the rows."""
    each = acting.theta.ndim > 1
    return acting._replace(theta=acting.theta[rows]) if each else acting
