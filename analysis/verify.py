"""Runs that were trained again, beside what is committed of them: `python -m analysis.verify`.

`make verify` draws committed runs, trains them here and calls this. All that the tidy data keep of
a run is compared, in their seven digits, as far as it was trained again.
"""

import argparse
from collections import Counter
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import load, tidy
from analysis.load import RUN
from analysis.names import FAILED
from analysis.terminal import complain, say

IDENTICAL, EQUAL, DIFFERENT, NOTHING = VERDICTS = (
    *("identical", "equal to 1e-6", "different", "not compared"),
)
TOLERANCE = 1e-6
SCORE = "reward_per_step"
"""What is told of a run that is different, where it ends."""
MACHINE = ("cpu", "versions")
"""What the last digits of a run depend on beside its settings."""


class Compared(NamedTuple):
    """What came of one run."""

    run_id: str
    verdict: str
    words: str
    expected: bool  # as it should be, or explained by another machine


def compare(again: pd.DataFrame, committed: pd.DataFrame) -> Compared:
    """One run's rows of `load.runs` with those of the tidy data."""
    run_id, last = str(committed.run_id.iloc[0]), int(committed.iteration.max())
    reached = 0 if again.empty else int(again.iteration.max())
    if reached < last and (error := failure(again)):
        return Compared(run_id, DIFFERENT, f"it failed after {reached} iterations: {error}", False)
    rows = committed[committed.iteration.between(1, reached)].set_index("iteration")
    if rows.empty:
        return Compared(run_id, NOTHING, "no iteration ended in time", True)
    columns = [name for name in rows if name not in RUN and rows[name].notna().any()]
    kept = seven(rows[columns])
    found = seven(again.set_index("iteration").reindex(index=rows.index, columns=columns))
    far = ~np.isclose(found, kept, rtol=TOLERANCE, atol=0, equal_nan=True)
    if far.any():
        row, column = np.argwhere(far)[0]
        words = (
            f"from iteration {rows.index[row]} on, where {columns[column]} is "
            f"{float(found.iloc[row, column]):.7g} and not {float(kept.iloc[row, column]):.7g}"
        )
        if SCORE in columns:
            words += (
                f"; in the last one compared, {SCORE} is {found[SCORE].iloc[-1]:.4g} "
                f"and was {kept[SCORE].iloc[-1]:.4g}"
            )
        other = machine(again, committed)
        return Compared(run_id, DIFFERENT, words + other, bool(other))
    verdict = IDENTICAL if found.equals(kept) else EQUAL
    return Compared(run_id, verdict, f"{reached} of {last} iterations", True)


def seven(frame: pd.DataFrame) -> pd.DataFrame:
    """The same numbers as the tidy data write them."""
    return frame.map(lambda x: float(f"{x:.7g}"))


def failure(again: pd.DataFrame) -> str:
    """What a run that failed died of."""
    failed = again[again.status == FAILED]
    return "" if failed.empty else str(failed.error.iloc[0])


def machine(again: pd.DataFrame, committed: pd.DataFrame) -> str:
    """How the two machines differ; nothing where they do not.

    A package whose version only one of them recorded explains nothing.
    """
    here, there = (frame.iloc[0] for frame in (again, committed))
    words = [f"{here.cpu} instead of {there.cpu}"] if here.cpu != there.cpu else []
    ours, theirs = (dict(x.split("==") for x in side.versions.split()) for side in (here, there))
    both = [name for name in ours if name in theirs and ours[name] != theirs[name]]
    words += [f"{name} {ours[name]} instead of {theirs[name]}" for name in both]
    return f"; another machine: {', '.join(words)}" if words else ""


def compare_all(again: pd.DataFrame, committed: pd.DataFrame) -> list[Compared]:
    """Every run that was trained again.

    Raises:
        ValueError: there is none, or one of them is not committed.
    """
    known = dict(list(committed.groupby("run_id")))
    names = list(dict.fromkeys(again.run_id))
    if not names:
        raise ValueError("no run was trained again")
    if strange := [name for name in names if name not in known]:
        raise ValueError(f"not committed: {', '.join(strange)}")
    return [compare(again[again.run_id == name], known[name]) for name in names]


def main(arguments: list[str] | None = None) -> int:
    """Compare runs trained again with the committed ones; status 1 if one is not as it should be.

    A difference that another processor or other versions explain is told and is no failure.
    """
    parser = argparse.ArgumentParser(prog="python -m analysis.verify", description=main.__doc__)
    usual = " (default: %(default)s)"
    parser.add_argument("--again", type=Path, default=Path("results/again"), help="runs" + usual)
    parser.add_argument("--data", type=Path, default=Path("results/data"), help="tidy" + usual)
    given = parser.parse_args(arguments)
    try:
        loaded, kept = load.runs(given.again), tidy.read_all(given.data)
        found = compare_all(loaded.runs, kept.runs)
    except (OSError, ValueError) as problem:
        complain(f"error: {problem}")
        return 1
    damaged = [*loaded.damaged, *kept.damaged.values()]
    for line in damaged:
        complain(f"warning: left out, damaged: {line}")
    for each in found:
        say(f"{each.verdict:15} {each.run_id}: {each.words}")
    counts = Counter(each.verdict for each in found)
    say(", ".join(f"{counts[name]} {name}" for name in VERDICTS if counts[name]))
    return int(bool(damaged) or not all(each.expected for each in found))


if __name__ == "__main__":
    raise SystemExit(main())
