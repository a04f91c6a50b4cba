"""`python -m runners.reproduce`: what it plans, runs and reports."""

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from runners import config, reproduce


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ with three experiments, two of them marked."""
    copy = tmp_path / "conf"
    shutil.copytree(config.CONF, copy, ignore=shutil.ignore_patterns("experiment"))
    (copy / "experiment").mkdir()
    for name, mark in (("b", reproduce.MARK), ("a", reproduce.MARK), ("c", "# not this one")):
        (copy / "experiment" / f"{name}.yaml").write_text(
            f"# @package _global_\n{mark}\nexperiment: {name}\n"
            "hydra:\n  sweeper:\n    params:\n      seed: range(2)\n"
        )
    monkeypatch.setattr(config, "CONF", copy)
    return copy


def call(conf: Path) -> int:
    """Reproduce at the smallest scale, below the temporary directory."""
    return reproduce.main(["--scale", "smoke", "env=cartpole", f"results_dir={conf.parent}/runs"])


def test_marked_experiments_are_run_in_order_and_failures_are_named(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = list[str]()

    def run(name: str, settings: Sequence[str]) -> int:
        assert settings[0] == "scale=smoke"
        calls.append(name)
        return int(name == "a")

    monkeypatch.setattr(reproduce, "run", run)
    assert call(conf) == 1
    assert calls == ["a", "b"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["a: 2 runs, 0 done already", "b: 2 runs, 0 done already"]
    assert lines[-1] == "not all runs are done of: a"


def test_signal_ends_it(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reproduce, "run", lambda name, settings: 130)
    assert call(conf) == 130


def test_nothing_is_run_where_all_is_done(conf: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = ["scale=smoke", "env=cartpole", f"results_dir={conf.parent}/runs"]
    for name in reproduce.experiments():
        for job in reproduce.planned(name, settings):
            job.directory.path.mkdir(parents=True)
            job.directory.finish()
    monkeypatch.delattr(reproduce, "run")
    assert call(conf) == 0
