"""Files that were edited, copied or cut: each is named in one line, and nothing is made of less."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from analysis_atari import write_evaluation
from analysis_runs import judged, write_run

from analysis import evaluations, kinds, load, report, tidy
from analysis.chapter import Data, find
from analysis.chapters.all import CHAPTERS
from analysis.files import DamagedError

DATA = Path(__file__).parents[1] / "results" / "data"


def _saved(tmp_path: Path) -> Path:
    """Tidy data of two runs, of two iterations each."""
    write_run(tmp_path / "runs", [1.5, 2.5])
    write_run(tmp_path / "runs", [3.5, 4.5], seed=1)
    path = tmp_path / "modern__desk.csv"
    tidy.save(load.runs(tmp_path / "runs").runs, path)
    return path


Edit = Callable[[str], str]
EDITS: list[tuple[str, Edit, str]] = [
    (".csv", lambda t: t.replace(",", ";"), ".csv:1: separated by semicolons"),
    (".csv", lambda t: t.replace(",", "\t"), ".csv:1: separated by tabs"),
    (".csv", lambda t: t.replace(",1.5,", ',"1,5",', 1), ".csv:2: return_mean is 1,5, which is no"),
    (".csv", lambda t: t.replace(",2.5,", ",#REF!,", 1), ".csv:3: return_mean is #REF!, which is"),
    (".csv", lambda t: t.replace(",2.5,", ",nan,", 1), ".csv:3: return_mean is nan, which is no"),
    (".csv", lambda t: t.replace(",2.5,", ",-inf,", 1), ".csv:3: return_mean is -inf, which is no"),
    (
        ".csv",
        lambda t: t.replace("return_100", "score"),
        ".csv:1: its column return_100 is missing",
    ),
    (".csv", lambda t: t.replace("kl_mean", "entropy"), ".csv:1: its column kl_mean is missing"),
    (".csv", lambda t: t.replace(",200,", ",200.5,", 1), "env_steps is 200.5, which is no whole"),
    (".csv", lambda t: t + "trpo-000,3,4\n", ".csv:6: 3 columns where 9 are due"),
    (".csv", lambda t: t + "\n", ".csv:6: 0 columns where 9 are due"),
    (
        ".csv",
        lambda t: t + t.splitlines()[1] + "\n",
        ".csv:6: trpo-000 (iteration 1) is there twice",
    ),
    (".csv", lambda t: t[:-3], ".csv: its last line is cut short"),
    (".csv", lambda t: "", ".csv: empty"),
    (".csv", lambda t: t.replace("trpo-001,", "trpo-002,"), "its runs are not those of modern__"),
    (".runs.csv", lambda t: t.replace(",", ";"), ".runs.csv:1: separated by semicolons"),
    (".runs.csv", lambda t: t.replace("settings", "set"), "1: its column settings is missing"),
    (".runs.csv", lambda t: t.replace(",100,done", ",many,done"), "steps_per_iteration is many"),
    (".runs.csv", lambda t: t + t.splitlines()[1] + "\n", ".runs.csv:4: trpo-000 is there twice"),
    (".runs.csv", lambda t: "", ".runs.csv: empty"),
]


@pytest.mark.parametrize(("suffix", "edit", "message"), EDITS)
def test_an_edited_tidy_file_is_refused_with_its_place(
    tmp_path: Path, suffix: str, edit: Edit, message: str
) -> None:
    path = _saved(tmp_path)
    edited = path.with_suffix(suffix)
    edited.write_text(edit(edited.read_text()))
    with pytest.raises(DamagedError) as caught:
        tidy.read(path)
    assert str(caught.value).startswith(str(tmp_path / "modern__desk"))
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_tidy_file_in_another_encoding_is_refused(tmp_path: Path) -> None:
    path = _saved(tmp_path).with_suffix(".runs.csv")
    path.write_bytes(path.read_text().replace("A, B", "Ä").encode("cp1252"))
    with pytest.raises(DamagedError, match=r"desk\.runs\.csv: byte \d+ is not UTF-8"):
        tidy.read(path.with_name("modern__desk.csv"))


def test_windows_line_ends_and_a_byte_order_mark_change_nothing(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    before = tidy.read(path)
    for each in (path, path.with_suffix(".runs.csv")):
        each.write_bytes(each.read_text().replace("\n", "\r\n").encode("utf-8-sig"))
    pd.testing.assert_frame_equal(tidy.read(path), before)


@pytest.mark.parametrize("gone", [".csv", ".runs.csv"])
def test_half_of_a_pair_of_files_is_named(tmp_path: Path, gone: str) -> None:
    path = _saved(tmp_path)
    other = path.with_name("theory__demo.csv")
    for suffix in (".csv", ".runs.csv"):
        other.with_suffix(suffix).write_text(path.with_suffix(suffix).read_text())
    other.with_suffix(gone).unlink()
    found = tidy.read_all(tmp_path)
    assert set(found.runs.run_id) == {"trpo-000", "trpo-001"}
    assert list(found.damaged.values()) == [f"{other.with_suffix(gone)}: missing"]


def test_a_copy_of_a_file_does_not_count_its_runs_twice(tmp_path: Path) -> None:
    path = _saved(tmp_path)
    for suffix in (".csv", ".runs.csv"):
        copy = path.with_name(f"modern__desk (copy){suffix}")
        copy.write_text(path.with_suffix(suffix).read_text())
    found = tidy.read_all(tmp_path)
    assert len(found.runs) == 4
    [line] = found.damaged.values()
    assert line.endswith("trpo-000 stands in " + str(tmp_path / "modern__desk (copy).csv") + " too")


def test_a_count_keeps_all_of_its_digits_beside_a_run_without_rows(tmp_path: Path) -> None:
    path = write_run(tmp_path / "runs", [1.0])
    metrics = path / "metrics.csv"
    metrics.write_text(metrics.read_text().replace("\n1,100,", "\n1,123456789,"))
    write_run(tmp_path / "runs", [], status="failed", seed=1)
    tidy.save(load.runs(tmp_path / "runs").runs, tmp_path / "a__demo.csv")
    rows = (tmp_path / "a__demo.csv").read_text().splitlines()[1:]
    assert [row.split(",")[1:4] for row in rows] == [["1", "123456789", "1"], ["0", "", ""]]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A reported folder: two experiments and an evaluation."""
    for experiment in ("modern", "step_rules"):
        for seed in range(2):
            write_run(tmp_path / "runs", [1.0, 2.0], experiment=experiment, seed=seed, scale="desk")
    write_evaluation(tmp_path / "runs" / "random")
    assert report.main(["--results", str(tmp_path)]) == 0
    return tmp_path


