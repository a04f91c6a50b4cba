"""The only writer: `python -m analysis.report` collects, draws, tabulates, judges and reports.

Fresh runs under `results/runs` are merged into the tidy data under `results/data`; everything
else is made from that data alone, so the committed data give the committed figures on a fresh
clone. Each chapter is measured once.
"""

import argparse
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pandas as pd

from analysis import drawing, latex, pages, settings, words
from analysis.chapter import Table
from analysis.collection import Collected
from analysis.ledger import SHOWN
from analysis.read import Read, collected_from, read
from analysis.terminal import complain, say
from analysis.web.page import page


def figures(read: Read, out: Path) -> Iterator[Path]:
    """The picture of every chapter, as PNG and SVG."""
    for found in read.found:
        if figure := found.picture:
            for kind in drawing.KINDS:
                path = out / "figures" / f"{found.stem}.{kind}"
                yield _write(path, drawing.render(figure, kind))


def tables(read: Read, out: Path) -> Iterator[Path]:
    """The table of every chapter, and the paper's of settings, as CSV and Markdown."""
    for name, table in _tables(read):
        path = out / "tables" / f"{name}.csv"
        yield _write(path, _csv(table.numbers))
        yield _write(path.with_suffix(".md"), words.markdown(table.words))


def _tables(read: Read) -> Iterator[tuple[str, Table]]:
    """Every table by the name of its files."""
    yield from ((found.stem, found.table) for found in read.found)
    yield from settings.tables(read.settings)


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


def printed(read: Read, out: Path) -> Iterator[Path]:
    """For print: the picture of every chapter as PDF, its table in LaTeX, and the verdicts."""
    for found in read.found:
        if figure := found.picture:
            path = out / "report" / "figures" / f"{found.stem}.pdf"
            yield _write(path, drawing.render(figure, "pdf"))
    for name, table in _tables(read):
        path = out / "report" / "tables" / f"{name}.tex"
        yield _write(path, latex.tabular(table.words))
    if not read.damaged:
        path = out / "report" / "tables" / "claims.tex"
        yield _write(path, latex.tabular(read.ledger[SHOWN]))


def report(read: Read, out: Path) -> Iterator[Path]:
    """The page with everything in it."""
    yield _write(out / "report" / "index.html", page(*read[:4]))


def readme(read: Read, out: Path) -> Iterator[Path]:
    """The page of the results folder, and the generated block of the front page above it."""
    kept = read.committed()
    yield _write(out / "README.md", pages.results(*kept[:4]))
    front = out.parent / "README.md"
    if front.exists():
        text = front.read_text(encoding="utf-8")
        if (filled := pages.filled(text, pages.block(kept.found, kept.ledger))) != text:
            yield _write(front, filled)


STEPS: dict[str, Callable[[Read, Path], Iterator[Path]]] = {
    "figures": figures,
    "tables": tables,
    "claims": claims,
    "print": printed,
    "report": report,
    "readme": readme,
}
"""What is made of the data, in order."""
DATA = "data"
OF_ALL = ("claims", "readme")
"""What is committed and made of all data together."""


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
        return write(given.only or choices, given.results, data, out)
    except (OSError, ValueError) as problem:
        for line in str(problem).splitlines():
            complain(f"error: {line}")
        return 1


def write(asked: Sequence[str], results: Path, data: Path, out: Path) -> int:
    """Take these steps and print the files written; the status is 1 if some data are damaged.

    What is made of all data is then left as it is: it would be made of less.
    """
    steps = {name: make for name, make in STEPS.items() if name in asked}
    collected = collected_from(results, data) if DATA in asked else Collected([], [], [])
    written, damaged = collected.written, collected.damaged
    warn(collected.doubts)
    if steps:
        found = read(data)
        warn(found.doubts)
        waiting = [name for name in steps if name in OF_ALL and found.damaged]
        damaged += [each for each in found.damaged if not any(x.startswith(each) for x in damaged)]
        if waiting:
            damaged += [f"not made, a file of the data is damaged: {', '.join(waiting)}"]
        made = [make for name, make in steps.items() if name not in waiting]
        written += [path for make in made for path in make(found, out)]
    for path in written:
        say(str(path))
    for line in damaged:
        complain(f"error: {line}")
    return int(bool(damaged))


def warn(lines: Sequence[str]) -> None:
    """A line each to stderr."""
    for line in lines:
        complain(f"warning: {line}")


def check(read: Read, out: Path) -> int:
    """Show all verdicts; the exit status is 1 if one is not as it was written."""
    judged = read.ledger
    for row in judged.itertuples(index=False):
        verdict, text, scale, runs, shown, *_ = row
        say(f"{verdict:13}{text} ({scale}; runs {runs or 0}): {shown}")
    others = changed(judged, out / "tables" / "claims.csv")
    for line in others:
        complain(f"changed: {line}")
    warn(read.doubts)
    for line in read.damaged:
        complain(f"error: {line}")
    say(f"{len(judged)} claims, {len(others)} changed")
    return int(bool(others or read.damaged))


if __name__ == "__main__":
    raise SystemExit(main())
