"""`python -m analysis.compare`: which runs it finds, what it says of them, and what it refuses."""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_runs import runs_frame, write_run

from analysis import compare, pairs, tidy
from analysis.aggregate import bootstrap, improvement
from analysis.doubts import doubts
from analysis.load import arranged
from analysis.pairs import FINAL, Pair, chance
from analysis.selection import filtered, nearest, select
from analysis.significance import welch
from analysis.statistics import band, difference, interval
from analysis.thresholds import steps_to, wall_seconds

ROOT = Path(__file__).parents[1]
DATA = ROOT / "results" / "data"
TRPO = ("trpo_single_path", 0.01)
INF = float("inf")
LEFT = [[0.0, 4.0], [1.0, 6.0], [2.0, 8.0], [3.0, 7.0]]
RIGHT = [[0.0, 1.0], [0.0, 2.0], [5.0, 3.0]]
ENDS = np.array([4.0, 6.0, 8.0, 7.0]), np.array([1.0, 2.0, 3.0])


def frame(returns: list[list[float]], name: str = "a", **constant: object) -> pd.DataFrame:
    """Runs of one method, as `load.runs` gives them, their ids starting with a name."""
    plain = {"departures": "", "settings": "s", "wall_seconds": 60.0, "started": "now"}
    own = runs_frame({TRPO: returns}, **(plain | constant))
    return own.assign(run_id=name + "-" + own.seed.astype(str))


def pair(left: list[list[float]], right: list[list[float]], threshold: float = INF) -> Pair:
    return pairs.compare(frame(left), frame(right, "b"), "return_100", threshold)


def test_a_pair_is_what_each_statistic_says_of_its_scores() -> None:
    """Of 35 splits two are 4.25 apart or more: the one observed, and 1 2 3 4 against 6 7 8."""
    found = pair(LEFT, RIGHT)
    assert [side.scores.tolist() for side in found[:2]] == [side.tolist() for side in ENDS]
    assert found.differences[FINAL] == difference(*ENDS)
    assert found.left.means[FINAL] == (6.25, *interval(ENDS[0]))
    assert (found.left.median, found.left.iqm, found.left.band) == (6.5, 6.5, (5.5, 7.25))
    assert (found.permutation, found.welch) == (pytest.approx(2 / 35), welch(*ENDS))
    assert found.detectable == pytest.approx(3.07, abs=0.01)


def test_runs_are_scored_at_their_end_on_the_way_and_at_their_best() -> None:
    means = pair(LEFT, RIGHT).right.means
    assert [round(each.mean, 6) for each in means.values()] == [2.0, 1.833333, 2.666667]


def test_a_failed_run_counts_and_an_unfinished_one_does_not() -> None:
    ends = {0: "done", 1: "failed", 2: "running"}
    right = frame(RIGHT, "b").assign(status=lambda x: x.seed.map(ends))
    side = pairs.compare(frame(LEFT), right, "return_100").right
    assert (side.runs, side.failed, side.scores.tolist()) == (3, 1, [1.0, 0.0])


def test_a_silent_failure_scores_the_lowest_of_both_sides() -> None:
    silent = frame([[np.nan]], "b", status="failed")
    assert pairs.compare(frame(LEFT), silent, "return_100").right.scores.tolist() == [0.0]


def test_a_single_run_has_neither_interval_nor_power() -> None:
    found = pair(LEFT, RIGHT[:1])
    assert np.isnan(found.right.means[FINAL][1:]).all()
    assert np.isnan(found.differences[FINAL][1:]).all()
    assert found.detectable == INF


def test_chance_has_an_interval_unless_every_pair_goes_one_way() -> None:
    mean, *ends = chance([ENDS[0]], [ENDS[1]])
    assert mean == 1.0
    assert np.isnan(ends).all()
    mixed, low, high = chance([ENDS[0], ENDS[0]], [ENDS[1], ENDS[1] + 4])
    assert mixed == (1 + 7 / 12) / 2  # 4 6 8 7 above 5 6 7: 0, 1.5, 3 and 2.5 of three
    assert low < mixed < high


def test_chance_is_covered_less_often_the_nearer_it_is_to_one() -> None:
    """Five a side, one and two standard deviations apart: 0.88 and 0.63 of the time."""
    rng = np.random.default_rng(7)
    for shift, true, level in ((1.0, 0.7602, 0.88), (2.0, 0.9214, 0.63)):
        left, right = rng.normal(size=(2, 500, 5))
        low, high = bootstrap(improvement, [left + shift], [right], purpose="a test", draws=300)
        covered = np.mean((low <= true) & (true <= high))
        assert covered == pytest.approx(level, abs=3 * np.sqrt(level * (1 - level) / 500) + 0.01)


