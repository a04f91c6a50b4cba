"""What chapters measure and tell, against numbers worked out by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_runs import found, judged, runs_frame, write_figure4, write_run

from analysis import kinds, load, published, words
from analysis.chapter import DEPARTS, Found
from analysis.chapters import step_rules, tuning
from analysis.chapters.tuning import chosen

TRPO, NATURAL = ("trpo_single_path", 0.01), "natural_gradient"
NAN = float("nan")


WALKER = {"walker": "walker2d"}


def _tuning(panel: str, finals: dict[float, list[float]], **constant: object) -> pd.DataFrame:
    """Runs of seeds 100, 101, …, with these final rewards per step at each penalty."""
    cells = {("natural_gradient", size): [[0.0, v] for v in each] for size, each in finals.items()}
    frame = runs_frame(
        cells, experiment=f"tuning_{panel}", env=WALKER.get(panel, panel), **constant
    )
    return frame.assign(seed=frame.seed + 100, run_id=frame.run_id + panel + frame.scale)


def test_the_chosen_penalty_has_the_best_mean_final_reward() -> None:
    frame = pd.concat(
        [
            _tuning("walker", {1.0: [5.0, 1.0], 3.0: [4.0, 4.0], 9.0: [0.0, 9.0]}, scale="desk"),
            _tuning("hopper", {27.0: [1.0], 81.0: [0.0]}, scale="desk"),
            runs_frame({("natural_gradient", 5.0): [[99.0]]}, scale="desk"),
        ]
    )
    best = chosen(frame, "desk")
    assert best.to_dict("records") == [
        {"experiment": "tuning_hopper", "env": "hopper", "method": NATURAL, "step_size": 27.0,
         "tried": 2, "seeds": "100", "scale": "desk"},
        {"experiment": "tuning_walker", "env": "walker2d", "method": NATURAL, "step_size": 9.0,
         "tried": 3, "seeds": "100–101", "scale": "desk"},
    ]  # fmt: skip


def test_a_scale_without_tuning_takes_the_choice_of_desk() -> None:
    desk = _tuning("hopper", {1.0: [1.0], 3.0: [2.0]}, scale="desk")
    demo = _tuning("walker", {9.0: [1.0], 27.0: [0.0]}, scale="demo")
    both = pd.concat([desk, demo])
    by_task = chosen(both, "demo").set_index("env").step_size
    assert by_task.to_dict() == {"hopper": 3, "walker2d": 9}
    assert chosen(both, "paper").env.tolist() == ["hopper"]
    assert chosen(demo, "paper").empty


def test_tuning_that_has_not_finished_chooses_nothing() -> None:
    frame = _tuning("hopper", {1.0: [1.0], 3.0: [2.0]}, scale="desk")
    assert chosen(frame.assign(status="running"), "desk").empty
    partly = frame.assign(status=frame.step_size.map({1.0: "done", 3.0: "running"}))
    assert chosen(partly, "desk").step_size.tolist() == [1.0]
    assert chosen(runs_frame({TRPO: [[1.0]]}), "desk").empty


def test_seeds_are_told_as_spans() -> None:
    assert words.spans(pd.Series([7, 0, 1, 2, 2, 9, 10])) == "0–2, 7, 9–10"


def test_tuning_marks_the_chosen_penalty() -> None:
    frame = _tuning("walker", {1.0: [5.0, 1.0], 3.0: [4.0, 4.0]}, scale="desk")
    table, runs = tuning.measure(frame, frame)
    assert table[["env", "step_size", "mean", "chosen"]].to_numpy().tolist() == [
        ["walker2d", 1.0, 3.0, False],
        ["walker2d", 3.0, 4.0, True],
    ]
    assert runs.score.tolist() == [5.0, 1.0, 4.0, 4.0]


def _figure4(cells: dict[tuple[str, float], list[list[float]]], env: str) -> Found:
    frame = runs_frame(cells, experiment=f"figure4_{env}", env=env)
    return found(frame)["figure4__demo"]


def test_the_paper_is_compared_at_the_last_update_of_the_longest_run() -> None:
    """The paper counts updates from 0, so that a run of three iterations ends at its second."""
    own = _figure4({TRPO: [[1.0, 2.0, 3.0], [1.0]], ("cem", NAN): [[1.0]]}, "cartpole").own
    assert [words.split("(")[1] for words in own.paper[["cartpole"]]] == [
        *("iteration 0)", "iteration 2)"),
    ]
    assert own.learned.curves.x.tolist() == [0, 0]


@pytest.mark.parametrize("methods", [["cem"], ["trpo_vine", "rwr"]])
def test_a_panel_with_some_of_its_methods_has_a_table(methods: list[str]) -> None:
    table = _figure4({(method, NAN): [[1.0, 2.0]] for method in methods}, "hopper").table
    assert len(table.words) == len(methods)


def test_the_headline_of_figure4_is_a_method_a_line_and_a_task_a_pair_of_columns() -> None:
    frame = pd.concat([
        runs_frame({("cem", NAN): [[0.5]]}, experiment="figure4_swimmer", env="swimmer"),
        runs_frame({TRPO: [[9.0]], ("cem", NAN): [[8.0], [8.0]]}, experiment="figure4_cartpole",
                   env="cartpole"),
    ])  # fmt: skip
    frame["run_id"] += frame.env
    each = found(frame)["figure4__demo"]
    table = each.chapter.headline(each.own)
    assert table.columns.tolist() == [
        *("method", "runs", "Cart-pole", "Cart-pole, the paper", "Swimmer", "Swimmer, the paper"),
    ]
    ours = table[["method", "runs", "Cart-pole", "Swimmer"]].to_numpy().tolist()
    assert ours == [
        ["TRPO, single path", "1", "9", "–"],
        ["CEM", "1–2", "8 [8, 8]", "0.5"],
    ]


def _sweep() -> Found:
    cells = {(NATURAL, 4.0): [[1.0, 2.0]], TRPO: [[3.0, 9.0]], ("vanilla_pg", 0.1): [[2.0]]}
    return found(runs_frame(cells, experiment="step_rules"))["step_rules__demo"]


def test_the_step_of_a_penalty_is_its_inverse() -> None:
    step = step_rules.with_step(_sweep().own.table).set_index("method").step
    assert step.to_dict() == {NATURAL: 0.25, "trpo_single_path": 0.01, "vanilla_pg": 0.1}


def test_step_sizes_are_compared_with_the_first_policies_and_with_trpo() -> None:
    own = _sweep().own
    assert (own.start, own.trpo, len(own.scores)) == (2.0, 9.0, 3)


def test_final_scores_in_words() -> None:
    summary = pd.DataFrame(
        {
            "env": ["hopper", "hopper"],
            "method": ["natural_gradient", "trpo_single_path"],
            "step_size": [30.0, 0.01],
            "runs": [1, 7],
            "n": [1, 5],
            "mean": [12.34, 2901.6],
            "low": [np.nan, 2500.0],
            "high": [np.nan, 3100.0],
            "min": [12.34, 2400.0],
            "max": [12.34, 3200.0],
            "failed": [1, 0],
            "unfinished": [0, 2],
        }
    )
    text = words.markdown(words.final_scores(summary, published.at_one_million())).splitlines()
    assert text[2:] == [
        "| Hopper | TRPO, single path | δ = 0.01 | 5 of 7 | 2,902 [2,500, 3,100] | 2,400 to 3,200 "
        "| 0 | 2 | 1,161 to 3,618 (6 sources) |",
        "| Hopper | natural gradient | λ = 30 | 1 | 12.3 | 12.3 to 12.3 | 1 | 0 "
        "| 1,915 (1 source) |",
    ]


def test_published_numbers_are_of_comparable_tasks_at_one_million_steps() -> None:
    found = published.at_one_million()
    assert {env for env, _ in found.index} == set(published.COMPARABLE)
    assert found["half_cheetah", "trpo_single_path"] == "689 to 4,471 (5 sources)"


def _cells(**updates: int) -> pd.Series:
    return pd.Series({(env, "natural_gradient"): n for env, n in updates.items()})


def test_the_papers_values_stand_where_our_runs_end() -> None:
    """The hopper's points of iterations 48 and 50 were read off, 49 was not."""
    curve = published.figure4().query("env == 'hopper' and method == 'natural_gradient'")
    low, high = (curve[curve.iteration == at].reward_per_step.item() for at in (48, 50))
    assert 49 not in set(curve.iteration)
    found = published.figure4_at(_cells(cartpole=49, swimmer=199, hopper=49))
    assert found.to_dict() == {
        ("cartpole", "natural_gradient"): "9.91 (iteration 49)",
        ("swimmer", "natural_gradient"): "0.0489 (iteration 49, its last)",
        ("hopper", "natural_gradient"): f"{(low + high) / 2:.3g} (iteration 49)",
    }


