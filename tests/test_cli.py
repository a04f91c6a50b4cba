"""The commands as they are typed: what they print, what they leave, and with which status."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from warm import Warm

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
SMOKE = ("env=cartpole", "scale=smoke")
ENVIRONMENT = {key: value for key, value in os.environ.items() if key != "HYDRA_FULL_ERROR"}
ENVIRONMENT["PYTHONPATH"] = str(ROOT / "tests")  # the modules of tasks of one's own
WARM = Warm(ENVIRONMENT, ROOT)


def start(*arguments: str, module: str = "train", own_group: bool = False) -> subprocess.Popen[str]:
    """Begin `python -m runners.<module>` with these arguments."""
    return subprocess.Popen(
        [sys.executable, "-m", f"runners.{module}", *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
        start_new_session=own_group,
    )


def train(
    *arguments: str, module: str = "train", timeout: float = 300
) -> tuple[int, list[str], list[str]]:
    """Run it to its end: exit status, lines on stdout, lines on stderr; `timeout` in seconds.

    It begins where modules are loaded already. How far a plan has come is said or not, as fast as
    the machine is, and left out.
    """
    status, out, err = WARM.run(f"runners.{module}", arguments, timeout)
    told = [line for line in err.splitlines() if "planned" not in line]
    return status, out.splitlines(), told


def require_nobody_left(process: subprocess.Popen[str]) -> None:
    """Wait for the end of what else is in its group, Python's own process too, for a minute."""
    end = time.monotonic() + 60
    with pytest.raises(ProcessLookupError):
        while time.monotonic() < end:
            os.killpg(process.pid, 0)
            time.sleep(0.05)


def metrics(path: Path) -> dict[str, bytes]:
    """The metrics of all runs in a results directory."""
    return {file.parent.name: file.read_bytes() for file in path.glob("*/metrics.csv")}


def test_last_line_is_the_directory_and_a_done_run_is_left_alone(tmp_path: Path) -> None:
    status, out, err = train(*SMOKE, f"results_dir={tmp_path}")
    assert status == 0, err
    path = Path(out[-1])
    files = {"run.json", "config.yaml", "provenance.json", "metrics.csv", "timing.csv", "DONE"}
    assert files <= {file.name for file in path.iterdir()}
    provenance = json.loads((path / "provenance.json").read_text())
    assert provenance["status"] == "done"
    assert provenance["command"] == (
        f"python -m runners.train env=cartpole scale=smoke results_dir={tmp_path}"
    )
    before = {file: file.stat().st_mtime_ns for file in path.iterdir() if file.name != ".lock"}
    status, out, err = train(*SMOKE, f"results_dir={tmp_path}")
    assert (status, out, err) == (0, ["already done", str(path)], [])
    assert before == {file: file.stat().st_mtime_ns for file in before}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["algo=trop"], ["algo=trop", "trpo"]),
        (["-m", "algo.delta=0.1,-0.1"], ["algo.delta", "-0.1"]),
    ],
)
def test_mistake_gets_one_line_that_names_the_setting(
    tmp_path: Path, arguments: list[str], words: list[str]
) -> None:
    status, out, err = train(*arguments, *SMOKE, f"results_dir={tmp_path}")
    assert status == 1
    assert out == []
    (line,) = err
    assert line.startswith("error: ")
    assert all(word in line for word in words), line
    assert not list(tmp_path.iterdir())


def test_unwritable_results_directory_is_named() -> None:
    status, _, (line,) = train(*SMOKE, "results_dir=/dev/null/x")
    assert status == 1
    assert line.startswith("error: cannot write to results_dir=/dev/null/x: Not a directory")


def test_terminated_run_can_be_resumed_to_the_same_bytes(tmp_path: Path) -> None:
    settings = ["env=cartpole", "iterations=25", "steps_per_iteration=600", "checkpoint_every=4"]
    process = start(*settings, f"results_dir={tmp_path / 'a'}")
    wait_for(tmp_path / "a", "metrics.csv")
    process.send_signal(signal.SIGSTOP)
    status, _, err = train(*settings, f"results_dir={tmp_path / 'a'}")
    assert status == 1
    assert "being run by another process" in err[-1]
    process.send_signal(signal.SIGTERM)
    process.send_signal(signal.SIGCONT)
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 143
    path = Path(out.splitlines()[-1])
    assert json.loads((path / "provenance.json").read_text())["status"] == "interrupted"
    assert (path / "checkpoint.pt").exists()
    assert train(*settings, f"results_dir={tmp_path / 'a'}")[0] == 0
    assert train(*settings, f"results_dir={tmp_path / 'b'}", "threads=2")[0] == 0
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")


def wait_for(path: Path, name: str) -> None:
    """Wait until some run below `path` has this file."""
    end = time.monotonic() + 60
    while not list(path.glob(f"*/{name}")):
        assert time.monotonic() < end, f"no {name} after a minute"
        time.sleep(0.01)


