"""What runs on finite MDPs say, against numbers worked out by hand."""

from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import SEEN_AS_5, found, write_run, write_theory

from analysis import kinds, load, tidy
from analysis.chapters import theory_bounds, theory_line, theory_steps
from analysis.chapters.all import CHAPTERS
from analysis.drawing import render
from analysis.ledger import ledger


def loaded(path: Path) -> pd.DataFrame:
    return kinds.marked(load.runs(path).runs)


def judge(frame: pd.DataFrame) -> pd.DataFrame:
    return ledger(list(found(frame).values()), CHAPTERS)


@pytest.fixture
def runs(tmp_path: Path) -> pd.DataFrame:
    write_theory(tmp_path)
    return loaded(tmp_path)


def test_runs_are_told_apart_by_their_mdps_and_method(tmp_path: Path) -> None:
    write_theory(tmp_path / "runs", seeds=1)
    write_theory(tmp_path / "runs", seeds=1, task="20 states, γ = 0.99")
    frame = load.runs(tmp_path / "runs").runs
    assert frame.run_id.nunique() == 10
    assert sorted(set(frame.env)) == [SEEN_AS_5, "20 states, γ = 0.99"]
    tidy.save(frame, tmp_path / "theory__demo.csv", theory_bounds.CHAPTER.columns)
    assert tidy.read(tmp_path / "theory__demo.csv").distance.max() == 0.4


def test_slack_is_over_the_random_pairs_alone(runs: pd.DataFrame) -> None:
    slacks = theory_bounds.measure(runs, runs).slacks
    assert len(slacks) == 6 * 2 * 4
    row = slacks[slacks.bound == "tv"].groupby("run_id").first()
    assert row[list(theory_bounds.QUANTILES)].to_numpy().tolist() == [[4, 8, 12, 16, 20, 24]] * 2


def test_each_bound_has_its_median_its_least_and_its_violations(runs: pd.DataFrame) -> None:
    """Medians 4k i over i = 1, 2, 3, 4: 10 k. Three learners and the pairs, on ten MDPs each."""
    column = "violations_kl"
    runs.loc[(runs.method == "minorise_maximise") & (runs.iteration == 2), column] = 3.0
    table = theory_bounds.measure(runs, runs).table.set_index("bound")
    assert table["median"].tolist() == [10.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert table.least.tolist() == [1, 2, 3, 4, 5, 6]
    assert (table.n == 2).all()
    assert (table.checked == 4 * 2 * 4 * 10).all()
    assert table.violations.to_dict() == dict.fromkeys(theory_bounds.BOUNDS, 0) | {"kl": 6}


def test_curves_and_steps_are_means_over_runs(runs: pd.DataFrame) -> None:
    second = (runs.method == "minorise_maximise") & (runs.seed == 1)
    runs.loc[second, "regret_mean"] *= 3
    measured = theory_steps.measure(runs, runs)
    curve = measured.curves["regret_mean"].query("method == 'minorise_maximise'")
    assert curve["mean"].tolist() == [2.0, 1.0, pytest.approx(2 / 3), 0.5]
    assert (curve.low.iloc[0], curve.high.iloc[0]) == pytest.approx((2 - 12.706205, 2 + 12.706205))
    table = measured.table.set_index("method")
    assert table.lowered.to_dict() == {
        "minorise_maximise": 0, "natural_gradient": 0, "policy_iteration": 8
    }  # fmt: skip
    assert (table.taken == 80).all()
    assert table.loc["minorise_maximise", "regret"] == 0.5
    assert table.kl.tolist() == [0.009] * 3


def test_the_line_is_of_one_run_from_left_to_right(runs: pd.DataFrame) -> None:
    along, points = theory_line.measure(runs, runs)
    assert along.position.tolist() == [-1.0, 0.0, 1.0, 2.0]
    named = points.set_index("point").position
    assert named.to_dict() == {"θ_old": 0.0, "maximum of M": 1.0, "maximum of η": 2.0}


def test_what_never_happens_is_counted_and_what_happens_sometimes_is_a_share(
    runs: pd.DataFrame,
) -> None:
    runs.loc[(runs.method == "random_pairs") & (runs.iteration == 1), "violations_tv"] = 1.0
    table = judge(runs).set_index("claim")
    shown = table[["runs", "effect [95 % interval]", "verdict"]].apply(tuple, axis=1)
    assert shown["η is never below L − 4εγα² / (1−γ)²"] == (
        *("8", "2 of 320 pairs", "not reproduced"),
    )
    assert shown["η is never below L − 4εγ / (1−γ)² · max KL"][1:] == (
        *("0 of 320 pairs", "reproduced"),
    )
    assert shown["Algorithm 1 never lowers η"] == ("2", "0 of 80 steps", "reproduced")
    greedy = table[table.index.str.startswith("Greedy")].iloc[0]
    assert greedy["effect [95 % interval]"] == "0.1 [0.1, 0.1]"
    verdicts = {claim.split(" ")[0]: row for claim, row in table.verdict.items()}
    assert verdicts["Greedy"] == "reproduced"
    assert verdicts["Natural"] == "undecided"
    assert verdicts["Vanilla"] == verdicts["Policy"] == "not run"


def test_without_runs_on_finite_mdps_nothing_is_claimed(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0])
    table = judge(loaded(tmp_path))
    assert (table.verdict[table.claim.str.contains("η")] == "not run").all()