def test_runs_that_depart_have_rows_of_their_own_and_their_own_task(tmp_path: Path) -> None:
    write_figure4(tmp_path, "cartpole", [0.0, 10.0])
    for seed in range(2):
        write_run(tmp_path, [9000.0], experiment="figure4_cartpole", task="cartpole", seed=seed,
                  departures=["gamma=0.5"])  # fmt: skip
    write_run(tmp_path, [1.0], experiment="figure4_cartpole", departures=["env=hopper"])
    frame = kinds.marked(load.runs(tmp_path).runs)
    each = found(frame)["figure4__demo"]
    table = each.table
    trpo = table.words[table.words.method == "TRPO, single path"]
    shown = trpo[["task", "runs", "mean [95 % interval]", DEPARTS]].to_numpy().tolist()
    assert shown == [
        ["Cart-pole", "2", "0.01 [0.01, 0.01]", "–"],
        ["Hopper", "1", "0.001", "env=hopper"],
        ["Cart-pole", "2", "9 [9, 9]", "gamma=0.5"],
    ]
    assert table.numbers.departs.tolist() == [""] * 8 + ["env=hopper", "gamma=0.5"]
    assert each.own.learned.curves["mean"].max() == 0.01
    alone = found(frame[frame.departs == ""])["figure4__demo"]
    pd.testing.assert_frame_equal(judged(each), judged(alone))


def test_where_every_run_departs_there_is_a_table_alone(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0, 2.0], departures=["gamma=0.5"])
    [each] = found(kinds.marked(load.runs(tmp_path).runs)).values()
    assert each.picture is None
    assert each.table.words[DEPARTS].tolist() == ["gamma=0.5"]
    assert judged(each).empty
