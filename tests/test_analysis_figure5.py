"""Figure 5, and step rules on Pong: what is measured and judged, against numbers by hand."""

import csv
from typing import Any

import numpy as np
import pandas as pd
from analysis_atari import TRPO, VINE, game_frame
from analysis_runs import found, judged, runs_frame

from analysis import published
from analysis.chapter import Found
from analysis.chapters.figure5 import CLEAR_AT_25
from analysis.names import GAMES

NAN = float("nan")
HALF = 12.706205  # t of one degree of freedom


def _curve(slope: float, iterations: int, start: float = 0.0) -> list[float]:
    """A return that rises by so much an update."""
    return [start + slope * update for update in range(iterations)]


def _figure5(frame: pd.DataFrame) -> Found[Any]:
    return found(frame)["figure5__demo"]


def _papers(game: str, method: str, iterations: range) -> float:
    with (published.REFERENCE / "figure5.csv").open() as file:
        rows = [r for r in csv.DictReader(file) if (r["game"], r["method"]) == (game, method)]
    return float(np.mean([float(r["score"]) for r in rows if int(r["iteration"]) in iterations]))


def test_scores_stand_at_the_papers_iterations_beside_the_papers() -> None:
    """At 20 the run ends: what it has of the window is the mean of 18, 19 and 20."""
    frame = game_frame("pong", {TRPO: [_curve(1, 21), _curve(1, 21, 2)], VINE: [_curve(2, 11)]})
    table = _figure5(frame).own.table.set_index(["method", "mark"])
    assert table.index.tolist() == [(m, k) for m, _ in (TRPO, VINE) for k in (10, 20)]
    ten, twenty = (table.loc[TRPO[0], mark] for mark in (10, 20))
    assert (ten["n"], ten["mean"], twenty["mean"]) == (2, 11, 20)
    assert np.allclose([ten.low, ten.high], [11 - HALF, 11 + HALF])
    assert np.isclose(ten.paper, _papers("pong", TRPO[0], range(8, 13)))
    assert np.isclose(twenty.paper, _papers("pong", TRPO[0], range(18, 23)))
    assert (table.loc[VINE[0], 10]["mean"], table.loc[VINE[0], 20].n) == (18, 0)


def test_a_table_of_short_runs_has_their_last_iteration_alone() -> None:
    words = _figure5(game_frame("enduro", {TRPO: [[1.0, 2.0, 6.0]]})).table.words
    assert words.to_dict("records") == [
        {"game": "Enduro", "method": "TRPO, single path", "runs": "1", "iteration 2": "3 (–)"}
    ]


def test_where_the_papers_curve_has_ended_there_is_nothing_beside_ours() -> None:
    frame = game_frame("enduro", {TRPO: [_curve(1, 400)], VINE: [_curve(1, 400)]})
    paper = _figure5(frame).own.table.set_index(["method", "mark"]).paper
    assert np.isfinite(paper[TRPO[0], 200])
    assert np.isnan(paper[TRPO[0], 300])
    assert np.isfinite(paper[VINE[0], 300])


def test_an_unfinished_run_counts_as_far_as_it_came_and_a_failed_one_with_its_lowest() -> None:
    cells = {TRPO: [_curve(1, 21), _curve(1, 14), [3.0, 9.0, 5.0]]}
    frame = game_frame("pong", cells)
    frame["status"] = frame.seed.map({0: "done", 1: "running", 2: "failed"})
    own = _figure5(frame).own
    assert own.at("pong", TRPO[0], 10).tolist() == [10, 10, 3]
    assert own.at("pong", TRPO[0], 20).tolist() == [19, 3]
    assert own.table["mean"].tolist() == [23 / 3, 11]


def test_iterations_without_an_ended_episode_are_left_out() -> None:
    frame = game_frame("pong", {TRPO: [_curve(1, 21)]})
    frame.loc[frame.iteration.isin([9, 10]), "return_mean"] = NAN
    assert _figure5(frame).own.at("pong", TRPO[0], 10).tolist() == [11]
    silent = _figure5(frame.assign(return_mean=NAN))
    assert silent.table.words["iteration 10"].str.startswith("–").all()
    assert silent.picture is not None


def _early(env: str, single: list[float], vine: list[float], runs: int = 2) -> pd.Series:
    frame = game_frame(env, {TRPO: [single] * runs, VINE: [vine] * runs})
    table = judged(_figure5(frame))
    [row] = table[table.claim.str.contains(f"{GAMES[env]} at iteration 25", regex=False)].iloc
    return row[["runs", "effect [95 % interval]", "margin", "verdict"]]


def test_samplers_are_compared_at_iteration_25_by_a_tenth_of_what_was_gained_by_then() -> None:
    """At 25 single path is at 5, having gained 5; what follows counts for nothing."""
    rising, slower = _curve(0.2, 28) + [99.0] * 9, _curve(0.1, 28) + [999.0] * 9
    assert _early("breakout", rising, slower).tolist() == [
        *("2 / 2", "2.5 [2.5, 2.5]", "0.5", "reproduced")
    ]
    assert _early("breakout", slower, rising).verdict == "not reproduced"
    assert _early("enduro", slower, rising).verdict == "reproduced"
    assert _early("breakout", rising, _curve(0.19, 28)).verdict == "not reproduced"
    assert _early("breakout", _curve(-0.1, 28), _curve(-0.2, 28)).margin == "–"


def test_a_single_run_or_a_short_one_decides_nothing() -> None:
    assert _early("breakout", _curve(0.2, 28), _curve(0.1, 28), runs=1).tolist() == [
        *("1 / 1", "2.5", "0.5", "undecided")
    ]
    assert _early("breakout", _curve(0.2, 25), _curve(0.1, 25)).verdict == "not run"


def test_the_early_claims_are_the_games_where_the_papers_order_is_clear() -> None:
    """One sampler above the other at every iteration from 20 to 30."""
    paper = published.figure5().query("20 <= iteration <= 30")
    clear = {}
    for env, game in paper.groupby("env"):
        wide = game.pivot(index="iteration", columns="method", values="return_mean")
        for left, right in ((TRPO[0], VINE[0]), (VINE[0], TRPO[0])):
            if (wide[left] > wide[right]).all():
                clear[env] = (left, right)
    assert clear == CLEAR_AT_25


def test_pong_is_judged_at_iteration_50() -> None:
    runs = [[*_curve(0, 48), 10.5, 10.5, 10.5, 99.0], [*_curve(0, 48), 10.6, 10.6, 10.6, 99.0]]
    frame = game_frame("pong", {TRPO: [[10.7] * 53, [10.8] * 53]})
    verdicts = judged(_figure5(frame)).set_index("claim").verdict
    assert verdicts["Single path scores above 10 on Pong at iteration 50"] == "reproduced"
    short = _figure5(game_frame("pong", {TRPO: [run[:50] for run in runs]}))
    assert judged(short).verdict.iloc[-1] == "not run"


def test_step_rules_on_pong_are_judged_where_they_end() -> None:
    cells = {TRPO: [[-20.0, 10.0], [-20.0, 12.0]], ("natural_gradient", 100.0): [[-20.0], [-20.0]]}
    frame = runs_frame(cells, experiment="atari_rules", env="pong")
    each = found(frame)["atari_rules__demo"]
    assert judged(each).verdict.tolist() == ["reproduced", "not run"]
    assert each.table.words["mean [95 % interval]"].tolist() == [
        "11 [-1.71, 23.7]",
        "-20 [-20, -20]",
    ]
