"""From run directories to files: what is written, byte for byte, and what is refused."""

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from analysis_runs import measurement, runs_frame, write_figure4, write_run

from analysis import chapters, drawing, load, report, statistics, tables
from analysis.names import METHODS, look, method_rank, step_size

ROOT = Path(__file__).parents[1]
STEMS = ["figure4__demo", "modern__demo", "modern__desk", "step_rules__demo", "tuning__demo",
         "variance__demo"]  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs of every experiment, one failed, one unfinished, one of no experiment."""
    directory = tmp_path_factory.mktemp("results")
    runs = directory / "runs"
    rising = [float(100 * i) for i in range(1, 11)]
    for seed in range(2):
        write_run(runs, rising, seed=seed, scale__name="desk")
        write_run(runs, rising, seed=seed)
        for k in range(3):
            write_run(runs, rising, experiment="step_rules", seed=seed, algo__name="vanilla_pg",
                      algo__delta=0.001 * 3**k)  # fmt: skip
        write_run(runs, rising, experiment="step_rules", seed=seed)
        for penalty in (1.0, 3.0, 9.0):
            write_run(runs, rising, experiment="tuning_walker", seed=100 + seed,
                      env__name="walker2d", algo__name="natural_gradient", algo__delta=None,
                      algo__penalty=penalty)  # fmt: skip
        for sampler in ("single_path", "vine", "vine_independent"):
            turns = [measurement(k, sampler, at) for at in (0, 15) for k in (1, 4)]
            write_run(runs, rising[:4], measured=turns, experiment="variance", seed=seed,
                      algo__name="gradient_variance", sampler__name=sampler)  # fmt: skip
    for panel in ("cartpole", "swimmer", "walker"):
        write_figure4(runs, panel, rising)
    write_run(runs, [1.0], experiment="variance", algo__name="gradient_variance", seed=9,
              status="running", measured=[measurement(1, "vine", 0)])  # fmt: skip
    write_run(runs, [1.0, 2.0], algo__name="natural_gradient", algo__penalty=1.0, status="failed")
    write_run(runs, [1.0, 2.0, 3.0], algo__name="tnpg", status="running")
    write_run(runs, [1.0], experiment=None)
    return directory


@pytest.fixture(scope="module")
def printed(results: Path) -> list[str]:
    """What the whole report, run as a user runs it, prints."""
    command = [sys.executable, "-W", "error", "-m", "analysis.report", "--results", str(results)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    return done.stdout.split()


def _files(directory: Path) -> dict[str, bytes]:
    paths = (path for path in directory.rglob("*") if path.is_file())
    return {str(path.relative_to(directory)): path.read_bytes() for path in paths}


def test_everything_is_written_and_named(results: Path, printed: list[str]) -> None:
    for stem in STEMS:
        for name in (f"figures/{stem}.png", f"figures/{stem}.svg", f"tables/{stem}.md"):
            assert str(results / name) in printed
            assert (results / name).stat().st_size > 0
    assert str(results / "report.html") == printed[-1]
    assert all(Path(name).exists() for name in printed)


@pytest.mark.usefixtures("printed")
def test_figures_come_back_byte_for_byte_from_the_data_alone(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    data = ["--results", str(tmp_path / "nothing"), "--data", str(results / "data")]
    for step in ("figures", "tables", "claims", "report"):
        assert report.main([*data, "--out", str(out), "--only", step]) == 0
    again = _files(out)
    first = {name: content for name, content in _files(results).items() if name in again}
    assert len(again) == 4 * len(STEMS) + 3
    assert again == first


def test_the_readers_own_matplotlib_settings_change_nothing() -> None:
    import matplotlib

    frame = runs_frame({("trpo_single_path", 0.01): [[1.0, 2.0], [2.0, 4.0]]})
    [chapter] = chapters.chapters(frame.drop(columns="tried"))
    plain = drawing.render(chapters.draw(chapter), "svg")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False, "lines.linewidth": 5}):
        assert drawing.render(chapters.draw(chapter), "svg") == plain
    assert b"<dc:date>" not in plain


@pytest.mark.usefixtures("printed")
def test_the_page_holds_its_pictures_and_says_what_failed(results: Path) -> None:
    text = (results / "report.html").read_text()
    assert text.count("data:image/svg+xml;base64,") == len(STEMS)
    assert "theta is not finite" in text
    assert "http" not in text.replace("http-equiv", "")


def test_one_fresh_run_is_merged_into_the_committed_ones(tmp_path: Path) -> None:
    """Every committed line stays, byte for byte, in its file and in those without new runs."""
    shutil.copytree(ROOT / "results" / "data", tmp_path / "data")
    before = _files(tmp_path / "data")
    run = write_run(tmp_path / "runs", [1.0, 2.0], scale__name="desk", seed=7)
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    after = _files(tmp_path / "data")
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"modern__desk.csv", "modern__desk.runs.csv"}
    for name in changed:
        old, new = (set(files[name].splitlines()) for files in (before, after))
        assert old < new
        assert all(line.startswith(run.name.encode()) for line in new - old)


def test_a_variant_of_a_committed_run_does_not_take_its_place(tmp_path: Path) -> None:
    """Both stay in the data; the report shows one run a cell, and a done one if there is one."""
    write_run(tmp_path / "runs", [1.0])
    write_run(tmp_path / "runs", [9.0], status="running", gamma=0.5)
    for _ in range(2):
        assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    assert len(load.tidy(tmp_path / "data" / "modern__demo.csv")) == 2
    assert report.read(tmp_path / "data").return_100.tolist() == [1.0]


def test_runs_that_report_nothing_are_shown_as_such(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [None, None])
    write_run(tmp_path / "runs", [], status="failed", env__name="ant")
    write_run(tmp_path / "runs", [], status="running", experiment="step_rules")
    for experiment in ("figure4_hopper", "tuning_hopper", "variance"):
        write_run(tmp_path / "runs", [], status="running", experiment=experiment)
    assert report.main(["--results", str(tmp_path)]) == 0
    rows = (tmp_path / "tables" / "modern__demo.md").read_text().splitlines()[2:]
    assert rows[0].startswith("| Hopper | TRPO, single path | δ = 0.01 | 0 of 1 | – | – | 0 | 0 |")
    assert rows[1].startswith("| Ant | TRPO, single path | δ = 0.01 | 0 of 1 | – | – | 1 | 0 |")


def test_without_data_the_error_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main(["--results", str(tmp_path), "--only", "figures"]) == 1
    assert "run `make reproduce` first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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
    text = tables.markdown(tables.final_scores(summary, tables.published())).splitlines()
    assert text[2:] == [
        "| Hopper | TRPO, single path | δ = 0.01 | 5 of 7 | 2,902 [2,500, 3,100] | 2,400 to 3,200 "
        "| 0 | 2 | 1,161 to 3,618 (6 sources) |",
        "| Hopper | natural gradient | λ = 30 | 1 | 12.3 | 12.3 to 12.3 | 1 | 0 "
        "| 1,915 (1 source) |",
    ]


def test_published_numbers_are_of_comparable_tasks_at_one_million_steps() -> None:
    published = tables.published()
    assert {env for env, _ in published.index} == set(tables.COMPARABLE)
    assert published["half_cheetah", "trpo_single_path"] == "689 to 4,471 (5 sources)"


def _cells(**updates: int) -> pd.Series:
    return pd.Series({(env, "natural_gradient"): n for env, n in updates.items()})


def test_the_papers_values_stand_where_our_runs_end() -> None:
    """The hopper's points of iterations 48 and 50 were read off, 49 was not."""
    curve = tables.paper_figure4().query("env == 'hopper' and method == 'natural_gradient'")
    low, high = (curve[curve.iteration == at].reward_per_step.item() for at in (48, 50))
    assert 49 not in set(curve.iteration)
    words = tables.paper_figure4_at(_cells(cartpole=49, swimmer=199, hopper=49))
    assert words.to_dict() == {
        ("cartpole", "natural_gradient"): "9.91 (iteration 49)",
        ("swimmer", "natural_gradient"): "0.0489 (iteration 49, its last)",
        ("hopper", "natural_gradient"): f"{(low + high) / 2:.3g} (iteration 49)",
    }


