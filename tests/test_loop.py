"""The training loop: the same bytes whatever happens to the process or the disk."""

import csv
import errno
import multiprocessing
import os
import random
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import tiny_run

from runners.run.loop import Plan, StoppedError
from runners.store.checkpoint import Position, load
from runners.store.directory import RunDirectory
from runners.store.table import Table

ITERATIONS = 80

OPERATIONS = {
    "fsync": (os, "fsync"),
    "rename": (Path, "replace"),
    "append": (Table, "append"),
}


class CrashError(BaseException):
    """The process ends here: no handler of errors sees it."""


@pytest.fixture(scope="module")
def forkserver() -> multiprocessing.context.ForkServerContext:
    """Starts processes in milliseconds, everything imported."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tiny_run"])
    return context


def metrics(path: Path) -> bytes:
    """What must not differ by a byte."""
    return (path / "metrics.csv").read_bytes()


def undisturbed(path: Path, iterations: int) -> bytes:
    """The metrics of a run that nothing happened to."""
    tiny_run.run(path / "undisturbed", iterations)
    return metrics(path / "undisturbed")


def test_metrics_have_the_columns_in_order_and_cumulative_counts(tmp_path: Path) -> None:
    tiny_run.run(tmp_path, 4, columns=("entropy", "kl_mean"))
    rows = list(csv.DictReader((tmp_path / "metrics.csv").read_text().splitlines()))
    counts, rest = ("iteration", "env_steps", "episodes"), ("return_mean", "return_std", "accepted")
    assert tuple(rows[0]) == (*counts, "entropy", "kl_mean", *rest)
    assert [row["iteration"] for row in rows] == ["1", "2", "3", "4"]
    assert [row["env_steps"] for row in rows] == ["7", "14", "21", "28"]
    assert [row["episodes"] for row in rows] == ["1", "1", "2", "2"]
    assert rows[0]["return_std"] == rows[0]["entropy"] == ""
    assert rows[0]["accepted"] == "1"


def test_run_ends_at_the_first_budget_that_is_used_up() -> None:
    plan = Plan(seed=0, iterations=10, total_steps=100, checkpoint_every=1)
    assert plan.fraction(Position(iteration=5, env_steps=10)) == 0.5
    assert plan.fraction(Position(iteration=1, env_steps=100)) == 1
    assert plan._replace(iterations=None).fraction(Position(iteration=99, env_steps=50)) == 0.5


def test_finished_run_does_nothing_when_run_again(tmp_path: Path) -> None:
    expected = undisturbed(tmp_path, 5)
    before = (tmp_path / "undisturbed" / "timing.csv").read_bytes()
    assert tiny_run.run(tmp_path / "undisturbed", 5).iteration == 5
    assert metrics(tmp_path / "undisturbed") == expected
    assert (tmp_path / "undisturbed" / "timing.csv").read_bytes() == before


@pytest.mark.process
@pytest.mark.parametrize("seed", range(3))
def test_killed_and_resumed_run_writes_the_same_bytes(
    tmp_path: Path, forkserver: multiprocessing.context.ForkServerContext, seed: int
) -> None:
    path, rng = tmp_path / "run", random.Random(seed)
    for _ in range(2):
        process = forkserver.Process(target=tiny_run.run_slowly, args=(path, ITERATIONS))
        process.start()
        while not (path / "metrics.csv").exists():
            time.sleep(0.001)
        time.sleep(rng.uniform(0, 0.3))
        process.kill()
        process.join()
    tiny_run.run(path, ITERATIONS)
    assert metrics(path) == undisturbed(tmp_path, ITERATIONS)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_crash_at_every_operation_on_files_leaves_a_run_that_resumes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, operation: str
) -> None:
    expected, crashes = undisturbed(tmp_path, 8), 0
    owner, name = OPERATIONS[operation]
    for moment in range(100):
        path = tmp_path / f"run{moment}"
        with monkeypatch.context() as patch:
            patch.setattr(owner, name, crashing(getattr(owner, name), moment))
            try:
                tiny_run.run(path, 8)
            except CrashError:
                crashes += 1
        tiny_run.run(path, 8)
        assert metrics(path) == expected
        if crashes <= moment:
            break
    assert crashes >= 5


def crashing(function: Callable[..., object], moment: int) -> Callable[..., object]:
    """`function`, which ends the process at the call with this number."""
    calls = 0

    def call(*arguments: object) -> object:
        nonlocal calls
        if calls == moment:
            raise CrashError
        calls += 1
        return function(*arguments)

    return call


def test_damaged_checkpoint_is_reported_and_the_previous_one_used(tmp_path: Path) -> None:
    path, warnings = tmp_path / "run", list[str]()
    tiny_run.run(path, 8)
    damage(path / "checkpoint.pt")
    tiny_run.run(path, 8, warn=warnings.append)
    (warning,) = warnings
    assert "checkpoint.pt is damaged" in warning
    assert "going on after iteration 6" in warning
    assert metrics(path) == undisturbed(tmp_path, 8)


def test_run_starts_again_where_both_checkpoints_are_damaged(tmp_path: Path) -> None:
    path, warnings = tmp_path / "run", list[str]()
    tiny_run.run(path, 8)
    damage(path / "checkpoint.pt")
    damage(path / "checkpoint.prev.pt")
    tiny_run.run(path, 8, warn=warnings.append)
    assert "checkpoint.prev.pt is damaged" in warnings[0]
    assert "going on after iteration 0" in warnings[0]
    assert metrics(path) == undisturbed(tmp_path, 8)


def test_checkpoint_is_not_used_where_its_rows_are_lost(tmp_path: Path) -> None:
    path, warnings = tmp_path / "run", list[str]()
    tiny_run.run(path, 8)
    os.truncate(path / "metrics.csv", 10)
    tiny_run.run(path, 8, warn=warnings.append)
    assert "metrics.csv is shorter than at iteration 8" in warnings[0]
    assert metrics(path) == undisturbed(tmp_path, 8)


@pytest.mark.parametrize("begun", [8, 11])  # where it was whole, and to go on further
def test_rows_that_were_changed_are_made_again(tmp_path: Path, begun: int) -> None:
    path, warnings = tmp_path / "run", list[str]()
    tiny_run.run(path, 8)
    damage(path / "metrics.csv")
    tiny_run.run(path, begun, warn=warnings.append)
    assert "metrics.csv is not what was written up to iteration 8" in warnings[0]
    assert metrics(path) == undisturbed(tmp_path, begun)


def damage(path: Path) -> None:
    """Flip one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_full_disk_stops_the_run_and_it_resumes_when_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, calls = tmp_path / "run", 0
    fsync = os.fsync

    def filling(descriptor: int) -> None:
        nonlocal calls
        calls += 1
        if calls > 6:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", filling)
        with pytest.raises(OSError, match="No space left"):
            tiny_run.run(path, 9)
    assert not list(path.glob(".*.tmp"))
    assert metrics(path).endswith(b"\n")
    tiny_run.run(path, 9)
    assert metrics(path) == undisturbed(tmp_path, 9)


