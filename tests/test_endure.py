"""The campaign of faults: its judgement can fail, damage is done as it says, and it does a few."""

import signal
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from runners import endure
from runners.faults import commands, disk
from runners.faults.commands import Place, StoppedError, members, session
from runners.faults.files import damageable, flipped, named, torn
from runners.faults.judged import Session, judged
from runners.faults.misbehaving import MISCHIEF, Misbehaving, fail, nan
from runners.faults.outcomes import Outcome, table, told
from runners.faults.subjects import SUBJECTS

REFERENCE = {"run/metrics.csv": b"iteration,x\n1,0.5\n2,0.25\n"}
DONE = Session(0, "")
KILLED = Session(-9, "")


def verdict(found: bytes, session: Session, damaged: bool = False) -> str:
    """What is said of these bytes after a kill -9, a failure, or an end."""
    return judged(REFERENCE, {"run/metrics.csv": found}, session, {1, -9}, damaged=damaged)


def test_all_rows_at_the_end_are_identical() -> None:
    assert verdict(REFERENCE["run/metrics.csv"], DONE) == "identical"


def test_fewer_rows_are_fine_after_a_kill_and_lost_at_the_end() -> None:
    assert verdict(b"iteration,x\n1,0.5\n2,0.", KILLED) == "identical"
    assert verdict(b"iteration,x\n1,0.5\n", DONE) == "lost"
    assert judged(REFERENCE, {}, DONE, ()) == "lost"


@pytest.mark.parametrize("ended", [DONE, KILLED, Session(1, "error: the disk is full\n")])
def test_another_digit_or_a_row_too_many_is_different(ended: Session) -> None:
    assert verdict(b"iteration,x\n1,0.6\n", ended) == "different"
    assert verdict(b"iteration,x\n1,0.5\n2,0.25\n3,0.1\n", ended) == "different"


def test_a_run_of_another_name_is_different() -> None:
    assert judged(REFERENCE, {"other/metrics.csv": b"iteration,x\n"}, KILLED, {-9}) == "different"


def test_one_line_of_error_is_a_refusal_which_may_leave_damage_as_it_was() -> None:
    said = Session(1, " 10%  iteration 3\nwarning: a\nerror: checkpoint.pt is damaged\n")
    assert verdict(b"", said) == "refused"
    assert verdict(b"iteration,x\n1,0.6\n", said, damaged=True) == "refused"


def test_a_refusal_where_nothing_was_damaged_is_untidy() -> None:
    assert judged(REFERENCE, {}, Session(1, "error: damaged\n"), {-9}) == "untidy"


@pytest.mark.parametrize(
    "ended",
    [
        Session(1, ""),
        Session(1, "Traceback (most recent call last):\n  x\nerror: a\n"),
        Session(1, "error: a\nerror: b\n"),
        Session(0, "UserWarning: 1 leaked semaphore\n"),
        Session(-11, ""),
        Session(0, "", orphans=1),
    ],
)
def test_silence_tracebacks_two_errors_orphans_and_other_statuses_are_untidy(
    ended: Session,
) -> None:
    assert verdict(REFERENCE["run/metrics.csv"], ended) == "untidy"


def test_a_sweep_may_say_an_error_of_each_of_its_runs() -> None:
    ended = Session(1, "error: a\nerror: b\n")
    assert judged(REFERENCE, {}, ended, {1}, errors=2) == "refused"


def test_damage_is_done_to_one_file_as_it_says(tmp_path: Path) -> None:
    assert not damageable(tmp_path)
    path = tmp_path / "metrics.csv"
    path.write_bytes(bytes(100))
    assert "metrics.csv, bit" in flipped(tmp_path, np.random.default_rng(0))
    assert sum(byte.bit_count() for byte in path.read_bytes()) == 1
    assert "metrics.csv cut from 100" in torn(tmp_path, np.random.default_rng(0))
    assert path.stat().st_size < 100


