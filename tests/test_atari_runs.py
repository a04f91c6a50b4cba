"""Runs on Atari as they are typed: the same bytes in this process, in others, and when one dies."""

import json
import os
import signal
import time
from pathlib import Path

import pytest
from test_cli import metrics, start, train

pytestmark = pytest.mark.process
PONG = ("env=atari", "env.game=pong", "protocol=paper", "scale=smoke")
VINE = ("sampler=vine", "sampler.states=2")
LONGER = ("steps_per_iteration=800", "iterations=2", "sampler.rows=4")


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The metrics of a run of single paths and of a vine, each in one process."""
    path = tmp_path_factory.mktemp("alone")
    for more in (LONGER, VINE):
        status, _, err = train(*PONG, *more, f"results_dir={path}")
        assert status == 0, err
    return metrics(path)


def test_a_killed_process_is_not_noticed_in_the_metrics(
    tmp_path: Path, alone: dict[str, bytes]
) -> None:
    process = start(*PONG, *LONGER, "workers=2", "threads=2", f"results_dir={tmp_path}")
    deadline, killed = time.monotonic() + 100, 0
    while not killed and time.monotonic() < deadline and process.poll() is None:
        rows = [file.read_text().count("\n") for file in tmp_path.glob("*/metrics.csv")]
        if rows == [2]:  # a header and an iteration: the second one runs
            killed = max(children(process.pid))
            os.kill(killed, signal.SIGKILL)
        time.sleep(0.02)
    _, err = process.communicate(timeout=120)
    assert killed
    assert process.returncode == 0, err
    (name,) = found = metrics(tmp_path)
    assert found[name] == alone[name]
    provenance = json.loads((tmp_path / name / "provenance.json").read_text())
    assert provenance["parameters"] == 33_500


def test_a_vine_in_processes_grows_as_in_one(tmp_path: Path, alone: dict[str, bytes]) -> None:
    status, _, err = train(*PONG, *VINE, "workers=2", f"results_dir={tmp_path}")
    assert status == 0, err
    (name,) = found = metrics(tmp_path)
    assert found[name] == alone[name]
