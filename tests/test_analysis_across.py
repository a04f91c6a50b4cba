"""Methods over tasks: normalised and put together by hand, and absent where there is too little."""

import numpy as np
import pandas as pd
import pytest
from analysis_runs import found, runs_frame

from analysis.across import TAUS, across, enough, shared
from analysis.statistics import scores

TRPO, NATURAL, CEM = ("trpo_single_path", 0.01), ("natural_gradient", 4.0), ("cem", np.nan)
STEM = "aggregate__demo"


def on(env: str, cells: dict[tuple[str, float], list[list[float]]]) -> pd.DataFrame:
    """Runs on a task, with ids of their own."""
    own = runs_frame(cells, env=env).drop(columns="tried")
    return own.assign(run_id=env + "-" + own.run_id)


def two_tasks() -> pd.DataFrame:
    """On Hopper 2 is 0 and 12 is 1; on Swimmer 0 is 0 and 4 is 1."""
    hopper = {TRPO: [[2.0, 10.0], [2.0, 14.0]], NATURAL: [[2.0, 7.0], [2.0, 7.0]]}
    swimmer = {TRPO: [[0.0, 1.0], [0.0, 3.0]], NATURAL: [[0.0, 4.0], [0.0, 4.0]]}
    return pd.concat([on("hopper", hopper), on("swimmer", swimmer)], ignore_index=True)


def more() -> pd.DataFrame:
    """A method on one task alone, a task of one method alone, and one on which nobody learned."""
    sunk = {TRPO: [[5.0, 4.0]], NATURAL: [[5.0, 5.0]]}
    others = on("hopper", {CEM: [[2.0, 99.0]]}), on("ant", {TRPO: [[0.0, 1.0]]})
    return pd.concat([two_tasks(), *others, on("walker2d", sunk)], ignore_index=True)


def test_methods_are_put_together_over_the_tasks_that_they_share() -> None:
    """TRPO: 0.8 and 1.2 on Hopper, 0.25 and 0.75 on Swimmer; the natural gradient: 0.5, and 1."""
    over = across(two_tasks(), "return_100")
    assert over.tasks.loc["hopper"].tolist() == [2, 12]
    assert over.tasks.loc["swimmer"].tolist() == [0, 4]
    trpo, natural = over.table.to_dict("records")
    shown = ("method", "tasks", "n", "iqm", "mean", "median", "gap", "above_trpo")
    assert [trpo[key] for key in shown[:3]] == ["trpo_single_path", 2, 4]
    assert [trpo[key] for key in shown[3:7]] == pytest.approx([0.775, 0.75, 0.75, 0.3])
    assert np.isnan(trpo["above_trpo"])
    assert [natural[key] for key in shown[3:]] == pytest.approx([0.75, 0.75, 0.75, 0.25, 0.5])
    assert trpo["iqm_low"] < trpo["iqm"] < trpo["iqm_high"]


def test_profiles_are_shares_of_runs_above_each_score() -> None:
    profiles = across(two_tasks(), "return_100").profiles
    own = profiles[profiles.method == "trpo_single_path"].set_index("tau").share
    assert own.index.tolist() == TAUS.tolist()
    assert own[[0.0, 0.24, 0.26, 0.76, 0.82, 1.18]].tolist() == [1, 1, 0.75, 0.5, 0.25, 0.25]


def test_what_not_all_have_run_and_where_nobody_learned_is_left_out() -> None:
    methods, tasks = shared(scores(more(), "return_100"))
    assert methods == ["trpo_single_path", "natural_gradient"]
    assert tasks == ["swimmer", "hopper", "walker2d"]
    with_less, without = across(more(), "return_100"), across(two_tasks(), "return_100")
    assert with_less.table["mean"].tolist() == pytest.approx(without.table["mean"].tolist())
    assert with_less.tasks.index.tolist() == ["swimmer", "hopper"]


def test_the_best_step_size_of_a_sweep_counts_alone() -> None:
    worse = on("hopper", {("natural_gradient", 9.0): [[2.0, 3.0]]})
    over = across(pd.concat([two_tasks(), worse], ignore_index=True), "return_100")
    assert over.table.n.tolist() == [4, 4]


@pytest.mark.parametrize(
    "runs",
    [
        two_tasks().query("env == 'hopper'"),
        two_tasks().query("method == 'natural_gradient'"),
        two_tasks().query("env == 'hopper' or method == 'natural_gradient'"),
        two_tasks().assign(status="running"),
        two_tasks().assign(departs="gamma=0.5"),
        two_tasks().assign(return_100=np.nan),
    ],
    ids=["one task", "one method", "one shared task", "unfinished", "departing", "no episode"],
)
def test_the_chapter_is_absent_where_there_is_too_little(runs: pd.DataFrame) -> None:
    assert STEM in found(two_tasks())
    assert STEM not in found(runs)
    assert "modern__demo" in found(runs)


def test_too_little_is_told_from_enough_by_scores() -> None:
    assert enough(scores(two_tasks(), "return_100"))
    assert not enough(scores(two_tasks().iloc[:0], "return_100"))


def test_runs_that_depart_and_are_too_few_have_no_row() -> None:
    runs = more()
    departing = runs.assign(departs=np.where(runs.method == "cem", "gamma=0.5", ""))
    table = found(departing)[STEM].table
    assert table.words.method.tolist() == ["TRPO, single path", "natural gradient"]
