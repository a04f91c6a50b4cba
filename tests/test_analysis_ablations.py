"""One setting changed at a time: what is counted, shown, told and judged, against literals."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest
from analysis_runs import found, runs_frame
from seen import axes, drawn, lines

from analysis.ablated import catastrophes
from analysis.chapters.all import CHAPTERS
from analysis.ledger import ledger

HELD, BROKEN = "reproduced", "not reproduced"
BLUE, GREEN = "#0072B2", "#009E73"
RISES, CRASHES = [0.0, 5.0, 10.0], [0.0, 9.0, 2.0]


@pytest.mark.parametrize(
    ("rewards", "floor", "count"),
    [
        ([0, 4, 8, 3], 1, 1),  # 5 of 8 gained are lost
        ([0, 4, 8, 5], 1, 0),  # 3 of 8
        ([0, 4, 8, 4], 1, 0),  # half is not more than half
        ([0, 8, 6, 4, 2, 0], 1, 0),  # a slow decline
        ([0, 8, 0, 8, 0], 1, 2),
        ([0, 8, 3, 0], 1, 1),  # what was gained at best counts, not what is left of it
        ([0, 0.4, 0], 1, 0),  # below the floor
        ([5, 3, 5], 1, 1),  # below where it began
        ([-9, -1, -6], 1, 1),
        ([0, 8, 0], float("inf"), 0),
        ([3], 1, 0),
        ([], 1, 0),
    ],
)
def test_a_step_is_catastrophic_that_undoes_more_than_half(
    rewards: list[float], floor: float, count: int
) -> None:
    assert catastrophes(np.array(rewards, dtype=float), floor) == count


def _direction(cg_steps: int, every: int, *runs: Sequence[float]) -> pd.DataFrame:
    swept = f"algo.direction.cg_steps={cg_steps} algo.direction.every={every}"
    frame = runs_frame({("trpo_single_path", 0.01): [list(run) for run in runs]}, swept=swept,
                       experiment="ablations_direction_swimmer", env="swimmer")  # fmt: skip
    return frame.assign(run_id=frame.run_id + swept)


def _search(method: str, delta: float, *runs: Sequence[float]) -> pd.DataFrame:
    frame = runs_frame({(method, delta): [list(run) for run in runs]}, swept="protocol.delta=…",
                       experiment="ablations_line_search_swimmer", env="swimmer")  # fmt: skip
    return frame.assign(run_id=frame.run_id + "search")


def _verdict(frame: pd.DataFrame, words: str) -> pd.Series:
    table = ledger(list(found(frame).values()), CHAPTERS)
    [row] = table[table.claim.str.contains(words, regex=False)].to_dict("records")
    return pd.Series(row)


def _whole() -> pd.DataFrame:
    return pd.concat([
        _direction(10, 10, RISES, RISES),
        _direction(30, 10, RISES, [0.0, 7.0, 12.0]),
        _direction(10, 1, RISES),
        _direction(3, 1, [0.0, 1.0, 1.0]),
        _search("trpo_single_path", 0.01, RISES, RISES),
        _search("tnpg", 0.01, CRASHES, RISES),
        _search("tnpg", 0.1, CRASHES, [0.0, 9.0, 9.0]).assign(status="failed"),
    ])  # fmt: skip


def test_a_row_holds_the_runs_of_one_setting_and_counts_their_steps() -> None:
    table = found(_whole())["ablations__demo"].own.table
    shown = ["experiment", "method", "step_size", "cg_steps", "every", "n", "mean", "average_mean"]
    told = table[[*shown, "catastrophic", "updates"]].fillna(-1).to_numpy().tolist()
    direction, search = "ablations_direction_swimmer", "ablations_line_search_swimmer"
    trpo = "trpo_single_path"
    assert told == [
        [direction, trpo, 0.01, 3, 1, 1, 1.0, 0.75, 0, 2],
        [direction, trpo, 0.01, 10, 1, 1, 10.0, 5.0, 0, 2],
        [direction, trpo, 0.01, 10, 10, 2, 10.0, 5.0, 0, 4],
        [direction, trpo, 0.01, 30, 10, 2, 11.0, 5.75, 0, 4],
        [search, "tnpg", 0.01, -1, -1, 2, 6.0, 5.0, 1, 4],
        [search, "tnpg", 0.1, -1, -1, 2, 0.0, 0.0, 3, 6],  # to fail is one more each
        [search, trpo, 0.01, -1, -1, 2, 10.0, 5.0, 0, 4],
    ]


def test_without_a_run_of_the_papers_settings_nothing_is_counted() -> None:
    """Nothing says then how much TRPO gains on the task."""
    own = found(_search("tnpg", 0.01, CRASHES))["ablations__demo"].own
    assert own.runs.catastrophic.isna().all()
    assert (
        _verdict(_search("tnpg", 0.01, CRASHES), "now and then catastrophic on swimmer").verdict
        == "not run"
    )


def test_a_run_that_has_not_finished_is_not_counted() -> None:
    frame = _whole().assign(status=lambda f: f.status.where(f.method != "tnpg", "running"))
    table = found(frame)["ablations__demo"].own.table
    left = table[table.method == "tnpg"]
    assert (left.n.tolist(), left.unfinished.tolist(), left.updates.tolist()) == (
        *([0, 0], [2, 2], [0, 0]),
    )


def test_a_panel_shows_one_factor_and_the_others_as_in_the_paper() -> None:
    _, _, [cg_steps, every, delta, rate] = drawn(_whole(), "ablations__demo")
    assert axes(cg_steps) == ("Swimmer (2 runs a point)", "CG steps", "final reward per step")
    assert lines(cg_steps)[BLUE] == [[10, 10], [30, 11]]
    assert lines(every)[BLUE] == [[1, 10], [10, 10]]
    assert lines(delta)[BLUE] == [[0.01, 10]]
    assert [y for _, y in lines(delta)[GREEN]] == [6, 0]
    assert np.allclose([x for x, _ in lines(delta)[GREEN]], [0.0112, 0.112])
    assert [y for _, y in lines(rate)[GREEN]] == [25, 50]
    assert rate.get_ylabel() == "catastrophic, % of steps"


def test_what_was_not_run_has_no_panel() -> None:
    _, _, panels = drawn(_direction(10, 10, RISES), "ablations__demo")
    assert [panel.axison for panel in panels] == [True, True, False, False]


def test_the_table_in_words() -> None:
    words = found(_whole())["ablations__demo"].table.words
    assert words.iloc[0].tolist() == [
        *("Swimmer", "TRPO, single path", "3", "1", "0.01", "1", "1", "0.75", "0 of 2", 0, 0),
    ]
    assert words.iloc[-1].tolist()[:5] == [
        *("Swimmer", "truncated natural gradient", "–", "–", "0.1"),
    ]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [([10.0, 10.1], HELD), ([2.0, 2.1], HELD), ([30.0, 30.1], BROKEN)],
)
def test_more_cg_steps_do_not_help_where_they_bring_nothing_that_matters(
    ends: list[float], expected: str
) -> None:
    """A tenth of TRPO's rise is 1; its mean over all iterations 5."""
    frame = pd.concat([
        _direction(10, 10, RISES, RISES), _direction(30, 10, *([0.0, 5.0, end] for end in ends)),
    ])  # fmt: skip
    row = _verdict(frame, "30 CG steps do not help more than 10 on swimmer")
    assert (row.verdict, row.margin) == (expected, "1")


def test_the_states_of_f_are_compared_by_the_tenth_that_the_paper_takes() -> None:
    better = _direction(10, 1, [0.0, 30.0, 30.0], [0.0, 30.0, 31.0])
    frame = pd.concat([_direction(10, 10, RISES, RISES), better])
    assert _verdict(frame, "over a tenth of them on swimmer").verdict == BROKEN


def test_catastrophic_steps_are_judged_by_their_share() -> None:
    frame = pd.concat([
        _search("trpo_single_path", 0.01, RISES, RISES), _search("tnpg", 0.01, CRASHES, CRASHES),
    ])  # fmt: skip
    assert _verdict(frame, "now and then catastrophic on swimmer").verdict == HELD
    row = _verdict(frame, "on swimmer at δ = 0.01")
    assert (row.verdict, row["effect [95 % interval]"]) == (HELD, "50 [50, 50]")
    assert _verdict(frame, "on swimmer at δ = 0.1").verdict == "not run"