@pytest.mark.parametrize("status", ["done", "running"])
def test_every_chapter_is_drawn_and_tabulated(tmp_path: Path, status: str) -> None:
    write_theory(tmp_path, status=status)
    each = found(loaded(tmp_path))
    assert list(each) == ["theory_line__demo", "theory_bounds__demo", "theory_steps__demo"]
    for chapter in each.values():
        assert render(chapter.picture, "png")
        numbers, words = chapter.table
        assert len(numbers) == len(words)
        assert bool(len(words)) == (status == "done")


def test_a_run_that_has_not_begun_is_no_data(tmp_path: Path) -> None:
    write_run(tmp_path, [], status="running", experiment="theory", algo="line", task=SEEN_AS_5)
    frame = loaded(tmp_path)
    for chapter in found(frame).values():
        assert render(chapter.picture, "svg")
        assert chapter.table.words.empty
    table = judge(frame)
    assert set(table.verdict[table.experiment == "theory"]) == {"not run"}


def test_what_holds_of_any_two_policies_is_counted_over_the_random_pairs(
    runs: pd.DataFrame,
) -> None:
    """Two runs of four iterations on ten MDPs; one MDP breaks a law."""
    pairs = (runs.method == "random_pairs") & (runs.iteration == 2) & (runs.seed == 0)
    runs.loc[pairs, "broken_pinsker"] = 1.0
    table = judge(runs).set_index("claim")
    held = table.loc["L and η agree at the old policy"]
    assert (held.verdict, held.runs) == ("reproduced", "2")
    assert held["effect [95 % interval]"] == "0 of 80 pairs"
    broken = table.loc["The squared total variation is at most half the KL divergence"]
    assert (broken.verdict, broken["effect [95 % interval]"]) == ("not reproduced", "1 of 80 pairs")
    slope = table.loc["L and η have the same slope at the old policy"]
    assert (slope.verdict, slope["rule written"]) == ("reproduced", "after its data")


def test_m_above_eta_at_one_point_of_the_line_is_enough(runs: pd.DataFrame) -> None:
    words = "M lies below η everywhere on a line through the old policy"
    assert judge(runs).set_index("claim").verdict[words] == "reproduced"
    line = (runs.method == "line") & (runs.position == 1.0)
    runs.loc[line, "minorant"] = runs.eta + 0.1
    row = judge(runs).set_index("claim").loc[words]
    assert (row.verdict, row["effect [95 % interval]"]) == ("not reproduced", "1 of 4 points")


def test_the_penaltys_steps_and_regret_are_compared_task_by_task(runs: pd.DataFrame) -> None:
    """Median KL 0.009, no power of ten below δ; then 1e-6. The regret: a half of the penalty's."""
    timid = "The penalty of the theory allows far smaller steps than δ = 0.01"
    further = "A trust region of δ = 0.01 gets further than the penalty of the theory"
    assert judge(runs).set_index("claim").verdict[timid] == "not reproduced"
    assert judge(runs).set_index("claim").verdict[further] == "not run"
    own = runs.method == "minorise_maximise"
    runs.loc[own, "kl_mean"] = 1e-6
    region = runs[own].assign(method="trust_region_mean", run_id=lambda x: x.run_id + "region",
                              regret_mean=lambda x: x.regret_mean / 2)  # fmt: skip
    table = judge(pd.concat([runs, region], ignore_index=True)).set_index("claim")
    assert (table.verdict[timid], table.verdict[further]) == ("reproduced", "reproduced")
    assert table["effect [95 % interval]"][timid] == "4 [4, 4]"
    assert table["effect [95 % interval]"][further] == "0.301 [0.301, 0.301]"


def test_a_regret_of_nothing_is_the_least_and_not_left_out(runs: pd.DataFrame) -> None:
    own = runs.method == "minorise_maximise"
    region = runs[own].assign(method="trust_region_mean", run_id=lambda x: x.run_id + "region",
                              regret_mean=0.0)  # fmt: skip
    table = judge(pd.concat([runs, region], ignore_index=True)).set_index("claim")
    row = table.loc["A trust region of δ = 0.01 gets further than the penalty of the theory"]
    assert (row.verdict, row.runs) == ("reproduced", "2 / 2")
