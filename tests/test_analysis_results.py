"""What is committed under results/ is what the committed data give, byte for byte."""

from pathlib import Path

import pytest
from analysis_runs import committed

from analysis import pages, report

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "results"
TABLES = sorted(path for path in (RESULTS / "tables").iterdir() if path.stem != "bench")
"""All but what `make bench` measures."""


@pytest.fixture(scope="module")
def read() -> report.Read:
    return committed()


@pytest.fixture(scope="module")
def again(read: report.Read, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables and verdicts, written again from the data."""
    out = tmp_path_factory.mktemp("again")
    assert [*report.tables(read, out), *report.claims(read, out)]
    return out / "tables"


def test_every_table_is_committed(again: Path) -> None:
    assert sorted(path.name for path in again.iterdir()) == [path.name for path in TABLES]


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.name)
def test_a_committed_table_comes_back_byte_for_byte(path: Path, again: Path) -> None:
    assert (again / path.name).read_bytes() == path.read_bytes()


def test_every_figure_of_the_committed_data_is_committed(read: report.Read) -> None:
    there = {path.name for path in (RESULTS / "figures").iterdir()}
    assert there == {f"{found.stem}.{kind}" for found in read.found for kind in ("png", "svg")}


def test_the_page_of_the_results_is_what_the_data_give(read: report.Read) -> None:
    page = (RESULTS / "README.md").read_text(encoding="utf-8")
    assert page == pages.results(*read.committed()[:4])


def test_the_front_page_shows_what_the_data_give(read: report.Read) -> None:
    front = (ROOT / "README.md").read_text(encoding="utf-8")
    assert front == pages.filled(front, pages.block(read.found, read.ledger))


def test_a_verdict_that_changed_is_told_and_counted(
    again: Path, read: report.Read, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    claims = tmp_path / "tables" / "claims.csv"
    claims.parent.mkdir()
    written = (again / "claims.csv").read_text()
    for text, status in ((written, 0), (written.replace("\nreproduced,", "\nundecided,", 1), 1)):
        claims.write_text(text)
        assert report.check(read, tmp_path) == status
    assert ": reproduced, and not undecided as in " in capsys.readouterr().err