def test_a_refusal_names_a_file_or_else_a_run(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "DONE").write_text("{")
    assert named(tmp_path, f"error: {run / 'DONE'} is damaged") == [run / "DONE"]
    assert named(tmp_path, f"error: {run} holds another run") == [run]
    assert named(tmp_path, "error: something is damaged") == []


def test_a_task_misbehaves_while_a_file_tells_it_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    order, action = tmp_path / "mischief", np.zeros(1)
    monkeypatch.setenv(MISCHIEF, str(order))
    monkeypatch.setattr(Misbehaving, "steps", 0)
    task = Misbehaving()
    task.reset(seed=0)
    order.write_text(f"{nan.__name__} 2")
    assert np.isfinite(task.step(action)[1])
    assert np.isnan(task.step(action)[1])
    order.write_text(f"{fail.__name__} 2")
    with pytest.raises(LookupError):
        task.step(action)
    order.unlink()
    assert np.isfinite(task.step(action)[1])


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "disk", tmp_path, threading.Event())


def python(code: str) -> list[str]:
    """A command that runs this and no more."""
    return [sys.executable, "-S", "-c", code]


@pytest.mark.process
def test_a_command_is_seen_to_its_end_and_what_it_leaves_is_found(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(commands, "GRACE", 0.1)
    tell = "import sys; sys.exit('error: it failed')"
    assert session(python(tell), place, {}) == Session(1, "error: it failed\n", 0)
    leave = "import subprocess; subprocess.Popen(['sleep', '60'])"
    assert session(python(leave), place, {}) == Session(0, "", 1)


@pytest.mark.process
def test_a_campaign_that_is_stopped_leaves_no_process(place: Place) -> None:
    started = []

    def stop(process: subprocess.Popen[bytes]) -> None:
        started.append(process)
        place.stop.set()

    with pytest.raises(StoppedError):
        session(python("import time; time.sleep(60)"), place, {}, stop)
    assert not members(started[0].pid)
    assert started[0].returncode == -signal.SIGKILL


@pytest.mark.process
def test_a_disk_is_filled_and_protected_and_gone_at_the_end(place: Place) -> None:
    if why := disk.mount(place.disk):
        pytest.skip(why)
    try:
        disk.fill(place.disk)
        with pytest.raises(OSError, match="No space left"):
            (place.disk / "row").write_bytes(b"1")
        disk.empty(place.disk)
        (place.disk / "row").write_bytes(b"1")
        disk.protect(place.disk)
        with pytest.raises(OSError, match="Read-only"):
            (place.disk / "row").write_bytes(b"2")
        disk.release(place.disk)
        (place.disk / "row").write_bytes(b"2")
    finally:
        disk.unmount(place.disk)
    assert not list(place.disk.iterdir())


def test_the_table_counts_what_became_of_each_fault() -> None:
    found = [Outcome("torn file", "lost", ""), Outcome("SIGTERM", "identical", "")]
    assert [line.split() for line in table(found).splitlines()] == [
        ["fault", "count", "identical", "refused", "lost", "different", "untidy"],
        ["SIGTERM", "1", "1", "0", "0", "0", "0"],
        ["torn", "file", "1", "0", "0", "1", "0", "0"],
        ["all", "2", "1", "0", "1", "0", "0"],
    ]
    assert told(found) == "2 faults: 1 identical, 1 lost"


def test_subjects_have_names_of_their_own() -> None:
    assert len({subject.name for subject in SUBJECTS}) == len(SUBJECTS)


def test_what_makes_no_campaign_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert endure.main(["--faults", "0"]) == 1
    assert capsys.readouterr().err.startswith("error: ")


@pytest.mark.process
def test_a_small_campaign_finds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert endure.main(["--faults", "2", "--subjects", "1", "--seed", "2"]) == 0
    _, count, *kinds = capsys.readouterr().out.split()[-7:]
    assert int(count) >= 2
    assert kinds[2:] == ["0", "0", "0"]
