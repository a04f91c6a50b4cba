"""Tidy data: thinned, merged without loss, the same bytes; and which runs share a row."""

from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import measurement, write_run

from analysis import kinds, load, noise, tidy


def test_a_search_without_a_step_size_or_a_divergence_is_read(tmp_path: Path) -> None:
    path = write_run(tmp_path / "runs", [1.0, 2.0], algo="cem", step_size=None)
    metrics = path / "metrics.csv"
    metrics.write_text(metrics.read_text().replace(",0.009,", ",,").replace(",2.5,", ",,"))
    tidy.save(load.runs(tmp_path / "runs").runs, tmp_path / "a__demo.csv")
    frame = tidy.read(tmp_path / "a__demo.csv")
    assert frame[["step_size", "kl_mean", "entropy"]].isna().all(axis=None)
    assert frame.return_100.tolist() == [1.0, 2.0]


def test_columns_that_were_asked_for_are_kept_where_some_run_has_them(tmp_path: Path) -> None:
    turns = [measurement(k, "vine", 0) for k in (1, 4)]
    write_run(tmp_path / "runs", [1.0, 2.0], measured=turns)
    write_run(tmp_path / "runs", [3.0], seed=1)
    path, frame = tmp_path / "variance__demo.csv", load.runs(tmp_path / "runs").runs
    tidy.save(frame, path, [*noise.MEASURED, "unheard_of"])
    back = tidy.read(path)
    assert list(back.columns) == [*load.RUN, *load.METRICS, *noise.MEASURED]
    assert back.gradient_variance.dropna().tolist() == [1.0, 0.25]


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
    frame = tidy.merged(pd.concat([_ended("a", *old), only_old]),
                        pd.concat([_ended("a", *new), only_new]))  # fmt: skip
    assert frame[frame.run_id == "a"].return_100.tolist() == kept
    assert frame[frame.run_id != "a"].return_100.tolist() == [7.0, 8.0]


def test_thinning_keeps_every_kth_iteration_the_first_and_the_last() -> None:
    short = pd.DataFrame({"run_id": "a", "iteration": range(1, 104)})
    long = pd.DataFrame({"run_id": "b", "iteration": range(1, 252)})
    thin = tidy.thin(pd.concat([short, long]))
    kept = thin.groupby("run_id").iteration.agg(list)
    assert kept["a"] == [1, *range(3, 103, 3), 103]
    assert kept["b"] == [1, *range(3, 250, 3), 251]


def test_tidy_data_come_back_to_seven_digits_and_are_stable(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.23456789, None], status="failed")
    write_run(tmp_path / "runs", [3.0], step_size=1e-05)
    frame = load.runs(tmp_path / "runs").runs
    first, second = tmp_path / "a__demo.csv", tmp_path / "b__demo.csv"
    tidy.save(frame, first)
    back = tidy.read(first)
    assert back.return_100.tolist()[0] == 1.234568
    assert back.step_size.unique().tolist() == [0.01, 1e-05]
    assert back.error.tolist()[0] == "theta is not finite"
    assert back.departures.tolist()[0] == ""
    assert back[load.RUN].drop(columns="error").notna().all(axis=None)
    tidy.save(back, second)
    assert first.read_bytes() == second.read_bytes()
    assert (
        first.with_suffix(".runs.csv").read_bytes() == second.with_suffix(".runs.csv").read_bytes()
    )


def test_tidy_data_with_a_run_missing_are_refused(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.0])
    path = tmp_path / "a__demo.csv"
    tidy.save(load.runs(tmp_path / "runs").runs, path)
    header, *_ = path.read_text().splitlines()
    path.write_text(header + "\n")
    with pytest.raises(ValueError, match="its runs are not those of"):
        tidy.read(path)


def _marked(tmp_path: Path) -> list[str]:
    frame = kinds.marked(load.runs(tmp_path).runs)
    return frame.sort_values("seed").departs.tolist()


def test_runs_that_differ_in_their_seed_alone_stand_together(tmp_path: Path) -> None:
    for seed in range(3):
        write_run(tmp_path, [1.0], seed=seed)
    assert _marked(tmp_path) == ["", "", ""]


def test_a_run_departs_in_what_it_says_that_its_experiment_does_not(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0], seed=0)
    write_run(tmp_path, [1.0], seed=1, departures=["gamma=0.5"])
    write_run(tmp_path, [1.0], seed=2, departures=["env=ant", "gamma=0.5"], task="ant")
    assert _marked(tmp_path) == ["", "gamma=0.5", "env=ant gamma=0.5"]


def test_where_an_experiment_has_changed_its_older_runs_are_told_by_their_hash(
    tmp_path: Path,
) -> None:
    """Later seeds started later."""
    for seed, settings in enumerate(["aaaaaaaa", "bbbbbbbb", "bbbbbbbb"]):
        write_run(tmp_path, [1.0], seed=seed, settings=settings)
        write_run(tmp_path, [1.0], seed=seed + 3, settings=settings, departures=["gamma=0.5"])
    assert _marked(tmp_path) == [
        *("(settings aaaaaaaa)", "", ""),
        *("gamma=0.5 (settings aaaaaaaa)", "gamma=0.5", "gamma=0.5"),
    ]


def test_a_row_holds_one_hash_of_settings_whatever_the_experiment_sweeps(tmp_path: Path) -> None:
    for seed, protocol in enumerate(["paper", "modern"]):
        write_run(tmp_path, [1.0], seed=seed, protocol=protocol, settings=8 * protocol[0])
    assert _marked(tmp_path) == ["(settings pppppppp)", ""]


def test_what_an_experiment_sweeps_is_no_change_of_it(tmp_path: Path) -> None:
    """Within one value of it, an older hash of settings is; later seeds started later."""
    swept = [{"cg_steps": 1}, {"cg_steps": 3}, {"cg_steps": 3}]
    for seed, (own, settings) in enumerate(zip(swept, "abc", strict=True)):
        write_run(tmp_path, [1.0], seed=seed, swept=own, settings=settings)
    assert _marked(tmp_path) == ["", "(settings b)", ""]


def test_a_run_that_does_not_say_what_was_swept_is_held_against_all(tmp_path: Path) -> None:
    for seed, settings in enumerate(["old", "new"]):
        write_run(tmp_path, [1.0], seed=seed, swept={"penalty": 3.0} if seed else {},
                  settings=settings)  # fmt: skip
    assert _marked(tmp_path) == ["(settings old)", ""]


def test_tidy_data_from_before_swept_settings_were_kept_are_read(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.0], swept={"penalty": 3.0})
    path = tmp_path / "a__demo.csv"
    tidy.save(load.runs(tmp_path / "runs").runs, path)
    assert tidy.read(path).swept.tolist() == ["penalty=3.0"]
    described = path.with_suffix(".runs.csv")
    pd.read_csv(described).drop(columns="swept").to_csv(described, index=False)
    assert tidy.read(path).swept.tolist() == [""]
