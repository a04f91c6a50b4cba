"""Committed runs that are trained again and compared: what is drawn, told, with which status."""

import shutil
from pathlib import Path

import pandas as pd
import pytest
from test_cli import train

from analysis import report, tidy, verify
from runners import retrain
from runners.settings.errors import ConfigError
from runners.settings.tree import NUMBERS

ROOT = Path(__file__).parents[1]
DATA = ROOT / "results" / "data"


@pytest.fixture(scope="module")
def committed() -> pd.DataFrame:
    """A committed run."""
    runs = tidy.read(DATA / "figure4_cartpole__desk.csv")
    return runs[runs.run_id == runs.run_id.iloc[0]].reset_index(drop=True)


def changed(run: pd.DataFrame, row: int, by: float) -> pd.DataFrame:
    """The same, one of its returns a fraction larger."""
    other = run.copy()
    other.loc[row, "return_mean"] *= 1 + by
    return other


def test_the_same_numbers_are_identical(committed: pd.DataFrame) -> None:
    found = verify.compare(committed.assign(wall_seconds=1.0, commit="other"), committed)
    assert found[1:] == ("identical", "50 of 50 iterations", True)


def test_a_run_that_was_stopped_is_compared_as_far_as_it_went(committed: pd.DataFrame) -> None:
    found = verify.compare(committed[:12].assign(status="interrupted"), committed)
    assert found[1:] == ("identical", "12 of 50 iterations", True)
    assert verify.compare(committed[:0], committed).verdict == "not compared"


def test_digits_beyond_the_sixth_are_told_and_allowed(committed: pd.DataFrame) -> None:
    assert verify.compare(changed(committed, 20, 8e-7), committed).verdict == "equal to 1e-6"
    assert verify.compare(changed(committed, 20, 5e-6), committed).verdict == "different"


def test_a_difference_is_told_from_where_it_begins(committed: pd.DataFrame) -> None:
    found = verify.compare(changed(changed(committed, 30, 0.1), 20, 0.1), committed)
    was = committed.return_mean[20]
    assert found.words.startswith(
        f"from iteration 21 on, where return_mean is {1.1 * was:.7g} and not {was:.7g}; "
    )
    assert (found.verdict, found.expected) == ("different", False)


def test_what_is_missing_is_different(committed: pd.DataFrame) -> None:
    found = verify.compare(committed.drop(columns="reward_per_step"), committed)
    assert "from iteration 1 on, where reward_per_step is nan" in found.words


def test_another_processor_explains_a_difference(committed: pd.DataFrame) -> None:
    found = verify.compare(changed(committed, 20, 0.1).assign(cpu="a faster one"), committed)
    assert found.expected
    assert "another machine: a faster one instead of " in found.words


@pytest.mark.parametrize(("more", "explained"), [("", False), (" new==1", False), ("x", True)])
def test_another_version_explains_a_difference_and_one_that_was_not_recorded_does_not(
    committed: pd.DataFrame, more: str, explained: bool
) -> None:
    versions = committed.versions[0] + more  # the last package's own, or a further one
    found = verify.compare(changed(committed, 20, 0.1).assign(versions=versions), committed)
    assert found.expected == explained
    assert ("another machine: " in found.words) == explained


def test_a_run_that_fails_here_alone_is_told(committed: pd.DataFrame) -> None:
    failed = committed[:3].assign(status="failed", error="disk full", cpu="another")
    found = verify.compare(failed, committed)
    assert found[1:] == ("different", "it failed after 3 iterations: disk full", False)


def test_each_run_is_drawn_as_often() -> None:
    known = pd.DataFrame({"run_id": list("abcd")})
    drawn = pd.concat([retrain.draw(known, 2, seed) for seed in range(2000)]).run_id
    assert drawn.value_counts().between(900, 1100).all()  # of 1,000; their spread is 22
    assert sorted(retrain.draw(known, 9, 0).run_id) == list("abcd")


def test_runs_of_earlier_numbers_are_not_drawn(tmp_path: Path) -> None:
    runs = pd.DataFrame({"run_id": ["old", "new"], "overrides": "", "numbers": [1, NUMBERS]})
    runs.to_csv(tmp_path / "a.runs.csv", index=False)
    runs[["run_id"]].to_csv(tmp_path / "older.runs.csv", index=False)
    assert retrain.committed(tmp_path).run_id.tolist() == ["new"]
    with pytest.raises(ConfigError, match="no run of numbers"):
        retrain.committed(tmp_path / "nowhere")


def test_a_command_that_makes_another_run_is_refused(tmp_path: Path) -> None:
    drawn = pd.DataFrame({"run_id": ["cartpole-s0-abc"], "overrides": ["env=cartpole seed=0"]})
    with pytest.raises(ConfigError, match="of the committed cartpole-s0-abc makes cartpole-trpo"):
        retrain.planned(drawn, tmp_path)


def test_a_run_of_which_nothing_came_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(retrain, "train", lambda again, seconds: "it did not begin")
    options = ["--count", "1", "--data", str(DATA), "--out", str(tmp_path / "again")]
    assert retrain.main(options) == 1
    assert "nothing came of " in capsys.readouterr().err


@pytest.mark.process
def test_runs_are_trained_again_and_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """First as they were, then beside data of which one number was changed."""
    data, first, again = (tmp_path / name for name in ("data", "runs", "again"))
    run = ("+experiment=figure4_cartpole", "scale=smoke", "algo=cem", f"results_dir={first}")
    for seed in (0, 1):
        status, _, err = train(*run, f"seed={seed}")
        assert status == 0, err
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    options = ["--data", str(data), "--out", str(again)]
    assert retrain.main(["--count", "5", "--minutes", "3", *options]) == 0
    out = capsys.readouterr().out
    assert "2 of 2 committed runs, drawn with seed 0: " in out
    assert "2/2  cartpole-cem" in out
    compared = ["--data", str(data), "--again", str(again)]
    assert verify.main(compared) == 0
    assert capsys.readouterr().out.endswith("2 identical\n")
    (path,) = data.glob("*__smoke.csv")
    lines = path.read_text().splitlines()
    cells = lines[-1].split(",")
    cells[4] = f"{2 * float(cells[4]):.7g}"
    path.write_text("\n".join([*lines[:-1], ",".join(cells), ""]))
    assert verify.main(compared) == 1
    assert "1 identical, 1 different" in capsys.readouterr().out
    assert retrain.main(options) == 1
    assert "is there already" in capsys.readouterr().err
    shutil.rmtree(again)
    assert verify.main(compared) == 1
    assert "no run was trained again" in capsys.readouterr().err
