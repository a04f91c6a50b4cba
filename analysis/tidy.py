"""The tidy data that are committed: thinned, seven digits, two files an experiment and scale.

`<experiment>__<scale>.csv` has one row per (run, iteration), `….runs.csv` one line a run.
"""

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from analysis.load import METRICS, RUN, arranged
from analysis.names import DONE

TEXT = dict.fromkeys(["experiment", "scale", "error", "commit", "started"], "string")
"""Text that may be missing."""
PLAIN = [
    *("study", "sampler", "protocol", "settings", "overrides", "departures", "swept"),
    *("cpu", "versions"),
]
"""Text that may be empty."""
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

    Seven significant digits, sorted by run and iteration: the same frame gives the same bytes.
    """
    rows = frame.sort_values(["run_id", "iteration"])
    more = [name for name in columns if name in rows and rows[name].notna().any()]
    parts = {
        path: rows[["run_id", *METRICS, *more]],
        _beside(path): rows[RUN].drop_duplicates("run_id"),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, part in parts.items():
        part.to_csv(target, index=False, float_format="%.7g", lineterminator="\n")
    return list(parts)


def read(path: Path) -> pd.DataFrame:
    """Read what `save` wrote. Raises ValueError where a run has no line or no rows."""
    metrics = pd.read_csv(path)
    described = pd.read_csv(_beside(path), dtype=TEXT | dict.fromkeys(PLAIN, "string"))
    if set(metrics.run_id) != set(described.run_id):
        raise ValueError(f"{path}: its runs are not those of {_beside(path).name}")
    described["numbers"] = described.get("numbers", 1)  # some were written before this column
    described[PLAIN] = described.reindex(columns=PLAIN).astype("string").fillna("")
    return arranged(described.merge(metrics, on="run_id", validate="one_to_many"))


def read_all(directory: Path) -> pd.DataFrame:
    """All tidy data of a directory. Raises ValueError where there are none."""
    paths = sorted(path for path in directory.glob("*__*.csv") if not path.match("*.runs.csv"))
    if not paths:
        raise ValueError(f"no data in {directory}: run `make reproduce` first")
    return pd.concat([read(path) for path in paths], ignore_index=True)


def _beside(path: Path) -> Path:
    return path.with_suffix(".runs.csv")
