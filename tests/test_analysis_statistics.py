"""Scores, intervals and curves against scipy, and against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from analysis_runs import runs_frame
from scipy import stats

from analysis.curves import curves
from analysis.statistics import (
    averages,
    best_step_size,
    difference,
    interval,
    scores,
    summary,
)

TRPO = ("trpo_single_path", 0.01)
NAN = float("nan")


def test_interval_agrees_with_scipy() -> None:
    values = np.array([3.0, 1.0, 4.0, 1.5, 9.0, 2.6])
    theirs = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert interval(values) == pytest.approx((theirs.low, theirs.high))


def test_intervals_of_many_curves_are_those_of_each() -> None:
    values = np.array([[1.0, 10.0], [3.0, 30.0], [4.0, 10.0]])
    low, high = interval(values)
    assert list(zip(low, high, strict=True)) == [interval(column) for column in values.T]


def test_runs_without_spread_have_an_interval_without_width() -> None:
    assert interval(np.full(4, 2.5)) == (2.5, 2.5)
    assert difference(np.full(2, 2.5), np.full(3, 1.0)) == (1.5, 1.5, 1.5)


def test_one_run_has_no_interval() -> None:
    low, high = interval(np.array([[1.0, 2.0]]))
    assert np.isnan(low).all()
    assert np.isnan(high).all()


@pytest.mark.parametrize("n", [5, 10, 20])
def test_intervals_cover_the_mean_as_often_as_they_say(n: int) -> None:
    low, high = interval(np.random.default_rng(3).normal(size=(n, 10_000)))
    assert ((low <= 0) & (high >= 0)).mean() == pytest.approx(0.95, abs=0.01)


def test_differences_of_unequal_spreads_are_covered_too() -> None:
    """Welch's interval of five runs against five that vary three times as much."""
    rng = np.random.default_rng(4)
    left, right = rng.normal(size=(10_000, 5)), 3 * rng.normal(size=(10_000, 5))
    found = np.array([difference(*pair) for pair in zip(left, right, strict=True)])
    assert ((found[:, 1] <= 0) & (found[:, 2] >= 0)).mean() >= 0.94


def test_score_is_the_last_value_and_peak_the_highest() -> None:
    scored = scores(runs_frame({TRPO: [[1.0, 9.0, 4.0]]}), "return_100")
    assert scored[["score", "peak"]].to_numpy().tolist() == [[4.0, 9.0]]


def _with_ends() -> pd.DataFrame:
    """Four runs: done at 6, failed after [2, 8], running, failed before its first iteration."""
    frame = runs_frame({TRPO: [[3.0, 6.0], [2.0, 8.0], [5.0, 7.0], [np.nan]]})
    ends = {0: "done", 1: "failed", 2: "running", 3: "failed"}
    return frame.assign(status=frame.seed.map(ends))


def test_failed_run_scores_its_lowest_and_a_silent_one_the_lowest_of_the_task() -> None:
    scored = scores(_with_ends(), "return_100")
    assert scored.score.tolist()[:2] == [6.0, 2.0]
    assert np.isnan(scored.score[2])
    assert scored.score[3] == 2.0


def test_an_average_is_the_mean_height_of_the_curve() -> None:
    """Trapezoids of [0, 4] and [4, 4] over three iterations, and a run of a single iteration."""
    frame = runs_frame({TRPO: [[0.0, 4.0, 4.0], [7.0], [5.0, NAN, 1.0]]})
    assert averages(frame, "return_100").score.tolist() == [3.0, 7.0, 3.0]


def test_an_average_over_uneven_iterations_weighs_them_by_their_distance() -> None:
    """Between 0 at iteration 1 and 6 at 3 the curve is 3 high, and then 6: (2 · 3 + 6) / 3."""
    frame = runs_frame({TRPO: [[0.0, 9.0, 6.0, 6.0]]}).query("iteration != 2")
    assert averages(frame, "return_100").score.tolist() == [4.0]


def test_the_average_of_a_failed_run_is_its_lowest_value() -> None:
    scored = averages(_with_ends(), "return_100")
    assert scored.score.tolist()[:2] == [4.5, 2.0]
    assert np.isnan(scored.score[2])
    assert scored.score[3] == 2.0


def test_summary_counts_failed_runs_and_leaves_unfinished_ones_out() -> None:
    row = summary(scores(_with_ends(), "return_100")).iloc[0]
    assert (row.runs, row.n, row.failed, row.unfinished) == (4, 3, 2, 1)
    assert row["mean"] == pytest.approx((6 + 2 + 2) / 3)
    assert (row["min"], row["max"]) == (2.0, 6.0)


