"""The loader: every run is kept and marked by how it ended, or named and left out."""

import json
import zlib
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
        ("metrics.csv", "iteration", "turn", "metrics.csv:1: its column iteration is missing"),
        ("metrics.csv", "\n2,", "\n2,7,", "metrics.csv:3: 21 columns where 20 are due"),
        ("metrics.csv", "\n2,", "\n4,", "metrics.csv: its iterations are not 1, 2, 3"),
        ("run.json", "task", "other", "run.json: 'task' is missing"),
        ("run.json", "{", "", "run.json: not readable as JSON"),
        ("provenance.json", "{", "", "provenance.json: not readable as JSON"),
        (
            "metrics.csv",
            "return_100",
            "return100",
            "metrics.csv:1: its column return_100 is missing",
        ),
        ("metrics.csv", "kl_max", "kl_mean", "metrics.csv:1: its column kl_mean is there twice"),
        ("metrics.csv", "0.009", "#REF!", "metrics.csv:2: kl_mean is #REF!, which is no number"),
        ("metrics.csv", "0.009", "#N/A", "metrics.csv:2: kl_mean is #N/A, which is no number"),
        ("metrics.csv", ",1,2.5", ",True,2.5", "metrics.csv:2: accepted is True, which is no"),
        ("metrics.csv", "0.5", '"0,5"', "metrics.csv:2: 21 columns where 20 are due"),
        ("metrics.csv", "\n2,", "\n\n2,", "metrics.csv:3: 1 columns where 20 are due"),
        ("run.json", '"seed": 0', '"seed": "0"', "its seed is '0'"),
        ("run.json", '"step_size": 0.01', '"step_size": [0.01]', "its step_size is [0.01]"),
        ("run.json", '"hopper"', "7", "its task is 7"),
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
    frame, [line], _ = load.runs(tmp_path)
    assert set(frame.run_id) == {whole.name}
    assert line.startswith(str(path))
    assert message in line


def test_a_run_whose_rows_are_not_what_was_done_is_damaged(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.0, 2.0, 3.0])
    done = json.loads((path / "DONE").read_text())
    done["metrics_crc32"] = zlib.crc32((path / "metrics.csv").read_bytes())
    (path / "DONE").write_text(json.dumps(done))
    assert set(load.runs(tmp_path)[0].run_id) == {path.name}
    _spoil(path / "metrics.csv", "0.009", "0.008")
    frame, [line], _ = load.runs(tmp_path)
    assert frame.empty
    assert line == f"{path / 'metrics.csv'}: changed since the run was done"


@pytest.mark.parametrize("lost", [1, 3])
def test_a_run_that_is_done_but_lost_rows_is_damaged(tmp_path: Path, lost: int) -> None:
    path = write_run(tmp_path, [1.0, 2.0, 3.0]) / "metrics.csv"
    path.write_text("".join(path.read_text().splitlines(keepends=True)[: 4 - lost]))
    frame, [line], _ = load.runs(tmp_path)
    assert frame.empty
    assert f"{3 - lost} iterations where 3 were done" in line


def test_a_run_of_an_earlier_version_is_named_as_such(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0]) / "run.json").unlink()
    frame, [line], _ = load.runs(tmp_path)
    assert frame.empty
    assert "run.json: missing; an earlier version wrote the run" in line


@pytest.mark.parametrize("file", ["metrics.csv", "run.json", "provenance.json", "DONE"])
@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"[1, 2]", b"\n\n", b"null"])
def test_no_file_of_a_run_can_stop_the_others_from_being_read(
    tmp_path: Path, file: str, content: bytes
) -> None:
    whole = write_run(tmp_path, [5.0])
    (write_run(tmp_path, [1.0, 2.0]) / file).write_bytes(content)
    frame, damaged, _ = load.runs(tmp_path)
    assert set(frame.run_id) == {whole.name}
    assert len(damaged) == 1


def _resave(path: Path, old: str, new: str, encoding: str = "utf-8") -> None:
    path.write_bytes(path.read_text().replace(old, new).encode(encoding))


