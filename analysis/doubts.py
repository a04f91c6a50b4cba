"""What somebody should know before believing a comparison of two sides of runs, line by line."""

from collections.abc import Iterator, Mapping

import pandas as pd

from analysis.names import DONE

KIND = ["experiment", "scale", "method", "step_size", "departures", "settings"]
"""What the runs of a side should have in common; settings are all but the seed."""
SAME = ["run_id", "started"]
"""What two runs of one side and the other are the same by; the name alone comes back."""
LONGER = 1.25
"""From how many times as many steps on a run is longer than another."""


def doubts(sides: Mapping[str, pd.DataFrame]) -> Iterator[str]:
    """What makes two sides on one task, by their labels, compare badly."""
    left, right = each = [_ends(runs) for runs in sides.values()]
    for label, runs in zip(sides, each, strict=True):
        yield from (f"{label}: {line}" for line in _within(runs))
    if shared := len(left.merge(right, on=SAME)):
        yield f"runs on both sides: {shared}; the sides are not independent"
    yield from _lengths(pd.concat(each))


def _ends(runs: pd.DataFrame) -> pd.DataFrame:
    """The last row of each run."""
    return runs.sort_values(["run_id", "iteration"]).drop_duplicates("run_id", keep="last")


def _within(runs: pd.DataFrame) -> Iterator[str]:
    """Doubts about one side."""
    if len(runs) == 1:
        yield "a single run has no interval"
    if several := [name for name in KIND if runs[name].nunique(dropna=False) > 1]:
        yield f"its runs differ in more than the seed: in {', '.join(several)}"
    if twice := sorted(set(runs.seed[runs.duplicated([*KIND, "seed"])])):
        yield f"several runs of the same settings have seed {', '.join(map(str, twice))}"


def _lengths(ends: pd.DataFrame) -> Iterator[str]:
    """Whether finished runs are of unequal length."""
    by_steps = ends[ends.status == DONE].sort_values(["env_steps", "run_id"])
    steps = by_steps.env_steps.to_numpy()
    if len(steps) and steps[-1] > LONGER * steps[0]:
        short, long = by_steps.run_id.iloc[[0, -1]]
        yield (
            f"runs of unequal length, each scored at its own end: from {steps[0]:,.0f} steps "
            f"({short}) to {steps[-1]:,.0f} ({long})"
        )
