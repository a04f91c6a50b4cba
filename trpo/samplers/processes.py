"""Rows in processes of their own, for simulators whose steps hold Python's lock.

Each process has a simulator and acts in it by itself: the policy's parameters go out, and what the
rows did comes back. A row depends on nothing but what it begins with, so a process that is lost, by
an emulator that aborts or by a signal, is started again and its rows are run again, and nothing of
it is seen in what they did.
"""

import multiprocessing
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field
from multiprocessing.connection import Connection, wait
from typing import NamedTuple

import torch

from trpo.memory import give_back
from trpo.policies import Policy
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Acting, Keep, Row, Track, Until
from trpo.signals import held_back
from trpo.simulators.protocol import Simulator

TRIES = 3  # times that the same rows are begun
PATIENCE = 10.0  # seconds that a process may take to close its simulator

Make = Callable[[int], Lockstep]
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

    def done_by(self, runner: Lockstep) -> "Iterator[Track | Done]":
        """What they did, row after row, and then what was kept of it."""
        numbered = runner._replace(first=self.first)
        yield from numbered.run(self.rows, self.acting, self.until, keep=self.keep, save=self.save)
        yield Done(self.keep)


class Done(NamedTuple):
    """The end of a job."""

    kept: Keep | None


Message = Track | Done | Exception
"""What a process says of its job."""


def serve(make: Make, rows: int, connection: Connection) -> None:
    """Do one job after another, as long as the parent lives, which heeds signals; what one does."""
    torch.set_num_threads(1)
    runner = make(rows)
    with runner.simulator, suppress(EOFError, ConnectionError):  # the parent is gone
        while True:
            job = pickle.loads(connection.recv_bytes())
            try:
                for found in job.done_by(runner):
                    connection.send_bytes(pickle.dumps(found, protocol=5))
                    del found
                give_back()
            except Exception as error:
                connection.send_bytes(pickle.dumps(error, protocol=5))


@dataclass
class Share:
    """A job, and what has come of it."""

    job: Job
    tries: int = 0
    tracks: deque[Track] = field(default_factory=deque)
    done: Done | None = None

    def hear(self, said: Message) -> None:
        """Note what a process says of it."""
        if isinstance(said, Exception):
            raise said
        if isinstance(said, Done):
            self.done = said
        else:
            self.tracks.append(said)


class Worker:
    """One process, and the share that it works on."""

    def __init__(self, make: Make, rows: int) -> None:
        """Start it."""
        self._begin = make, rows
        self.share: Share | None = None
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.connection, there = context.Pipe()
        self._process = context.Process(target=serve, args=(*self._begin, there), daemon=True)
        with held_back():
            self._process.start()
        there.close()

    def give(self, share: Share) -> None:
        """Have it do a job.

        Raises:
            LostError: its processes were lost again and again.
        """
        share.tries += 1
        if share.tries > TRIES:
            raise LostError(
                f"the process of rows {share.job.first} and on was lost {TRIES} times: set "
                "workers=0 to see why"
            )
        self.share = share
        with suppress(OSError):  # it was lost; whoever listens finds out
            self.connection.send_bytes(pickle.dumps(share.job, protocol=5))

    def listen(self) -> Share | None:
        """Hear what the process says next; a share that was lost with it, to be begun again."""
        share = self.share
        assert share is not None
        try:
            said: Message = pickle.loads(self.connection.recv_bytes())
        except (EOFError, OSError):
            share.tracks.clear()
            self.again()
            return share
        if not isinstance(said, Track):
            self.share = None
        share.hear(said)
        return None

    def again(self) -> None:
        """A new process in place of this one."""
        self.end()
        self.share = None
        self._start()

    def close(self) -> None:
        """Let it close its simulator, unless it is busy, and end."""
        if not self.share:
            self.connection.close()
            self._process.join(PATIENCE)
        self.end()

    def end(self) -> None:
        """Stop it, whatever it does."""
        self._process.kill()
        self._process.join()
        self.connection.close()


class Processes:
    """Runs rows in so many processes; see runner.Runner."""

    name = "lockstep"

    def __init__(self, make: Make, count: int, rows: int) -> None:
        """Start `count` processes, or one a row if that is fewer, for `rows` rows at once in all.

        `make` is called here too, for one row, from which the task and the policy are known.
        """
        count = min(count, rows)
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
        give_back()  # what an update left here, before the processes grow
        before = deepcopy(keep)  # what each process offers to, of which this one takes all
        count = min(self._rows, -(-len(rows) // len(self._workers)))
        shares = [
            Share(Job(rows[i : i + count], acting, until, before, save, i))
            for i in range(0, len(rows), count)
        ]
        for done in self._done(shares):
            if keep and done.done and done.done.kept:
                keep.merge(done.done.kept)
            while done.tracks:
                yield done.tracks.popleft()

    def _done(self, shares: Sequence[Share]) -> Iterator[Share]:
        """The shares in their order, each when it is done."""
        waiting = deque(shares)
        try:
            for share in shares:
                while not share.done:
                    for worker in self._workers:
                        if waiting and not worker.share:
                            worker.give(waiting.popleft())
                    waiting.extendleft(filter(None, map(Worker.listen, self._speaking())))
                yield share
        finally:  # those that still do something have nobody who waits for it
            for worker in self._workers:
                if worker.share:
                    worker.again()

    def _speaking(self) -> list[Worker]:
        """The processes that have something to say, or were lost."""
        busy = {worker.connection: worker for worker in self._workers if worker.share}
        return [busy[connection] for connection in wait(list(busy)) if connection in busy]

    def close(self) -> None:
        """End the processes."""
        for worker in self._workers:
            worker.close()
        self._here.simulator.close()
