"""Verdicts: an interval above zero, below zero, across it, or nothing to judge by."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from analysis_runs import found, runs_frame, variance_frame

from analysis.chapter import verdicts
from analysis.chapters.all import CHAPTERS
from analysis.claim import COLUMNS, compared, together

TRPO, NATURAL = ("trpo_single_path", 0.01), ("natural_gradient", 1.0)


def judge(frame: pd.DataFrame) -> pd.DataFrame:
    return verdicts(list(found(frame).values()))


def verdict(frame: pd.DataFrame, words: str) -> pd.Series:
    table = judge(frame)
    rows = table[table.claim.str.contains(words)]
    assert len(rows) == 1
    return rows.iloc[0]


@pytest.mark.parametrize(
    ("trpo", "natural", "expected"),
    [
        ([9.0, 9.5, 9.2], [1.0, 2.0, 1.5], "supported"),
        ([1.0, 2.0, 1.5], [9.0, 9.5, 9.2], "contradicted"),
        ([1.0, 9.0, 5.0], [2.0, 8.0, 5.0], "undecided"),
        ([9.0], [1.0, 2.0], "undecided"),
    ],
)
def test_a_difference_between_methods(
    trpo: list[float], natural: list[float], expected: str
) -> None:
    """TRPO rises from 0 by so much that a tenth of it is far less than the difference."""
    cells = {TRPO: [[0.0, v] for v in trpo], NATURAL: [[v] for v in natural]}
    row = verdict(runs_frame(cells), "natural gradient on Hopper")
    assert row.verdict == expected
    assert row.runs == f"{len(trpo)} / {len(natural)}"


def _cartpole(*runs: list[float]) -> pd.DataFrame:
    return runs_frame({TRPO: list(runs)}, experiment="figure4_cartpole", env="cartpole")


def test_a_threshold_is_judged_at_its_iteration() -> None:
    """Above 9 at iteration 30, below it before and after: only iteration 30 counts."""
    run = [0.0] * 29 + [9.5] + [0.0] * 5
    assert verdict(_cartpole(run, run), "by iteration 30").verdict == "supported"


def test_an_experiment_that_stopped_earlier_is_no_data() -> None:
    assert verdict(_cartpole([9.9] * 20, [9.9] * 20), "by iteration 30").verdict == "no data"


def test_a_run_that_failed_earlier_counts_against_its_method() -> None:
    frame = _cartpole([9.5] * 30, [9.5] * 30, [0.1] * 5)
    frame["status"] = frame.seed.map({0: "done", 1: "done", 2: "failed"})
    row = verdict(frame, "by iteration 30")
    assert row.runs == "3"
    assert row.verdict == "undecided"


def _panel(env: str, cells: dict[str, list[list[float]]]) -> pd.DataFrame:
    sizes = {name: float("nan") if name in ("cem", "cma_es", "rwr") else 1.0 for name in cells}
    keyed = {(name, sizes[name]): runs for name, runs in cells.items()}
    return runs_frame(keyed, experiment=f"figure4_{env}", env=env)


@pytest.mark.parametrize(
    ("rwr", "expected"),
    [([1.0, 1.1], "supported"), ([9.0, 9.1], "contradicted"), ([3.0, 6.0], "undecided")],
)
def test_the_best_method_is_above_every_rival(rwr: list[float], expected: str) -> None:
    cells = {"trpo_vine": [[4.0], [4.1]], "natural_gradient": [[1.0], [1.0]],
             "cem": [[0.0], [0.1]], "rwr": [[v] for v in rwr],
             "trpo_single_path": [[0.0, 5.0]] * 2}  # fmt: skip
    row = verdict(_panel("hopper", cells), r"TRPO \(vine\) ends above .* paper's hopper")
    assert row.verdict == expected
    assert row.runs == "2 / 2, 2, 2"


def test_a_best_method_without_all_rivals_is_no_data() -> None:
    cells = {"trpo_vine": [[4.0], [5.0]], "natural_gradient": [[1.0], [1.0]]}
    row = verdict(_panel("hopper", cells), r"TRPO \(vine\) ends above .* paper's hopper")
    assert (row.runs, row.verdict) == ("2 / 2, 0, 0", "no data")


@pytest.mark.parametrize(
    ("natural", "expected"),
    [([0.5, 0.51], "supported"), ([1.2, 1.21], "contradicted"), ([0.5, 1.5], "undecided")],
)
def test_a_number_stands_on_the_left_too(natural: list[float], expected: str) -> None:
    frame = _panel("hopper", {"natural_gradient": [[v] for v in natural]})
    row = verdict(frame, "below the 1 per step for standing on the paper's hopper")
    assert (row.runs, row.verdict) == ("2", expected)


@pytest.mark.parametrize(
    ("method", "words", "shown", "expected"),
    [
        ("max_kl", "Max KL .*mean over", "4 [4, 4]", "supported"),
        ("empirical_fim", "Empirical FIM learns", "-4 [-4, -4]", "contradicted"),
    ],
)
def test_learning_is_compared_over_all_iterations(
    method: str, words: str, shown: str, expected: str
) -> None:
    """Both end at 10; the mean of TRPO is 7.5, of the other 3.5, and a tenth of its rise 1."""
    cells = {"trpo_single_path": [[0.0, 10.0, 10.0]] * 2, method: [[0.0, 2.0, 10.0]] * 2}
    row = verdict(_panel("cartpole", cells), words)
    assert tuple(row[["difference [95 % interval]", "margin", "verdict"]]) == (shown, "1", expected)


@pytest.mark.parametrize(
    ("empirical", "expected"),
    [([5.0, 5.01], "supported"), ([2.0, 2.01], "contradicted"), ([5.5, 8.0], "undecided")],
)
def test_likeness_is_a_difference_within_the_margin(empirical: list[float], expected: str) -> None:
    """TRPO rises from 0 to 10 with a mean of 5; alike is within 1 of it."""
    cells = {"trpo_single_path": [[0.0, 10.0]] * 2,
             "empirical_fim": [[0.0, 2 * mean] for mean in empirical]}  # fmt: skip
    row = verdict(_panel("swimmer", cells), "Empirical FIM learns as fast")
    assert row.verdict == expected


def test_likeness_without_a_rise_to_measure_it_by_is_undecided() -> None:
    cells = {"trpo_single_path": [[3.0, 1.0]] * 2, "empirical_fim": [[2.0, 2.0]] * 2}
    assert verdict(_panel("swimmer", cells), "Empirical FIM learns").verdict == "undecided"


@pytest.mark.parametrize(
    ("variance", "per_sample", "per_step"),
    [(1.0, "supported", "supported"), (0.2, "supported", "contradicted")],
)
def test_the_vine_is_compared_per_sample_and_per_step(
    variance: float, per_sample: str, per_step: str
) -> None:
    """A single path's Q sample is ten times as noisy, or twice, its step twice, or 0.4 times."""
    frame = variance_frame()
    frame.loc[frame.sampler == "single_path", "gradient_variance"] *= variance
    rows = [verdict(frame, f"on Hopper, per {unit}") for unit in ("Q sample", "simulator step")]
    assert [row.verdict for row in rows] == [per_sample, per_step]
    assert [row.runs for row in rows] == ["3", "3"]
    shown = f"{np.log(10 * variance):.3g}"
    assert rows[0]["difference [95 % interval]"] == f"{shown} [{shown}, {shown}]"


