"""Verdicts: an interval above zero, below zero, across it, or nothing to judge by."""

import numpy as np
import pandas as pd
import pytest
from analysis_runs import runs_frame

from analysis.claims import CLAIMS, judge

TRPO, NATURAL = ("trpo_single_path", 0.01), ("natural_gradient", 1.0)


def verdict(frame: pd.DataFrame, words: str) -> pd.Series:
    table = judge(frame, np.random.default_rng(0))
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
    cells = {TRPO: [[v] for v in trpo], NATURAL: [[v] for v in natural]}
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


def test_a_method_that_was_not_run_is_no_data() -> None:
    frame = runs_frame({TRPO: [[1.0], [2.0]]})
    assert verdict(frame, "natural gradient on Hopper").verdict == "no data"


def test_claims_are_judged_only_where_their_experiment_was_run() -> None:
    assert judge(runs_frame({TRPO: [[1.0]]}, experiment="other"), np.random.default_rng(0)).empty


def test_every_claim_is_stated_once() -> None:
    assert len({claim.text for claim in CLAIMS}) == len(CLAIMS)
