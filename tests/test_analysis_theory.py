"""What runs on finite MDPs say, against numbers worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import write_run, write_theory

from analysis import load, theory
from analysis.chapters import chapters, draw, tabulate
from analysis.claims import judge
from analysis.drawing import render

ALIKE = "20 states, γ = 0.9, seen as 5"


@pytest.fixture
def runs(tmp_path: Path) -> pd.DataFrame:
    write_theory(tmp_path)
    return load.runs(tmp_path)


def test_runs_are_told_apart_by_their_mdps_and_method(tmp_path: Path) -> None:
    write_theory(tmp_path / "runs", seeds=1)
    write_theory(tmp_path / "runs", seeds=1, env__observations=None, gamma=0.99)
    frame = load.latest(load.runs(tmp_path / "runs"))
    assert frame.run_id.nunique() == 10
    assert sorted(set(frame.env)) == [ALIKE, "20 states, γ = 0.99"]
    load.save_tidy(frame, tmp_path / "theory__demo.csv")
    back = load.tidy(tmp_path / "theory__demo.csv")
    assert list(back.columns) == list(frame.columns)
    assert back.distance.max() == 0.4


def test_other_runs_keep_their_columns(tmp_path: Path) -> None:
    write_theory(tmp_path / "runs", seeds=1)
    write_run(tmp_path / "runs", [1.0])
    frame = load.runs(tmp_path / "runs")
    load.save_tidy(frame[frame.experiment == "modern"], tmp_path / "modern__demo.csv")
    columns = load.tidy(tmp_path / "modern__demo.csv").columns
    assert list(columns) == load.RUN + load.METRICS


def test_slack_is_over_the_random_pairs_alone(runs: pd.DataFrame) -> None:
    found = theory.slacks(runs)
    assert len(found) == 6 * 2 * 4
    row = found[found.bound == "tv"].groupby("run_id").first()
    assert row[load.QUANTILES].to_numpy().tolist() == [[4, 8, 12, 16, 20, 24]] * 2


def test_each_bound_has_its_median_its_least_and_its_violations(runs: pd.DataFrame) -> None:
    """Medians 4k i over i = 1, 2, 3, 4: 10 k. Three learners and the pairs, on ten MDPs each."""
    column = "violations_kl"
    runs.loc[(runs.method == "minorise_maximise") & (runs.iteration == 2), column] = 3.0
    table = theory.bounds(runs).set_index("bound")
    assert table["median"].tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert table.least.tolist() == [1, 2, 3, 4, 5, 6]
    assert (table.n == 2).all()
    assert (table.checked == 4 * 2 * 4 * 10).all()
    assert table.violations.to_dict() == dict.fromkeys(theory.BOUNDS, 0) | {"kl": 6}


def test_curves_and_steps_are_means_over_runs(runs: pd.DataFrame) -> None:
    second = (runs.method == "minorise_maximise") & (runs.seed == 1)
    runs.loc[second, "regret_mean"] *= 3
    curve = theory.curves(runs, "regret_mean").query("method == 'minorise_maximise'")
    assert curve["mean"].tolist() == [2.0, 1.0, pytest.approx(2 / 3), 0.5]
    assert (curve.low.iloc[0], curve.high.iloc[0]) == pytest.approx((2 - 12.706205, 2 + 12.706205))
    table = theory.steps(runs).set_index("method")
    assert table.lowered.to_dict() == {
        "minorise_maximise": 0, "natural_gradient": 0, "policy_iteration": 8
    }  # fmt: skip
    assert (table.taken == 80).all()
    assert table.loc["minorise_maximise", "regret"] == 0.5
    assert table.kl.tolist() == [0.009] * 3


def test_the_line_is_of_one_run_from_left_to_right(runs: pd.DataFrame) -> None:
    assert theory.line(runs).position.tolist() == [-1.0, 0.0, 1.0, 2.0]
    named = theory.points(runs).set_index("point").position
    assert named.to_dict() == {"θ_old": 0.0, "maximum of M": 1.0, "maximum of η": 2.0}


def test_what_never_happens_is_counted_and_what_happens_sometimes_is_a_share(
    runs: pd.DataFrame,
) -> None:
    runs.loc[(runs.method == "random_pairs") & (runs.iteration == 1), "violations_tv"] = 1.0
    table = judge(runs).set_index("claim")
    shown = table[["runs", "difference [95 % interval]", "verdict"]].apply(tuple, axis=1)
    assert shown["η is never below L − 4εγα² / (1−γ)²"] == (
        *("8", "2 of 320 pairs", "contradicted"),
    )
    assert shown["η is never below L − 4εγ / (1−γ)² · max KL"][1:] == (
        *("0 of 320 pairs", "supported"),
    )
    assert shown["Algorithm 1 never lowers η"] == ("2", "0 of 80 steps", "supported")
    greedy = table[table.index.str.startswith("Greedy")].iloc[0]
    assert greedy["difference [95 % interval]"] == "0.1 [0.1, 0.1]"
    verdicts = {claim.split(" ")[0]: row for claim, row in table.verdict.items()}
    assert verdicts["Greedy"] == "supported"
    assert verdicts["Natural"] == "undecided"
    assert verdicts["Vanilla"] == verdicts["Policy"] == "no data"


def test_without_runs_on_finite_mdps_nothing_is_claimed(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0])
    assert not judge(load.runs(tmp_path)).claim.str.contains("η").any()


@pytest.mark.parametrize("status", ["done", "running"])
def test_every_chapter_is_drawn_and_tabulated(tmp_path: Path, status: str) -> None:
    write_theory(tmp_path, status=status)
    found = list(chapters(load.runs(tmp_path)))
    assert [each.stem for each in found] == [
        *("theory_line__demo", "theory_bounds__demo", "theory_steps__demo"),
    ]
    for chapter in found:
        assert render(draw(chapter), "png")
        numbers, words = tabulate(chapter)
        assert len(numbers) == len(words)
        assert bool(len(words)) == (status == "done")


def test_a_run_that_has_not_begun_is_no_data(tmp_path: Path) -> None:
    write_run(tmp_path, [], status="running", experiment="theory", algo__name="theory",
              algo__method="line", env__name="garnet", env__states=20, gamma=0.9)  # fmt: skip
    frame = load.runs(tmp_path)
    for chapter in chapters(frame):
        assert render(draw(chapter), "svg")
        assert tabulate(chapter)[1].empty
    assert set(judge(frame).verdict) == {"no data"}
