"""What the paper claims, and what our runs say about it.

A claim is a difference between two sides that it says is positive. The runs support it where
the 95 % bootstrap interval of the difference lies above zero, contradict it where it lies below
zero, and leave it undecided otherwise; a shorter or missing experiment is no data.
"""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.names import look, task
from analysis.statistics import Array, best_step_size, difference, scores
from analysis.tables import with_interval


class Claim(NamedTuple):
    """`left` does better than `right` (a method, or a number) on `env` of `experiment`.

    `metric` is compared after `iteration` iterations, or at the last one where it is None.
    """

    text: str
    source: str
    experiment: str
    env: str
    metric: str
    left: str
    right: str | float
    iteration: int | None = None


COLUMNS = ["claim", "source", "runs", "difference [95 % interval]", "verdict"]
TRPO, NATURAL = "trpo_single_path", "natural_gradient"
FIGURE4 = "§8.1, Figure 4"
_CARTPOLE = (FIGURE4, "figure4_cartpole", "cartpole", "reward_per_step")


def _figure4(env: str) -> Claim:
    text = f"TRPO ends above the natural gradient on the paper's {env}"
    return Claim(text, FIGURE4, f"figure4_{env}", env, "reward_per_step", TRPO, NATURAL)


def _modern(env: str, other: str) -> Claim:
    text = f"TRPO ends above the {look(other).label} on {task(env)}"
    return Claim(text, "§8.1, carried to a modern task", "modern", env, "return_100", TRPO, other)


CLAIMS = [
    Claim("TRPO is above 9 per step on cart-pole by iteration 30", *_CARTPOLE, TRPO, 9.0, 30),
    Claim("The natural gradient ends above 9 per step on cart-pole", *_CARTPOLE, NATURAL, 9.0),
    Claim("Max KL learns more slowly than TRPO on cart-pole (at iteration 15)",
          *_CARTPOLE, TRPO, "max_kl", 15),
    *[_figure4(env) for env in ("swimmer", "hopper", "walker")],
    *[_modern(env, other) for env in ("hopper", "walker2d", "half_cheetah", "swimmer")
      for other in (NATURAL, "vanilla_pg")],
]  # fmt: skip


def judge(runs: pd.DataFrame, rng: np.random.Generator) -> pd.DataFrame:
    """One row per claim whose experiment is among the runs of one scale, with its verdict."""
    present = [claim for claim in CLAIMS if (runs.experiment == claim.experiment).any()]
    return pd.DataFrame([_verdict(claim, runs, rng) for claim in present], columns=COLUMNS)


def _verdict(claim: Claim, runs: pd.DataFrame, rng: np.random.Generator) -> list[str]:
    task_runs = runs[(runs.experiment == claim.experiment) & (runs.env == claim.env)]
    left = _side(claim, claim.left, task_runs)
    number_given = isinstance(claim.right, float)
    right = np.full(2, claim.right) if number_given else _side(claim, str(claim.right), task_runs)
    sizes = f"{len(left)}" if number_given else f"{len(left)} / {len(right)}"
    if not len(left) or not len(right):
        return [claim.text, claim.source, sizes, "–", "no data"]
    estimate, low, high = difference(left, right, rng)
    verdict = "supported" if low > 0 else "contradicted" if high < 0 else "undecided"
    return [claim.text, claim.source, sizes, with_interval(estimate, low, high), verdict]


def _side(claim: Claim, method: str, task_runs: pd.DataFrame) -> Array:
    """One value per run of a method, at its best step size: (n,), empty without data."""
    own = task_runs[task_runs.method == method]
    own = best_step_size(own, claim.metric)
    if claim.iteration is not None:
        reached = own.groupby("run_id").iteration.transform("max") >= claim.iteration
        failed = own.status == "failed"
        own = own[(reached & (own.iteration <= claim.iteration)) | failed]
        own = own.assign(status=own.status.where(own.status == "failed", "done"))
    return scores(own, claim.metric).score.dropna().to_numpy(dtype=float)
