"""The only reader of run directories, and of the tidy data that are committed.

A tidy frame has one row per (run, iteration): the columns `RUN` say which run it is, the
columns `METRICS` what it measured. A run that ended before its first iteration keeps one row
of iteration 0 without measurements, so that no run is ever lost. Where some run measured how its
gradient varies, the columns `MEASURED` are there too; where some run is of the theory, those of
`EXACT` that it has.
"""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.names import method

FROM_CONFIG = {
    "experiment": "experiment",
    "scale": "scale.name",
    "algo": "algo.name",
    "sampler": "sampler.name",
    "protocol": "protocol.name",
    "seed": "seed",
    "total_steps": "total_steps",
    "iterations": "iterations",
    "steps_per_iteration": "steps_per_iteration",
}
RUN = [
    *("run_id", "experiment", "scale", "env", "method", "algo", "sampler", "protocol", "seed"),
    *("step_size", "total_steps", "iterations", "steps_per_iteration"),
    *("status", "error", "commit", "started", "wall_seconds"),
]
METRICS = [
    *("iteration", "env_steps", "episodes", "return_mean", "return_100"),
    *("reward_per_step", "kl_mean", "entropy"),
]
MEASURED = ["q_samples", "estimate_steps", "gradient_variance", "gradient_square", "trained"]
QUANTILES = ["min", "q05", "q25", "q50", "q75", "q95"]
_BOUNDS = ["mixture_tight", "mixture", "tv_tight", "tv", "kl", "halved_kl"]
EXACT = [
    *("mdps", "kl_max", "eta_mean", "regret_mean", "share_lowered", "distance"),
    *("position", "eta", "surrogate", "minorant"),
    *(f"slack_{bound}_{quantile}" for bound in _BOUNDS for quantile in QUANTILES),
    *(f"violations_{bound}" for bound in _BOUNDS),
]
"""What runs on finite MDPs may measure."""
_MARK, _EXACT_MARK = "gradient_variance", "mdps"
TEXT = dict.fromkeys(["experiment", "scale", "error", "commit", "started"], "string")
ROWS_PER_RUN = 100


def runs(directory: Path) -> pd.DataFrame:
    """Every run under `directory`, one row per (run, iteration), finished or not.

    A subdirectory is a run once it holds `config.yaml`. `status` is `done` only where `DONE`
    exists. Raises ValueError, naming the file, where a run cannot be read whole.
    """
    paths = sorted(path.parent for path in directory.glob("*/config.yaml"))
    frames = [_run(path) for path in paths]
    if not frames:
        return pd.DataFrame(columns=[*RUN, *METRICS])
    return _ordered(pd.concat(frames, ignore_index=True))


def _run(path: Path) -> pd.DataFrame:
    """One run directory as a tidy frame."""
    config, provenance = _config(path / "config.yaml"), _provenance(path / "provenance.json")
    done = (path / "DONE").exists()
    status = provenance.get("status", "interrupted")
    metrics = _metrics(path / "metrics.csv")
    if done and metrics.empty:
        raise ValueError(f"{path / 'metrics.csv'}: the run is done but has no iteration")
    if metrics.empty:
        metrics = pd.DataFrame({"iteration": [0]}).reindex(columns=METRICS)
    described = {
        "run_id": path.name,
        **config,
        "status": "done" if done else "interrupted" if status == "done" else status,
        "error": provenance.get("error"),
        "commit": _commit(provenance),
        "started": provenance.get("start"),
        "wall_seconds": provenance.get("wall_seconds"),
    }
    constant = pd.DataFrame([described] * len(metrics), index=metrics.index, columns=RUN)
    return pd.concat([constant, metrics], axis=1)


def _config(path: Path) -> dict[str, Any]:
    """The configuration columns of a run. Raises ValueError where `algo` or `env` lacks a name."""
    from omegaconf import OmegaConf

    config = OmegaConf.load(path)

    def at(key: str) -> Any:
        return OmegaConf.select(config, key, default=None)

    if at("algo.name") is None or at("env.name") is None:
        raise ValueError(f"{path}: algo.name and env.name are needed")
    algo, sampler = at("algo.name"), at("sampler.name") or "single_path"
    delta, penalty, longer = at("algo.delta"), at("algo.penalty"), at("step_scale") or 1.0
    found = {name: at(key) for name, key in FROM_CONFIG.items()} | {
        "env": at("env.id") if at("env.name") == "gymnasium" else at("env.name"),
        "method": method(algo, sampler),
        "step_size": penalty / longer if penalty else delta and delta * longer**2,
    }
    return found | _exact(at) if algo == "theory" else found


def _exact(at: Callable[[str], Any]) -> dict[str, Any]:
    """What tells runs on finite MDPs apart: the MDPs and what of them is seen are their task."""
    states, seen, name = at("env.states"), at("env.observations"), at("algo.method")
    alike = f", seen as {seen}" if seen and seen < states else ""
    size = {"natural_gradient": "penalty", "vanilla_gradient": "l2_radius"}.get(name, "delta")
    return {
        "env": f"{states} states, γ = {at('gamma'):g}{alike}",
        "method": name,
        "step_size": at(f"algo.{size}"),
    }


def _provenance(path: Path) -> dict[str, Any]:
    """The run's provenance, empty where the run was killed before writing any."""
    if not path.exists():
        return {}
    try:
        return dict(json.loads(path.read_text()))
    except ValueError as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error


