"""The only reader of run directories; it knows no experiment.

A frame of runs has one row per (run, iteration): the columns `RUN` say which run it is, those of
its `metrics.csv` what it measured. A run that ended before its first iteration keeps one row of
iteration 0 without measurements, so that no run is ever lost.
"""

import csv
import io
import json
import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd

from analysis.names import DONE, method

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


class Loaded(NamedTuple):
    """The runs of a directory, and a line about each that is damaged and left out."""

    runs: pd.DataFrame
    damaged: list[str]


class DamagedError(ValueError):
    """A file of a run is not as the run wrote it."""


def runs(directory: Path) -> Loaded:
    """Every run under `directory`, or the one that it is, one row per (run, iteration).

    They may be finished or not. A directory is a run once it holds `config.yaml`. `status` is
    `done` only where `DONE` exists and all rows that it counts are there.
    """
    frames, damaged = [], []
    there = list(directory.glob("config.yaml")) or directory.glob("*/config.yaml")
    for path in sorted(path.parent for path in there):
        try:
            frames.append(_run(path))
        except DamagedError as error:
            damaged.append(str(error))
        except (ValueError, TypeError, csv.Error) as error:
            damaged.append(f"{path}: not readable ({error})")
    if not frames:
        return Loaded(pd.DataFrame(columns=[*RUN, *METRICS]), damaged)
    return Loaded(arranged(pd.concat(frames, ignore_index=True)), damaged)


def arranged(frame: pd.DataFrame) -> pd.DataFrame:
    """The frame with the columns `RUN` and `METRICS` first, empty where it had none."""
    first = [*RUN, *METRICS]
    return frame.reindex(columns=[*first, *(name for name in frame if name not in set(first))])


def _run(path: Path) -> pd.DataFrame:
    """One run directory as a frame. Raises DamagedError where it cannot be read whole."""
    description = json_object(path / "run.json")
    provenance = json_object(path / "provenance.json", {})
    metrics = _metrics(path / "metrics.csv")
    status = _status(path, provenance, len(metrics))
    if metrics.empty:
        metrics = pd.DataFrame({"iteration": [0]})
    known = {
        **_described(description, path / "run.json"),
        **{"run_id": path.name, "status": status, "commit": _commit(provenance)},
        **{"error": provenance.get("error"), "started": provenance.get("start")},
        **{"wall_seconds": provenance.get("wall_seconds"), "cpu": provenance.get("cpu") or ""},
        "versions": _versions(provenance),
    }
    constant = pd.DataFrame([known] * len(metrics), index=metrics.index, columns=RUN)
    return pd.concat([constant.astype({"step_size": float}), metrics], axis=1)


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
        due = json_object(path / "DONE").get("iteration")
        if rows != due:
            raise DamagedError(f"{path / 'metrics.csv'}: {rows} iterations where {due} were done")
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


def _metrics(path: Path) -> pd.DataFrame:
    """A `metrics.csv`, whole; a last line cut short is left out. None means no iteration yet.

    Raises DamagedError where a line has another length than the header, or an iteration does not
    follow the one before.
    """
    text = path.read_text() if path.exists() else ""
    text = text[: text.rfind("\n") + 1]
    if not text:
        return pd.DataFrame(columns=["iteration"])
    header, *lines = csv.reader(io.StringIO(text))
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise DamagedError(f"{path}:{number}: {len(line)} columns where {len(header)} are due")
    frame = pd.read_csv(io.StringIO(text))
    if list(frame.get("iteration", [])) != list(range(1, len(frame) + 1)):
        raise DamagedError(f"{path}: its iterations are not 1, 2, 3, …")
    return frame