def test_the_table_of_figure4_has_every_method_and_says_how_it_was_tuned(
    results: Path, printed: list[str]
) -> None:
    assert str(results / "tables" / "figure4__demo.md") in printed
    lines = (results / "tables" / "figure4__demo.md").read_text().splitlines()
    header, _, *rows = [line.strip("| ").split(" | ") for line in lines]
    assert header[-2:] == ["paper, Figure 4", "tuned"]
    assert len(rows) == 8 + 7 + 5
    assert all("(iteration 9)" in row[-2] for row in rows)
    tuned = {(row[0], row[1]): row[-1] for row in rows if row[-1] != "–"}
    words = "λ = 1, best of 3 on seeds 100–101 (tuning_walker at demo)"
    assert tuned == {("Walker", "natural gradient"): words}


def test_tuning_and_variance_in_words(results: Path, printed: list[str]) -> None:
    assert str(results / "tables" / "tuning__demo.md") in printed
    rows = (results / "tables" / "tuning__demo.md").read_text().splitlines()[2:]
    assert rows[0] == "| Walker | natural gradient | λ = 1 | 2 | 1 [1, 1] | 0 | ← |"
    assert rows[2] == "| Walker | natural gradient | λ = 9 | 2 | 1 [1, 1] | 0 |  |"
    rows = (results / "tables" / "variance__demo.md").read_text().splitlines()[2:]
    assert rows[:3] == [
        "| Hopper | 0 | Q samples | single path / vine | 10 [10, 10] | 2 of 3 | 0 |",
        "| Hopper | 0 | Q samples | vine without common random numbers / vine | 4 [4, 4] "
        "| 2 of 3 | 0 |",
        "| Hopper | 0 | simulator steps | single path / vine | 2 [2, 2] | 2 of 3 | 0 |",
    ]


