"""How `analysis` is built: no name is compared with a string, and every arrow runs down."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from analysis_runs import found, judged, runs_frame

from analysis.chapter import Chapter, Data, Table
from analysis.claim import Claim
from analysis.rules import ABOVE
from analysis.sides import Pairs, pair

ROOT = Path(__file__).parents[1] / "analysis"
MODULES = sorted(ROOT.rglob("*.py"))
CHAPTERS = sorted((ROOT / "chapters").glob("*.py"))
MAY_IMPORT = {
    **{"all": None, "figure4": {"tuning", "figure4_claims"}},
    **{name: {"finite"} for name in ("theory_line", "theory_bounds", "theory_steps")},
}
"""Which chapters import others: None is all of them."""


def _strings(node: ast.expr) -> Iterator[str]:
    """The strings of one side of a comparison, be they in a list."""
    inside = node.elts if isinstance(node, ast.Tuple | ast.List | ast.Set) else [node]
    yield from (n.value for n in inside if isinstance(n, ast.Constant) and isinstance(n.value, str))


@pytest.mark.parametrize("path", MODULES, ids=lambda path: path.stem)
def test_nothing_is_compared_with_a_literal_string(path: Path) -> None:
    tree = ast.parse(path.read_text())
    sides = [
        s for n in ast.walk(tree) if isinstance(n, ast.Compare) for s in (n.left, *n.comparators)
    ]
    assert [text for side in sides for text in _strings(side) if text != "__main__"] == []
    assert not any(isinstance(node, ast.Match) for node in ast.walk(tree))


@pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)
def test_a_chapter_imports_no_other(path: Path) -> None:
    names = {other.stem for other in CHAPTERS}
    imported = {
        name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom) and node.module
        for name in [*node.module.split("."), *(alias.name for alias in node.names)]
        if node.module.startswith("analysis.chapters")
    }
    allowed = MAY_IMPORT.get(path.stem, set())
    assert allowed is None or imported & names <= allowed


def test_one_module_alone_knows_which_chapters_there_are() -> None:
    importing = {p.stem for p in ROOT.glob("*.py") if "from analysis.chapters" in p.read_text()}
    assert importing == {"read"}


def test_a_new_figure_is_one_value() -> None:
    """Its runs are found, measured once, drawn, tabulated and judged by what it says itself."""
    from matplotlib.figure import Figure

    measured = []

    def measure(runs: pd.DataFrame, every: Data) -> pd.Series:
        measured.append(len(runs))
        return runs.groupby("run_id").return_100.last()

    def draw(ends: pd.Series, scale: str) -> Figure:
        figure = Figure()
        figure.subplots().plot(ends.to_numpy())
        return figure

    claim: Claim[pd.Series, Pairs] = Claim(
        *("it ends above 1", "§0", "my_own", "the end", ABOVE),
        lambda ends: pair(ends.to_numpy(), 1.0, 0.1),
    )
    mine = Chapter(
        name="mine",
        title="Mine",
        text="",
        experiments=("my_own",),
        measure=measure,
        draw=draw,
        tabulate=lambda ends: Table(ends.to_frame(), ends.to_frame()),
        claims=(claim,),
    )
    frame = runs_frame({("trpo_single_path", 0.01): [[2.0], [2.1]]}, experiment="my_own")
    [each] = found(frame, [mine]).values()
    assert each.picture.get_axes()[0].get_lines()[0].get_ydata().tolist() == [2.0, 2.1]
    assert len(each.table.words) == 2
    assert judged(each).verdict.tolist() == ["reproduced"]
    assert (each.stem, measured) == ("mine__demo", [2])