def _commit(provenance: dict[str, Any]) -> str | None:
    """The first ten letters of the commit, with a plus where the tree was not clean."""
    sha = provenance.get("git_sha")
    return f"{sha[:10]}{'+' if provenance.get('git_dirty') else ''}" if sha else None


def _metrics(path: Path) -> pd.DataFrame:
    """The columns `METRICS` of a `metrics.csv`, `MEASURED` where it has a variance.

    And where it is of finite MDPs, those of `EXACT` that it has.
    A last line cut short is left out.

    Raises ValueError where the file is missing a column, or a line has another length than the
    header. No file at all means no iteration yet.
    """
    text = path.read_text() if path.exists() else ""
    text = text[: text.rfind("\n") + 1]
    if not text:
        return pd.DataFrame(columns=METRICS)
    header, *lines = csv.reader(io.StringIO(text))
    wanted = [*METRICS, *MEASURED] if _MARK in header else METRICS
    if _EXACT_MARK in header:
        wanted = [*wanted, *(name for name in EXACT if name in header)]
    if missing := [name for name in wanted if name not in header]:
        raise ValueError(f"{path}: column {missing[0]!r} is missing")
    for number, line in enumerate(lines, start=2):
        if len(line) != len(header):
            raise ValueError(f"{path}:{number}: {len(line)} columns where {len(header)} are due")
    return pd.read_csv(io.StringIO(text), usecols=wanted)[wanted]


def latest(frame: pd.DataFrame) -> pd.DataFrame:
    """Keep the run that started last among runs that differ in nothing we group by.

    A changed setting gives a run another name, so an older run of the same cell can lie beside
    it. Counting both would let one seed vote twice. One that is not done stands for its cell only
    where none is done.
    """
    cell = ["experiment", "scale", "env", "method", "protocol", "seed", "step_size"]
    each = frame.drop_duplicates("run_id").assign(whole=lambda runs: runs.status == "done")
    each = each.sort_values(["whole", "started", "run_id"], na_position="first")
    kept = each.drop_duplicates(cell, keep="last")
    return frame[frame.run_id.isin(kept.run_id)].reset_index(drop=True)


def thin(frame: pd.DataFrame) -> pd.DataFrame:
    """At most about `ROWS_PER_RUN` rows a run: every k-th iteration, the first and the last.

    One k for the whole frame, so that all its runs keep the same iterations. Rows with a
    measured variance all stay: each is a measurement of its own, not a point of a curve.
    """
    every = max(1, -(-int(frame.iteration.max()) // ROWS_PER_RUN))
    last = frame.groupby("run_id").iteration.transform("max")
    keep = (frame.iteration % every == 0) | (frame.iteration <= 1) | (frame.iteration == last)
    if _MARK in frame:
        keep |= frame[_MARK].notna()
    return frame[keep].reset_index(drop=True)


def merged(old: pd.DataFrame, new: pd.DataFrame) -> pd.DataFrame:
    """The runs of both; of one that is in both, the new form unless the old one went further.

    A run that is done is never replaced by one that is not, and none by a shorter one. No run is
    lost: those that only one of the two has all stay.
    """
    ended = [frame.groupby("run_id").agg(status=("status", "first"), last=("iteration", "max"))
             for frame in (old, new)]  # fmt: skip
    was, now = ended[0].join(ended[1].add_suffix("_now"), how="inner"), ended[1]
    undone = (was.status == "done") & (was.status_now != "done")
    shorter = was.last_now < was["last"]
    stays = was.index[undone | shorter]
    replaced = now.index.difference(stays)
    parts = [old[~old.run_id.isin(replaced)], new[new.run_id.isin(replaced)]]
    return pd.concat([part for part in parts if len(part)], ignore_index=True)


def save_tidy(frame: pd.DataFrame, path: Path) -> list[Path]:
    """Write the frame as `path` (metrics) and `path.runs.csv` (one line a run).

    Seven significant digits, sorted by run and iteration: the same frame gives the same bytes.
    """
    rows = frame.sort_values(["run_id", "iteration"])
    metrics = rows[["run_id", *METRICS, *_measured(rows)]]
    parts = {path: metrics, _beside(path): rows[RUN].drop_duplicates("run_id")}
    path.parent.mkdir(parents=True, exist_ok=True)
    for target, part in parts.items():
        part.to_csv(target, index=False, float_format="%.7g", lineterminator="\n")
    return list(parts)


def tidy(path: Path) -> pd.DataFrame:
    """Read what `save_tidy` wrote. Raises ValueError where a run has no line or no rows."""
    metrics = pd.read_csv(path)
    described = pd.read_csv(_beside(path), dtype=TEXT)
    if set(metrics.run_id) != set(described.run_id):
        raise ValueError(f"{path}: its runs are not those of {_beside(path).name}")
    return _ordered(described.merge(metrics, on="run_id", validate="one_to_many"))


def _beside(path: Path) -> Path:
    return path.with_suffix(".runs.csv")


def _ordered(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[[*RUN, *METRICS, *_measured(frame)]]


def _measured(frame: pd.DataFrame) -> list[str]:
    """The columns `MEASURED` and of `EXACT`, of a frame in which some run has them."""
    measured = MEASURED if _MARK in frame and frame[_MARK].notna().any() else []
    return [*measured, *(name for name in EXACT if name in frame and frame[name].notna().any())]
