"""provenance.json: what it says of the code, the machine and how a run ended."""

import errno
import importlib
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


def test_a_commit_alone_is_compared_where_a_run_has_no_more(tmp_path: Path) -> None:
    path = tmp_path / "provenance.json"
    for commit in ("a", provenance.commit()):
        path.write_text(json.dumps({"git_sha": commit}))
        same = commit == provenance.commit()
        assert (provenance.Record(path).mixes_code is None) == same


def test_code_is_told_apart_by_its_content_whatever_its_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The suite's packages, and a module that the user brings along."""
    own = tmp_path / "own_task.py"
    own.write_text("STRENGTH = 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, "own_task", importlib.import_module("own_task"))
    first = provenance.Record(tmp_path / "p.json")
    first.update()
    found = provenance.read(tmp_path / "p.json")["code"]
    assert {"trpo", "runners", "own_task"} <= found.keys()
    assert not {"numpy", "torch", "json", "analysis"} & found.keys()
    assert provenance.Record(tmp_path / "p.json").mixes_code is None
    own.write_text("STRENGTH = 2\n")
    again = provenance.Record(tmp_path / "p.json").mixes_code
    assert again
    assert again.startswith("begun with other code of own_task than it goes on with")
    other = json.loads((tmp_path / "p.json").read_text())
    other["code"]["trpo"] = "00000000"
    (tmp_path / "p.json").write_text(json.dumps(other))
    warned = provenance.Record(tmp_path / "p.json").mixes_code
    assert warned
    assert "code of trpo, own_task " in warned


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
