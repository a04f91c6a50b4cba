"""The loader: every run is kept, marked by how it ended, or refused by name."""

import re
from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import measurement, write_run

from analysis import load


def test_one_row_per_run_and_iteration_with_its_settings(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0, 2.0, 3.5], seed=3)
    write_run(tmp_path, [4.0], algo__name="natural_gradient", algo__delta=None, algo__penalty=9.0)
    frame = load.runs(tmp_path)
    assert list(frame.columns) == load.RUN + load.METRICS
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
    write_run(tmp_path, [1.0], algo__name=algo, sampler__name=sampler)
    assert load.runs(tmp_path).method.tolist() == [method]


def test_a_search_without_a_step_size_or_a_divergence_is_read(tmp_path: Path) -> None:
    path = write_run(tmp_path / "runs", [1.0, 2.0], algo__name="cem", algo__delta=None)
    metrics = path / "metrics.csv"
    metrics.write_text(metrics.read_text().replace(",0.009,", ",,").replace(",2.5,", ",,"))
    load.save_tidy(load.runs(tmp_path / "runs"), tmp_path / "a__demo.csv")
    frame = load.tidy(tmp_path / "a__demo.csv")
    assert frame[["step_size", "kl_mean", "entropy"]].isna().all(axis=None)
    assert frame.return_100.tolist() == [1.0, 2.0]


def test_measured_columns_are_there_only_where_a_variance_was_measured(tmp_path: Path) -> None:
    turns = [measurement(k, "vine", 0) for k in (1, 4)]
    write_run(tmp_path / "runs", [1.0, 2.0], measured=turns, experiment="variance")
    write_run(tmp_path / "runs", [], experiment="variance", status="running", seed=1)
    only_samples = [{"q_samples": 5.0}]
    write_run(tmp_path / "runs", [3.0], measured=only_samples, experiment="modern")
    frame = load.runs(tmp_path / "runs")
    assert list(frame.columns) == load.RUN + load.METRICS + load.MEASURED
    for name, columns in (("variance", load.MEASURED), ("modern", [])):
        path = tmp_path / f"{name}__demo.csv"
        load.save_tidy(frame[frame.experiment == name], path)
        back = load.tidy(path)
        assert list(back.columns) == load.RUN + load.METRICS + columns
    assert frame.gradient_variance.dropna().tolist() == [1.0, 0.25]


def test_a_variance_without_its_signal_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0], measured=[{"gradient_variance": 1.0}])
    with pytest.raises(ValueError, match="column 'q_samples' is missing"):
        load.runs(tmp_path)


def test_thinning_keeps_every_measurement() -> None:
    frame = pd.DataFrame({"run_id": "a", "iteration": range(1, 252), "gradient_variance": 1.0})
    assert len(load.thin(frame)) == 251


def test_numbers_are_read_back_exactly(tmp_path: Path) -> None:
    value = 0.1 + 0.2
    write_run(tmp_path, [value, -1e-17])
    assert list(load.runs(tmp_path).return_100) == [value, -1e-17]


def test_failed_and_unfinished_runs_are_kept_and_marked(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0, 2.0], status="failed")
    write_run(tmp_path, [1.0], status="running")
    write_run(tmp_path, [], status="failed")
    frame = load.runs(tmp_path)
    assert list(frame.status) == ["failed", "failed", "running", "failed"]
    assert list(frame.iteration) == [1, 2, 1, 0]
    assert frame.return_100.isna().tolist() == [False, False, False, True]
    assert frame[frame.status == "failed"].error.unique().tolist() == ["theta is not finite"]


def test_a_run_is_done_only_where_done_exists(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0]) / "DONE").unlink()
    assert load.runs(tmp_path).status.tolist() == ["interrupted"]


def test_a_run_killed_before_its_provenance_is_interrupted(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0], status="running") / "provenance.json").unlink()
    assert load.runs(tmp_path).status.tolist() == ["interrupted"]


def test_a_last_line_cut_short_is_left_out(tmp_path: Path) -> None:
    path = write_run(tmp_path, [1.0, 2.0], status="running")
    with (path / "metrics.csv").open("a") as file:
        file.write("3,300,3,0.")
    assert load.runs(tmp_path).iteration.tolist() == [1, 2]


