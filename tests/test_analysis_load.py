"""The loader: every run is kept and marked by how it ended, or named and left out."""

import json
from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import write_run

from analysis import kinds, load


def runs(directory: Path) -> pd.DataFrame:
    """The runs of a directory in which nothing is damaged."""
    loaded = load.runs(directory)
    assert loaded.damaged == []
    return loaded.runs


FIRST = load.RUN + load.METRICS


def test_one_row_per_run_and_iteration_with_its_settings(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0, 2.0, 3.5], seed=3)
    write_run(tmp_path, [4.0], algo="natural_gradient", step_size=9.0)
    frame = runs(tmp_path)
    assert list(frame.columns)[: len(FIRST)] == FIRST
    assert frame.cg_residual.tolist() == 4 * [0.01]
    assert list(frame.return_100) == [4.0, 1.0, 2.0, 3.5]
    assert list(frame.method) == ["natural_gradient"] + 3 * ["trpo_single_path"]
    assert list(frame.step_size) == [9.0] + 3 * [0.01]
    assert list(frame.seed) == [0] + 3 * [3]
    assert list(frame.commit.unique()) == ["0123456789"]
    assert (frame.status == "done").all()


@pytest.mark.parametrize(
    ("algo", "sampler", "method"),
    [
        ("trpo", "vine_independent", "trpo_vine_independent"),
        ("natural_gradient", "vine", "natural_gradient_vine"),
        ("gradient_variance", "single_path", "gradient_variance"),
        ("gradient_variance", "vine_independent", "gradient_variance_vine_independent"),
        ("cem", "single_path", "cem"),
    ],
)
def test_a_method_is_an_algorithm_with_its_sampler(
    tmp_path: Path, algo: str, sampler: str, method: str
) -> None:
    write_run(tmp_path, [1.0], algo=algo, sampler=sampler)
    assert runs(tmp_path).method.tolist() == [method]


def test_the_directory_of_a_run_is_read_as_that_run_alone(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.0, 2.0])
    write_run(tmp_path, [3.0])
    assert runs(path).run_id.tolist() == [path.name] * 2


def test_numbers_are_read_back_exactly(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    write_run(tmp_path, [value, -1e-17])
    assert list(runs(tmp_path).return_100) == [value, -1e-17]


def test_failed_and_unfinished_runs_are_kept_and_marked(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0, 2.0], status="failed")
    write_run(tmp_path, [1.0], status="running")
    write_run(tmp_path, [], status="failed")
    frame = runs(tmp_path)
    assert list(frame.status) == ["failed", "failed", "running", "failed"]
    assert list(frame.iteration) == [1, 2, 1, 0]
    assert frame.return_100.isna().tolist() == [False, False, False, True]
    assert frame[frame.status == "failed"].error.unique().tolist() == ["theta is not finite"]


def test_a_run_is_done_only_where_done_exists(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0]) / "DONE").unlink()
    assert runs(tmp_path).status.tolist() == ["interrupted"]


def test_a_run_killed_before_its_provenance_is_interrupted(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0], status="running") / "provenance.json").unlink()
    assert runs(tmp_path).status.tolist() == ["interrupted"]


def test_a_last_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.0, 2.0], status="running")
    with (path / "metrics.csv").open("a") as file:
        file.write("3,300,3,0.")
    assert runs(tmp_path).iteration.tolist() == [1, 2]


def test_a_directory_without_runs_is_an_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    frame = runs(tmp_path)
    assert frame.empty
    assert list(frame.columns) == FIRST


def test_a_run_says_what_it_is_and_what_made_it(tmp_path: Path) -> None:
    """A task is called what was run, whatever the experiment is called."""
    departures = ["env=ant", "policy.hidden=[8, 8]"]
    write_run(tmp_path, [1.0], experiment="figure4_cartpole", task="ant", settings="1234e567",
              departures=departures, total_steps=None)  # fmt: skip
    [row] = runs(tmp_path).to_dict("records")
    told = {
        **{"study": "training", "experiment": "figure4_cartpole", "env": "ant"},
        **{"settings": "1234e567", "departures": "env=ant 'policy.hidden=[8, 8]'"},
        **{"cpu": "A, B", "versions": "python==3.11.2 torch==2.13.0"},
        "overrides": "+experiment=figure4_cartpole scale=demo env=ant algo=trpo seed=0 env=ant "
        "'policy.hidden=[8, 8]'",
    }
    assert {name: row[name] for name in told} == told


