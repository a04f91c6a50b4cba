"""What a sweep's user is told: the plan before, the lines during, the summary after."""

import io
import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from omegaconf import open_dict
from rich.console import Console

from runners.run import display, tensorboard
from runners.run.described import describe
from runners.run.loop import Plan, Row
from runners.settings.errors import ConfigError
from runners.settings.tree import CONF, register
from runners.store.checkpoint import Position
from runners.store.files import RunError
from runners.store.table import Table, last_row
from runners.sweep.jobs import Job, estimated_seconds, jobs, measured_rate
from runners.sweep.progress import Monitor, bar, plan, summary

pytestmark = pytest.mark.process
Planner = Callable[..., list[Job]]


@pytest.fixture(scope="module")
def hydra() -> Iterator[None]:
    """Hydra as `python -m runners.train -m` sets it up."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        yield


@pytest.fixture
def planned(hydra: None, tmp_path: Path) -> Planner:
    """Makes the jobs of a sweep over cart-pole whose runs are below `tmp_path`."""

    def make(*overrides: str) -> list[Job]:
        instance = GlobalHydra.instance().hydra
        assert instance
        settings = ["env=cartpole", "scale=smoke", f"results_dir={tmp_path}", *overrides]
        return jobs(
            instance.compose_config(
                "config", settings, RunMode.MULTIRUN, with_log_configuration=False
            )
        )

    return make


def pretend(job: Job, rows: Sequence[int], rate: float = 100.0, **record: object) -> None:
    """Write what a run with these cumulative steps would have written."""
    job.directory.path.mkdir()
    with Table(job.directory.metrics) as metrics, Table(job.directory.timing) as timing:
        for iteration, steps in enumerate(rows, 1):
            metrics.append(
                {"iteration": iteration, "env_steps": steps, "return_100": 12.0, "kl_mean": 0.01}
            )
            timing.append({"iteration": iteration, "steps_per_second": rate * iteration})
    job.directory.provenance.write_text(json.dumps(record))


def finish(job: Job) -> None:
    """Mark the run as done."""
    last = last_row(job.directory.metrics)
    job.directory.finish(Position(int(last["iteration"]), int(last["env_steps"])))


def test_jobs_are_every_combination_each_with_its_seed(planned: Planner) -> None:
    found = planned("algo=trpo,tnpg", "seed=range(3)", "algo.delta=0.5,0.25")
    known = [job.run.resolved for job in found]
    settings = [(node["algo"]["name"], node["algo"]["delta"], node["seed"]) for node in known]
    assert settings[:4] == [
        ("trpo", 0.5, 0),
        ("trpo", 0.25, 0),
        ("trpo", 0.5, 1),
        ("trpo", 0.25, 1),
    ]
    assert len(set(settings)) == 12
    assert len({job.directory.path for job in found}) == 12
    assert all(job.steps == 1024 for job in found)  # two iterations of 512


def test_jobs_are_what_hydra_composes_and_describes_one_by_one(planned: Planner) -> None:
    instance = GlobalHydra.instance().hydra
    assert instance
    found = planned("+experiment=figure4_cartpole", "algo=trpo,rwr", "gamma=0.9,0.8", "seed=2,0")
    assert len(found) == 8
    for job in found[::3]:
        config = instance.compose_config(
            "config", list(job.run.overrides), RunMode.RUN, with_log_configuration=False
        )
        with open_dict(config):
            del config["hydra"]
        swept = job.run.swept
        alone = describe(config, job.run.overrides, swept)
        assert alone.directory.path == job.run.directory.path
        assert alone._replace(directory=job.run.directory) == job.run


def test_what_refers_to_the_seed_changes_with_it(planned: Planner) -> None:
    tuned = ("env=gymnasium", "env.id=own_tasks:Tuned-v0", "+env.kwargs.gain=${seed}")
    found = planned(*tuned, "seed=3,5")
    assert [job.run.identity["env"]["kwargs"] for job in found] == [{"gain": 3}, {"gain": 5}]


def test_sweep_with_a_misconfigured_run_is_refused(planned: Planner) -> None:
    with pytest.raises(ConfigError, match="gamma"):
        planned("gamma=0.9,1.5")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (("env=gymnasium", "env.id=Pendulum-v1,Pendulm-v1"), "Pendulm-v1.*Pendulum-v1"),
        (("device=cpu,cuda:9",), "device=cuda:9 cannot be used here"),
        (("algo=trpo,cem", "sampler.rows=1"), "sampler.rows must be at least 2, not 1"),
        (("policy=gaussian_mlp,categorical_cnn",), "policy=categorical_cnn"),
    ],
)
def test_what_would_fail_when_it_is_opened_is_refused_before_anything_runs(
    planned: Planner, settings: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ConfigError, match=words):
        planned(*settings, "seed=0,1")


def test_sweep_that_runs_the_same_thing_twice_is_refused(planned: Planner) -> None:
    with pytest.raises(RunError, match=r"cartpole-trpo.* is in this sweep twice"):
        planned("threads=1,2")


def test_sweep_over_a_directory_of_another_run_is_refused(planned: Planner) -> None:
    (job,) = planned()
    job.directory.path.mkdir()
    job.directory.config.write_text("seed: 5\n")
    with pytest.raises(RunError, match="holds another run"):
        planned("seed=0,1")


def test_plan_counts_what_is_done_and_estimates_from_finished_runs(planned: Planner) -> None:
    found = planned("seed=range(4)")
    assert "4 runs (0 done already), 4,096 steps (4,096 to go), up to 2 at a time" in plan(found, 2)
    assert "unknown until the first run reports" in plan(found, 2)
    pretend(found[0], [512, 1024, 1536], rate=5.0)  # 5, 10, 15 steps/s
    finish(found[0])
    pretend(found[1], [512])
    assert measured_rate(found[3]) == 10.0
    assert estimated_seconds(found[1:], at_once=2) == (512 + 1024 + 1024) / 10 / 2
    text = plan(found, 2)
    assert "4 runs (1 done already), 4,096 steps (2,560 to go), up to 2 at a time" in text
    assert "estimated time: 0:02:08" in text


def test_rate_is_not_taken_from_another_protocol(planned: Planner) -> None:
    (paper,), (modern,) = planned(), planned("protocol=modern")
    pretend(paper, [512, 1024])
    finish(paper)
    assert measured_rate(paper) == 150.0
    assert measured_rate(modern) is None


@pytest.mark.parametrize("damage", ["iteration,steps_per_second\n1,10;\n", "1\n2\n", "", "\0"])
def test_no_rate_is_taken_from_a_damaged_file(planned: Planner, damage: str) -> None:
    (only,) = planned("scale=smoke")
    pretend(only, [512, 1024])
    finish(only)
    assert measured_rate(only) is not None
    only.directory.timing.write_text(damage)
    assert measured_rate(only) is None


def test_monitor_shows_the_whole_and_each_running_run(planned: Planner) -> None:
    found = planned("seed=range(4)")
    pretend(found[0], [512, 1024], status="done")
    finish(found[0])
    pretend(found[1], [300], status="failed")
    monitor = Monitor(found)
    pretend(found[2], [512], rate=6789.0, status="running")
    os.utime(found[1].directory.provenance, (0, 0))  # failed in an earlier sweep
    monitor.stop()
    whole, *lines = monitor.text().splitlines()
    assert whole.startswith(bar((1024 + 300 + 512) / 4096))
    assert "1/4 runs" in whole
    assert "failed" not in whole
    (line,) = lines
    assert found[2].directory.path.name in line
    assert "iteration 1  512 steps  return 12.0  KL 0.01  6,789 steps/s" in line


def test_summary_names_each_failure_with_its_error(planned: Planner) -> None:
    found = planned("seed=range(5)")
    since = time.time() - 1
    pretend(found[0], [512, 1024], status="done")
    finish(found[0])
    pretend(found[1], [512], status="failed", error="iteration 2: kl_mean is inf")
    pretend(found[2], [512], status="interrupted", error="stopped by signal 2")
    pretend(found[3], [512], status="running")  # and nobody runs it any more
    head, *lines = summary(found, since).splitlines()
    assert head == "1 done, 1 failed, 1 interrupted, 1 lost, 1 waiting"
    assert lines == [
        f"  failed: {found[1].directory.path.name}: iteration 2: kl_mean is inf",
        f"  interrupted: {found[2].directory.path.name}: stopped by signal 2",
        f"  lost: {found[3].directory.path.name}",
    ]


def test_bar_is_as_long_as_the_share() -> None:
    assert bar(0.0, 4) == "╌╌╌╌"
    assert bar(0.5, 4) == "━━╌╌"
    assert bar(1.0, 4) == "━━━━"


def rows(count: int) -> Iterator[Row]:
    """Rows of a run of ten steps an iteration."""
    for i in range(1, count + 1):
        metrics: dict[str, float | None] = {"iteration": i, "env_steps": 10 * i, "return_100": None}
        yield Row(Position(i, 10 * i), metrics, {"steps_per_second": 5000.0})


def test_run_without_a_terminal_prints_its_first_and_last_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with display.live(Plan(0, 5, None, 1), quiet=False) as show:
        for row in rows(5):
            show(row)
    out, err = capsys.readouterr()
    assert out == ""
    first, last = err.splitlines()
    assert first == " 20%  iteration 1  10 steps  return -  KL -  5,000 steps/s  ETA -"
    assert last.startswith("100%  iteration 5  50 steps")
    assert last.endswith("ETA 0:00:00")


def test_quiet_run_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with display.live(Plan(0, 5, None, 1), quiet=True) as show:
        for row in rows(5):
            show(row)
    assert capsys.readouterr() == ("", "")


def test_terminal_shows_one_line_that_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    screens = list[Console]()

    def terminal(**options: object) -> Console:
        nowhere = io.StringIO()
        screens.append(Console(force_terminal=True, record=True, width=120, file=nowhere))
        return screens[-1]

    monkeypatch.setattr(display, "Console", terminal)
    with display.live(Plan(0, 5, None, 1), quiet=False) as show:
        for row in rows(5):
            show(row)
    assert "iteration 5  50 steps" in screens[0].export_text()


def test_clock_estimates_from_what_was_done_since_it_started(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = iter([100.0, 110.0, 120.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(now))
    clock = display.Clock()
    assert clock.remaining(0.5) is None
    assert clock.remaining(0.5) is None
    assert clock.remaining(0.6) == pytest.approx(80.0)


def test_numbers_that_are_not_there_are_dashes() -> None:
    assert display.number(float("nan"), ".1f") == display.number(None, ".1f") == "-"
    assert display.duration(None) == "-"
    assert display.duration(3661.4) == "1:01:01"
    assert display.sentence({"iteration": 3.0}).startswith("iteration 3  - steps")


def test_tensorboard_gets_every_number_and_drops_what_is_run_again(tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator"
    )
    first, second, third = rows(3)
    for session in ((first, second), (second, third)):
        with tensorboard.log(tmp_path, enabled=True) as write:
            for row in session:
                write(row)
    log = event_accumulator.EventAccumulator(str(tmp_path / "tensorboard")).Reload()
    assert [event.step for event in log.Scalars("iteration")] == [10, 20, 30]
    assert "return_100" not in log.Tags()["scalars"]  # there was none


def test_missing_tensorboard_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tensorboard, "find_spec", lambda name: None)
    with pytest.raises(RunError, match="tensorboard=true needs the extra"):
        tensorboard.require()
