"""The only reader of run directories; it knows no experiment.

A frame of runs has one row per (run, iteration): the columns `RUN` say which run it is, those of
its `metrics.csv` what it measured. A run that ended before its first iteration keeps one row of
iteration 0 without measurements, so that no run is ever lost.
"""

import json
import shlex
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis.files import DamagedError
from analysis.names import DONE, method
from analysis.rows import Lines, lines, parsed

DESCRIBED = [
    *("study", "experiment", "scale", "task", "algo", "sampler", "protocol", "seed", "step_size"),
    *("settings", "numbers", "total_steps", "iterations", "steps_per_iteration"),
]
"""What `run.json` says that is kept; the task is called `env`, as everywhere here."""
WORDS = ("overrides", "departures")
"""Lists of overrides in `run.json`, here joined as a shell reads them."""
RUN = [
    *("run_id", "study", "experiment", "scale", "env", "method", "algo", "sampler", "protocol"),
    *("seed", "step_size", "settings", "numbers", "overrides", "departures", "swept"),
    *("total_steps", "iterations", "steps_per_iteration"),
    *("status", "error", "commit", "started", "wall_seconds", "cpu", "versions"),
]
METRICS = [
    *("iteration", "env_steps", "episodes", "return_mean", "return_100"),
    *("reward_per_step", "kl_mean", "entropy"),
]
"""What every frame has, be it empty."""


DUE: Mapping[str, Sequence[str]] = {"training": METRICS}
"""Columns that every run of a study reports; what others report, their chapters know."""
CONFIG = "config.yaml"
WRITTEN = {"run.json", "metrics.csv"}
"""A directory with one of these was to be a run."""
WHOLE = ("seed", "numbers", "steps_per_iteration")
NUMBERS = ("step_size", "total_steps", "iterations", "wall_seconds")
AT_ONCE = 200
"""Runs whose rows are parsed together: enough to be fast, few enough to be small."""


class Loaded(NamedTuple):
    """The runs of a directory, and what was found wrong in it, a line each.

    Args:
        runs: one row per (run, iteration).
        damaged: runs that are left out.
        unreported: runs with values that are not finite, which count as not reported.
    """

    runs: pd.DataFrame
    damaged: list[str]
    unreported: list[str]


class Run(NamedTuple):
    """A directory that may be a run: what it says of itself, and its rows; or what is wrong."""

    known: dict[str, Any]
    rows: Lines
    damage: str = ""


def runs(directory: Path) -> Loaded:
    """Every run under `directory`, or the one that it is, one row per (run, iteration).

    They may be finished or not. A directory is a run once it holds `config.yaml`. `status` is
    `done` only where `DONE` exists and all rows that it counts are there.
    """
    known, frames = list[dict[str, Any]](), list[pd.DataFrame]()
    damaged, unreported = list[str](), list[str]()
    for batch in _batches(directory):
        rows = parsed([run.rows for run in batch])
        told = [run.damage or rows.damaged.get(i) for i, run in enumerate(batch)]
        damaged += filter(None, told)
        unreported += rows.unreported.values()
        whole = [run.known for run, damage in zip(batch, told, strict=True) if not damage]
        frames.append(_placed(rows.frame, told, len(known)))
        known += whole
    if not known:
        return Loaded(pd.DataFrame(columns=[*RUN, *METRICS]), damaged, unreported)
    return Loaded(_together(known, frames), damaged, unreported)


def _batches(directory: Path) -> Iterator[list[Run]]:
    """The directories that are runs, or were to be, some at once."""
    alone = (directory / CONFIG).exists()
    paths = [directory] if alone else sorted(directory.glob("*/"))
    for start in range(0, len(paths), AT_ONCE):
        read = map(_read, paths[start : start + AT_ONCE])
        yield [run for run in read if run is not None]


def _read(path: Path) -> Run | None:
    """One directory; None where it neither is a run nor was to be one."""
    nothing: tuple[dict[str, Any], Lines] = {}, Lines(path)
    try:
        names = {each.name for each in path.iterdir()}
        if CONFIG in names:
            return _run(path)
        return Run(*nothing, f"{path}: begun, without {CONFIG}") if names & WRITTEN else None
    except DamagedError as error:
        return Run(*nothing, str(error))
    except (OSError, ValueError, TypeError) as error:
        return Run(*nothing, f"{path}: not readable ({error})")


