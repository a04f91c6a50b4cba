"""Experiments without a chapter, and runs of none: what is drawn, tabulated and said of them."""

import re
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from analysis_runs import exact, measurement, write_run
from seen import axes, legend, lines

from analysis import evaluations, kinds, load, report, tidy
from analysis.chapter import Data, Found, find
from analysis.chapters import own
from analysis.chapters.all import CHAPTERS

MINE = {"experiment": "my_own"}


def found(directory: Path) -> dict[str, Found[own.Measured]]:
    """The chapters of the runs that no other reads, by their stem, as the report finds them."""
    tidy.save(load.runs(directory).runs, directory / "x__demo.csv")
    marked = kinds.marked(tidy.read(directory / "x__demo.csv"))
    data = Data(marked.assign(departs=""), evaluations.NONE)
    return {each.stem: each for each in find(own.chapters(marked, CHAPTERS), data)}


def rows(each: Found[own.Measured], *columns: str) -> list[list[str]]:
    """Some columns of its table in words."""
    return each.table.words[list(columns)].to_numpy().tolist()


def test_an_experiment_without_a_chapter_has_a_figure_and_a_table(tmp_path: Path) -> None:
    for seed in range(2):
        for algo, level in (("trpo", 1.0), ("mine", 3.0), ("yours", 5.0)):
            returns = [level, level + seed]
            write_run(tmp_path, returns, algo=algo, seed=seed, task="ark", **MINE)
        write_run(tmp_path, [9.0, 9.0], seed=seed, **MINE)
    each = found(tmp_path)["own_my_own__demo"]
    assert each.chapter.title == "my_own"
    assert rows(each, "task", "method", "runs", "iterations", "mean [95 % interval]") == [
        ["Hopper", "TRPO, single path", "2", "2", "9 [9, 9]"],
        ["ark", "TRPO, single path", "2", "2", "1.5 [-4.85, 7.85]"],
        ["ark", "mine", "2", "2", "3.5 [-2.85, 9.85]"],
        ["ark", "yours", "2", "2", "5.5 [-0.853, 11.9]"],
    ]
    figure = each.picture
    assert figure is not None
    hopper, ark = figure.get_axes()
    assert axes(ark) == ("ark (2 runs)", "environment steps", "return, last 100 episodes")
    assert axes(hopper)[0] == "Hopper (2 runs)"
    colours = legend(figure)
    assert list(colours) == ["TRPO, single path", "mine", "yours"]
    assert len(set(colours.values())) == 3
    assert lines(ark)[colours["yours"]][-1] == [200.0, 5.5]


def test_under_the_papers_protocol_it_is_reward_per_step_by_iteration(tmp_path: Path) -> None:
    write_run(tmp_path, [1000.0, 2000.0], protocol="paper", **MINE)
    each = found(tmp_path)["own_my_own__demo"]
    assert rows(each, "mean [95 % interval]") == [["2"]]
    figure = each.picture
    assert figure is not None
    [panel] = figure.get_axes()
    assert axes(panel)[1:] == ("iteration", "reward per time step")
    assert list(lines(panel).values()) == [[[1.0, 1.0], [2.0, 2.0]]]


def test_what_an_experiment_sweeps_beside_is_told_apart(tmp_path: Path) -> None:
    """Settings in two ways, each a line of its own; the seed sets nothing apart."""
    for gamma, level in ((0.9, 1.0), (0.99, 2.0)):
        for seed in range(2):
            write_run(tmp_path, [level], seed=seed, settings=f"{gamma}",
                      overrides=["+experiment=my_own", f"gamma={gamma}", f"seed={seed}"],
                      **MINE)  # fmt: skip
    each = found(tmp_path)["own_my_own__demo"]
    assert rows(each, "method", "runs", "mean [95 % interval]") == [
        ["TRPO, single path gamma=0.9", "2", "1 [1, 1]"],
        ["TRPO, single path gamma=0.99", "2", "2 [2, 2]"],
    ]


def test_settings_that_no_command_tells_apart_are_told_by_their_hash(tmp_path: Path) -> None:
    for seed, settings in enumerate(("aaaaaaaa", "bbbbbbbb")):
        write_run(tmp_path, [1.0], seed=seed, settings=settings, **MINE)
    each = found(tmp_path)["own_my_own__demo"]
    assert rows(each, "method", "runs") == [
        ["TRPO, single path (settings aaaaaaaa)", "1"],
        ["TRPO, single path (settings bbbbbbbb)", "1"],
    ]


