"""Evaluations: every file is a row, or named and left out; none that is kept is ever lost."""

import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from analysis_atari import SETTINGS, write_evaluation, write_random
from analysis_runs import write_run

from analysis import evaluations, report


def load(directory: Path) -> pd.DataFrame:
    """The evaluations of a directory in which nothing is damaged."""
    loaded = evaluations.load(directory)
    assert loaded.damaged == []
    return loaded.evaluations


def test_an_evaluation_is_a_row_named_by_its_directory(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "a", [1.0, 2.0, 6.0], sampler="vine", seed=4, return_low=-1.5)
    [row] = load(tmp_path).to_dict("records")
    told = {
        **{"run_id": "a", "env": "pong", "method": "trpo_vine", "seed": 4, "greedy": False},
        **{"episodes": 3, "return_mean": 3.0, "return_low": -1.5, "iteration": 10},
        **{"horizon": 4500, "experiment": "table1", "settings": json.dumps(SETTINGS)},
    }
    assert {name: row[name] for name in told} == told
    assert list(row) == evaluations.COLUMNS


def test_random_play_has_no_run(tmp_path: Path) -> None:
    write_random(tmp_path, [-21.0, -20.0])
    [row] = load(tmp_path).to_dict("records")
    assert (row["method"], row["experiment"], row["return_mean"]) == ("random", "", -20.5)
    assert pd.isna(row["seed"])
    assert pd.isna(row["iteration"])


def test_a_directory_without_evaluations_has_none(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0])
    assert load(tmp_path).empty
    assert list(load(tmp_path).columns) == evaluations.COLUMNS


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"return_mean": 9.0}, "return_mean is 9.0 where that of its returns is 1.5"),
        ({"lengths": [30, 34]}, "length_mean is 30.0 where that of its lengths is 32"),
        ({"returns": [1.5]}, "1 returns where 2 episodes are due"),
        ({"lengths": [30, 30, 30]}, "3 lengths where 2 episodes are due"),
        ({"returns": [], "lengths": [], "episodes": 0}, "0 returns where 0 episodes are due"),
        ({"returns": ["x", "y"]}, "not readable (could not convert string to float: 'x')"),
        ({"iteration": "ten"}, "not readable ("),
        ({"return_mean": None}, "not readable ("),
    ],
)
def test_an_edited_file_is_named_and_left_out(
    tmp_path: Path, said: dict[str, Any], message: str
) -> None:
    path = write_evaluation(tmp_path / "a", [1.0, 2.0])
    path.write_text(json.dumps(json.loads(path.read_text()) | said))
    write_evaluation(tmp_path / "b")
    found = evaluations.load(tmp_path)
    assert found.evaluations.run_id.tolist() == ["b"]
    [line] = found.damaged
    assert line.startswith(f"{path}: {message}")
    assert "\n" not in line


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('"task"', '"tusk"', "'task' is missing"),
        (
            '"episodes": 2,',
            '"episodes": 2',
            "not readable as JSON (Expecting ',' delimiter: line 15",
        ),
        ("{", "[", "not readable as JSON"),
    ],
)
def test_a_damaged_file_is_named_with_its_place(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    path = write_evaluation(tmp_path / "a")
    path.write_text(path.read_text().replace(old, new, 1))
    [line] = evaluations.load(tmp_path).damaged
    assert line.startswith(f"{path}: {message}")


def _frame(tmp_path: Path, **said: Any) -> pd.DataFrame:
    name = "-".join(map(str, said.values())).replace(":", "")
    write_evaluation(tmp_path / name / "a", **said)
    return load(tmp_path / name)


def test_of_a_run_the_evaluation_of_its_latest_policy_stays(tmp_path: Path) -> None:
    first, later = _frame(tmp_path, iteration=10), _frame(tmp_path, iteration=20)
    again = _frame(tmp_path, iteration=20, written="2026-02-02T00:00:00+00:00")
    for old, new in ((first, later), (later, first)):
        assert evaluations.merged(old, new).iteration.tolist() == [20]
    for old, new in ((again, later), (later, again)):
        assert evaluations.merged(old, new).written.tolist() == ["2026-02-02T00:00:00+00:00"]


def test_none_is_lost_and_both_ways_of_acting_stay(tmp_path: Path) -> None:
    drawn, greedy = _frame(tmp_path, greedy=False), _frame(tmp_path, greedy=True)
    other = drawn.assign(run_id="b")
    both = evaluations.merged(pd.concat([drawn, other]), greedy)
    assert both[evaluations.KEY].to_numpy().tolist() == [["a", False], ["a", True], ["b", False]]
    assert evaluations.merged(both, evaluations.NONE).equals(both)


def test_tidy_evaluations_come_back_to_seven_digits_and_are_stable(tmp_path: Path) -> None:
    write_evaluation(tmp_path / "runs" / "b", [1.23456789])
    write_random(tmp_path / "runs", [1.0, 2.0])
    first, second = tmp_path / "first.csv", tmp_path / "second.csv"
    evaluations.save(load(tmp_path / "runs"), first)
    back = evaluations.read(first)
    assert back.return_mean.tolist() == [1.234568, 1.5]
    assert back.method.tolist() == ["trpo_single_path", "random"]
    assert back.scale.tolist() == ["demo", ""]
    evaluations.save(evaluations.merged(back, evaluations.NONE), second)
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("horizon", "limit", "its column horizon is missing"),
        ("\nb,", "\na,", ":3: a (greedy False) is there twice"),
    ],
)
def test_edited_tidy_evaluations_are_refused_in_one_line(
    tmp_path: Path, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in "ab":
        write_evaluation(tmp_path / "runs" / name)
    path = evaluations.save(load(tmp_path / "runs"), tmp_path / "data" / evaluations.TIDY)
    path.write_text(path.read_text().replace(old, new))
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"error: {path}")
    assert message in line


def test_the_report_merges_evaluations_and_loses_none(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs, tidy = tmp_path / "runs", tmp_path / "data" / evaluations.TIDY
    run = write_run(runs, [1.0], experiment="table1", task="pong", protocol="paper")
    file = write_evaluation(run, [1.0, 2.0])
    write_random(runs, [-21.0, -20.0])
    collect = ["--results", str(tmp_path), "--only", "data"]
    assert report.main(collect) == 0
    assert str(tidy) in capsys.readouterr().out
    before = tidy.read_bytes()
    file.write_text(file.read_text()[:-9])
    assert report.main(collect) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: left out, damaged: {file}: not readable as JSON")
    assert tidy.read_bytes() == before
    file.unlink()
    assert report.main(collect) == 0
    assert tidy.read_bytes() == before


def test_what_is_evaluated_is_told_in_the_table_from_the_data_alone(tmp_path: Path) -> None:
    run = write_run(tmp_path / "runs", [1.0], experiment="table1", task="pong", protocol="paper")
    write_evaluation(run, [4.0, 6.0])
    write_random(tmp_path / "runs", [-21.0, -20.0], return_low=-22.0, return_high=-19.0)
    assert report.main(["--results", str(tmp_path)]) == 0
    lines = (tmp_path / "tables" / "table1__demo.md").read_text().splitlines()
    header, _, *rows = [line.strip("| ").split(" | ") for line in lines]
    at = header.index("Pong")
    ours = [row[at] for row in rows if row[header.index("source")] == "here"]
    assert ours == ["-20.5 [-22, -19]", "5", "1.46"]
