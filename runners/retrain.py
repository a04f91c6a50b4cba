"""Train committed runs again, drawn at random: `make verify N=5`, or `python -m runners.retrain`.

A run begins anew by the command that its line in DATA/*.runs.csv records, on one thread, as many at
once as there are cores. Each has an equal share of the time; one that needs more is stopped there,
and its first iterations count. `python -m analysis.verify` then compares what came of them with
what is committed. Runs of an earlier version of the numbers are made by the code of their time
alone, and are not drawn.
"""

import argparse
import shlex
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path

import numpy as np
import pandas as pd
from hydra import compose, initialize_config_dir
from joblib import cpu_count

from runners.run.described import describe
from runners.run.display import duration
from runners.run.words import complain
from runners.settings import tree
from runners.settings.errors import ConfigError
from runners.settings.mistakes import explain
from runners.store.table import last_row
from runners.sweep.jobs import Job, job_of
from runners.sweep.progress import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw, train, and tell how each ended; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.retrain",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = " (default: %(default)s)"
    parser.add_argument("--count", type=int, default=5, help="runs to draw" + usual)
    parser.add_argument("--minutes", type=float, default=20, help="for all of them" + usual)
    parser.add_argument("--seed", type=int, default=0, help="of the draw" + usual)
    parser.add_argument("--data", type=Path, default=Path("results/data"), help=usual)
    parser.add_argument("--out", type=Path, default=Path("results/again"), help=usual)
    given = parser.parse_args(arguments)
    try:
        if given.count < 1 or given.minutes <= 0:
            raise ConfigError("--count must be at least 1, and --minutes above 0")
        if given.out.exists():
            raise ConfigError(f"{given.out} is there already: remove it, or choose another --out")
        known = committed(given.data)
        drawn = draw(known, given.count, given.seed)
        work = planned(drawn, given.out)
    except Exception as error:
        complain(f"error: {explain(error)}")
        return 1
    cores = cpu_count()
    share = 60 * given.minutes / -(-len(work) // cores)
    say(f"{len(work)} of {len(known)} committed runs, drawn with seed {given.seed}: "
        f"{min(cores, len(work))} at a time, at most {duration(share)} each")  # fmt: skip
    train_all(work, share, cores)
    if lost := [each.directory.path.name for each in work if not each.directory.path.exists()]:
        complain(f"error: nothing came of {', '.join(lost)}")
    return int(bool(lost))


def committed(data: Path) -> pd.DataFrame:
    """Every committed run that this version of the numbers makes: `run_id`, `overrides`.

    Raises:
        ConfigError: there is none.
    """
    columns = ["run_id", "overrides", "numbers"]
    files = [pd.read_csv(path).reindex(columns=columns) for path in data.glob("*.runs.csv")]
    runs = pd.concat([pd.DataFrame(columns=columns), *files])
    found = runs[runs.numbers == tree.NUMBERS].sort_values("run_id", ignore_index=True)
    if found.empty:
        raise ConfigError(f"no run of numbers {tree.NUMBERS} is committed in --data={data}")
    return found


def draw(known: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """So many of the runs, or all where there are fewer; every one is as likely."""
    order = np.random.default_rng(seed).permutation(len(known))
    return known.iloc[order[:count]]


def planned(drawn: pd.DataFrame, out: Path) -> list[Job]:
    """The same runs, below `out`.

    Raises:
        ConfigError: a command makes another run today.
    """
    tree.register()
    found = []
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        for name, command in zip(drawn.run_id, drawn.overrides, strict=True):
            overrides = [*shlex.split(command), f"results_dir={out}", "threads=1"]
            again = job_of(describe(compose("config", overrides), overrides))
            if again.directory.path.name != name:
                made = again.directory.path.name
                raise ConfigError(f"the command of the committed {name} makes {made}: {command}")
            found.append(again)
    return found


def train_all(work: Sequence[Job], seconds: float, cores: int) -> None:
    """Train them, so many at a time and for so long each, and say how each ended."""
    pool = ThreadPoolExecutor(cores)
    try:
        ends = as_completed([pool.submit(train, each, seconds) for each in work])
        for number, end in enumerate(ends, start=1):
            say(f"{number}/{len(work)}  {end.result()}")
    finally:
        pool.shutdown(cancel_futures=True)


def train(again: Job, seconds: float) -> str:
    """Train one, at most for so long; what came of it."""
    command = [sys.executable, "-m", "runners.train", *again.run.overrides]
    said, how = "", "in time"
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            _, said = run.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            run.kill()  # every iteration that ended is written
            how = "until its time was up"
    if run.returncode > 0:
        how = said.strip().rpartition("\n")[2]
    iterations = last_row(again.directory.metrics).get("iteration", 0)
    return f"{again.directory.path.name}: {iterations} iterations, {how}"


if __name__ == "__main__":
    sys.exit(main())
