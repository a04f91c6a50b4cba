"""From run directories to files: what is written, byte for byte, and what is refused."""

import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import pytest
from analysis_runs import found, measurement, runs_frame, write_figure4, write_run

from analysis import drawing, pages, report, tidy

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
STEMS = ["figure4__demo", "modern__demo", "modern__desk", "step_rules__demo", "tuning__demo",
         "variance__demo", "own_other_runs__demo"]  # fmt: skip


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Small runs of every experiment, one failed, one unfinished, one of no experiment."""
    directory = tmp_path_factory.mktemp("results")
    runs = directory / "runs"
    rising = [float(100 * i) for i in range(1, 11)]
    for seed in range(2):
        write_run(runs, rising, seed=seed, scale="desk")
        write_run(runs, rising, seed=seed)
        for k in range(3):
            write_run(runs, rising, experiment="step_rules", seed=seed, algo="vanilla_pg",
                      step_size=0.001 * 3**k)  # fmt: skip
        write_run(runs, rising, experiment="step_rules", seed=seed)
        for penalty in (1.0, 3.0, 9.0):
            write_run(runs, rising, experiment="tuning_walker", seed=100 + seed,
                      task="walker2d", algo="natural_gradient", step_size=penalty)  # fmt: skip
        for sampler in ("single_path", "vine", "vine_independent"):
            turns = [measurement(k, sampler, at) for at in (0, 15) for k in (1, 4)]
            write_run(runs, rising[:4], measured=turns, experiment="variance", seed=seed,
                      algo="gradient_variance", sampler=sampler)  # fmt: skip
    for panel in ("cartpole", "swimmer", "walker"):
        write_figure4(runs, panel, rising)
    write_run(runs, [1.0], experiment="variance", algo="gradient_variance", seed=9,
              status="running", measured=[measurement(1, "vine", 0)])  # fmt: skip
    write_run(runs, [1.0, 2.0], algo="natural_gradient", step_size=1.0, status="failed")
    write_run(runs, [1.0, 2.0, 3.0], algo="tnpg", status="running")
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
        for name in (
            *(f"figures/{stem}.png", f"figures/{stem}.svg", f"tables/{stem}.md"),
            *(f"report/figures/{stem}.pdf", f"report/tables/{stem}.tex"),
        ):
            assert str(results / name) in printed
            assert (results / name).stat().st_size > 0
    page = results / "report" / "index.html"
    assert printed[-2:] == [str(page), str(results / "README.md")]
    assert all(Path(name).exists() for name in printed)


@pytest.mark.usefixtures("printed")
def test_figures_come_back_byte_for_byte_from_the_data_alone(results: Path, tmp_path: Path) -> None:
    out = tmp_path / "again"
    data = ["--results", str(tmp_path / "nothing"), "--data", str(results / "data")]
    asked = [word for step in report.STEPS for word in ("--only", step)]
    assert report.main([*data, "--out", str(out), *asked]) == 0
    again = _files(out)
    first = {name: content for name, content in _files(results).items() if name in again}
    assert len(again) == 6 * len(STEMS) + 5
    assert again.keys() == first.keys()
    differing = [name for name in again if again[name] != first[name]]
    assert not differing  # by name: the difference of two pages takes pytest an hour


def test_the_readers_own_matplotlib_settings_change_nothing() -> None:
    import matplotlib

    frame = runs_frame({("trpo_single_path", 0.01): [[1.0, 2.0], [2.0, 4.0]]})
    [each] = found(frame).values()
    plain = drawing.render(each.picture, "svg")
    with matplotlib.rc_context({"font.size": 20, "axes.grid": False, "lines.linewidth": 5}):
        anew = each.chapter.draw(each.own, each.scale)
        assert drawing.render(anew, "svg") == plain
    assert b"<dc:date>" not in plain


@pytest.mark.usefixtures("printed")
def test_the_page_holds_its_pictures_and_says_what_failed(results: Path) -> None:
    text = (results / "report" / "index.html").read_text()
    assert text.count("data:image/svg+xml;base64,") == len(STEMS)
    assert "theta is not finite" in text
    assert text.count("* plotly.js v") == 1
    assert text.count('class="plots"') == 3  # figure4__demo, modern__demo, modern__desk


class _Elements(HTMLParser):
    """The elements of a page: what is open must close, in order; links and marks are kept."""

    VOID = ("meta", "img")

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.links: list[str] = []
        self.marks: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self.open += [tag] * (tag not in self.VOID)
        self.links += [given[name] for name in ("href", "src") if name in given]
        self.marks += [given[name] for name in ("id",) if name in given]
        if tag == "img":
            assert len(given["alt"]) > 40

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.usefixtures("printed")
def test_every_link_of_the_page_leads_somewhere_on_this_disk(results: Path) -> None:
    page = _Elements()
    page.feed((results / "report" / "index.html").read_text())
    assert page.open == []
    assert len(set(page.marks)) == len(page.marks) > len(STEMS)
    links = [link for link in page.links if not link.startswith("data:image/svg+xml;base64,")]
    inside = {link.removeprefix("#") for link in links if link.startswith("#")}
    assert inside == {"claims", "runs", *STEMS}
    files = {link for link in links if not link.startswith("#")}
    assert {f"../figures/{stem}.svg" for stem in STEMS} < files
    assert {f"../tables/{stem}.csv" for stem in STEMS} < files
    assert [link for link in files if not (results / "report" / link).exists()] == []


def test_one_fresh_run_is_merged_into_the_committed_ones(tmp_path: Path) -> None:
    """Every committed line stays, byte for byte, in its file and in those without new runs."""
    shutil.copytree(ROOT / "results" / "data", tmp_path / "data")
    for path in (tmp_path / "data").glob("*__desk.csv"):
        tidy.save(tidy.read(path), path)
    before = _files(tmp_path / "data")
    run = write_run(tmp_path / "runs", [1.0, 2.0], scale="desk", seed=7)
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    after = _files(tmp_path / "data")
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"modern__desk.csv", "modern__desk.runs.csv"}
    for name in changed:
        old, new = (set(files[name].splitlines()) for files in (before, after))
        assert old < new
        assert all(line.startswith(run.name.encode()) for line in new - old)


def test_a_run_in_the_data_stays_when_its_directory_is_gone(tmp_path: Path) -> None:
    gone = write_run(tmp_path / "runs", [1.0])
    kept = write_run(tmp_path / "runs", [2.0], seed=1)
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    before = _files(tmp_path / "data")
    shutil.rmtree(gone)
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    assert _files(tmp_path / "data") == before
    shutil.rmtree(kept)
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    assert _files(tmp_path / "data") == before


def test_a_variant_of_a_run_has_a_row_of_its_own(tmp_path: Path) -> None:
    for seed in range(4):
        write_run(tmp_path / "runs", [1.0], seed=seed)
    for seed in range(2):
        write_run(tmp_path / "runs", [9.0], seed=seed, departures=["gamma=0.5"])
    assert report.main(["--results", str(tmp_path)]) == 0
    rows = (tmp_path / "tables" / "modern__demo.md").read_text().splitlines()
    cells = [row.strip("| ").split(" | ") for row in rows]
    shown = [[row[3], row[4], row[-1]] for row in cells[2:]]
    assert cells[0][-1] == "departs in"
    assert shown == [["4", "1 [1, 1]", "–"], ["2", "9 [9, 9]", "gamma=0.5"]]


def test_a_damaged_run_is_told_of_and_the_rest_is_reported(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs", [1.0])
    cut = write_run(tmp_path / "runs", [2.0, 3.0], seed=1) / "metrics.csv"
    cut.write_text("".join(cut.read_text().splitlines(keepends=True)[:2]))
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line == f"warning: left out, damaged: {cut}: 1 iterations where 2 were done"
    assert len(tidy.read(tmp_path / "data" / "modern__demo.csv")) == 1


def test_runs_that_report_nothing_are_shown_as_such(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [None, None])
    write_run(tmp_path / "runs", [], status="failed", task="ant")
    write_run(tmp_path / "runs", [], status="running", experiment="step_rules")
    for experiment in ("figure4_hopper", "tuning_hopper", "variance"):
        write_run(tmp_path / "runs", [], status="running", experiment=experiment)
    assert report.main(["--results", str(tmp_path)]) == 0
    rows = (tmp_path / "tables" / "modern__demo.md").read_text().splitlines()[2:]
    assert rows[0].startswith("| Hopper | TRPO, single path | δ = 0.01 | 0 of 1 | – | – | 0 | 0 |")
    assert rows[1].startswith("| Ant | TRPO, single path | δ = 0.01 | 0 of 1 | – | – | 1 | 0 |")


def test_runs_of_an_experiment_without_a_chapter_are_counted(tmp_path: Path) -> None:
    write_run(tmp_path / "runs", [1.0], experiment="my_own", scale="desk")
    assert report.main(["--results", str(tmp_path)]) == 0
    assert "| my_own | desk | 1 | 0 | 0 |" in (tmp_path / "README.md").read_text()
    assert tidy.read(tmp_path / "data" / "my_own__desk.csv").return_100.tolist() == [1.0]


def test_without_data_the_error_says_what_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report.main(["--results", str(tmp_path), "--only", "figures"]) == 1
    assert "run `make reproduce` first" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


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
    assert tuned == {("Walker2d", "natural gradient"): words}


def test_tuning_and_variance_in_words(results: Path, printed: list[str]) -> None:
    assert str(results / "tables" / "tuning__demo.md") in printed
    rows = (results / "tables" / "tuning__demo.md").read_text().splitlines()[2:]
    assert rows[0] == "| Walker2d | natural gradient | λ = 1 | 2 | 1 [1, 1] | 0 | ← |"
    assert rows[2] == "| Walker2d | natural gradient | λ = 9 | 2 | 1 [1, 1] | 0 |  |"
    rows = (results / "tables" / "variance__demo.md").read_text().splitlines()[2:]
    assert rows[:3] == [
        "| Hopper | 0 | Q samples | single path / vine | 10 [10, 10] | 2 of 3 | 0 |",
        "| Hopper | 0 | Q samples | vine without common random numbers / vine | 4 [4, 4] "
        "| 2 of 3 | 0 |",
        "| Hopper | 0 | simulator steps | single path / vine | 2 [2, 2] | 2 of 3 | 0 |",
    ]


@pytest.mark.usefixtures("printed")
def test_the_page_of_the_results_shows_the_scales_that_are_committed(results: Path) -> None:
    text = (results / "README.md").read_text()
    assert "figures/modern__desk.png" in text
    assert "demo" not in text.replace("tuning_walker at demo", "")
    command = "`python -m runners.train +experiment=modern scale=desk env=hopper algo=trpo seed=0`"
    assert f"| Hopper | TRPO, single path | δ = 0.01 | 0–1 | 1 | {command} |" in text


def test_the_front_page_above_the_results_has_its_block_filled(tmp_path: Path) -> None:
    front = tmp_path / "README.md"
    front.write_text(f"before\n{pages.BEGIN}\nold\n{pages.END}\nafter\n")
    write_run(tmp_path / "results" / "runs", [1.0, 2.0], scale="desk")
    for _ in range(2):
        assert report.main(["--results", str(tmp_path / "results")]) == 0
        text = front.read_text()
        assert text.startswith(f"before\n{pages.BEGIN}\n**Learning curves")
        assert text.endswith(f" facts about it observed.\n{pages.END}\nafter\n")
        assert "| Hopper | TRPO, single path | 1 | 2 |" in text


def test_importing_the_report_loads_no_plotting() -> None:
    code = "import sys, analysis.report; print('matplotlib' in sys.modules)"
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "False"