def test_summary_without_a_finished_run_is_not_a_number() -> None:
    frame = runs_frame({TRPO: [[1.0]]}, status="running")
    row = summary(scores(frame, "return_100")).iloc[0]
    assert (row.n, row.unfinished) == (0, 1)
    assert np.isnan(row["mean"])


def test_best_step_size_is_the_one_with_the_best_mean_score() -> None:
    frame = runs_frame(
        {
            ("natural_gradient", 1.0): [[5.0], [1.0]],
            ("natural_gradient", 3.0): [[4.0], [4.0]],
            ("natural_gradient", 9.0): [[0.0], [0.0]],
            TRPO: [[1.0]],
            ("rwr", float("nan")): [[1.0]],
        }
    ).drop(columns="tried")
    best = best_step_size(frame, "return_100").drop_duplicates(["method", "step_size"])
    chosen = best.set_index("method")[["step_size", "tried"]]
    assert chosen.loc["natural_gradient"].tolist() == [3.0, 3]
    assert chosen.loc["trpo_single_path"].tolist() == [0.01, 1]
    assert chosen.loc["rwr"].tried == 1


def test_methods_without_a_step_size_have_curves_of_their_own() -> None:
    frame = runs_frame({("cem", NAN): [[1.0, 2.0]], ("rwr", NAN): [[3.0, 4.0]]})
    best = best_step_size(frame.drop(columns="tried"), "return_100")
    curve = curves(best, "iteration", "return_100")
    assert curve.groupby("method")["mean"].agg(list).to_dict() == {"cem": [1, 2], "rwr": [3, 4]}
    assert curve.tried.unique().tolist() == [1]


def test_curve_over_iterations_is_the_mean_of_the_runs() -> None:
    frame = runs_frame({TRPO: [[1.0, 2.0, 6.0], [3.0, 4.0, 8.0]]})
    curve = curves(frame, "iteration", "return_100")
    assert curve.x.tolist() == [1, 2, 3]
    assert curve["mean"].tolist() == [2.0, 3.0, 7.0]
    half = 12.706205  # t of one degree of freedom, times √2 / √2
    assert curve.low.to_numpy() == pytest.approx(curve["mean"] - half)
    assert curve.high.to_numpy() == pytest.approx(curve["mean"] + half)
    assert curve.n.unique().tolist() == [2]


def test_curve_over_steps_is_interpolated_on_an_even_grid() -> None:
    frame = runs_frame({TRPO: [[0.0, 10.0], [0.0, 20.0]]})
    curve = curves(frame, "env_steps", "return_100", 100)
    assert curve.x.iloc[[0, -1]].tolist() == [100.0, 200.0]
    assert curve["mean"].to_numpy() == pytest.approx(np.linspace(0, 15, 100))


def test_curve_ends_where_the_shortest_unfinished_run_ends() -> None:
    frame = runs_frame({TRPO: [[1.0, 2.0, 3.0], [1.0, 2.0]]})
    frame["status"] = frame.seed.map({0: "done", 1: "running"})
    curve = curves(frame, "iteration", "return_100")
    assert curve.x.tolist() == [1, 2]
    assert curve.unfinished.unique().tolist() == [1]


def test_failed_run_goes_on_at_its_lowest_value() -> None:
    frame = runs_frame({TRPO: [[4.0, 4.0, 4.0], [2.0, 8.0], [np.nan]]})
    frame["status"] = frame.seed.map({0: "done", 1: "failed", 2: "failed"})
    curve = curves(frame, "iteration", "return_100")
    assert curve["mean"].to_numpy() == pytest.approx([8 / 3, 14 / 3, 8 / 3])
    assert curve.n.unique().tolist() == [3]


def test_group_that_reported_nothing_has_an_empty_curve() -> None:
    frame = runs_frame({TRPO: [[np.nan]], ("tnpg", 0.01): [[1.0]]})
    frame.loc[frame.method == "trpo_single_path", "status"] = "running"
    assert curves(frame, "iteration", "return_100").method.unique().tolist() == ["tnpg"]


@pytest.mark.parametrize("level", [0.95, 0.9875])
def test_difference_of_means_and_its_interval(level: float) -> None:
    left, right = np.array([4.0, 6.0, 8.0, 7.0]), np.array([1.0, 2.0, 3.0])
    theirs = stats.ttest_ind(left, right, equal_var=False).confidence_interval(level)
    assert difference(left, right, level) == pytest.approx((4.25, theirs.low, theirs.high))


def test_difference_with_a_single_run_has_no_interval() -> None:
    estimate, low, high = difference(np.array([4.0]), np.array([1.0, 2.0]))
    assert estimate == 2.5
    assert np.isnan([low, high]).all()