def test_stopped_run_is_checkpointed_where_it_is(tmp_path: Path) -> None:
    answers = iter([0, 0, 0, 143])
    with pytest.raises(StoppedError) as stopped:
        tiny_run.run(tmp_path / "run", 9, stop=lambda: next(answers))
    assert stopped.value.exit_status == 143
    assert load(tmp_path / "run" / "checkpoint.pt").position.iteration == 4
    tiny_run.run(tmp_path / "run", 9)
    assert metrics(tmp_path / "run") == undisturbed(tmp_path, 9)


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGUSR2])
def test_signal_makes_a_checkpoint_before_the_process_ends(
    tmp_path: Path, forkserver: multiprocessing.context.ForkServerContext, number: int
) -> None:
    path = tmp_path / "run"
    process = forkserver.Process(target=tiny_run.run_slowly, args=(path, 100_000))
    process.start()
    while not (path / "checkpoint.pt").exists():
        time.sleep(0.001)
    os.kill(process.pid or 0, number)
    process.join(10)
    assert process.exitcode == 128 + number
    position = load(path / "checkpoint.pt").position
    assert position.metrics_size == (path / "metrics.csv").stat().st_size


@pytest.mark.process
@pytest.mark.parametrize(("number", "told"), [(signal.SIGUSR2, True), (signal.SIGTERM, False)])
def test_launcher_is_told_of_its_own_signal_once_the_run_is_checkpointed(
    tmp_path: Path,
    forkserver: multiprocessing.context.ForkServerContext,
    number: int,
    told: bool,
) -> None:
    path, note = tmp_path / "run", tmp_path / "note"
    process = forkserver.Process(target=tiny_run.run_as_a_job, args=(path, note))
    process.start()
    while not (path / "checkpoint.pt").exists():
        time.sleep(0.001)
    for _ in range(1 + told):  # a launcher's own signal may come twice
        os.kill(process.pid or 0, number)
    process.join(10)
    rows = len((path / "metrics.csv").read_text().splitlines()) - 1
    assert note.exists() == told
    assert process.exitcode == (128 + number if told else 0)
    if told:
        assert note.read_text() == f"{number} {rows}"


def test_checkpoints_of_every_so_many_iterations_stay_and_change_no_byte(tmp_path: Path) -> None:
    tiny_run.run(tmp_path / "kept", 11, keep=4)
    kept = RunDirectory(tmp_path / "kept").all_kept()
    assert [path.name for path in kept.values()] == ["000004.pt", "000008.pt"]
    assert [load(path).position.iteration for path in kept.values()] == [*kept] == [4, 8]
    assert metrics(tmp_path / "kept") == undisturbed(tmp_path, 11)
    tiny_run.run(tmp_path / "until_8", 8)
    assert load(kept[8]).state.history == load(tmp_path / "until_8" / "checkpoint.pt").state.history


@pytest.mark.parametrize("crash", range(1, 14))
def test_no_crash_at_a_rename_leaves_a_checkpoint_out_that_should_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, crash: int
) -> None:
    made, replace = [0], Path.replace

    def dying(self: Path, target: Path) -> Path:
        made[0] += 1
        if made[0] == crash:
            raise CrashError
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", dying)
        with suppress(CrashError):
            tiny_run.run(tmp_path, 9, keep=3)
    tiny_run.run(tmp_path, 9, keep=3)
    files = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert [name for name in files if name.endswith(".pt")] == [f"{i:06d}.pt" for i in (3, 6, 9)]
