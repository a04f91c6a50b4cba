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
    directory: Path,
    returns: list[float | None],
    *,
    status: str = "done",
    measured: list[dict[str, float]] | None = None,
    **settings: Any,
) -> Path:
    """One run whose return is `returns[i]` in iteration i + 1 (None: no episode finished).

    `settings` are dotted keys of the config, on top of a run of TRPO on Hopper; `measured` are
    more columns, one dictionary an iteration.
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
    for i, more in enumerate(measured or []):
        lines[i + 1] += "".join(f",{value!r}" for value in more.values())
        lines[0] = ",".join([COLUMNS, *more])
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


PANELS = {
    "cartpole": ["natural_gradient", "empirical_fim", "max_kl", "cem", "cma_es", "rwr"],
    "swimmer": ["natural_gradient", "empirical_fim", "cem", "cma_es", "rwr"],
    "hopper": ["natural_gradient", "cem", "rwr"],
    "walker": ["natural_gradient", "cem", "rwr"],
}
"""The methods of Figure 4 beside TRPO with its two samplers."""


def write_figure4(directory: Path, panel: str, returns: list[float | None]) -> None:
    """Two runs of every method of a panel; black-box searches have no step size."""
    env = {"walker": "walker2d"}.get(panel, panel)
    sizes = {"natural_gradient": {"algo__penalty": 3.0}}
    sizes |= {algo: {"algo__delta": 0.01} for algo in ("empirical_fim", "max_kl")}
    for seed in range(2):
        place = {"experiment": f"figure4_{panel}", "env__name": env, "seed": seed}
        for sampler in ("single_path", "vine"):
            write_run(directory, returns, sampler__name=sampler, **place)
        for algo in PANELS[panel]:
            size = {"algo__delta": None, **sizes.get(algo, {})}
            write_run(directory, returns, algo__name=algo, **size, **place)


def measurement(size: int, sampler: str, trained: int, *, square: float = 2.0) -> dict[str, float]:
    """What a batch with `size` times 100 Q samples measured: the vine's noise is a tenth."""
    steps = {"single_path": 100.0, "vine": 500.0, "vine_independent": 500.0}[sampler]
    variance = {"single_path": 10.0, "vine": 1.0, "vine_independent": 4.0}[sampler]
    return {
        "q_samples": 100.0 * size,
        "estimate_steps": steps * size,
        "gradient_variance": variance / size,
        "gradient_square": square,
        "trained": trained,
    }


def variance_frame(seeds: int = 3, **constant: Any) -> pd.DataFrame:
    """A tidy frame of the experiment `variance`: every sampler, two stages of two sizes.

    In units of 100 Q samples, the noise of a single path is 5, of the vine 0.5, and of the vine
    without common random numbers 2; seed s multiplies all of them by 2^s.
    """
    frames = []
    for sampler in ("single_path", "vine", "vine_independent"):
        for seed in range(seeds):
            turns = [measurement(k, sampler, at) for at in (0, 15) for k in (1, 4)]
            run = {
                **{"run_id": f"{sampler}-{seed}", "experiment": "variance", "scale": "demo"},
                **{"env": "hopper", "sampler": sampler, "seed": seed, "status": "done"},
                **{"iteration": np.arange(1, 5), "method": f"gradient_variance_{sampler}"},
            }
            frames.append(pd.DataFrame(turns).assign(**(run | constant)))
            frames[-1]["gradient_variance"] *= 2.0**seed
    return pd.concat(frames, ignore_index=True)


BOUNDS = ["mixture_tight", "mixture", "tv_tight", "tv", "kl", "halved_kl"]


def exact(method: str, i: int) -> dict[str, float]:
    """What iteration i of a method on ten finite MDPs reports.

    Greedy steps lower η in a tenth of them, no other does. The slacks of the k-th bound are
    (k + 1) i times 1, 2, 3, 4, 5, 6.
    """
    violations = {f"violations_{bound}": 0.0 for bound in BOUNDS}
    if method == "line":
        at = (0.0, -1.0, 1.0, 2.0)[i - 1]
        return {"mdps": 1.0, "position": at, "eta": at, "surrogate": at, "minorant": at - at**2 / 2}
    if method == "random_pairs":
        words = enumerate(("min", "q05", "q25", "q50", "q75", "q95"), start=1)
        quantiles = {
            f"slack_{bound}_{word}": float(k * i * n)
            for n, word in words
            for k, bound in enumerate(BOUNDS, start=1)
        }
        return {"mdps": 10.0, "distance": 0.1 * i, **quantiles, **violations}
    lowered = 0.1 if method == "policy_iteration" else 0.0
    progress = {"eta_mean": 1.0 - 1 / i, "regret_mean": 1 / i, "share_lowered": lowered}
    return {"mdps": 10.0, **progress, **violations}


EXACT = ["policy_iteration", "minorise_maximise", "natural_gradient", "random_pairs", "line"]


def write_theory(directory: Path, *, seeds: int = 2, **settings: Any) -> None:
    """Runs of four iterations of the experiment `theory`, where states look alike."""
    garnet = {"env__name": "garnet", "env__states": 20, "env__observations": 5, "gamma": 0.9}
    for method in EXACT:
        for seed in range(seeds):
            write_run(directory, [None] * 4, measured=[exact(method, i) for i in range(1, 5)],
                      experiment="theory", algo__name="theory", algo__method=method, seed=seed,
                      **(garnet | settings))  # fmt: skip
