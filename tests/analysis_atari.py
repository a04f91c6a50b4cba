"""Evaluations in the evaluator's format, and runs on Atari, for the tests of `analysis`."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from analysis_runs import runs_frame

from analysis import evaluations

TRPO, VINE = ("trpo_single_path", 0.01), ("trpo_vine", 0.01)
SETTINGS = {"game": "pong", "name": "atari"}


def write_evaluation(directory: Path, returns: Sequence[float] = (1.0, 2.0), **said: Any) -> Path:
    """An `evaluation.json` in `directory`, of these episodes; `said` are entries of it."""
    values = np.asarray(returns, dtype=float)
    whole: dict[str, Any] = {
        **{"run_id": directory.name, "task": "pong", "method_algo": "trpo", "seed": 0},
        **{"sampler": "single_path", "protocol": "paper", "experiment": "table1"},
        **{"scale": "demo", "iteration": 10, "env_steps": 1000, "greedy": False},
        **{"evaluation_seed": 7, "episodes": len(values), "horizon": 4500, "truncated": 0},
        **{"return_mean": float(values.mean()), "return_low": None, "return_high": None},
        **{"return_std": float(values.std()), "length_mean": 30.0, "env": SETTINGS, "numbers": 3},
        **{"returns": list(returns), "lengths": [30] * len(values)},
        **{"commit": "0123456789", "written": "2026-01-01T00:00:00+00:00"},
    }
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / evaluations.FILE
    path.write_text(json.dumps(whole | said, indent=1))
    return path


def write_random(runs: Path, returns: Sequence[float], **said: Any) -> Path:
    """Random play, which has no run."""
    nothing: dict[str, Any] = dict.fromkeys(
        ["sampler", "protocol", "experiment", "scale", "seed", "iteration", "env_steps"]
    )
    place = runs / f"random-{said.get('task', 'pong')}-0123abcd"
    return write_evaluation(place, returns, **(nothing | {"method_algo": "random"} | said))


def game_frame(
    env: str, cells: dict[tuple[str, float], list[list[float]]], **constant: Any
) -> pd.DataFrame:
    """A tidy frame of runs on one game, of the paper's whole budget where nothing else is said."""
    said = {"experiment": "table1", "env": env, "iterations": 500, "steps_per_iteration": 100_000}
    frame = runs_frame(cells, **(said | constant))
    return frame.assign(run_id=env + "-" + frame.run_id)


def evaluated(frame: pd.DataFrame, **said: Any) -> pd.DataFrame:
    """Each run of a frame evaluated by ten episodes, with its last return as their mean."""
    last = frame.sort_values("iteration").groupby("run_id").last().reset_index()
    game = {env: json.dumps({"game": env}) for env in last.env}
    rows = last.assign(return_mean=last.return_100, settings=last.env.map(game), greedy=False,
                       episodes=10, horizon=4500, algo="trpo", written="")  # fmt: skip
    return rows.reindex(columns=evaluations.COLUMNS).assign(**said)


def random_play(env: str, mean: float, **said: Any) -> pd.DataFrame:
    """Random play under the settings of `evaluated`, by a hundred episodes."""
    row = {"run_id": f"random-{env}", "env": env, "method": "random", "return_mean": mean,
           "settings": json.dumps({"game": env}), "greedy": False, "episodes": 100,
           "horizon": 4500, "return_low": mean - 0.5, "return_high": mean + 0.5}  # fmt: skip
    return pd.DataFrame([row | said]).reindex(columns=evaluations.COLUMNS)
