"""Real training through the real commands: the same bytes, whatever happens on the way."""

import json
import os
import random
import signal
import time
from pathlib import Path

import pytest
from test_cli import WARM, metrics, train

from analysis import report

pytestmark = pytest.mark.process
HOPPER = (
    *("env=hopper", "protocol=modern", "total_steps=null", "steps_per_iteration=3000"),
    "checkpoint_every=1",
)
ENDLESS = "iterations=1000000"  # how long a run is to be is no part of what it is


def disturbed(tmp_path: Path, settings: tuple[str, ...], pauses: list[float]) -> None:
    """Kill a run in the middle of its work, once a pause; then let it and another end alike."""
    killed, rows = f"results_dir={tmp_path / 'killed'}", 0
    for kills, pause in enumerate(pauses):
        endless = (*settings, ENDLESS, killed, f"threads={1 + kills % 2}")
        with WARM.begun("runners.train", endless) as process:
            while not process.over and _rows(tmp_path / "killed") <= rows:
                time.sleep(0.01)
            time.sleep(pause)
            if not process.over:
                os.kill(process.pid, signal.SIGKILL)
            status, _, err = process.end(60)
            assert status == -signal.SIGKILL, err
        rows = _rows(tmp_path / "killed")
    end = f"iterations={rows + 1}"
    for path in ("killed", "undisturbed"):
        status, _, err = train(*settings, end, f"results_dir={tmp_path / path}")
        assert status == 0, err
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "undisturbed")


def test_hopper_killed_at_five_random_moments_writes_the_bytes_of_an_undisturbed_run(
    tmp_path: Path,
) -> None:
    moments = random.Random(0)
    disturbed(tmp_path, HOPPER, [moments.uniform(0, 0.3) for _ in range(5)])


def _rows(path: Path) -> int:
    return sum(content.count(b"\n") for content in metrics(path).values())


@pytest.mark.parametrize(
    "method",
    [
        *("sampler=vine", "algo=rwr", "algo=cem", "algo=cma_es policy.hidden=[8]"),
        "study=variance measured.sizes=[200] measured.repeats=2 measured.spacing=1",
    ],
)
def test_every_kind_of_method_goes_on_with_the_same_bytes(tmp_path: Path, method: str) -> None:
    small = ("env=hopper", "protocol=paper", "scale=smoke", "checkpoint_every=1")
    disturbed(tmp_path, (*small, *method.split()), [0.05])


def test_a_finished_run_goes_on_when_it_is_to_be_longer(tmp_path: Path) -> None:
    short, long = ("iterations=2",), ("iterations=4",)
    for name, length in (("a", short), ("a", long), ("b", long)):
        run = ("env=cartpole", "scale=smoke", *length, f"results_dir={tmp_path / name}")
        status, out, err = train(*run)
        assert (status, out[0]) == (0, out[-1]), err  # no word of being done
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")
    assert json.loads((Path(out[-1]) / "run.json").read_text())["iterations"] == 4


def test_two_threads_write_the_bytes_of_one(tmp_path: Path) -> None:
    for protocol, *more in (("modern",), ("paper", "sampler=vine")):
        settings = ("env=walker2d", f"protocol={protocol}", "scale=smoke", *more)
        written = []
        for threads in (1, 2):
            path = tmp_path / f"{protocol}{len(more)}{len(written)}"
            status, _, err = train(*settings, f"results_dir={path}", f"threads={threads}")
            assert status == 0, err
            written.append(metrics(path))
        assert written[0] == written[1]


def test_every_experiment_runs_and_is_reported(tmp_path: Path) -> None:
    runs = f"results_dir={tmp_path / 'runs'}"
    status, _, err = train("--scale", "smoke", runs, module="reproduce", timeout=900)
    assert status == 0, err
    assert report.main(["--results", str(tmp_path)]) == 0
    theory = ("theory_line", "theory_bounds", "theory_steps")
    atari = ("figure5", "table1", "atari_rules")
    mujoco = ("figure4", "ablations", "modern", "aggregate", "step_rules", "variance")
    chapters = (*mujoco, *theory, *atari)
    names = {f"{name}__smoke" for name in chapters}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == names
    assert all((tmp_path / "tables" / f"{name}.md").stat().st_size for name in names)
    assert "Figure 4" in (tmp_path / "report" / "index.html").read_text()
