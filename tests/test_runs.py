"""`python -m runners.runs`: what the table says of each run, and what may be removed."""

import json
from pathlib import Path
from typing import Any

import pytest

from runners import runs
from runners.run.listed import listed
from runners.settings.tree import NUMBERS
from runners.store.checkpoint import Position
from runners.store.directory import RunDirectory
from runners.store.table import Table

CONFIG = {"seed": 0}


def made(store: Path, name: str, rows: int, status: str = "running", **said: Any) -> RunDirectory:
    """A run that is to take four iterations, after so many rows."""
    directory = RunDirectory(store / name)
    description = {"algo": "trpo", "iterations": 4, "total_steps": None, "numbers": NUMBERS, **said}
    with directory:
        directory.claim(CONFIG, CONFIG, description)
    with Table(directory.metrics) as metrics:
        for n in range(1, rows + 1):
            metrics.append({"iteration": n, "env_steps": 10 * n, "return_100": 1.5 * n})
    directory.provenance.write_text(json.dumps({"status": status, "error": "odd"}))
    return directory


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """One run of every state."""
    made(tmp_path, "a-done", 4, "done").finish(Position(4, 40))
    made(tmp_path, "b-stopped", 2, algo="cem")
    made(tmp_path, "c-failed", 1, "failed")
    made(tmp_path, "d-old", 4, "done", numbers=NUMBERS - 1).finish(Position(4, 40))
    made(tmp_path, "e-torn", 4).description.write_text("{")
    made(tmp_path, "f-lost", 3, "done").finish(Position(4, 40))
    (tmp_path / "no-run").mkdir()
    return tmp_path


def test_every_run_is_listed_as_it_is(store: Path) -> None:
    found = {run.path.name[0]: run for run in listed(store)}
    assert {name: run.state.name for name, run in found.items()} == {
        **{"a": "done", "b": "stopped", "c": "failed"},
        **{"d": "superseded", "e": "unreadable", "f": "stopped"},
    }
    assert [found[name].fraction for name in "abcf"] == [1.0, 0.5, 0.25, 0.75]
    assert [found[name].score for name in "abc"] == [6.0, 3.0, 1.5]
    files = [path for path in (store / "a-done").rglob("*") if path.is_file()]
    assert found["a"].size == sum(path.stat().st_size for path in files)


def test_a_run_that_a_process_holds_is_running_whatever_it_says(store: Path) -> None:
    with RunDirectory(store / "c-failed"):
        assert [run.state.name for run in listed(store) if run.is_like("failed")] == ["running"]


@pytest.mark.parametrize(
    ("filters", "shown"),
    [((), 6), (("algo=cem",), 1), (("state=stopped",), 2), (("state=stopped", "lost"), 1)],
)
def test_filters_must_all_hold(
    store: Path, filters: tuple[str, ...], shown: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert runs.main([*filters, f"results_dir={store}"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == shown + 3
    assert lines[-1].startswith(f"{shown} runs: ")


def test_pruning_removes_what_nobody_goes_on_with_and_only_when_told(
    store: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = [f"results_dir={store}", "--prune"]
    monkeypatch.setattr("sys.stdin.isatty", lambda: False)
    assert runs.main(arguments) == 1
    assert "would remove 3 runs" in capsys.readouterr().err
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("builtins.input", lambda question: "")
    assert runs.main(arguments) == 1
    assert len(list(listed(store))) == 6
    assert runs.main([*arguments, "c-failed", "--yes"]) == 0
    monkeypatch.setattr("builtins.input", lambda question: "y")
    assert runs.main(arguments) == 0
    assert {path.name for path in store.iterdir()} == {"a-done", "b-stopped", "f-lost", "no-run"}
    assert runs.main(arguments) == 0
    assert capsys.readouterr().out.endswith("nothing to prune\n")


def test_a_folder_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert runs.main([f"results_dir={tmp_path / 'x'}"]) == 1
    assert capsys.readouterr().err.strip().endswith("/x is no folder")