@pytest.mark.parametrize("methods", [["cem"], ["trpo_vine", "rwr"]])
def test_a_panel_with_some_of_its_methods_is_drawn(methods: list[str]) -> None:
    cells = {(method, float("nan")): [[1.0, 2.0]] for method in methods}
    frame = runs_frame(cells, experiment="figure4_hopper").drop(columns="tried")
    [chapter] = chapters.chapters(statistics.as_panels(frame))
    assert drawing.render(chapters.draw(chapter), "png")
    assert len(chapters.tabulate(chapter)[1]) == len(methods)


def test_a_legend_has_each_method_once() -> None:
    shown = drawing.method_lines(["cem", "trpo_vine", "cem", "trpo_single_path"])
    assert [line["label"] for line in shown] == ["TRPO, single path", "TRPO, vine", "CEM"]


def test_every_method_of_the_paper_has_its_own_colour() -> None:
    assert set(tables.paper_figure4().method) <= set(METHODS)
    assert len({each.colour for each in METHODS.values()}) == len(METHODS)
    assert look("mine_own").label == "mine own"


def test_a_vine_has_a_look_of_its_own_behind_its_algorithm() -> None:
    vine = look("natural_gradient_vine")
    assert vine.label == "natural gradient, vine"
    assert vine.colour == "#EAAF80"  # halfway from #D55E00 to white
    assert method_rank("natural_gradient_vine") == method_rank("natural_gradient") + 1
    assert step_size("natural_gradient_vine", 3.0) == "λ = 3"
    assert step_size("max_kl_vine", 0.01) == "δ = 0.01"


def test_importing_the_report_loads_no_plotting() -> None:
    code = "import sys, analysis.report; print('matplotlib' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