def _kept(results: Path) -> dict[str, bytes]:
    paths = (p for p in results.rglob("*") if p.is_file() and "runs/" not in str(p))
    return {str(path.relative_to(results)): path.read_bytes() for path in paths}


def test_a_damaged_file_stops_neither_the_others_nor_costs_what_was_made_of_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit status 1; nothing that needs the file changes, not even by new runs."""
    write_run(results / "runs", [9.0, 9.0], seed=7, scale="desk")
    write_run(results / "runs", [9.0, 9.0], seed=7, scale="desk", experiment="step_rules")
    path = results / "data" / "modern__desk.csv"
    path.write_text(path.read_text().replace(",", ";"))
    before = _kept(results)
    capsys.readouterr()
    assert report.main(["--results", str(results)]) == 1
    after = _kept(results)
    changed = {name for name in after if after[name] != before.get(name)}
    assert changed == {
        *("data/step_rules__desk.csv", "data/step_rules__desk.runs.csv"),
        "report/index.html",
        *("tables/step_rules__desk.csv", "tables/step_rules__desk.md"),
        *("figures/step_rules__desk.png", "figures/step_rules__desk.svg"),
        *("report/figures/step_rules__desk.pdf", "report/tables/step_rules__desk.tex"),
    }
    assert set(before) <= set(after)
    lines = capsys.readouterr().err.splitlines()
    assert lines == [
        f"error: {path}:1: separated by semicolons: a spreadsheet saved it; "
        "the file stays as it is, and its new runs wait",
        "error: not made, a file of its data is damaged: Learning curves with the modern protocol",
        "error: not made, a file of its data is damaged: All tasks together",
        "error: not made, a file of the data is damaged: claims, readme",
    ]


def test_a_damaged_file_of_evaluations_costs_no_chapter_that_does_not_read_it(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = results / "data" / evaluations.TIDY
    path.write_text("")
    assert report.main(["--results", str(results), "--only", "tables"]) == 1
    err = capsys.readouterr().err
    assert f"error: {path}: empty" in err
    assert "Learning curves" not in err


def test_where_no_file_can_be_read_each_is_named(
    results: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in (results / "data").glob("*.csv"):
        path.write_text("")
    capsys.readouterr()
    assert report.main(["--results", str(results), "--only", "tables"]) == 1
    lines = capsys.readouterr().err.splitlines()
    assert [line.endswith("desk.csv: empty") for line in lines] == [True, True]


def test_verdicts_that_rest_on_less_are_not_in_order(results: Path) -> None:
    asked = ["--results", str(results), "--check"]
    assert report.main(asked) == 0
    (results / "data" / "step_rules__desk.csv").write_text("")
    assert report.main(asked) == 1


@pytest.mark.parametrize("chapter", CHAPTERS, ids=lambda chapter: chapter.name)
def test_a_chapter_reads_no_more_than_it_says(chapter: object) -> None:
    """Its tables and verdicts are the same where nothing else was ever run."""
    runs, _ = tidy.read_all(DATA)
    marked = kinds.marked(runs)
    evaluated = evaluations.read(DATA / evaluations.TIDY)
    names = {*chapter.experiments, *chapter.beside}  # type: ignore[attr-defined]
    own = Data(marked[marked.experiment.isin(names)],
               evaluated if "evaluations" in names else evaluations.NONE)  # fmt: skip
    of_all, of_own = (list(find([chapter], data)) for data in (Data(marked, evaluated), own))  # type: ignore[list-item]
    assert len(of_all) == len(of_own)
    for one, other in zip(of_all, of_own, strict=True):
        pd.testing.assert_frame_equal(one.table.words, other.table.words)
        pd.testing.assert_frame_equal(judged(one), judged(other))


def test_two_runs_of_one_seed_count_once_and_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A copied directory; of the same settings and seed, the run that went further stays."""
    for seed, last in ((0, 1.0), (1, 3.0)):
        write_run(tmp_path / "runs", [last, last], seed=seed)
    again = write_run(tmp_path / "runs", [100.0], seed=1)
    assert report.main(["--results", str(tmp_path), "--only", "data", "--only", "tables"]) == 0
    [line] = capsys.readouterr().err.splitlines()
    assert line == (
        f"warning: left out: {again.name} (demo): seed 1 of the same settings as trpo-001"
    )
    row = (tmp_path / "tables" / "modern__demo.md").read_text().splitlines()[2]
    assert "| 2 | 2 [-10.7, 14.7] |" in row
    assert set(tidy.read(tmp_path / "data" / "modern__demo.csv").run_id) == {
        "trpo-000", "trpo-001", "trpo-002"
    }  # fmt: skip


