"""Tables in LaTeX and figures in PDF: whole, escaped, the same bytes again."""

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import committed, found, runs_frame

from analysis import drawing, latex


def test_a_table_has_its_rules_and_its_numbers_to_the_right() -> None:
    table = pd.DataFrame({"step size": ["δ = 0.01", "λ = 3"], "n": [2, 1200], "a_b": ["–", "0.5"]})
    assert latex.tabular(table) == (
        "\\begin{tabular}{lrr}\n"
        "\\toprule\n"
        "step size & n & a\\_b \\\\\n"
        "\\midrule\n"
        "$\\delta$ = 0.01 & 2 & -- \\\\\n"
        "$\\lambda$ = 3 & 1,200 & 0.5 \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("95 % of A & B", r"95 \% of A \& B"),
        ("gae_lambda=0.9", r"gae\_lambda=0.9"),
        ("γ", r"$\gamma$"),
        ("0–1", "0--1"),
        ("[1, 2]", "{[}1, 2{]}"),
        ("{a}^2~$#", r"\{a\}\textasciicircum{}2\textasciitilde{}\$\#"),
        ("C:\\new", r"C:\textbackslash{}new"),
        ("two\nlines", "two lines"),
    ],
)
def test_what_latex_would_read_as_something_else_is_escaped(text: str, shown: str) -> None:
    assert latex.escaped(text) == shown


def _bare(text: str) -> str:
    """The text without what is escaped."""
    return re.sub(r"\\[&%$#_{}|]", "", text)


def _balanced(text: str) -> None:
    """Every row has as many cells as there are columns; braces and dollars close."""
    first, *rows = text.splitlines()
    columns = len(first.removeprefix("\\begin{tabular}{").removesuffix("}"))
    cells = [row for row in rows if row.endswith(r" \\")]
    assert len(cells) == len(rows) - 4
    for row in cells:
        assert _bare(row).count("&") == columns - 1
        assert _bare(row).count("{") == _bare(row).count("}")
        assert _bare(row).count("$") % 2 == 0
        assert re.findall(r"(?<!\\)[%#_^~]", re.sub(r"\$[^$]*\$", "", _bare(row))) == []


@pytest.fixture(scope="module")
def tables() -> dict[str, str]:
    """Every committed table in LaTeX."""
    return {each.stem: latex.tabular(each.table.words) for each in committed().found}


def test_every_committed_table_is_balanced_and_ascii(tables: dict[str, str]) -> None:
    assert len(tables) > 4
    for text in tables.values():
        _balanced(text)
        assert text.isascii()


@pytest.mark.skipif(not shutil.which("pdflatex"), reason="no pdflatex to compile with")
def test_every_committed_table_compiles(tables: dict[str, str], tmp_path: Path) -> None:
    body = "\n\n".join(tables.values())
    (tmp_path / "all.tex").write_text(
        f"\\documentclass{{article}}\\usepackage{{booktabs}}\\begin{{document}}{body}\\end{{document}}"
    )
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "all.tex"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)


def test_a_figure_in_pdf_has_the_same_bytes_and_no_date() -> None:
    frame = runs_frame({("trpo_single_path", 0.01): [[1.0, 2.0], [2.0, 4.0]]})
    [each] = found(frame).values()
    figures = (each.chapter.draw(each.own, each.scale) for _ in range(2))
    first, second = (drawing.render(figure, "pdf") for figure in figures)
    assert first == second
    assert first.startswith(b"%PDF")
    assert b"Date" not in first
    assert b"/Type3" not in first
