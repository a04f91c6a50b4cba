"""The only writer: `python -m analysis.report` collects, draws, tabulates, judges and reports.

Fresh runs under `results/runs` become tidy data under `results/data`; everything else is drawn
from that data alone, so the committed data give the committed figures on a fresh clone.
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pandas as pd

from analysis import claims, figures, load, names, page, statistics, tables

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STEPS = ["data", "figures", "tables", "claims", "report"]
SEED = 0
HEADINGS = {
    "figure4": (
        "Figure 4: the paper's tasks",
        "Reward per time step against policy iterations, as in the paper's Figure 4, whose own "
        "curves (mean of five runs) are dashed.",
    ),
    "modern": (
        "Learning curves with the modern protocol",
        "Mean return of the last 100 training episodes against environment steps. Published "
        "numbers are context, not a comparison on equal terms: sources differ in task version, "
        "in tuning and in whether they report the last or the best policy.",
    ),
    "step_rules": (
        "Which step sizes learn?",
        "Final return against the size of the step, in factors of three. Each rule measures its "
        "step in its own units, so each has its own panel.",
    ),
}


class Chapter(NamedTuple):
    """The runs of one figure at one scale."""

    name: str
    scale: str
    runs: pd.DataFrame

    @property
    def stem(self) -> str:
        """The file name of everything made from this chapter, without its suffix."""
        return f"{self.name}__{self.scale}"

    @property
    def metric(self) -> str:
        """What a run is judged by."""
        return "reward_per_step" if self.name == "figure4" else "return_100"


def collect(results: Path, data: Path) -> list[Path]:
    """Write the tidy data of every experiment that has runs; others stay as committed."""
    frame = load.latest(load.runs(results / "runs"))
    written = []
    for (experiment, scale), group in frame.groupby(["experiment", "scale"], sort=True):
        written += load.save_tidy(group, data / f"{experiment}__{scale}.csv")
    return written


def read(data: Path) -> pd.DataFrame:
    """All tidy data, Figure 4's experiments as panels. Raises ValueError where there are none."""
    paths = sorted(path for path in data.glob("*__*.csv") if not path.stem.endswith(".runs"))
    if not paths:
        raise ValueError(f"no data in {data}: run `make reproduce` first")
    return statistics.as_panels(pd.concat([load.tidy(path) for path in paths], ignore_index=True))


def chapters(frame: pd.DataFrame) -> Iterator[Chapter]:
    """Each figure at each scale that has runs, the largest scale first."""
    figure = frame.experiment.str.replace(r"^figure4_.*", "figure4", regex=True)
    for name in HEADINGS:
        for scale in names.SCALES:
            runs = frame[(figure == name) & (frame.scale == scale)]
            if not runs.empty:
                yield Chapter(name, scale, runs)


def draw(chapter: Chapter) -> "Figure":
    """The chapter's figure."""
    rng, runs = np.random.default_rng(SEED), chapter.runs
    if chapter.name == "step_rules":
        return figures.step_rules(*statistics.sweep(runs, rng), chapter.scale)
    best = statistics.best_step_size(runs, chapter.metric)
    if chapter.name == "figure4":
        curves = statistics.curves(best, "updates", chapter.metric, rng)
        return figures.figure4(curves, tables.paper_figure4(), chapter.scale)
    curves = statistics.curves(best, "env_steps", chapter.metric, rng)
    return figures.learning(curves, list(runs.env.unique()), chapter.scale)


def scores(chapter: Chapter) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The chapter's final scores, as numbers and in words."""
    scored = statistics.scores(chapter.runs, chapter.metric)
    summary = statistics.summary(scored, np.random.default_rng(SEED))
    contexts = {"figure4": tables.paper_final, "modern": tables.published}
    context = contexts[chapter.name]() if chapter.name in contexts else None
    return summary, tables.final_scores(summary, context)


def verdicts(frame: pd.DataFrame) -> pd.DataFrame:
    """Every claim at every scale that has runs for it."""
    judged = [
        claims.judge(frame[frame.scale == scale], np.random.default_rng(SEED)).assign(scale=scale)
        for scale in names.SCALES
        if (frame.scale == scale).any()
    ]
    return pd.concat(judged, ignore_index=True)


def summary_page(frame: pd.DataFrame) -> str:
    """The report page."""
    overview, failed = statistics.overview(frame), statistics.failures(frame)
    text = (
        "Every number stands with the number of its runs and a 95 % bootstrap interval over "
        "runs. A failed run counts with the lowest value it reported; a run that has not "
        "finished has no score (then “4 of 5” runs count). A commit with a plus had changes "
        "that were not committed."
    )
    shown = [tables.readable(overview)] + ([] if failed.empty else [failed])
    parts = [page.Section("What was run", text, [], shown)]
    text = "Supported: the interval lies above zero. Contradicted: below. Undecided: across."
    parts.append(page.Section("What the paper claims", text, [], [verdicts(frame)]))
    for chapter in chapters(frame):
        title, text = HEADINGS[chapter.name]
        picture, words = figures.render(draw(chapter), "svg"), scores(chapter)[1]
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
                yield _write(path, figures.render(figure, kind))
    elif step == "tables":
        for chapter in chapters(frame):
            numbers, words = scores(chapter)
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
