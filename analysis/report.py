"""The only writer: `python -m analysis.report` collects, draws, tabulates, judges and reports.

Fresh runs under `results/runs` become tidy data under `results/data`; everything else is drawn
from that data alone, so the committed data give the committed figures on a fresh clone.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from analysis import claims, drawing, load, names, page, statistics, tables
from analysis.chapters import HEADINGS, chapters, draw, tabulate

STEPS = ["data", "figures", "tables", "claims", "report"]


def collect(results: Path, data: Path) -> list[Path]:
    """Merge the runs of every experiment into its tidy data, which keep all that they hold."""
    frame = load.runs(results / "runs")
    written = []
    for (experiment, scale), group in frame.groupby(["experiment", "scale"], sort=True):
        path, new = data / f"{experiment}__{scale}.csv", load.thin(group)
        whole = load.merged(load.tidy(path), new) if path.exists() else new
        written += load.save_tidy(whole, path)
    return written


def read(data: Path) -> pd.DataFrame:
    """All tidy data, one run a cell, Figure 4's experiments as panels.

    Raises ValueError where there are none.
    """
    paths = sorted(path for path in data.glob("*__*.csv") if not path.stem.endswith(".runs"))
    if not paths:
        raise ValueError(f"no data in {data}: run `make reproduce` first")
    frame = pd.concat([load.tidy(path) for path in paths], ignore_index=True)
    return statistics.as_panels(load.latest(frame))


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Every claim at every scale that has runs for it."""
    judged = [
        claims.judge(frame[frame.scale == scale]).assign(scale=scale)
        for scale in names.SCALES
        if (frame.scale == scale).any()
    ]
    return pd.concat(judged, ignore_index=True)


def summary_page(frame: pd.DataFrame) -> str:
    """The report page."""
    overview, failed = statistics.overview(frame), statistics.failures(frame)
    text = (
        "Every number stands with the number of its runs and a 95 % t interval over "
        "runs. A failed run counts with the lowest value it reported; a run that has not "
        "finished has no score (then “4 of 5” runs count). A commit with a plus had changes "
        "that were not committed."
    )
    shown = [tables.readable(overview)] + ([] if failed.empty else [failed])
    parts = [page.Section("What was run", text, [], shown)]
    text = (
        "The margin is the smallest effect that matters: a tenth of what TRPO gains on the task, a "
        "hundredth of a number that the claim itself names, a tenth more where sides are "
        "logarithms. Supported: the interval lies above zero, and the difference reaches the "
        "margin. Contradicted: the same below zero. Alike: the interval lies within the margin. "
        "Undecided: anything else. Above each of k rivals: each compared at a level of "
        "1 − 0.05 / k, shown for the closest; contradicted by any, supported by all. A claim of "
        "likeness is supported where the interval lies within the margin, and contradicted where "
        "it lies outside."
    )
    parts.append(page.Section("What the paper claims", text, [], [verdicts(frame)]))
    for chapter in chapters(frame):
        title, text = HEADINGS[chapter.name]
        picture, words = drawing.render(draw(chapter), "svg"), tabulate(chapter)[1]
        parts.append(
            page.Section(f"{title} ({chapter.scale})", text, [picture], [tables.readable(words)])
        )
    return page.page("Trust Region Policy Optimization, reproduced", parts)


def _write(path: Path, content: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def write(step: str, frame: pd.DataFrame, out: Path) -> Iterator[Path]:
    """Write what one step makes, and name each file."""
    if step == "figures":
        for chapter in chapters(frame):
            figure = draw(chapter)
            for kind in ("png", "svg"):
                path = out / "figures" / f"{chapter.stem}.{kind}"
                yield _write(path, drawing.render(figure, kind))
    elif step == "tables":
        for chapter in chapters(frame):
            numbers, words = tabulate(chapter)
            path = out / "tables" / f"{chapter.stem}.csv"
            yield _write(path, _csv(numbers))
            yield _write(path.with_suffix(".md"), tables.markdown(words))
    elif step == "claims":
        table = verdicts(frame)
        yield _write(out / "tables" / "claims.csv", _csv(table))
        yield _write(out / "tables" / "claims.md", tables.markdown(table))
    elif step == "report":
        yield _write(out / "report.html", summary_page(frame))


def _csv(table: pd.DataFrame) -> str:
    return table.to_csv(index=False, float_format="%.7g", lineterminator="\n")


def main(arguments: list[str] | None = None) -> int:
    """Run the steps asked for, print the files written, and return the exit status."""
    from rich.console import Console

    parser = argparse.ArgumentParser(prog="python -m analysis.report", description=main.__doc__)
    parser.add_argument("--results", type=Path, default=Path("results"), help="holds runs/")
    parser.add_argument("--data", type=Path, help="tidy data (default: RESULTS/data)")
    parser.add_argument("--out", type=Path, help="figures, tables, page (default: RESULTS)")
    parser.add_argument("--only", choices=STEPS, action="append", help="this step only")
    given = parser.parse_args(arguments)
    steps, data = given.only or STEPS, given.data or given.results / "data"
    try:
        written = collect(given.results, data) if "data" in steps else []
        if steps != ["data"]:
            frame = read(data)
            for step in steps:
                written += write(step, frame, given.out or given.results)
    except (OSError, ValueError) as error:
        Console(stderr=True).print(f"error: {error}", soft_wrap=True, markup=False)
        return 1
    for path in written:
        Console().print(str(path), soft_wrap=True, markup=False, highlight=False)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
