"""What was run: how many runs, how they ended, and the commands that run them again."""

import shlex

import pandas as pd

from analysis.names import DONE, FAILED, look, task
from analysis.words import ordered, spans, step_size

TEXT = (
    "Every number stands with the number of its runs and a 95 % t interval over "
    "runs. A failed run counts with the lowest value it reported; a run that has not "
    "finished has no score (then “4 of 5” runs count). A commit with a plus had changes "
    "that were not committed."
)
"""How to read a table of the report."""
SEED = "seed"


def overview(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per experiment and scale: runs, how they ended, steps, hours, commits."""
    by_run = runs.sort_values(["run_id", "iteration"]).groupby(["scale", "run_id"])
    last = by_run.last().reset_index()
    groups = last.groupby(["experiment", "scale"], sort=True)
    ended = pd.crosstab([last.experiment, last.scale], last.status)
    done, failed = (ended.get(name, 0) for name in (DONE, FAILED))
    table = groups.agg(
        runs=("run_id", "size"),
        env_steps=("env_steps", "sum"),
        hours=("wall_seconds", lambda seconds: seconds.sum() / 3600),
        commits=("commit", lambda commits: ", ".join(sorted(set(commits.dropna())))),
    )
    table.insert(1, "failed", failed)
    table.insert(2, "unfinished", table.runs - done - failed)
    return table.reset_index()


def machines(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per processor and versions: how many runs it did."""
    each = runs.drop_duplicates(["scale", "run_id"])
    groups = each.fillna({"cpu": "", "versions": ""}).groupby(["cpu", "versions"], sort=True)
    return groups.size().rename("runs").reset_index()


def failures(runs: pd.DataFrame) -> pd.DataFrame:
    """The runs that failed, each with its error."""
    failed = runs[runs.status == FAILED].drop_duplicates(["scale", "run_id"])
    return failed[["run_id", "scale", "error"]]


def commands(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per settings, whatever the seed.

    Every run of a row is made again by its command, with its own seed in place of the first.
    """
    each = runs[runs.overrides.astype(bool)].drop_duplicates("run_id")
    each = ordered(each, "env", "method", "step_size", "seed")
    alike = each.groupby(["experiment", "settings", "departures"], sort=False)
    columns = ["task", "method", "step size", "seeds", "numbers", "command"]
    return pd.DataFrame([_command(group) for _, group in alike], columns=columns)


def _but_seed(overrides: str) -> str:
    """The overrides without the one of the seed."""
    kept = [item for item in shlex.split(overrides) if not item.startswith(f"{SEED}=")]
    return shlex.join(kept)


def _command(group: pd.DataFrame) -> list[str]:
    """A row of `commands`, of runs that differ in their seed."""
    first = group.iloc[0]
    start = f"python -m runners.train {_but_seed(first.overrides)} {SEED}={first.seed}"
    size = step_size(first.method, first.step_size)
    said = [task(first.env), look(first.method).label, size, spans(group.seed)]
    return [*said, str(first.numbers), f"`{start}`"]