def test_noise_that_swings_between_seeds_is_undecided() -> None:
    frame = variance_frame(seeds=2)
    of = frame.sampler == "single_path"
    frame.loc[of & (frame.seed == 0), "gradient_variance"] /= 100
    assert verdict(frame, "on Hopper, per Q sample").verdict == "undecided"


@pytest.mark.parametrize(
    ("estimate", "low", "high", "margin", "expected"),
    [
        (2.0, 1.0, 3.0, 1.0, "supported"),
        (1.0, 0.1, 1.9, 1.0, "supported"),
        (-2.0, -3.0, -1.0, 1.0, "contradicted"),
        (0.5, 0.1, 0.9, 1.0, "alike"),
        (-0.3, -0.6, -0.00003, 1.0, "alike"),
        (0.5, -0.2, 1.2, 1.0, "undecided"),
        (0.9, 0.1, 1.7, 1.0, "undecided"),
        (-0.9, -1.7, -0.1, 1.0, "undecided"),
        (2.0, 1.0, 3.0, float("nan"), "undecided"),
        (2.0, float("nan"), float("nan"), 1.0, "undecided"),
        (0.0, 0.0, 0.0, 0.1, "alike"),
    ],
)
def test_a_difference_must_be_sure_and_matter(
    estimate: float, low: float, high: float, margin: float, expected: str
) -> None:
    assert compared(estimate, low, high, margin) == expected


@pytest.mark.parametrize(
    ("each", "expected"),
    [
        (["supported", "supported"], "supported"),
        (["supported", "alike"], "alike"),
        (["alike", "undecided"], "undecided"),
        (["supported", "undecided"], "undecided"),
        (["undecided", "contradicted"], "contradicted"),
    ],
)
def test_above_them_all_is_above_each(each: list[str], expected: str) -> None:
    assert together(each) == expected


def test_the_closest_rival_is_named_with_its_level() -> None:
    cells = {"trpo_single_path": [[0.0, 4.0], [0.0, 4.1]], "natural_gradient": [[1.0], [1.0]],
             "cem": [[0.0], [0.1]], "rwr": [[3.0], [3.1]]}  # fmt: skip
    row = verdict(_panel("hopper", cells), r"TRPO \(single path\) ends above .* paper's hopper")
    assert row["difference [95 % interval]"].startswith("1 [")
    assert row["difference [95 % interval]"].endswith("] to RWR, at 98.33 %")
    assert row.margin == "0.405"


def test_no_verdict_moves_when_another_claim_goes() -> None:
    frame = runs_frame({TRPO: [[1.0, 5.0], [2.0, 7.0], [1.0, 4.0]],
                        NATURAL: [[1.0, 2.0], [2.0, 3.0], [2.0, 2.5]]})  # fmt: skip
    whole = judge(frame)
    fewer = [replace(chapter, claims=chapter.claims[1:]) for chapter in CHAPTERS]
    kept = verdicts(list(found(frame, fewer).values()))
    pd.testing.assert_frame_equal(kept, whole.iloc[1:].reset_index(drop=True))


def test_a_method_that_was_not_run_is_no_data() -> None:
    frame = runs_frame({TRPO: [[1.0], [2.0]]})
    assert verdict(frame, "natural gradient on Hopper").verdict == "no data"


def test_claims_are_judged_only_where_their_experiment_was_run() -> None:
    frame = runs_frame({TRPO: [[1.0]]}, experiment="figure4_swimmer", env="swimmer")
    assert judge(frame).claim.str.contains("swimmer").all()


def test_every_claim_is_stated_once() -> None:
    claims = [claim for chapter in CHAPTERS for claim in chapter.claims]
    assert len({claim.text for claim in claims}) == len(claims)


def test_a_verdict_has_its_columns_and_its_scale() -> None:
    frame = runs_frame({TRPO: [[1.0]]})
    assert judge(frame).columns.tolist() == [*COLUMNS[:2], "scale", *COLUMNS[2:]]
    assert set(judge(frame).scale) == {"demo"}
