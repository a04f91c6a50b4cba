"""Table 1: what is measured and judged, against numbers worked out by hand."""

from typing import Any

import numpy as np
import pandas as pd
from analysis_atari import TRPO, VINE, evaluated, game_frame, random_play
from analysis_runs import found, judged

from analysis import evaluations, played, published
from analysis.chapter import Found
from analysis.chapters.table1 import ENDS_ABOVE, HUNDREDTH
from analysis.names import GAMES

HALF = 12.706205  # t of one degree of freedom


def _table1(frame: pd.DataFrame, evaluated: pd.DataFrame) -> Found[Any]:
    return found(frame, evaluated=evaluated)["table1__demo"]


def _ours(own: played.Measured, player: str) -> pd.DataFrame:
    table = own.table[(own.table.source == "here") & (own.table.player == player)]
    return table.set_index(["env", "greedy"])


def test_scores_are_over_runs_and_scaled_from_the_papers_random_play_to_its_human() -> None:
    """Breakout's are 1.2 and 31: 16.1 is halfway."""
    frame = game_frame("breakout", {TRPO: [[0.0, 16.1], [0.0, 31.0]], VINE: [[1.2]]})
    own = _table1(frame, pd.concat([evaluated(frame), random_play("breakout", 1.5)])).own
    row = _ours(own, TRPO[0]).loc["breakout", False]
    assert (row.n, row.episodes, row.horizon) == (2, 10, 4500)
    half = HALF * 14.9 / 2
    assert np.allclose(
        row[["mean", "low", "high"]].astype(float), [23.55, 23.55 - half, 23.55 + half]
    )
    assert np.allclose(row[["scaled", "scaled_high"]].astype(float), [0.75, 0.75 + half / 29.8])
    assert np.isnan(_ours(own, VINE[0]).loc["breakout", False].low)
    chance = _ours(own, "random").loc["breakout", False]
    assert (chance["mean"], chance.low, chance.high, chance.episodes) == (1.5, 1.0, 2.0, 100)
    assert np.isnan(chance.n)


def test_the_papers_table_stands_beside_ours() -> None:
    frame = game_frame("pong", {TRPO: [[5.0], [6.0]]})
    words = _table1(frame, evaluated(frame)).table.words.set_index(["player", "source", "in"])
    assert words.loc["TRPO, vine", "Table 1", "points"]["Q*bert"] == "7,732"
    assert words.loc["human (Mnih et al. 2013)", "Table 1", "points"]["Pong"] == "-3"
    assert words.loc["UCC-I (Guo et al. 2014)", "Table 1", "human = 1"]["Breakout"] == "12.7"
    ours = words.loc["TRPO, single path", "here", "points"]
    assert ours[["runs", "Pong", "Enduro"]].tolist() == ["2", "5.5 [-0.853, 11.9]", "–"]
    assert ours[["after iterations", "episodes", "limit, steps"]].tolist() == ["1", "10", "4500"]
    assert ("TRPO, vine", "here", "points") not in words.index


def test_a_failed_run_has_its_lowest_training_return_and_an_unfinished_one_no_score() -> None:
    frame = game_frame("pong", {TRPO: [[-9.0, -3.0], [1.0, 2.0], [5.0, 7.0]]})
    frame["status"] = frame.seed.map({0: "failed", 1: "running", 2: "done"})
    own = _table1(frame, evaluated(frame)).own
    assert sorted(own.final("pong", TRPO[0])) == [-9, 7]
    assert _table1(frame, evaluations.NONE).own.final("pong", TRPO[0]).tolist() == [-9]


def test_greedy_play_has_a_line_of_its_own_and_is_judged_by_no_claim() -> None:
    frame = game_frame("pong", {TRPO: [[5.0], [5.0]]})
    greedy = evaluated(frame, greedy=True, return_mean=20.0)
    each = _table1(frame, pd.concat([evaluated(frame), greedy]))
    assert each.own.final("pong", TRPO[0]).tolist() == [5, 5]
    words = each.table.words.set_index(["player", "source", "in"]).Pong
    assert words["TRPO, single path, greedy", "here", "points"] == "20 [20, 20]"
    assert words["TRPO, single path", "here", "points"] == "5 [5, 5]"


