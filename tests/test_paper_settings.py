"""The paper's Tables 2 and 3 beside our configuration: composed anew, compared, explained."""

from pathlib import Path

import pandas as pd
import pytest

from analysis import page, published, report, settings
from runners import paper_settings

DATA = Path(__file__).parents[1] / "results" / "data"
HEADER = "table,column,row,value\n"


@pytest.fixture
def compared() -> pd.DataFrame:
    """Our committed configuration beside the paper's."""
    return settings.compared(DATA)


@pytest.mark.process
def test_the_committed_configuration_is_what_is_composed_today(tmp_path: Path) -> None:
    """Else: python -m runners.paper_settings, then make tables."""
    path = tmp_path / "new" / settings.FILE
    assert paper_settings.main(["--out", str(path)]) == 0
    assert path.read_text() == (DATA / settings.FILE).read_text()


def test_single_path_and_vine_must_agree_where_a_table_has_one_value() -> None:
    value = paper_settings.shared(lambda run: run)
    runs = [paper_settings.Both(*pair, None, 0) for pair in (("a", "a"), ("a", "b"))]
    assert value(runs[0]) == "a"
    with pytest.raises(ValueError, match="single path and vine differ: "):
        value(runs[1])


def test_every_difference_has_a_reason_and_every_reason_a_difference(
    compared: pd.DataFrame,
) -> None:
    keys = [tuple(key) for key in compared[compared.differs][settings.KEY].to_numpy()]
    assert sorted(settings.reasons()) == sorted(keys)
    assert (compared.reason.astype(bool) == compared.differs).all()


def test_nothing_of_the_papers_tables_is_left_out(compared: pd.DataFrame) -> None:
    """18 rows of three tasks, one row being said of both samplers, and 9 of the games."""
    assert len(published.settings()) == 18 * 3 + 9
    assert compared.paper.notna().all()
    assert len(compared) == len(published.settings())


def test_what_differs_is_marked_and_told_by_task(compared: pd.DataFrame) -> None:
    second, third = (table.words for _, table in settings.tables(compared))
    assert list(second) == ["setting", "Swimmer", "Hopper", "Walker", "why"]
    rows = second.set_index("setting")
    assert rows.loc["state dimensions"].tolist()[:3] == ["10", "12", "18 ≠ 20"]
    assert rows.loc["state dimensions", "why"].startswith("Walker: the text of §8.1 says 18")
    assert rows.loc["discount γ"].tolist() == ["0.99", "0.99", "0.99", "–"]
    assert "Hopper, Walker: 2,500 states" in rows.why.str.cat()
    assert third.iloc[0].tolist() == ["policy parameters", "33,500", "–"]


def test_the_page_shows_both_tables(compared: pd.DataFrame) -> None:
    text = page.markdown(settings.sections(compared))
    assert [text.count(f"## {title}\n") for title in settings.TITLES.values()] == [1, 1]
    assert "| 18 ≠ 20 |" in text


def _written(tmp_path: Path, lines: str) -> pd.DataFrame:
    (tmp_path / settings.FILE).write_text(HEADER + lines)
    return settings.compared(tmp_path)


def test_what_the_paper_has_not_is_a_difference_and_what_we_have_not_too(tmp_path: Path) -> None:
    found = _written(tmp_path, "table2,hopper,layers,1\ntable2,hopper,action_dim,3\n")
    rows = dict(settings.tables(found))["table2"].words.set_index("setting")
    assert rows.Hopper["layers"] == "1 ≠ –"
    assert rows.Hopper["control dimensions"] == "3"
    assert rows.Walker["control dimensions"] == "– ≠ 6"
    assert found[found.row == "layers"].differs.tolist() == [True]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (HEADER + "table2,hopper,max_kl,much\n", "could not convert"),
        (HEADER + 2 * "table2,hopper,max_kl,1\n", "a value is there twice"),
        ("table;column\n", "Usecols do not match"),
        ("", "No columns"),
    ],
)
def test_a_damaged_file_is_named(
    tmp_path: Path, text: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "modern__desk.csv").write_text((DATA / "modern__desk.csv").read_text())
    described = "modern__desk.runs.csv"
    (tmp_path / described).write_text((DATA / described).read_text())
    (tmp_path / settings.FILE).write_text(text)
    assert report.main(["--data", str(tmp_path), "--out", str(tmp_path), "--only", "tables"]) == 1
    told = capsys.readouterr().err
    assert settings.FILE in told
    assert words in told


def test_without_a_configuration_there_are_no_such_tables(tmp_path: Path) -> None:
    found = settings.compared(tmp_path)
    assert list(settings.tables(found)) == settings.sections(found) == []