def test_a_run_says_what_it_has_of_the_settings_that_are_swept(tmp_path: Path) -> None:
    """A run that was written before they were recorded says nothing."""
    write_run(tmp_path, [1.0], swept={"a.cg_steps": 3, "a.hidden": [8, 8], "delta": 0.1})
    path = write_run(tmp_path, [1.0], seed=1) / "run.json"
    earlier = json.loads(path.read_text())
    del earlier["swept"]
    path.write_text(json.dumps(earlier))
    frame = runs(tmp_path)
    assert frame.swept.tolist() == ["a.cg_steps=3 'a.hidden=[8, 8]' delta=0.1", ""]
    assert kinds.swept(frame, "a.cg_steps").fillna(-1).tolist() == [3.0, -1.0]
    assert kinds.swept(frame, "delta").fillna(-1).tolist() == [0.1, -1.0]


def test_a_kind_of_run_with_columns_of_its_own_keeps_them(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.0], study="theory", sampler="", protocol="", algo="line")
    (path / "metrics.csv").write_text("iteration,env_steps,episodes,eta\n1,20,0,0.5\n")
    [row] = runs(tmp_path).to_dict("records")
    assert (row["method"], row["eta"]) == ("line", 0.5)
    assert pd.isna(row["return_100"])


def _spoil(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("metrics.csv", "iteration", "turn", "metrics.csv: its iterations are not 1, 2, 3"),
        ("metrics.csv", "\n2,", "\n2,7,", "metrics.csv:3: 21 columns where 20 are due"),
        ("metrics.csv", "\n2,", "\n4,", "metrics.csv: its iterations are not 1, 2, 3"),
        ("run.json", "task", "other", "run.json: 'task' is missing"),
        ("run.json", "{", "", "run.json: not readable as JSON"),
        ("provenance.json", "{", "", "provenance.json: not readable as JSON"),
        ("DONE", "2", "3", "metrics.csv: 2 iterations where 3 were done"),
        ("DONE", "{", "", "DONE: not readable as JSON"),
    ],
)
def test_a_damaged_run_is_named_and_left_out(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    whole = write_run(tmp_path, [5.0])
    path = write_run(tmp_path, [1.0, 2.0])
    _spoil(path / file, old, new)
    frame, [line] = load.runs(tmp_path)
    assert set(frame.run_id) == {whole.name}
    assert line.startswith(str(path))
    assert message in line


@pytest.mark.parametrize("lost", [1, 3])
def test_a_run_that_is_done_but_lost_rows_is_damaged(tmp_path: Path, lost: int) -> None:
    path = write_run(tmp_path, [1.0, 2.0, 3.0]) / "metrics.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: 4 - lost]))
    frame, [line] = load.runs(tmp_path)
    assert frame.empty
    assert f"{3 - lost} iterations where 3 were done" in line


def test_a_run_of_an_earlier_version_is_named_as_such(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0]) / "run.json").unlink()
    frame, [line] = load.runs(tmp_path)
    assert frame.empty
    assert "run.json: missing; an earlier version wrote the run" in line


@pytest.mark.parametrize("file", ["metrics.csv", "run.json", "provenance.json", "DONE"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1, 2]", b"\n\n", b"null"])
def test_no_file_of_a_run_can_stop_the_others_from_being_read(
    tmp_path: Path, file: str, content: bytes
) -> None:
    whole = write_run(tmp_path, [5.0])
    (write_run(tmp_path, [1.0, 2.0]) / file).write_bytes(content)
    frame, damaged = load.runs(tmp_path)
    assert set(frame.run_id) == {whole.name}
    assert len(damaged) == 1
