"""The parts of the report: what its script is given, its claims, tables and links, by hand."""

import json
import re
from typing import Any

import numpy as np
import pandas as pd
import pytest
from analysis_atari import TRPO as ATARI
from analysis_atari import game_frame
from analysis_runs import found, runs_frame

from analysis import catalogue, published
from analysis.chapters.all import CHAPTERS
from analysis.curves import curves
from analysis.ledger import SHOWN
from analysis.traces import Curves, Panel, Published, behind, of_task
from analysis.verdicts import VERDICTS
from analysis.web import ledger
from analysis.web.elements import Link, downloads, table
from analysis.web.plots import payload, plots

TRPO, CEM = ("trpo_single_path", 0.01), ("cem", np.nan)
HALF = 12.706205  # t of one degree of freedom, for two runs that differ by 2


def _panel(frame: pd.DataFrame, theirs: Published | None = None) -> Panel:
    means = curves(frame, "env_steps", "return_100")
    return of_task("hopper", ("steps", "return"), means, behind(frame, "env_steps", "return_100"),
                   theirs)  # fmt: skip


def test_the_script_is_given_means_intervals_and_the_runs_behind() -> None:
    frame = runs_frame({TRPO: [[1.0, 3.0], [3.0, 5.0]], CEM: [[np.nan, 1.23456789]]})
    frame.loc[frame.method == "cem", "status"] = "failed"
    other = frame.assign(env="ant", run_id="of another task")
    given = payload(Curves([_panel(pd.concat([frame, other]))]))
    assert given["methods"] == [
        {"label": "TRPO, single path", "colour": "#0072B2"},
        {"label": "CEM", "colour": "#AA3377"},
    ]
    [panel] = given["panels"]
    assert panel["title"] == "Hopper (1–2 runs)"
    assert panel["alternative"] == "Hopper: return against steps; TRPO, single path, CEM."
    first, second = panel["means"]
    assert (first["method"], first["note"], first["faded"]) == (0, "δ = 0.01, 2 runs", False)
    assert (first["x"], first["mean"]) == ([100, 200], [2, 4])
    assert np.allclose(first["high"], [2 + HALF, 4 + HALF], atol=1e-3)
    assert (second["note"], second["x"], second["mean"]) == ("1 run", [200], [1.2346])
    assert second["low"] == second["high"] == [None]
    assert [(run["method"], run["note"], run["x"], run["y"]) for run in panel["runs"]] == [
        (1, "seed 0, failed", [200], [1.2346]),
        (0, "seed 0", [100, 200], [1, 3]),
        (0, "seed 1", [100, 200], [3, 5]),
    ]
    assert panel["published"] == []


def test_curves_of_others_come_with_their_error_bars() -> None:
    points = pd.DataFrame({"env": ["hopper", "hopper", "ant"], "method": "rwr", "x": [1.0, 2.0, 3],
                           "y": [5.0, 6.0, 7], "error": [np.nan, 0.5, 1]})  # fmt: skip
    given = payload(Curves([_panel(runs_frame({TRPO: [[1.0]]}), Published(points, True))], "RWR's"))
    assert [method["label"] for method in given["methods"]] == ["TRPO, single path", "RWR"]
    assert given["published"] == "RWR's"
    assert given["panels"][0]["published"] == [
        {"method": 1, "joined": True, "x": [1, 2], "y": [5, 6], "error": [None, 0.5]}
    ]


def test_a_line_has_two_hundred_points_at_most_its_ends_among_them() -> None:
    frame = runs_frame({TRPO: [[float(i) for i in range(1001)]]})
    [panel] = payload(Curves([_panel(frame)]))["panels"]
    for each in (panel["means"][0]["x"], panel["runs"][0]["x"]):
        assert len(each) == 200
        assert (each[0], each[-1]) == (100, 100100)
        assert {round(step / 100) for step in np.diff(each)} == {5, 6}  # 1000 over 199 is 5.03


def test_no_text_of_the_data_ends_the_pages_script() -> None:
    frame = runs_frame({("</script><b>", 0.01): [[1.0]]})
    text = plots(Curves([_panel(frame)]), "stem")
    assert re.findall(r"</?\w+", text) == ["<div", "<script", "</script", "</div"]
    given = json.loads(re.search(r">(\{.*\})<", text)[1])
    assert given["methods"][0]["label"] == "</script><b>"


def test_figure4_gives_its_panels_with_the_papers_curves_as_far_as_ours_go() -> None:
    frame = runs_frame({TRPO: [[1.0, 2.0, 9.0]]}, experiment="figure4_swimmer", env="swimmer")
    given = payload(found(frame)["figure4__demo"].curves())
    titles = [panel["title"].split(" (")[0] for panel in given["panels"]]
    assert titles == ["Cart-pole", "Swimmer", "Hopper", "Walker2d"]
    swimmer, hopper = given["panels"][1:3]
    assert (swimmer["means"][0]["x"], swimmer["means"][0]["mean"]) == ([0, 1, 2], [1, 2, 9])
    paper = published.figure4().query("env == 'swimmer' and method == 'trpo_single_path'")
    assert swimmer["published"][0]["x"] == [0, 1, 2]
    assert np.allclose(swimmer["published"][0]["y"], paper.reward_per_step[:3], rtol=1e-4)
    assert (hopper["means"], max(hopper["published"][0]["x"])) == ([], 199)


