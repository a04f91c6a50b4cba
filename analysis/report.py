"""The only writer: `python -m analysis.report` collects, draws, tabulates, judges and reports.

Fresh runs under `results/runs` are merged into the tidy data under `results/data`; everything
else is made from that data alone, so the committed data give the committed figures on a fresh
clone. Each chapter is measured once.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis import drawing, evaluations, kinds, load, pages, settings, tidy, words
from analysis.chapter import Data, Found, find
from analysis.chapters.all import CHAPTERS
from analysis.ledger import SHOWN, ledger
from analysis.names import COMMITTED
from analysis.terminal import complain, say
from analysis.web.page import page


class Read(NamedTuple):
    """All tidy runs, every chapter found in them, the ledger of claims, and our settings."""

    runs: pd.DataFrame
    found: Sequence[Found[Any]]
    ledger: pd.DataFrame
    settings: pd.DataFrame

    def committed(self) -> "Read":
        """The scales whose data are committed."""
        found = [each for each in self.found if each.scale in COMMITTED]
        return Read(
            self.runs[self.runs.scale.isin(COMMITTED)],
            found,
            ledger(found, CHAPTERS),
            self.settings,
        )


class Collected(NamedTuple):
    """The files written, and a line about each run or evaluation that is left out as damaged."""

    written: list[Path]
    damaged: list[str]


def collect(results: Path, data: Path) -> Collected:
    """Merge runs into the tidy data of their experiments, and evaluations into theirs.

    Tidy data keep all that they hold.
    """
    frame, damaged = load.runs(results / "runs")
    written = []
    for (experiment, scale), group in frame.groupby(["experiment", "scale"], sort=True):
        readers = [chapter for chapter in CHAPTERS if experiment in chapter.experiments]
        columns = list(dict.fromkeys(name for chapter in readers for name in chapter.columns))
        whole = any(chapter.whole for chapter in readers)
        path, new = data / f"{experiment}__{scale}.csv", group if whole else tidy.thin(group)
        both = tidy.merged(tidy.read(path), new) if path.exists() else new
        written += tidy.save(both, path, columns)
    evaluated = evaluations.load(results / "runs")
    written += _evaluations(evaluated.evaluations, data / evaluations.TIDY)
    return Collected(written, damaged + evaluated.damaged)


def _evaluations(new: pd.DataFrame, path: Path) -> list[Path]:
    """Merge evaluations into their file, if there are any."""
    both = evaluations.merged(evaluations.read(path), new)
    return [evaluations.save(both, path)] if len(new) else []


def read(data: Path) -> Read:
    """All tidy data, each run marked by how it departs from its experiment; chapters measured.

    Raises ValueError where there are none.
    """
    runs = kinds.marked(tidy.read_all(data))
    evaluated = evaluations.read(data / evaluations.TIDY)
    found = list(find(CHAPTERS, Data(runs, evaluated)))
    return Read(runs, found, ledger(found, CHAPTERS), settings.compared(data))


def figures(read: Read, out: Path) -> Iterator[Path]:
    """The picture of every chapter, as PNG and SVG."""
    for found in read.found:
        if figure := found.picture():
            for kind in drawing.KINDS:
                path = out / "figures" / f"{found.stem}.{kind}"
                yield _write(path, drawing.render(figure, kind))


def tables(read: Read, out: Path) -> Iterator[Path]:
    """The table of every chapter, and the paper's of settings, as CSV and Markdown."""
    measured = ((found.stem, found.table()) for found in read.found)
    for name, table in [*measured, *settings.tables(read.settings)]:
        path = out / "tables" / f"{name}.csv"
        yield _write(path, _csv(table.numbers))
        yield _write(path.with_suffix(".md"), words.markdown(table.words))


def claims(read: Read, out: Path) -> Iterator[Path]:
    """All verdicts, as CSV and Markdown."""
    yield _write(out / "tables" / "claims.csv", _csv(read.ledger))
    yield _write(out / "tables" / "claims.md", words.markdown(read.ledger[SHOWN]))


def changed(judged: pd.DataFrame, path: Path) -> list[str]:
    """A line about each claim whose verdict is not the one in the file, or which it lacks."""
    old, new = (
        dict(zip(zip(table.claim, table.scale, strict=True), table.verdict, strict=True))
        for table in (pd.read_csv(path), judged)
    )
    return [
        f"{text} ({scale}): {new.get((text, scale), 'no claim')}, "
        f"and not {old.get((text, scale), 'no claim')} as in {path}"
        for text, scale in dict.fromkeys([*old, *new])
        if old.get((text, scale)) != new.get((text, scale))
    ]


def report(read: Read, out: Path) -> Iterator[Path]:
    """The page with everything in it."""
    yield _write(out / "report" / "index.html", page(*read))


def readme(read: Read, out: Path) -> Iterator[Path]:
    """The page of the results folder, and the generated block of the front page above it."""
    kept = read.committed()
    yield _write(out / "README.md", pages.results(*kept))
    front = out.parent / "README.md"
    if front.exists():
        text = front.read_text(encoding="utf-8")
        if (filled := pages.filled(text, pages.block(kept.found, kept.ledger))) != text:
            yield _write(front, filled)


STEPS: dict[str, Callable[[Read, Path], Iterator[Path]]] = {
    "figures": figures,
    "tables": tables,
    "claims": claims,
    "report": report,
    "readme": readme,
}
"""What is made of the data, in order."""
DATA = "data"


def _write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.7g", lineterminator="\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the steps asked for, print the files written, and return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m analysis.report", description=main.__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="holds runs/")
    parser.add_argument("--data", type=Path, help="tidy data (default: RESULTS/data)")
    parser.add_argument("--out", type=Path, help="figures, tables, page (default: RESULTS)")
    choices = [DATA, *STEPS]
    parser.add_argument("--only", choices=choices, action="append", help="this step only")
    parser.add_argument("--check", action="store_true", help="write nothing: show the claims, and "
                        "tell if a verdict is not as in OUT/tables/claims.csv")  # fmt: skip
    given = parser.parse_args(arguments)
    data, out = given.data or given.results / "data", given.out or given.results
    try:
        if given.check:
            return check(read(data), out)
        write(given.only or choices, given.results, data, out)
    except (OSError, ValueError) as problem:
        complain(f"error: {problem}")
        return 1
    return 0


def write(asked: Sequence[str], results: Path, data: Path, out: Path) -> None:
    """Take these steps, and print the files written."""
    steps = [make for name, make in STEPS.items() if name in asked]
    collected = collect(results, data) if DATA in asked else Collected([], [])
    for line in collected.damaged:
        complain(f"warning: left out, damaged: {line}")
    written = collected.written
    if steps:
        found = read(data)
        written += [path for make in steps for path in make(found, out)]
    for path in written:
        say(str(path))


def check(read: Read, out: Path) -> int:
    """Show all verdicts; the exit status is 1 if one is not as it was written."""
    judged = read.ledger
    for row in judged.itertuples(index=False):
        verdict, text, scale, runs, shown, *_ = row
        say(f"{verdict:13}{text} ({scale}; runs {runs or 0}): {shown}")
    others = changed(judged, out / "tables" / "claims.csv")
    for line in others:
        complain(f"changed: {line}")
    say(f"{len(judged)} claims, {len(others)} changed")
    return int(bool(others))


if __name__ == "__main__":
    raise SystemExit(main())
