"""The runs of a store as a table, and what of them can go.

    python -m runners.runs [results_dir=results/runs] [filter ...] [--prune [--yes]]

A filter is a part of a run's name, or key=value of its run.json or its state: hopper, algo=trpo,
state=failed. Several must all hold. States: done, running, stopped (the same command goes on),
failed, superseded (of code that made other numbers), unreadable.
"""

import argparse
import shutil
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from runners.run.display import number
from runners.run.listed import Listed, listed
from runners.run.words import complain
from runners.store.directory import RunDirectory
from runners.store.files import RunError
from runners.sweep.progress import say

STORE = "results_dir="
WIDTH = 200  # of a table that no terminal shows
UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the runs, and remove what may go if that is asked for; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.runs",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("filters", nargs="*", help="words of names, key=value, results_dir=...")
    parser.add_argument(
        "--prune", action="store_true", help="remove the failed, superseded and unreadable of these"
    )
    parser.add_argument("--yes", action="store_true", help="without asking")
    given = parser.parse_intermixed_args(arguments)
    stores = [word.removeprefix(STORE) for word in given.filters if word.startswith(STORE)]
    filters = [word for word in given.filters if not word.startswith(STORE)]
    store = Path(stores[-1] if stores else "results/runs")
    if not store.is_dir():
        complain(f"error: {STORE}{store} is no folder")
        return 1
    found = [run for run in listed(store) if all(map(run.is_like, filters))]
    show(found)
    return prune(found, given.yes) if given.prune else 0


def show(runs: Sequence[Listed]) -> None:
    """Print the table, and how many there are of each state."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False)
    for name in ("run", "state"):
        table.add_column(name, no_wrap=True)
    for name in ("progress", "score", "age", "size"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("error", overflow="ellipsis", no_wrap=True)
    now = time.time()
    for run in runs:
        table.add_row(
            *(run.path.name, run.state.name, f"{run.fraction:.0%}", number(run.score, ",.1f")),
            *(age(now - run.written), size(run.size), run.error or ""),
        )
    console = Console(highlight=False, markup=False)
    if not console.is_terminal:
        console.width = WIDTH
    console.print(table)
    names = [run.state.name for run in runs]
    counts = [f"{names.count(name)} {name}" for name in dict.fromkeys(names)]
    console.print(f"{len(runs)} runs" + (f": {', '.join(counts)}" if counts else ""))


def prune(runs: Sequence[Listed], sure: bool) -> int:
    """Remove those that nobody goes on with, after asking; the exit status."""
    gone = [run for run in runs if run.state.prunable]
    if not gone:
        say("nothing to prune")
        return 0
    what = f"remove {len(gone)} runs, {size(sum(run.size for run in gone))}"
    if not sure and not sys.stdin.isatty():
        complain(f"error: --prune would {what} and nobody can be asked: say --yes")
        return 1
    if not sure and input(f"{what}? [y/N] ").strip().lower() not in ("y", "yes"):
        return 1
    for run in gone:
        try:
            with RunDirectory(run.path):  # not while somebody begins it again
                shutil.rmtree(run.path)
        except (OSError, RunError) as error:
            complain(f"error: {run.path.name} was not removed: {error}")
            return 1
    say(f"removed {len(gone)} runs")
    return 0


def age(seconds: float) -> str:
    """How long ago, in the largest unit of which it is one."""
    length, unit = next((each for each in UNITS if seconds >= each[0]), UNITS[-1])
    return f"{max(0, seconds) / length:.0f} {unit}"


def size(count: int) -> str:
    """So many bytes, in MB."""
    return f"{count / 1e6:,.1f} MB"


if __name__ == "__main__":
    sys.exit(main())