def test_runs_of_unequal_length_are_compared_at_the_shortest_which_is_said(tmp_path: Path) -> None:
    """The failed run has no say in it, and its lowest return counts."""
    write_run(tmp_path, [1.0, 2.0], **MINE)
    write_run(tmp_path, [1.0, 4.0, 90.0], seed=1, **MINE)
    write_run(tmp_path, [0.0], seed=2, status="failed", **MINE)
    each = found(tmp_path)["own_my_own__demo"]
    assert rows(each, "runs", "iterations", "lowest to highest") == [
        ["3", "2 (of up to 3)", "0 to 4"]
    ]
    assert "(demo): finished runs have 2 to 3 iterations, and are compared at 2" in (
        each.chapter.text
    )


def test_runs_of_no_experiment_stand_in_a_chapter_of_their_own(tmp_path: Path) -> None:
    for gamma in (0.9, 0.99):
        write_run(tmp_path / "runs", [1.0, 2.0], experiment=None, settings=f"{gamma}",
                  scale="desk", overrides=["env=hopper", f"gamma={gamma}"])  # fmt: skip
    assert report.main(["--results", str(tmp_path)]) == 0
    assert (tmp_path / "data" / "other_runs__desk.csv").exists()
    table = (tmp_path / "tables" / "own_other_runs__desk.md").read_text()
    assert "| Hopper | TRPO, single path gamma=0.99 | δ = 0.01 | 1 | 2 | 2 |" in table
    assert "## Other runs (desk)" in (tmp_path / "README.md").read_text()
    assert (tmp_path / "figures" / "own_other_runs__desk.svg").exists()


@pytest.mark.parametrize(
    "said",
    [
        {"study": "variance", "algo": "gradient_variance"},
        {"study": "theory", "algo": "line", "sampler": "", "protocol": "", "step_size": None},
    ],
)
def test_runs_that_train_nothing_are_kept_whole_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], said: dict[str, Any]
) -> None:
    for seed, measured in enumerate((measurement(1, "vine", 0), exact("line", 1))):
        write_run(tmp_path / "runs", [None], measured=[measured], seed=seed, **MINE, **said)
    assert report.main(["--results", str(tmp_path)]) == 0
    assert capsys.readouterr().err == (
        f"warning: my_own: runs of the study {said['study']} are kept, and shown by no chapter\n"
    )
    kept = tidy.read(tmp_path / "data" / "my_own__demo.csv")
    assert {"gradient_variance", "eta"} <= set(kept.columns)
    assert list((tmp_path / "tables").glob("own*")) == []


def test_runs_that_have_not_begun_are_shown_as_such(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [], status="running", **MINE)
    assert report.main(["--results", str(tmp_path)]) == 0
    assert "| 0 of 1 |" in (tmp_path / "tables" / "own_my_own__demo.md").read_text()


def test_a_file_is_named_safely_and_by_one_experiment_alone() -> None:
    assert [tidy.name(each) for each in ("my_own", "v1.2-b", "", None)] == [
        *("my_own", "v1.2-b", "other_runs", "other_runs"),
    ]
    strange = [
        "other_runs",
        "../up",
        "..up",
        "a b",
        "a/b",
        "a-b",
        ".a",
        "ünï",
        "ünî",
        "-",
        99 * "ab",
    ]
    names = [tidy.name(each) for each in strange]
    assert len(set(names)) == len(strange)
    assert all(re.fullmatch(r"[\w][\w.-]{,99}", name, re.ASCII) for name in names)
    assert names[3].startswith("a-b-")


def test_names_that_are_no_file_names_are_reported(tmp_path: Path) -> None:
    for experiment in ("../up", "a b", "a/b"):
        write_run(tmp_path / "in" / "runs", [1.0], experiment=experiment)
    assert report.main(["--results", str(tmp_path / "in")]) == 0
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert len(list((tmp_path / "in" / "tables").glob("own_*__demo.md"))) == 3
    assert len(tidy.read_all(tmp_path / "in" / "data").runs) == 3


def test_what_a_chapter_reads_has_no_second_one(tmp_path: Path) -> None:
    write_run(tmp_path, [1.0])
    assert found(tmp_path) == {}


def test_many_runs_cost_no_call_of_pandas_each(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Curves and scores of forty runs sort the whole frame, never each run."""
    for seed in range(40):
        write_run(tmp_path, [1.0, 2.0], seed=seed, **MINE)
    calls = []
    real = pd.DataFrame.sort_values
    monkeypatch.setattr(
        pd.DataFrame, "sort_values", lambda *a, **k: calls.append(1) or real(*a, **k)
    )
    assert len(found(tmp_path)) == 1
    assert len(calls) < 40