def test_a_directory_without_runs_is_an_empty_frame(tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    frame = load.runs(tmp_path)
    assert frame.empty
    assert list(frame.columns) == load.RUN + load.METRICS


def _spoil(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new, 1))


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("metrics.csv", "return_100", "score", "metrics.csv: column 'return_100' is missing"),
        ("metrics.csv", "\n2,", "\n2,7,", "metrics.csv:3: 21 columns where 20 are due"),
        ("config.yaml", "name: trpo", "other: trpo", "config.yaml: algo.name and env.name"),
        ("provenance.json", "{", "", "provenance.json: not readable as JSON"),
    ],
)
def test_a_spoilt_file_is_named(
    tmp_path: Path, file: str, old: str, new: str, message: str
) -> None:
    _spoil(write_run(tmp_path, [1.0, 2.0]) / file, old, new)
    with pytest.raises(ValueError, match=re.escape(message)):
        load.runs(tmp_path)


def test_a_done_run_without_metrics_is_refused(tmp_path: Path) -> None:
    (write_run(tmp_path, [1.0]) / "metrics.csv").unlink()
    with pytest.raises(ValueError, match="done but has no iteration"):
        load.runs(tmp_path)


def test_a_gymnasium_task_is_known_by_its_id(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0], env__name="gymnasium", env__id="Acrobot-v1")
    assert load.runs(tmp_path).env.tolist() == ["Acrobot-v1"]


def test_the_run_that_started_last_stands_for_its_cell(tmp_path: Path) -> None:
    old = write_run(tmp_path, [1.0])
    new = write_run(tmp_path, [2.0])
    _spoil(old / "provenance.json", "2025", "2024")
    write_run(tmp_path, [3.0], seed=1)
    frame = load.latest(load.runs(tmp_path))
    assert old.name not in set(frame.run_id)
    assert new.name in set(frame.run_id)
    assert sorted(frame.return_100) == [2.0, 3.0]


def _ended(run: str, status: str, *returns: float) -> pd.DataFrame:
    iteration = range(1, len(returns) + 1)
    run_of = {"run_id": run, "status": status, "iteration": iteration}
    return pd.DataFrame({**run_of, "return_100": returns})


@pytest.mark.parametrize(
    ("old", "new", "kept"),
    [
        (("done", 1.0, 2.0), ("running", 3.0, 4.0, 5.0), [1.0, 2.0]),
        (("done", 1.0, 2.0), ("done", 3.0), [1.0, 2.0]),
        (("running", 1.0, 2.0), ("failed", 3.0), [1.0, 2.0]),
        (("done", 1.0), ("done", 3.0, 4.0), [3.0, 4.0]),
        (("running", 1.0), ("done", 3.0), [3.0]),
        (("done", 1.0), ("done", 3.0), [3.0]),
    ],
)
def test_merging_never_puts_less_in_place_of_more(
    old: tuple[str, float], new: tuple[str, float], kept: list[float]
) -> None:
    only_old, only_new = _ended("o", "failed", 7.0), _ended("n", "running", 8.0)
    frame = load.merged(pd.concat([_ended("a", *old), only_old]),
                        pd.concat([_ended("a", *new), only_new]))  # fmt: skip
    assert frame[frame.run_id == "a"].return_100.tolist() == kept
    assert frame[frame.run_id != "a"].return_100.tolist() == [7.0, 8.0]


def test_thinning_keeps_every_kth_iteration_the_first_and_the_last() -> None:
    short = pd.DataFrame({"run_id": "a", "iteration": range(1, 104)})
    long = pd.DataFrame({"run_id": "b", "iteration": range(1, 252)})
    thin = load.thin(pd.concat([short, long]))
    kept = thin.groupby("run_id").iteration.agg(list)
    assert kept["a"] == [1, *range(3, 103, 3), 103]
    assert kept["b"] == [1, *range(3, 250, 3), 251]


def test_tidy_data_come_back_to_seven_digits_and_are_stable(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.23456789, None], status="failed")
    write_run(tmp_path / "runs", [3.0], algo__delta=1e-05)
    frame = load.runs(tmp_path / "runs")
    first, second = tmp_path / "a__demo.csv", tmp_path / "b__demo.csv"
    load.save_tidy(frame, first)
    back = load.tidy(first)
    assert back.return_100.tolist()[0] == 1.234568
    assert back.step_size.unique().tolist() == [0.01, 1e-05]
    assert back.error.tolist()[0] == "theta is not finite"
    load.save_tidy(back, second)
    assert first.read_bytes() == second.read_bytes()
    assert (
        first.with_suffix(".runs.csv").read_bytes() == second.with_suffix(".runs.csv").read_bytes()
    )


def test_tidy_data_with_a_run_missing_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.0])
    path = tmp_path / "a__demo.csv"
    load.save_tidy(load.runs(tmp_path / "runs"), path)
    header, *_ = path.read_text().splitlines()
    path.write_text(header + "\n")
    with pytest.raises(ValueError, match="its runs are not those of"):
        load.tidy(path)
