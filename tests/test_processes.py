"""Rows in processes of their own: the same bits as in this one, whatever becomes of a process."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from multiprocessing import active_children
from typing import Any

import numpy as np
import pytest

from trpo.moments import Filter
from trpo.policies import Policy, linear_gaussian
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.processes import TRIES, LostError, Processes
from trpo.samplers.rollout_set import RolloutSet
from trpo.samplers.runner import Acting, Row, Runner, Track, Until, fresh
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.simulators.protocol import Step
from trpo.types import Array

pytestmark = pytest.mark.process
SEE = Filter(np.zeros(4, np.float32), np.ones(4, np.float32), 0.0)


class Slow(CartPoleSimulator):
    """A cart-pole that can be found by a signal while it runs."""

    def step(self, actions: Array, rows: Array) -> Step:
        time.sleep(0.002)
        return super().step(actions, rows)


class Dying(CartPoleSimulator):
    """A cart-pole whose process ends in an episode's third step, as an emulator that aborts."""

    def step(self, actions: Array, rows: Array) -> Step:
        if (self._elapsed[rows] == 2).any():
            os.kill(os.getpid(), signal.SIGKILL)
        return super().step(actions, rows)


class Failing(CartPoleSimulator):
    """A cart-pole with a defect."""

    def step(self, actions: Array, rows: Array) -> Step:
        raise FloatingPointError("the pole is bent")


def runner_of(kind: type[CartPoleSimulator], rows: int) -> Lockstep:
    simulator = kind(CartPole(horizon=60), rows)
    return Lockstep(simulator, linear_gaussian(simulator.space))


def plain(rows: int) -> Lockstep:
    return runner_of(CartPoleSimulator, rows)


def slow(rows: int) -> Lockstep:
    return runner_of(Slow, rows)


def dying(rows: int) -> Lockstep:
    return runner_of(Dying, rows)


def failing(rows: int) -> Lockstep:
    return runner_of(Failing, rows)


def acting(policy: Policy) -> Acting:
    return Acting(policy.network.init(np.random.default_rng(0)), SEE)


def begun(count: int) -> list[Row]:
    return fresh(np.random.SeedSequence(5), count)


def told(tracks: Iterator[Track]) -> list[tuple[Any, ...]]:
    """All that rows did, in bytes."""
    return [tuple(np.asarray(field).tobytes() for field in track[:8]) for track in tracks]


def alone(count: int, until: Until) -> list[tuple[Any, ...]]:
    runner = plain(count)
    return told(runner.run(begun(count), acting(runner.policy), until))


@contextmanager
def spread(make: Any, count: int, rows: int) -> Iterator[Processes]:
    with closing(Processes(make, count, rows)) as runner:
        yield runner


@pytest.fixture(scope="module")
def two() -> Iterator[Processes]:
    """Two processes with two rows each, for several tests: to start them takes seconds."""
    with spread(plain, 2, 4) as runner:
        yield runner


def test_rows_do_the_same_in_any_number_of_processes(two: Processes) -> None:
    until = Until(100)
    assert told(two.run(begun(7), acting(two.policy), until)) == alone(7, until)
    with spread(plain, 3, 4) as three:
        assert told(three.run(begun(7), acting(three.policy), until)) == alone(7, until)


def test_each_row_has_its_own_parameters_and_stops_where_it_can_go_on(two: Processes) -> None:
    one = acting(two.policy)
    thetas = np.stack([one.theta.numpy() * (1 + n) for n in range(5)])
    each, here = Acting(thetas, SEE), plain(5)
    found = list(two.run(begun(5), each, Until(20, 20), save=True))
    expected = list(here.run(begun(5), each, Until(20, 20), save=True))
    assert told(iter(found)) == told(iter(expected))
    for there, same in zip(found, expected, strict=True):
        np.testing.assert_array_equal(there.snapshot[0], same.snapshot[0])


def test_a_rollout_set_is_drawn_from_the_rows_of_all_processes(two: Processes) -> None:
    def drawn(runner: Runner) -> tuple[list[int], list[int]]:
        chosen = RolloutSet(9, np.random.SeedSequence(3))
        list(runner.run(begun(6), acting(runner.policy), Until(50), keep=chosen))
        (rows, steps), _ = chosen.states()
        return rows.tolist(), steps.tolist()

    found = drawn(two)
    assert found == drawn(plain(6))
    assert len(set(found[0])) > 2


def test_a_process_that_is_killed_is_not_noticed_in_what_rows_do() -> None:
    until, killed = Until(400), threading.Event()
    with spread(slow, 2, 4) as runner:

        def kill() -> None:
            time.sleep(0.3)
            os.kill(runner._workers[0]._process.pid or 0, signal.SIGKILL)
            killed.set()

        list(runner.run(begun(4), acting(runner.policy), Until(1)))  # both have started
        first = runner._workers[0]._process.pid
        thread = threading.Thread(target=kill)
        thread.start()
        found = told(runner.run(begun(4), acting(runner.policy), until))
        thread.join()
        assert killed.is_set()
        assert runner._workers[0]._process.pid != first
    assert found == alone(4, until)


def test_rows_that_end_every_process_are_given_up_in_one_line() -> None:
    with (
        spread(dying, 1, 2) as runner,
        pytest.raises(LostError, match=f"rows 0 and on was lost {TRIES} times: set workers=0"),
    ):
        list(runner.run(begun(2), acting(runner.policy), Until(100)))


def test_an_error_in_a_process_is_the_callers_and_the_processes_go_on_until_closed() -> None:
    with spread(failing, 1, 2) as runner:
        for _ in range(2):
            with pytest.raises(FloatingPointError, match="the pole is bent"):
                list(runner.run(begun(4), acting(runner.policy), Until(5)))
        every = [worker._process for worker in runner._workers]
    assert not any(process.is_alive() for process in every)


def test_no_process_is_without_rows() -> None:
    before = len(active_children())
    with spread(plain, 99, 1) as runner:
        assert len(active_children()) == before + 1
        found = told(runner.run(begun(2), acting(runner.policy), Until(20)))
    assert found == alone(2, Until(20))


def test_rows_that_nobody_waits_for_are_left(two: Processes) -> None:
    until = Until(30)
    next(iter(two.run(begun(8), acting(two.policy), until)))
    assert told(two.run(begun(8), acting(two.policy), until)) == alone(8, until)
