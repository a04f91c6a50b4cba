"""Run directories in the store's format, with made-up numbers, for the tests of `analysis`."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from omegaconf import OmegaConf

COLUMNS = (
    "iteration,env_steps,episodes,return_mean,return_std,return_100,reward_per_step,length_mean,"
    "surrogate_gain,kl_mean,kl_max,grad_norm,step_norm,cg_residual,backtracks,accepted,entropy,"
    "size,explained_variance,unstable_steps"
)


def write_run(
    directory: Path, returns: list[float | None], *, status: str = "done", **settings: Any
) -> Path:
    """One run whose return is `returns[i]` in iteration i + 1 (None: no episode finished).

    `settings` are dotted keys of the config, on top of a run of TRPO on Hopper.
    """
    config = OmegaConf.create({"experiment": "modern", "seed": 0, "total_steps": 1000})
    base = {
        **{"iterations": 10, "steps_per_iteration": 100, "algo.name": "trpo", "algo.delta": 0.01},
        **{"sampler.name": "single_path", "env.name": "hopper", "protocol.name": "modern"},
        "scale.name": "demo",
    }
    for key, value in (base | {k.replace("__", "."): v for k, v in settings.items()}).items():
        OmegaConf.update(config, key, value, force_add=True)
    path = directory / f"{config.algo.name}-{config.env.name}-{len(list(directory.glob('*'))):03d}"
    path.mkdir(parents=True)
    OmegaConf.save(config, path / "config.yaml")
    lines = [COLUMNS]
    for i, value in enumerate(returns, start=1):
        shown, per_step = ("", "") if value is None else (repr(value), repr(value / 1000))
        lines.append(
            f"{i},{100 * i},{i},{shown},0.5,{shown},{per_step},50.0,"
            "0.1,0.009,0.02,1.0,0.1,0.01,0,1,2.5,0.01,0.5,0"
        )
    (path / "metrics.csv").write_text("\n".join(lines) + "\n")
    provenance = {
        **{"status": status, "error": "theta is not finite" if status == "failed" else None},
        **{"git_sha": "0123456789abcdef", "git_dirty": False, "wall_seconds": 3.5},
        "start": f"2025-01-01T00:00:{config.seed:02d}+00:00",
    }
    (path / "provenance.json").write_text(json.dumps(provenance))
    if status == "done":
        (path / "DONE").touch()
    return path


def runs_frame(cells: dict[tuple[str, float], list[list[float]]], **constant: Any) -> pd.DataFrame:
    """A tidy frame of finished runs: for each (method, step size), one list of returns a run."""
    frames = []
    for (method, size), group in cells.items():
        for seed, returns in enumerate(group):
            iteration = np.arange(1, len(returns) + 1)
            run = {
                **{"run_id": f"{method}-{size}-{seed}", "experiment": "modern", "scale": "demo"},
                **{"env": "hopper", "method": method, "step_size": size, "seed": seed},
                **{"status": "done", "iteration": iteration, "env_steps": 100.0 * iteration},
                **{"return_100": returns, "return_mean": returns, "tried": 1},
                "reward_per_step": returns,
            }
            frames.append(pd.DataFrame(run | constant))
    return pd.concat(frames, ignore_index=True)