def _placed(frame: pd.DataFrame, told: Sequence[str | None], before: int) -> pd.DataFrame:
    """Column `file` of the whole files becomes `run`, counted on from those `before`.

    A run without rows has one, of iteration 0.
    """
    whole = np.array([not damage for damage in told], dtype=bool)
    run = before + np.cumsum(whole) - 1
    kept = frame[whole[frame.file]]
    silent = np.setdiff1d(np.flatnonzero(whole), kept.file)
    empty = pd.DataFrame({"file": silent, "iteration": 0})
    both = pd.concat([part for part in (kept, empty) if len(part)] or [empty])
    if len(kept) and len(empty):
        both = both.sort_values("file", kind="stable")
    return both.assign(run=run[both.file]).drop(columns="file")


def _together(known: Sequence[Mapping[str, Any]], frames: list[pd.DataFrame]) -> pd.DataFrame:
    """All rows, each with what its run says; the frames are used up, so that memory is too."""
    rows = pd.concat([frame for frame in frames if len(frame)], ignore_index=True)
    frames.clear()
    run = rows.pop("run").to_numpy()
    rows = rows.reindex(columns=[*METRICS, *(name for name in rows if name not in METRICS)])
    said = pd.DataFrame(list(known), columns=RUN).astype({"step_size": float})
    return pd.concat([said.take(run).reset_index(drop=True), rows], axis=1)


def arranged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns `RUN` and `METRICS` first, empty where it had none."""
    first = [*RUN, *METRICS]
    return frame.reindex(columns=[*first, *(name for name in frame if name not in set(first))])


def _run(path: Path) -> Run:
    """One run directory. Raises DamagedError where it cannot be read whole."""
    description = json_object(path / "run.json")
    provenance = json_object(path / "provenance.json", {})
    rows = lines(path / "metrics.csv", DUE.get(description.get("study", ""), ()))
    known = {
        **_described(description, path / "run.json"),
        **{"run_id": path.name, "status": _status(path, provenance, rows.rows)},
        **{"commit": _commit(provenance)},
        **{"error": provenance.get("error"), "started": provenance.get("start")},
        **{"wall_seconds": provenance.get("wall_seconds"), "cpu": provenance.get("cpu") or ""},
        "versions": _versions(provenance),
    }
    _check(known, path)
    return Run(known, rows)


def _check(known: Mapping[str, Any], path: Path) -> None:
    """Raises DamagedError where something that is known of a run is of another type."""
    for name, value in known.items():
        if name in WHOLE:
            right = isinstance(value, int)
        elif name in NUMBERS:
            right = value is None or isinstance(value, int | float)
        else:
            right = value is None or isinstance(value, str)
        if not right:
            raise DamagedError(f"{path}: its {name} is {value!r}")


def json_object(path: Path, missing: dict[str, Any] | None = None) -> dict[str, Any]:
    """The file's object; `missing` where there is none, if that is given."""
    if not path.exists() and missing is not None:
        return missing
    try:
        return dict(json.loads(path.read_text()))
    except FileNotFoundError:
        raise DamagedError(f"{path}: missing; an earlier version wrote the run") from None
    except (ValueError, TypeError) as error:
        raise DamagedError(f"{path}: not readable as JSON ({error})") from error


def _described(description: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The columns of `RUN` that `run.json` says."""
    try:
        found = {key: description[key] for key in DESCRIBED}
        found |= {name: shlex.join(description[name]) for name in WORDS}
        swept = dict(description.get("swept", {}))  # some were written before it
        found["swept"] = shlex.join(f"{name}={value}" for name, value in swept.items())
    except KeyError as error:
        raise DamagedError(f"{path}: {error} is missing") from error
    return found | {"env": found["task"], "method": method(found["algo"], found["sampler"])}


def _status(path: Path, provenance: Mapping[str, Any], rows: int) -> str:
    """How the run ended. Raises DamagedError where it is done but rows are lost."""
    if (path / "DONE").exists():
        done = json_object(path / "DONE")
        due, written = done.get("iteration"), done.get("metrics_crc32")
        metrics = path / "metrics.csv"
        if rows != due:
            raise DamagedError(f"{metrics}: {rows} iterations where {due} were done")
        if written not in (None, zlib.crc32(metrics.read_bytes())):
            raise DamagedError(f"{metrics}: changed since the run was done")
        return DONE
    said = str(provenance.get("status", "interrupted"))
    return {DONE: "interrupted"}.get(said, said)


def _commit(provenance: Mapping[str, Any]) -> str | None:
    """The first ten letters of the commit, with a plus where the tree was not clean."""
    sha = provenance.get("git_sha")
    return f"{sha[:10]}{'+' if provenance.get('git_dirty') else ''}" if sha else None


def _versions(provenance: Mapping[str, Any]) -> str:
    """Python and the packages, as pip writes them."""
    packages = {"python": provenance.get("python"), **(provenance.get("packages") or {})}
    return " ".join(f"{name}=={version}" for name, version in packages.items() if version)