def test_figure5_gives_each_game_over_iterations_and_over_steps() -> None:
    frame = game_frame("pong", {ATARI: [[-20.0, -19.0, -17.0], [-20.0, -19.0, -19.0]]})
    given = payload(found(frame)["figure5__demo"].curves())
    assert [panel["x"] for panel in given["panels"]] == ["policy iterations", "simulator steps"]
    for panel, last in zip(given["panels"], (2, frame.env_steps.max()), strict=True):
        assert panel["means"][0]["mean"] == [-20, -19, -18]
        assert [run["y"][-1] for run in panel["runs"]] == [-17, -19]
        assert panel["runs"][0]["x"][-1] == last
        assert not any(each["joined"] for each in panel["published"])


def test_chapters_without_curves_of_their_own_give_none() -> None:
    frame = runs_frame({("natural_gradient", s): [[1.0]] for s in (1.0, 3.0)},
                       experiment="tuning_swimmer", env="swimmer")  # fmt: skip
    assert found(frame)["tuning__demo"].curves() is None
    departed = runs_frame({TRPO: [[1.0]]}, departs="gamma=0.5")
    assert found(departed)["modern__demo"].curves() is None


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_every_picture_is_told_in_a_sentence(chapter: Any) -> None:
    assert chapter.alternative.endswith(".")
    assert len(chapter.alternative.split()) > 12
    assert chapter.title not in chapter.alternative


JUDGED = pd.DataFrame(
    {
        "verdict": [VERDICTS[1], VERDICTS[0], VERDICTS[1]],
        "claim": ["A is < B", "It learns as fast as a person on every one of the seven games", "C"],
        "scale": ["desk", "desk", "demo"],
        **dict.fromkeys(SHOWN[3:], "x"),
        "statistic": "not shown",
        "figure": ["figure4__desk", "–", "other"],
    }
)


def test_the_strip_counts_every_verdict() -> None:
    items = re.findall(r'<li class="verdict v(\d)" data-verdict="(\d)"><b>(\d+)</b> ([^<]*)</li>',
                       ledger.strip(JUDGED))  # fmt: skip
    assert items == [
        (str(i), str(i), {0: "1", 1: "2"}.get(i, "0"), name) for i, name in enumerate(VERDICTS)
    ]


def test_a_claim_stands_with_its_verdict_first_and_leads_to_its_chapter() -> None:
    text = ledger.table(JUDGED)
    assert re.findall(r'<th scope="col">([^<]+)', text) == SHOWN
    assert "not shown" not in text
    first, second, third = re.findall(r'<tr data-verdict="(\d)">(.*)</tr>', text)
    assert [row[0] for row in (first, second, third)] == ["1", "0", "1"]
    assert first[1] == (
        f'<td><span class="verdict v1">{VERDICTS[1]}</span></td>'
        '<td><a href="#figure4__desk">A is &lt; B</a></td><td>desk</td>' + 5 * "<td>x</td>"
    )
    assert '<td class="long">It learns' in second[1]
    assert "<a" not in second[1]
    assert '<a href="#other">C</a>' in third[1]


def test_a_table_scrolls_inside_itself_and_shows_code() -> None:
    frame = pd.DataFrame({"n": [1234], "command": ["`python -m x > y`"]})
    assert table(frame, "It's") == (
        '<div class="scroll" role="region" aria-label="It&#x27;s" tabindex="0"><table>'
        '<thead><tr><th scope="col">n</th><th scope="col">command</th></tr></thead>\n'
        "<tbody><tr><td>1,234</td><td><code>python -m x &gt; y</code></td></tr>\n</tbody>"
        "</table></div>\n"
    )


def test_files_without_links_are_not_headed() -> None:
    groups = [("Picture", []), ("Table", [Link("a.csv", "../a.csv"), Link("a.md", "../a.md")])]
    assert downloads(groups) == (
        '<ul class="downloads"><li>Table: <a href="../a.csv">a.csv</a>, '
        '<a href="../a.md">a.md</a></li></ul>\n'
    )


def test_machines_are_counted_by_processor_and_versions() -> None:
    frame = runs_frame({TRPO: [[1.0, 2.0], [1.0], [1.0]]})
    cpus = {0: "A", 1: "A", 2: None}
    rows = catalogue.machines(frame.assign(cpu=frame.seed.map(cpus), versions="python==3.11.2"))
    assert rows.to_numpy().tolist() == [["", "python==3.11.2", 1], ["A", "python==3.11.2", 2]]