def test_runs_of_unequal_length_in_a_row_are_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_run(tmp_path / "runs", [1.0, 2.0])
    write_run(tmp_path / "runs", [1.0, 2.0, 9.0], seed=1)
    write_run(tmp_path / "runs", [1.0], seed=2, status="failed")
    assert report.main(["--results", str(tmp_path), "--only", "data", "--only", "tables"]) == 0
    assert capsys.readouterr().err == (
        "warning: runs of 2 to 3 iterations stand in one row: modern, demo: hopper, "
        "trpo_single_path\n"
    )


def test_a_value_that_is_not_finite_is_warned_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_run(tmp_path / "runs", [1.0]) / "metrics.csv"
    path.write_text(path.read_text().replace("0.009", "inf"))
    assert report.main(["--results", str(tmp_path), "--only", "data"]) == 0
    assert capsys.readouterr().err == (
        f"warning: {path}:2: kl_mean is inf, which counts as not reported\n"
    )


def test_one_run_has_no_interval_in_words_or_in_a_picture(tmp_path: Path) -> None:
    for size in (1.0, 3.0):
        write_run(tmp_path / "runs", [5.0], experiment="tuning_hopper", algo="natural_gradient",
                  step_size=size)  # fmt: skip
    frame = kinds.marked(load.runs(tmp_path / "runs").runs)
    [chapter] = find(CHAPTERS, Data(frame, evaluations.NONE))
    assert chapter.table.words.iloc[0].tolist()[3:5] == ["1", "0.005"]
    figure = chapter.picture
    assert figure is not None
    [bars] = figure.get_axes()[0].containers
    _, caps, [bar] = bars.lines
    assert [len(segment) for segment in bar.get_segments()] == [0, 0]
    assert all(pd.isna(cap.get_ydata()).all() for cap in caps)


@pytest.mark.parametrize("experiment", ["step_rules", "tuning_hopper"])
def test_methods_without_a_step_size_have_rows_and_no_place_in_a_sweep(
    tmp_path: Path, experiment: str
) -> None:
    write_run(tmp_path / "runs", [5.0], experiment=experiment, algo="cem", step_size=None)
    frame = kinds.marked(load.runs(tmp_path / "runs").runs)
    [chapter] = find(CHAPTERS, Data(frame, evaluations.NONE))
    assert len(chapter.table.words) == 1
    figure = chapter.picture
    assert figure is not None
    assert figure.get_axes()[0].containers == []


def test_a_scale_of_ones_own_has_its_chapter_after_ours(tmp_path: Path) -> None:
    for scale in ("huge", "demo"):
        write_run(tmp_path / "runs", [1.0], scale=scale)
    frame = kinds.marked(load.runs(tmp_path / "runs").runs)
    scales = [each.scale for each in find(CHAPTERS, Data(frame, evaluations.NONE))]
    assert scales == ["demo", "huge"]


def test_methods_and_tasks_that_nobody_knows_come_last_by_their_names(tmp_path: Path) -> None:
    for i, algo in enumerate(("zeta", "alpha", "trpo")):
        for task in ("zoo", "hopper", "ark"):
            write_run(tmp_path / "runs", [1.0], algo=algo, task=task, step_size=0.01 + i / 100)
    frame = kinds.marked(load.runs(tmp_path / "runs").runs)
    chapter = next(find(CHAPTERS, Data(frame, evaluations.NONE)))
    rows = chapter.table.words[["task", "method"]].to_numpy().tolist()
    methods = ["TRPO, single path", "alpha", "zeta"]
    assert rows == [[task, method] for task in ("Hopper", "ark", "zoo") for method in methods]
