"""The campaign of faults: its judgement can fail, and damage is done as it says."""

from pathlib import Path

import numpy as np
import pytest

from runners.faults.judged import Session, judged
from runners.faults.kinds import flipped, torn

REFERENCE = {"run/metrics.csv": b"iteration,x\n1,0.5\n2,0.25\n"}
DONE = Session(0, "")
KILLED = Session(-9, "")


def verdict(found: bytes, session: Session) -> str:
    """What is said of these bytes after a kill -9 or an end."""
    return judged(REFERENCE, {"run/metrics.csv": found}, session, {1, -9})


def test_all_rows_at_the_end_are_identical() -> None:
    assert verdict(b"iteration,x\n1,0.5\n2,0.25\n", DONE) == "identical"


def test_fewer_rows_are_fine_after_a_kill_and_lost_at_the_end() -> None:
    assert verdict(b"iteration,x\n1,0.5\n2,0.", KILLED) == "identical"
    assert verdict(b"iteration,x\n1,0.5\n", DONE) == "lost"
    assert judged(REFERENCE, {}, DONE, ()) == "lost"


@pytest.mark.parametrize("session", [DONE, KILLED])
def test_another_digit_or_a_row_too_many_is_different(session: Session) -> None:
    assert verdict(b"iteration,x\n1,0.6\n", session) == "different"
    assert verdict(b"iteration,x\n1,0.5\n2,0.25\n3,0.1\n", session) == "different"


def test_a_run_of_another_name_is_different() -> None:
    assert judged(REFERENCE, {"other/metrics.csv": b"iteration,x\n"}, KILLED, {-9}) == "different"


def test_one_line_of_error_is_a_refusal_and_silence_is_not() -> None:
    assert verdict(b"", Session(1, "warning: a\nerror: checkpoint.pt is damaged\n")) == "refused"
    assert verdict(b"", Session(1, "")) == "untidy"


def test_a_refusal_where_nothing_was_damaged_is_untidy() -> None:
    assert judged(REFERENCE, {}, Session(1, "error: damaged\n"), {-9}) == "untidy"


def test_tracebacks_two_errors_and_other_statuses_are_untidy() -> None:
    assert verdict(b"", Session(1, "Traceback (most recent call last):\n  x\n")) == "untidy"
    assert verdict(b"", Session(1, "error: a\nerror: b\n")) == "untidy"
    assert verdict(b"", Session(-11, "")) == "untidy"


def test_damage_is_done_to_one_file_and_to_none_of_an_empty_store(tmp_path: Path) -> None:
    torn(tmp_path, np.random.default_rng(0))
    path = tmp_path / "metrics.csv"
    path.write_bytes(bytes(100))
    flipped(tmp_path, np.random.default_rng(0))
    assert sum(byte.bit_count() for byte in path.read_bytes()) == 1
    torn(tmp_path, np.random.default_rng(0))
    assert path.stat().st_size < 100
