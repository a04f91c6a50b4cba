"""Run directories in the store's format, with made-up numbers, for the tests of `analysis`."""

import json
import zlib
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from analysis import evaluations
from analysis.chapter import Chapter, Data, Found, find
from analysis.chapters.all import CHAPTERS
from analysis.chapters.theory_bounds import BOUNDS, LAWS
from analysis.ledger import ledger
from analysis.read import Read, read

DATA = Path(__file__).parents[1] / "results" / "data"
COLUMNS = (
    "iteration,env_steps,episodes,return_mean,return_std,return_100,reward_per_step,length_mean,"
    "surrogate_gain,kl_mean,kl_max,grad_norm,step_norm,cg_residual,backtracks,accepted,entropy,"
    "size,explained_variance,unstable_steps"
)


@cache
def committed() -> Read:
    """What the committed data say."""
    return read(DATA)


def write_run(
    directory: Path,
    returns: list[float | None],
    *,
    status: str = "done",
    measured: list[dict[str, float]] | None = None,
    **said: Any,
) -> Path:
    """One run whose return is `returns[i]` in iteration i + 1 (None: no episode finished).

    `said` are entries of `run.json`, on top of a run of TRPO on Hopper; `measured` are more
    columns, one dictionary an iteration.
    """
    run = described(**said)
    path = directory / f"{run['algo']}-{len(list(directory.glob('*'))):03d}"
    path.mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(run))
    (path / "config.yaml").write_text("for people\n")
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
        **{"start": f"2025-01-01T00:00:{run['seed']:02d}+00:00", "cpu": "A, B", "python": "3.11.2"},
        "packages": {"torch": "2.13.0", "ale-py": None},
    }
    (path / "provenance.json").write_text(json.dumps(provenance))
    if status == "done":
        reached = {"iteration": len(returns), "env_steps": 100 * len(returns)}
        (path / "DONE").write_text(json.dumps(reached))
    return path


def described(**said: Any) -> dict[str, Any]:
    """A `run.json`; its hash and its overrides follow from what it says, unless they are said."""
    run: dict[str, Any] = {
        **{"study": "training", "experiment": "modern", "scale": "demo", "task": "hopper"},
        **{"algo": "trpo", "sampler": "single_path", "protocol": "modern", "seed": 0},
        **{"step_size": 0.01, "departures": [], "total_steps": 1000, "iterations": 10},
        **{"steps_per_iteration": 100, "numbers": 1, "swept": {}},
    }
    run |= said
    names = ("task", "algo", "sampler", "protocol", "step_size", "departures", "swept")
    own = [run[key] for key in names]
    starts = [f"+experiment={run['experiment']}", f"scale={run['scale']}", f"env={run['task']}",
              f"algo={run['algo']}", f"seed={run['seed']}", *run["departures"]]  # fmt: skip
    return {"settings": f"{zlib.crc32(repr(own).encode()):08x}", "overrides": starts} | run


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
                **{"reward_per_step": returns, "departs": "", "swept": ""},
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
    sizes = {"natural_gradient": 3.0, "empirical_fim": 0.01, "max_kl": 0.01}
    for seed in range(2):
        place = {"experiment": f"figure4_{panel}", "task": env, "seed": seed, "protocol": "paper"}
        for sampler in ("single_path", "vine"):
            write_run(directory, returns, sampler=sampler, **place)
        for algo in PANELS[panel]:
            write_run(directory, returns, algo=algo, step_size=sizes.get(algo), **place)


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
                "env_steps": 100.0 * np.arange(1, 5),
                "departs": "",
            }
            frames.append(pd.DataFrame(turns).assign(**(run | constant)))
            frames[-1]["gradient_variance"] *= 2.0**seed
    return pd.concat(frames, ignore_index=True)


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
        broken = {f"broken_{law}": 0.0 for law in LAWS}
        return {"mdps": 10.0, "distance": 0.1 * i, **quantiles, **violations, **broken}
    lowered = 0.1 if method == "policy_iteration" else 0.0
    progress = {"eta_mean": 1.0 - 1 / i, "regret_mean": 1 / i, "share_lowered": lowered}
    return {"mdps": 10.0, **progress, **violations}


EXACT = ["policy_iteration", "minorise_maximise", "natural_gradient", "random_pairs", "line"]


SEEN_AS_5 = "20 states, γ = 0.9, seen as 5"


def write_theory(directory: Path, *, seeds: int = 2, **said: Any) -> None:
    """Runs of four iterations of the experiment `theory`, where states look alike."""
    theory = {"study": "theory", "experiment": "theory", "task": SEEN_AS_5, "step_size": None}
    for method in EXACT:
        for seed in range(seeds):
            write_run(directory, [None] * 4, measured=[exact(method, i) for i in range(1, 5)],
                      algo=method, sampler="", protocol="", seed=seed,
                      **(theory | said))  # fmt: skip


def judged(each: Found[Any]) -> pd.DataFrame:
    """The ledger of what a chapter found, of the claims that it judges."""
    table = ledger([each], [each.chapter])
    return table[table.figure == each.stem].reset_index(drop=True)


def found(
    frame: pd.DataFrame,
    chapters: Sequence[Chapter[Any]] = CHAPTERS,
    evaluated: pd.DataFrame = evaluations.NONE,
) -> dict[str, Found[Any]]:
    """The chapters of a frame by their stem."""
    data = Data(frame.drop(columns="tried", errors="ignore"), evaluated)
    return {each.stem: each for each in find(chapters, data)}