def test_a_threshold_counts_the_runs_that_never_reach_it() -> None:
    """After 100 and 200 steps; the third run never gets there, nor does the one that fails."""
    ends = {4: "failed", 5: "running", 6: "running"}
    returns = [[5.0, 1.0], [0.0, 6.0], [1.0, 4.9], [9.0, 0.0], [9.0, 0.0], [0.0, 1.0], [0.0, 5.0]]
    runs = frame(returns).assign(status=lambda x: x.seed.map(ends).fillna("done"))
    steps = steps_to(runs, "return_100", 5.0).score
    assert steps[:5].tolist() == [100.0, 200.0, INF, 100.0, INF]
    assert np.isnan(steps[5])
    assert steps[6] == 200.0


def test_a_band_is_of_runs_and_not_of_their_mean() -> None:
    values = np.arange(101.0)
    assert band(values) == (25.0, 75.0)
    assert band(np.stack([values, 2 * values], axis=1), 0.8)[1].tolist() == [90.0, 180.0]
    assert band(np.tile(values, 100)) == (25.0, 75.0)


def test_seconds_are_those_of_whole_finished_runs() -> None:
    runs = frame(RIGHT).assign(wall_seconds=lambda x: x.seed.map({0: 5.0, 1: 7.0}))
    assert wall_seconds(runs).tolist() == [5.0, 7.0]
    assert wall_seconds(runs.assign(status="running")).tolist() == []


def words(text: str) -> list[str]:
    """The lines of a text, columns parted by a stroke."""
    return [re.sub("  +", " | ", line.strip()) for line in text.splitlines()]


def test_the_words_of_a_pair() -> None:
    said = words("\n".join(compare.lines(frame(LEFT), frame(RIGHT, "b"), "return_100", 4.0)))
    assert said[:13] == [
        "Hopper, return_100",
        "A | B | A − B",
        "runs | 4 | 3",
        "mean at the end | 6.25 [3.53, 8.97] | 2 [-0.484, 4.48] | 4.25 [1.58, 6.92]",
        "mean over all iterations | 3.88 [1.59, 6.16] | 1.83 [-2.87, 6.54] | 2.04 [-1.73, 5.82]",
        "mean of the best | 6.25 [3.53, 8.97] | 2.67 [-2.5, 7.84] | 3.58 [-0.564, 7.73]",
        "median | 6.5 | 2",
        "interquartile mean | 6.5 | 2",
        "middle half of the runs | 5.5 to 7.25 | 1.5 to 2.5",
        "seconds a run, median | 60 | 60",
        "steps to 4 | 4 of 4, median 200 | 1 of 3, median never",
        "p = 0.0571 by permutation, 0.00976 by Welch's test",
        "a run of A scores above one of B with a chance of 1",
    ]
    assert said[13].startswith("3 a side detect a difference of 3.1 standard deviations")
    assert said[-1].startswith("95 % intervals of 3 runs cover")


def test_all_tasks_together_have_one_chance() -> None:
    """Above on one task, below on the other."""
    sides = [
        pd.concat([frame(own, name), frame(other, f"{name}2", env="swimmer")])
        for own, other, name in ((LEFT, RIGHT, "a"), (RIGHT, LEFT, "b"))
    ]
    text = list(compare.lines(*sides, "return_100", INF))
    assert [line for line in text if line.endswith(", return_100")] == [
        "Swimmer, return_100",
        "Hopper, return_100",
    ]
    assert any(line.startswith("over 2 tasks, each weighing the same") for line in text)


def said(left: pd.DataFrame, right: pd.DataFrame) -> list[str]:
    return list(doubts({"A": left, "B": right}))


def test_sides_that_compare_well_raise_no_doubt() -> None:
    assert said(frame(LEFT), frame(RIGHT, "b")) == []


def test_each_thing_that_makes_sides_compare_badly_is_a_line() -> None:
    long = frame([[1.0] * 3, [2.0] * 3], "b")
    mixed = frame(LEFT).assign(step_size=lambda x: x.seed % 2)
    twice = pd.concat([frame(LEFT[:2]), frame(LEFT[:1], "again")])
    assert said(frame(LEFT[:1]), frame(RIGHT, "b")) == ["A: a single run has no interval"]
    assert said(mixed, frame(RIGHT, "b")) == [
        "A: its runs differ in more than the seed: in step_size"
    ]
    assert said(frame(RIGHT, "b"), twice) == ["B: several runs of the same settings have seed 0"]
    assert said(frame(LEFT), frame(LEFT[:2])) == [
        "runs on both sides: 2; the sides are not independent"
    ]
    assert said(frame(LEFT), long) == [
        "runs of unequal length, each scored at its own end: from 200 steps (a-0) to 300 (b-1)"
    ]


