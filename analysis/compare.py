"""Two sets of runs side by side, task by task: `python -m analysis.compare A B`."""

import argparse
import math
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

import pandas as pd

from analysis import coverage
from analysis.doubts import doubts
from analysis.load import RUN
from analysis.names import TASKS, rank, task
from analysis.pairs import Pair, chance, compare
from analysis.selection import nearest, select
from analysis.side_by_side import A, B, aligned, table, told
from analysis.terminal import complain, say
from analysis.words import with_interval

EPILOG = """
A and B are each one of
  results/runs/RUN               a run's directory
  results/runs                   a directory of runs
  experiment=modern,env=hopper   a filter over the tidy data in RESULTS/data

A filter takes the columns of the .runs.csv files there: experiment, scale, env, method, step_size,
seed, and more. Every task that both sides have is compared by itself.

  python -m analysis.compare experiment=figure4_swimmer,method=trpo_vine \\
      experiment=figure4_swimmer,method=cem --metric reward_per_step --threshold 0.1
"""
READING = (
    "A run scores what the metric is at its end, a failed one its lowest value. [ ] is the 95 % "
    "interval over runs of a mean (Student's t), of a difference (Welch's) or of a chance "
    "(bootstrap, which near 0 and 1 covers less often). The middle half is of the runs, not of "
    "their mean. How many seconds a run took to a threshold is not known, only to its end."
)
"""What is said below all tables."""


def known(runs: pd.DataFrame, metric: str) -> None:
    """Raises ValueError where this is no metric, naming those that there are, or not finite."""
    numeric = runs.select_dtypes("number").columns.difference([*RUN, "iteration"])
    if metric not in numeric:
        raise ValueError(f"no metric {metric}; there are {nearest(metric, numeric)}")
    if len(infinite := runs.run_id[runs[metric].abs() == math.inf]):
        raise ValueError(f"{metric} is infinite in run {infinite.iloc[0]}")


def lines(left: pd.DataFrame, right: pd.DataFrame, metric: str, threshold: float) -> Iterator[str]:
    """All that is said of two sides. Raises ValueError where they share no task."""
    tasks = [set(side.env) for side in (left, right)]
    shared = sorted(tasks[0] & tasks[1], key=lambda env: (rank(env, TASKS), env))
    if not shared:
        there = [", ".join(sorted(names)) for names in tasks]
        raise ValueError(f"no task in common: {A} has {there[0]}, {B} has {there[1]}")
    pairs = []
    for env in shared:
        sides = {A: left[left.env == env], B: right[right.env == env]}
        pairs.append(compare(sides[A], sides[B], metric, threshold))
        yield f"{task(env)}, {metric}"
        yield from (f"  {line}" for line in aligned(table(pairs[-1], threshold)))
        yield from (f"  {line}" for line in told(pairs[-1]))
        yield from (f"  note: {line}" for line in doubts(sides))
        yield ""
    for label, own in zip((A, B), tasks, strict=True):
        if alone := sorted(own - set(shared)):
            yield f"note: only {label} has runs on {', '.join(map(task, alone))}"
    yield from _overall(pairs)


def _overall(pairs: Sequence[Pair]) -> Iterator[str]:
    """What is said of all tasks together."""
    sides = [[pair.left.scores for pair in pairs], [pair.right.scores for pair in pairs]]
    if len(pairs) > 1:
        words = with_interval(*chance(*sides))
        over = f"over {len(pairs)} tasks, each weighing the same"
        yield f"{over}: a run of {A} scores above one of {B} with a chance of {words}"
    yield READING
    if sizes := [len(scores) for scores in chain(*sides) if len(scores) > 1]:
        yield coverage.beside(min(sizes))


def _parser(description: str | None) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m analysis.compare",
        description=description,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("left", metavar=A, help="runs: a directory or a filter, see below")
    parser.add_argument("right", metavar=B, help="the runs to compare them with")
    parser.add_argument("--metric", default="return_100", help="a column of the runs' metrics.csv "
                        "(default: %(default)s, the return of the last 100 episodes)")  # fmt: skip
    parser.add_argument("--threshold", type=float, default=math.inf, help="tell too how many runs "
                        "get the metric so high, and in how many environment steps")  # fmt: skip
    parser.add_argument("--results", type=Path, default=Path("results"),
                        help="holds data/ (default: %(default)s)")  # fmt: skip
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Print two sets of runs side by side, task by task, with intervals and tests."""
    given = _parser(main.__doc__).parse_args(arguments)
    asked = {A: given.left, B: given.right}
    try:
        sides = {label: select(words, given.results / "data") for label, words in asked.items()}
        for side in sides.values():
            known(side.runs, given.metric)
        text = list(lines(sides[A].runs, sides[B].runs, given.metric, given.threshold))
    except (OSError, ValueError) as problem:
        complain(f"error: {problem}")
        return 1
    for line in chain.from_iterable(side.damaged for side in sides.values()):
        complain(f"warning: left out, damaged: {line}")
    for line in (*(f"{label}: {words}" for label, words in asked.items()), "", *text):
        say(line)
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
