"""provenance.json: what it says of the code, the machine and how a run ended."""

import errno
import json
import mmap
import os
import sys
from pathlib import Path

import pytest
import torch

from runners.store import provenance


def full_disk(descriptor: int) -> None:
    """Stand in for fsync on a full disk."""
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_provenance_keeps_earlier_sessions_and_adds_up_their_time(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    first = provenance.Record(path, command="first")
    first.update()
    first.note("odd")
    first.end("failed", 1, error="because")
    assert provenance.read(path)["warnings"] == ["odd"]
    content = json.loads(path.read_text())
    path.write_text(json.dumps({**content, "wall_seconds": 100.0}))
    second = provenance.Record(path, command="second")
    second.end("done", 0)
    found = provenance.read(path)
    assert (found["status"], found["error"], found["exit_status"]) == ("done", None, 0)
    assert [session["error"] for session in found["sessions"]] == ["because"]
    assert found["wall_seconds"] > 100
    assert found["command"] == "second"


def test_provenance_is_marked_failed_even_on_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "provenance.json"
    record = provenance.Record(path)
    record.update(filler="x" * 1000)
    monkeypatch.setattr(os, "fsync", full_disk)
    record.end("failed", 1, error="No space left on device")
    assert provenance.read(path)["error"] == "No space left on device"


def test_provenance_warns_of_a_run_that_goes_on_with_other_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "provenance.json"
    for commit, warning in [("a", None), ("a", None), ("b", "begun at commit a, going on at b")]:
        monkeypatch.setattr(provenance, "_git", lambda *arguments, commit=commit: commit)
        record = provenance.Record(path)
        record.update()
        assert record.mixes_code == warning


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux can forget a peak")
def test_peak_memory_is_of_this_run_alone(tmp_path: Path) -> None:
    with mmap.mmap(-1, 2**28) as block:  # 256 MiB, given back at once whatever the heap holds
        for page in range(0, len(block), mmap.PAGESIZE):
            block[page] = 1
    before = provenance.peak_rss_mib()
    provenance.Record(tmp_path / "p.json")
    assert provenance.peak_rss_mib() < before - 200


def test_provenance_names_code_and_machine(tmp_path: Path) -> None:
    provenance.Record(tmp_path / "p.json", threads=2).update()
    found = provenance.read(tmp_path / "p.json")
    assert found["packages"]["torch"] == torch.__version__
    assert found["threads"] == 2
    assert found["peak_rss_mib"] > 10
    assert found["cpu"]
    assert {"git_sha", "git_dirty", "python", "os", "start", "end"} <= found.keys()
