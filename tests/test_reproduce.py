"""`python -m runners.reproduce`: what it plans, runs and reports."""

import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

import pytest

from runners import reproduce
from runners.run import signals
from runners.settings import tree
from runners.store.checkpoint import Position
from runners.store.table import Table
from runners.sweep.jobs import Job

pytestmark = pytest.mark.process


@pytest.fixture
def conf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of conf/ with three experiments, two of them listed."""
    copy = tmp_path / "conf"
    shutil.copytree(tree.CONF, copy, ignore=shutil.ignore_patterns("experiment"))
    (copy / "experiment").mkdir()
    for name in "abc":
        (copy / "experiment" / f"{name}.yaml").write_text(
            f"# @package _global_\nexperiment: {name}\n"
            "hydra:\n  sweeper:\n    params:\n      seed: range(2)\n"
        )
    (copy / "reproduce.yaml").write_text("experiments: [b, a]\n")
    monkeypatch.setattr(tree, "CONF", copy)
    return copy


def call(conf: Path, *options: str) -> int:
    """Reproduce at the smallest scale, below the temporary directory."""
    handlers = {number: signal.getsignal(number) for number in signals.STOPS}
    settings = ["env=cartpole", f"results_dir={conf.parent}/runs"]
    try:
        return reproduce.main(["--scale", "smoke", *options, *settings])
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)


def test_listed_experiments_are_run_once_each_with_its_command(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(conf) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == ["b: 2 runs, 0 done already", "a: 2 runs, 0 done already"]
    assert lines[2].startswith("sweep of 4 runs (0 done already)")
    assert lines[-1] == "4 done"
    files = list((conf.parent / "runs").glob("*/provenance.json"))
    command = "python -m runners.train seed=0 +experiment=a scale=smoke env=cartpole"
    assert sum(command in file.read_text() for file in files) == 1
    assert call(conf) == 0
    assert capsys.readouterr().out.splitlines() == [
        "b: 2 runs, 2 done already",
        "a: 2 runs, 2 done already",
    ]


def test_a_launcher_of_hydras_starts_the_runs_of_all_experiments(
    conf: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(conf, "--launcher", "basic") == 0
    lines = capsys.readouterr().out.splitlines()
    assert "sweep of 4 runs (0 done already), 4,096 steps (4,096 to go), up to 1 at a time" in lines
    assert lines[-1] == "4 done"
    files = list((conf.parent / "runs").glob("*/provenance.json"))
    command = "python -m runners.train seed=1 +experiment=b scale=smoke env=cartpole"
    assert sum(command in file.read_text() for file in files) == 1


def test_launcher_that_is_not_there_is_told(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call(conf, "--launcher", "slrum") == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: hydra/launcher=slrum is unknown (did you mean slurm? options: ")


def test_mistake_in_a_setting_is_one_line(conf: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert reproduce.main(["--scale", "smoke", "gamma=7"]) == 1
    assert capsys.readouterr().err == "error: gamma must be within [0, 1], not 7.0\n"


def test_experiments_that_are_not_done_are_named(
    conf: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(every: Sequence[Job], threads: int) -> None:
        for job in every:
            if job.run.resolved["experiment"] == "b":
                job.directory.path.mkdir(parents=True)
                with Table(job.directory.metrics) as table:
                    table.append({"iteration": 2, "env_steps": 100})
                job.directory.finish(Position(2, 100))

    monkeypatch.setattr(reproduce, "run", run)
    assert call(conf) == 1
    assert capsys.readouterr().err == "error: not all runs are done of: a\n"


@pytest.mark.parametrize(
    ("asked", "cores", "threads"),
    [
        ([1] * 9, 4, 1),  # a run on each core
        ([1, 1], 4, 2),  # fewer runs than cores
        ([1], 4, 4),
        ([1] * 3, 4, 1),
        ([2] * 9, 4, 2),  # asked for
        ([1, 8], 4, 4),  # more than there are
    ],
)
def test_threads_come_after_runs(asked: list[int], cores: int, threads: int) -> None:
    assert reproduce.shared(asked, cores) == threads