def test_runs_made_again_have_the_same_names_and_are_others() -> None:
    again = frame(RIGHT, started="later")
    assert said(frame(LEFT), again) == []
    found = pairs.compare(frame(LEFT), again, "return_100")
    assert [side.scores.tolist() for side in found[:2]] == [side.tolist() for side in ENDS]


def test_a_run_that_has_not_finished_is_not_called_short() -> None:
    long = frame([[1.0] * 3, [2.0] * 3], "b")
    assert said(frame(LEFT, status="running"), long) == []


def test_a_filter_keeps_what_meets_all_conditions() -> None:
    runs = arranged(pd.concat([frame(LEFT), frame(RIGHT, "b", env="20 states, γ = 0.9")]))
    kept = filtered(runs, "env=20 states, γ = 0.9,step_size=1e-2,seed=1")
    assert kept.run_id.unique().tolist() == ["b-1"]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ("methud=cem", "no column methud; there are method, study, seed"),
        ("experiment=modern,env=hoper", "no run has env=hoper where experiment=modern; there are "
         "hopper, walker2d, half_cheetah, inverted_pendulum"),
        ("seed=zero", "no run has seed=zero; there are "),
        ("results/no", "results/no: no such directory, and no filter such as env=hopper"),
        ("results", "results: there are no runs in it"),
    ],
)  # fmt: skip
def test_nothing_selected_names_what_there_is(
    asked: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(ROOT)
    with pytest.raises(ValueError, match=re.escape(message)):
        select(asked, DATA)


def test_many_names_are_cut_off_and_none_is_said() -> None:
    assert nearest("x12", [f"x{i}" for i in range(14)]).endswith(", and 2 more")
    assert nearest("x12", [f"x{i}" for i in range(14)]).startswith("x12, x1")
    assert nearest("x", []) == "none"


def test_a_run_of_two_scales_has_to_be_told_apart(tmp_path: Path) -> None:
    for scale in ("desk", "paper"):
        tidy.save(arranged(frame(LEFT, scale=scale)), tmp_path / f"modern__{scale}.csv")
    with pytest.raises(ValueError, match=r"a-0 is there as scale=desk and scale=paper; say which"):
        select("env=hopper", tmp_path)
    assert set(select("env=hopper,scale=paper", tmp_path).runs.scale) == {"paper"}


def test_a_run_directory_and_a_directory_of_runs_are_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one = write_run(tmp_path / "mine", [1.0, 5.0])
    for seed in range(3):
        write_run(tmp_path / "theirs", [0.0, 1.0 + seed], seed=seed)
    (write_run(tmp_path / "theirs", [1.0], seed=9) / "run.json").write_text("{")
    assert compare.main([str(one), str(tmp_path / "theirs")]) == 0
    out, err = capsys.readouterr()
    assert "mean at the end | 5 | 2 [-0.484, 4.48] | 3" in words(out)
    assert "note: A: a single run has no interval" in out
    assert "warning: left out, damaged" in err
    assert "run.json" in err


def test_filters_of_the_committed_data_are_compared_the_same_every_time(
    capsys: pytest.CaptureFixture[str],
) -> None:
    swimmer = "experiment=figure4_swimmer,method="
    asked = [swimmer + "trpo_vine", swimmer + "cem", "--metric", "reward_per_step",
             "--threshold", "0.1", "--results", str(DATA.parent)]  # fmt: skip
    assert compare.main(asked) == 0
    first, err = capsys.readouterr()
    assert compare.main(asked) == 0
    assert (capsys.readouterr().out, err) == (first, "")
    assert first.startswith(f"A: {swimmer}trpo_vine\nB: {swimmer}cem\n\nSwimmer, reward_per_step")
    assert "5 a side detect a difference of 2.0 standard deviations" in first
    assert "5 of 5, median" in first


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (["env=hopper", "env=swimmer"], "no task in common: A has hopper, B has swimmer"),
        (["env=hopper", "env=hopper", "--metric", "return"], "no metric return; there are return_"),
        (["env=hopper", "env=mars"], "no run has env=mars; there are "),
        (["env=hopper", "env=hopper", "--results", "nowhere"], "no data in nowhere/data"),
    ],
)
def test_what_cannot_be_compared_is_one_line(
    asked: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare.main(["--results", str(DATA.parent), *asked]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("error: ")
    assert message in err
    assert err.count("\n") == 1


def test_an_infinite_metric_is_named_with_its_run() -> None:
    with pytest.raises(ValueError, match="return_100 is infinite in run a-1"):
        compare.known(frame([[1.0], [INF]]), "return_100")


def test_help_says_how_runs_are_selected(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        compare.main(["--help"])
    assert ended.value.code == 0
    assert "experiment=modern,env=hopper" in capsys.readouterr().out