def test_sweep_goes_on_after_a_failed_run_and_its_launcher_changes_nothing(tmp_path: Path) -> None:
    sweep = ["-m", *SMOKE, "algo=natural_gradient", "algo.penalty=1e-300,1000", "seed=0,1"]
    for launcher in ("basic", "joblib"):
        status, out, err = train(
            *sweep, f"results_dir={tmp_path / launcher}", f"hydra/launcher={launcher}"
        )
        assert status == 1
        assert out[0].startswith("sweep of 4 runs (0 done already)")
        assert "2 done, 2 failed" in "\n".join(out)
        assert sum("failed: cartpole-natural_gradient" in line for line in out) == 2
        assert sum("error: iteration 1: " in line for line in err) == 2
        assert out[-1] == str(tmp_path / launcher)
    assert len(metrics(tmp_path / "basic")) == 4
    assert metrics(tmp_path / "basic") == metrics(tmp_path / "joblib")


def test_finished_sweep_ends_at_once(tmp_path: Path) -> None:
    sweep = ["-m", *SMOKE, "seed=0,1", f"results_dir={tmp_path}"]
    assert train(*sweep)[0] == 0
    before = metrics(tmp_path)
    status, out, err = train(*sweep)
    assert (status, err) == (0, [])
    assert out[0].startswith("sweep of 2 runs (2 done already)")
    assert metrics(tmp_path) == before


def test_terminated_sweep_checkpoints_what_runs_and_begins_nothing_more(tmp_path: Path) -> None:
    process = start(
        *("-m", "env=cartpole", "protocol=modern", "seed=range(4)"),
        *(f"results_dir={tmp_path}", "hydra/launcher=joblib", "hydra.launcher.n_jobs=1"),
    )
    wait_for(tmp_path, "metrics.csv")
    process.send_signal(signal.SIGTERM)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "1 interrupted, 3 waiting" in out
    assert len(list(tmp_path.glob("*/checkpoint.pt"))) == 1


def test_a_worker_that_dies_loses_its_run_alone_and_that_is_tried_again(tmp_path: Path) -> None:
    own = ("env=gymnasium", "env.id=own_tasks:Dies-v0", f"+env.kwargs.once={tmp_path / 'died'}")
    sweep = ("-m", *own, "protocol=modern", "iterations=2", "steps_per_iteration=200")
    status, out, err = train(
        *(*sweep, "seed=range(3)", f"results_dir={tmp_path / 'runs'}"),
        *("hydra/launcher=joblib", "hydra.launcher.n_jobs=1"),
    )
    assert status == 0, err
    (line,) = (line for line in err if line.startswith("warning"))
    assert "-s0-" in line
    assert line.endswith("its process died; it is tried again")
    assert "3 done" in out
    assert len(metrics(tmp_path / "runs")) == 3


@pytest.mark.parametrize(
    ("raised", "status", "last"), [("KeyboardInterrupt", 130, []), ("LookupError", 1, ["Lookup"])]
)
def test_an_interrupt_while_a_command_is_loaded_shows_no_traceback_and_an_error_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, raised: str, status: int, last: list[str]
) -> None:
    (tmp_path / "hydra.py").write_text(f"raise {raised}")
    monkeypatch.setitem(ENVIRONMENT, "PYTHONPATH", str(tmp_path))
    process = start(*SMOKE)
    out, err = process.communicate(timeout=300)
    assert process.returncode in (status, -signal.SIGINT)  # which a shell reports as 130
    assert out == ""
    assert [line[:6] for line in err.splitlines()[-1:]] == last


@pytest.mark.parametrize("launcher", ["basic", "joblib"])
def test_interrupting_the_whole_group_before_the_first_row_ends_the_sweep(
    tmp_path: Path, launcher: str
) -> None:
    process = start(
        *("-m", "env=cartpole", "protocol=modern", "seed=range(6)", f"results_dir={tmp_path}"),
        f"hydra/launcher={launcher}",
        own_group=True,
    )
    assert process.stdout
    assert process.stdout.readline().startswith("sweep of 6 runs")
    os.killpg(process.pid, signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert not list(tmp_path.glob("*/DONE"))
    require_nobody_left(process)


def test_an_interrupt_ends_a_sweep_of_many_runs_without_another_look_at_any(
    tmp_path: Path,
) -> None:
    process = start(
        *("-m", "env=cartpole", "protocol=modern", "seed=range(2000)", f"results_dir={tmp_path}")
    )
    wait_for(tmp_path, "metrics.csv")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)  # composing each would take minutes
    assert process.returncode == 130, err
    assert "1 interrupted, 1999 waiting" in out


def test_workers_end_with_their_parent(tmp_path: Path) -> None:
    process = start(
        *("-m", "env=cartpole", "protocol=modern", "seed=range(6)", f"results_dir={tmp_path}"),
        "hydra/launcher=joblib",
        own_group=True,
    )
    wait_for(tmp_path, "metrics.csv")
    process.kill()
    process.communicate(timeout=60)
    require_nobody_left(process)
    assert list(tmp_path.glob("*/checkpoint.pt"))
    assert not list(tmp_path.glob("*-s5-*"))


def test_a_sweep_may_be_of_another_study(tmp_path: Path) -> None:
    theory = ("+experiment=theory", "scale=smoke", "method=line,random_pairs")
    status, out, err = train("-m", *theory, f"results_dir={tmp_path}")
    assert (status, err) == (0, [])
    assert "2 done" in out
