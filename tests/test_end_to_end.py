"""Real training through the real commands: the same bytes, whatever happens on the way."""

import random
import time
from pathlib import Path

import pytest
from test_cli import metrics, start, train

from analysis import report

HOPPER = (
    "env=hopper",
    "protocol=modern",
    "iterations=20",
    "total_steps=null",
    "steps_per_iteration=3000",
    "checkpoint_every=1",
)


def test_hopper_killed_at_five_random_moments_writes_the_bytes_of_an_undisturbed_run(
    tmp_path: Path,
) -> None:
    assert train(*HOPPER, f"results_dir={tmp_path / 'undisturbed'}")[0] == 0
    moments, kills, rows = random.Random(0), 0, 0
    killed = f"results_dir={tmp_path / 'killed'}"
    while kills < 5:
        process = start(*HOPPER, killed, f"threads={1 + kills % 2}")
        while process.poll() is None and _rows(tmp_path / "killed") <= rows:
            time.sleep(0.01)
        time.sleep(moments.uniform(0, 0.3))
        assert process.poll() is None, "the run ended before it could be killed five times"
        process.kill()
        process.communicate()
        kills, rows = kills + 1, _rows(tmp_path / "killed")
    assert train(*HOPPER, killed)[0] == 0
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "undisturbed")


def _rows(path: Path) -> int:
    return sum(content.count(b"\n") for content in metrics(path).values())


SMALL = ("env=hopper", "protocol=paper", "scale=smoke", "iterations=8", "checkpoint_every=1")


@pytest.mark.parametrize(
    "method",
    [
        *("sampler=vine", "algo=rwr", "algo=cem", "algo=cma_es"),
        "algo=gradient_variance algo.sizes=[200] algo.repeats=2 algo.spacing=1",
    ],
)
def test_every_kind_of_method_goes_on_with_the_same_bytes(tmp_path: Path, method: str) -> None:
    settings = (*SMALL, *method.split())
    assert train(*settings, f"results_dir={tmp_path / 'undisturbed'}")[0] == 0
    killed = f"results_dir={tmp_path / 'killed'}"
    process = start(*settings, killed)
    while process.poll() is None and _rows(tmp_path / "killed") <= 3:
        time.sleep(0.001)
    assert process.poll() is None, "the run ended before it could be killed"
    process.kill()
    process.communicate()
    assert _rows(tmp_path / "killed") < 9
    assert train(*settings, killed, "threads=2")[0] == 0
    assert metrics(tmp_path / "killed") == metrics(tmp_path / "undisturbed")


def test_two_threads_write_the_bytes_of_one(tmp_path: Path) -> None:
    for protocol, *more in (("paper",), ("modern",), ("paper", "sampler=vine")):
        settings = ("env=walker2d", f"protocol={protocol}", "scale=smoke", *more)
        written = []
        for threads in (1, 2, 1):
            path = tmp_path / f"{protocol}{len(more)}{len(written)}"
            status, _, err = train(*settings, f"results_dir={path}", f"threads={threads}")
            assert status == 0, err
            written.append(metrics(path))
        assert written[0] == written[1] == written[2]


def test_every_experiment_runs_and_is_reported(tmp_path: Path) -> None:
    runs = f"results_dir={tmp_path / 'runs'}"
    status, _, err = train("--scale", "smoke", runs, module="reproduce")
    assert status == 0, err
    assert report.main(["--results", str(tmp_path)]) == 0
    theory = ("theory_line", "theory_bounds", "theory_steps")
    chapters = ("figure4", "modern", "step_rules", "variance", *theory)
    names = {f"{name}__smoke" for name in chapters}
    assert {path.stem for path in (tmp_path / "figures").iterdir()} == names
    assert all((tmp_path / "tables" / f"{name}.md").stat().st_size for name in names)
    assert "Figure 4" in (tmp_path / "report.html").read_text()