@pytest.mark.parametrize(
    ("old", "new", "encoding", "message"),
    [
        (",", ";", "utf-8", "metrics.csv:1: separated by semicolons: a spreadsheet saved it"),
        (",", "\t", "utf-8", "metrics.csv:1: separated by tabs: a spreadsheet saved it"),
        ("entropy", "entropié", "cp1252", "byte 181 is not UTF-8: another program saved it"),
    ],
)
def test_a_file_that_a_spreadsheet_saved_is_named(
    tmp_path: Path, old: str, new: str, encoding: str, message: str
) -> None:
    whole = write_run(tmp_path, [5.0])
    _resave(write_run(tmp_path, [1.0, 2.0]) / "metrics.csv", old, new, encoding)
    frame, [line], _ = load.runs(tmp_path)
    assert set(frame.run_id) == {whole.name}
    assert message in line


def test_windows_line_ends_and_a_byte_order_mark_change_no_number(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.5, None]) / "metrics.csv"
    before = runs(tmp_path)
    _resave(path, "\n", "\r\n", "utf-8-sig")
    pd.testing.assert_frame_equal(runs(tmp_path), before)


@pytest.mark.parametrize("word", ["inf", "-inf", "nan", "NaN"])
def test_a_value_that_is_not_finite_counts_as_not_reported_and_is_named(
    tmp_path: Path, word: str
) -> None:
    write_run(tmp_path, [1.0])
    path = write_run(tmp_path, [1.0, 2.0], seed=1) / "metrics.csv"
    _resave(path, "0.009", word)
    frame, damaged, [line] = load.runs(tmp_path)
    assert frame.kl_mean.isna().tolist() == [False, True, True]
    assert frame.return_100.tolist() == [1.0, 1.0, 2.0]
    assert (damaged, line) == (
        [],
        f"{path}:2: kl_mean is {word}, which counts as not reported (and 1 more)",
    )


def test_an_empty_cell_is_no_fault(tmp_path: Path) -> None:
    write_run(tmp_path, [None, 2.0])
    assert load.runs(tmp_path).unreported == []


@pytest.mark.parametrize("file", ["run.json", "metrics.csv"])
def test_a_directory_that_was_begun_and_has_no_settings_is_named(tmp_path: Path, file: str) -> None:
    path = write_run(tmp_path, [1.0])
    for other in path.iterdir():
        if other.name != file:
            other.unlink()
    frame, [line], _ = load.runs(tmp_path)
    assert frame.empty
    assert line == f"{path}: begun, without config.yaml"


def test_a_file_in_place_of_a_directory_is_no_run(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0])
    (tmp_path / "notes.txt").write_text("mine")
    assert len(runs(tmp_path)) == 1


def test_hundreds_of_runs_are_parsed_by_a_few_calls(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No run costs a call of pandas; runs come in their order, the damaged ones left out."""
    returns = {write_run(tmp_path, [float(i), 0.5], seed=i).name: float(i) for i in range(30)}
    damaged = sorted(returns)[7]
    _resave(tmp_path / damaged / "metrics.csv", "0.02", "?")
    _resave(tmp_path / sorted(returns)[9] / "metrics.csv", "kl_max", "kl_highest")
    write_run(tmp_path, [], algo="zzz", status="failed")
    calls = []
    real = pd.read_csv
    monkeypatch.setattr(pd, "read_csv", lambda *a, **k: calls.append(1) or real(*a, **k))
    monkeypatch.setattr(load, "AT_ONCE", 16)
    frame = load.runs(tmp_path).runs
    assert frame.run_id.is_monotonic_increasing
    first = frame[frame.iteration == 1]
    assert dict(zip(first.run_id, first.return_100, strict=True)) == {
        name: value for name, value in returns.items() if name != damaged
    }
    assert frame.iteration.tolist() == 29 * [1, 2] + [0]
    assert len(calls) == 2 + 1 + 1  # two headers and a repetition in one half, one in the other
