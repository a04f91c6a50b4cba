"""The tidy data that are committed: thinned, seven digits, two files an experiment and scale.

`<experiment>__<scale>.csv` has one row per (run, iteration), `….runs.csv` one line a run.
"""

import re
import zlib
from collections.abc import Collection
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from analysis.files import DamagedError, check_unique, check_whole, table, write
from analysis.load import METRICS, RUN, arranged
from analysis.names import DONE

TEXT = dict.fromkeys(["scale", "error", "commit", "started"], "string")
"""Text that may be missing."""
PLAIN = [
    *("study", "experiment", "sampler", "protocol", "settings", "overrides", "departures"),
    "swept",
    *("cpu", "versions"),
]
"""Text that may be empty."""
TYPES = {
    **TEXT,
    **dict.fromkeys(PLAIN, "string"),
    **dict.fromkeys(["run_id", "env", "method", "algo", "status"], "str"),
}
COUNTS = ["iteration", "env_steps", "episodes"]
KEY = ["run_id", "scale"]
"""What tells runs apart: a run can be gone on with at a larger scale."""
LATER = {"numbers", "swept"}
"""Columns of runs that files of an earlier time lack."""
SAFE = re.compile(r"\w[\w.-]{,99}", re.ASCII)
OTHER = "other_runs"
"""What the files of runs without an experiment are called."""
ROWS_PER_RUN = 100


def thin(frame: pd.DataFrame) -> pd.DataFrame:
    """At most about `ROWS_PER_RUN` rows a run: every k-th iteration, the first and the last.

    One k for the whole frame, so that all its runs keep the same iterations.
    """
    every = max(1, -(-int(frame.iteration.max()) // ROWS_PER_RUN))
    last = frame.groupby("run_id").iteration.transform("max")
    keep = (frame.iteration % every == 0) | (frame.iteration <= 1) | (frame.iteration == last)
    return frame[keep].reset_index(drop=True)


def merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The runs of both; of one that is in both, the new form unless the old one went further.

    A run that is done is never replaced by one that is not, and none by a shorter one. No run is
    lost: those that only one of the two has all stay.
    """
    ended = [frame.groupby("run_id").agg(status=("status", "first"), last=("iteration", "max"))
             for frame in (old, new)]  # fmt: skip
    was, now = ended[0].join(ended[1].add_suffix("_now"), how="inner"), ended[1]
    undone = (was.status == DONE) & (was.status_now != DONE)
    shorter = was.last_now < was["last"]
    stays = was.index[undone | shorter]
    replaced = now.index.difference(stays)
    parts = [old[~old.run_id.isin(replaced)], new[new.run_id.isin(replaced)]]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def save(frame: pd.DataFrame, path: Path, columns: Collection[str] = ()) -> list[Path]:
    """Write `METRICS` and those of `columns` that some run has as `path`, the runs beside it.

    Seven significant digits, counts with all of theirs, sorted by run and iteration: the same
    frame gives the same bytes.
    """
    rows = frame.sort_values(["run_id", "iteration"])
    own = [name for name in columns if name not in {*RUN, *METRICS}]
    more = [name for name in own if name in rows and rows[name].notna().any()]
    parts = {
        path: rows[["run_id", *METRICS, *more]].astype(dict.fromkeys(COUNTS, "Int64")),
        _beside(path): rows[RUN].drop_duplicates("run_id"),
    }
    for target, part in parts.items():
        write(target, part)
    return list(parts)


def read(path: Path) -> pd.DataFrame:
    """Read what `save` wrote. Raises DamagedError where one of the two files is not as written."""
    beside = _beside(path)
    metrics = table(path, ["run_id", *METRICS], {"run_id": "str"})
    described = table(beside, [name for name in RUN if name not in LATER], TYPES)
    check_unique(path, metrics, ["run_id", "iteration"])
    check_unique(beside, described, ["run_id"])
    if set(metrics.run_id.unique()) != set(described.run_id):
        raise DamagedError(f"{path}: its runs are not those of {beside.name}")
    described["numbers"], described["swept"] = (
        described.get("numbers", 1),
        described.get("swept", ""),
    )
    check_whole(path, metrics, COUNTS)
    check_whole(beside, described, ["seed", "numbers"])
    described[PLAIN] = described[PLAIN].fillna("")
    return arranged(described.merge(metrics, on="run_id", validate="one_to_many"))


class Tidy(NamedTuple):
    """All tidy runs, and by its path what is wrong with each file that cannot be read."""

    runs: pd.DataFrame
    damaged: dict[Path, str]


def read_all(directory: Path) -> Tidy:
    """All tidy data of a directory. Raises ValueError where there are none to be read."""
    found = sorted({_metrics(path) for path in directory.glob("*__*.csv")})
    if not found:
        raise ValueError(f"no data in {directory}: run `make reproduce` first")
    frames, damaged, known = list[pd.DataFrame](), dict[Path, str](), dict[tuple[str, ...], Path]()
    for path in found:
        try:
            frame = read(path)
            runs = set(frame[KEY].drop_duplicates().itertuples(index=False, name=None))
            if both := sorted(runs & known.keys()):
                raise DamagedError(f"{path}: {both[0][0]} stands in {known[both[0]]} too")
        except (OSError, DamagedError) as error:
            damaged[path] = str(error)
        else:
            frames.append(frame)
            known |= dict.fromkeys(runs, path)
    if not frames:
        raise DamagedError("\n".join(damaged.values()))
    return Tidy(pd.concat(frames, ignore_index=True), damaged)


def name(experiment: object) -> str:
    """What the files of an experiment's runs are called, before their scale: a safe file name.

    Runs of no experiment have one of their own. A name that is no file name everywhere keeps what
    can be kept of it, and has a sum that tells it from others.
    """
    if not isinstance(experiment, str) or not experiment:
        return OTHER
    if SAFE.fullmatch(experiment) and experiment != OTHER:
        return experiment
    kept = re.sub(r"[^\w-]+", "-", experiment, flags=re.ASCII)[:60].strip("-")
    return f"{kept or OTHER}-{zlib.crc32(experiment.encode()):08x}"


def stem(experiment: object, scale: str) -> str:
    """The name of the file of an experiment's runs at a scale, without its suffix."""
    return f"{name(experiment)}__{name(scale)}"


def experiment_of(path: Path) -> str:
    """The `name` of the experiment that a file of its runs is of; of another file, its own."""
    return path.stem.rpartition("__")[0] or path.stem


def _beside(path: Path) -> Path:
    return path.with_suffix(".runs.csv")


def _metrics(path: Path) -> Path:
    """The file of measurements of two that belong together."""
    return path.with_name(path.name.replace(".runs.csv", ".csv"))