def test_evaluations_of_other_runs_and_random_play_of_other_settings_are_not_read() -> None:
    frame = game_frame("pong", {TRPO: [[5.0]]})
    other = evaluated(frame).assign(run_id="another", return_mean=99.0)
    noisy = random_play("pong", 0.0, settings='{"game": "pong", "sticky": 0.25}')
    own = _table1(frame, pd.concat([evaluated(frame), other, noisy])).own
    assert own.final("pong", TRPO[0]).tolist() == [5]
    assert len(own.chance("pong")) == 0


def _verdict(
    cells: dict[tuple[str, float], list[list[float]]], words: str, **said: Any
) -> pd.Series:
    frame = game_frame("breakout", cells, **said)
    each = _table1(frame, pd.concat([evaluated(frame), random_play("breakout", 1.0)]))
    table = judged(each)
    [row] = table[table.claim.str.contains(words)].iloc
    return row[["runs", "effect [95 % interval]", "margin", "verdict"]]


ORDER, CHANCE = "Vine ends above single path on Breakout", "above random play on Breakout"


def test_where_the_orders_end_is_judged_by_runs_of_the_papers_whole_budget_alone() -> None:
    """Single path ends 10 above the paper's 1.2 for random play."""
    cells = {TRPO: [[11.2], [11.2]], VINE: [[34.2], [34.2]]}
    assert _verdict(cells, ORDER).tolist() == ["2 / 2", "23 [23, 23]", "1", "reproduced"]
    for shorter in ({"iterations": 499}, {"steps_per_iteration": 4_000}):
        assert _verdict(cells, ORDER, **shorter).tolist() == ["0 / 0", "–", "–", "not run"]
    turned = {TRPO: cells[VINE], VINE: cells[TRPO]}
    assert _verdict(turned, ORDER).verdict == "not reproduced"
    once = {method: runs[:1] for method, runs in cells.items()}
    assert _verdict(once, ORDER).tolist() == ["1 / 1", "23", "1", "undecided"]


def test_both_samplers_have_to_end_above_random_play_by_a_hundredth_of_the_way_to_a_human() -> None:
    """Of 29.8: 0.298, so that 1.2 is not enough above 1 here, however surely."""
    good, close, worse = [[4.98], [4.98]], [[1.2], [1.2]], [[0.5], [0.5]]
    short = {"iterations": 51}
    row = _verdict({TRPO: good, VINE: [[7.96], [7.96]]}, CHANCE, **short)
    shown = "0.134 [0.134, 0.134] of single path, at 97.5 %"
    assert row.tolist() == ["2, 2", shown, "0.01", "reproduced"]
    assert _verdict({TRPO: good, VINE: close}, CHANCE).verdict == "not reproduced"
    assert _verdict({TRPO: good, VINE: worse}, CHANCE).verdict == "not reproduced"
    assert _verdict({TRPO: good}, CHANCE).verdict == "not run"
    assert _verdict({TRPO: good[:1], VINE: good[:1]}, CHANCE).verdict == "undecided"


def test_the_papers_own_table_supports_every_claim_about_it() -> None:
    """Its differences reach the margins, Pong's samplers are equal, and no game is left out."""
    paper = published.table1().pivot(index="env", columns="player", values="score")
    for env, (left, right) in ENDS_ABOVE.items():
        row = paper.loc[env]
        assert row[left] - row[right] > (row[TRPO[0]] - row.random) / 10
    assert paper.loc["pong", TRPO[0]] == paper.loc["pong", VINE[0]]
    assert {*ENDS_ABOVE, "pong"} == set(GAMES) == set(paper.index)
    for method in (TRPO[0], VINE[0]):
        scaled = (paper[method] - paper.random) / (paper.human - paper.random)
        assert (scaled > HUNDREDTH).all()
