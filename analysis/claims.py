"""What the paper claims, and what our runs say about it.

A claim says that its left side is above its right one. Each has a margin, the smallest effect
that matters, fixed by a rule (`tenth_of_rise`, `hundredth_of`, `TENTH_IN_LOGS`) and not claim by
claim; the rules are younger than the runs first judged by them. `analysis.verdict` says when runs
support a claim, contradict it, call its sides alike, or leave it undecided. A side above each of
several rivals is compared with each, at a level of 1 − 0.05 / k for k rivals, and never with
their maximum. A shorter or missing experiment is no data.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis import noise, theory
from analysis.names import NO_DATA, look, number, task
from analysis.statistics import LEVEL, Array, averages, best_step_size, difference, scores
from analysis.tables import with_interval
from analysis.verdict import compared, likened, together

Measure = Callable[[pd.DataFrame, str], Array]
"""Of the runs of one experiment and task, those of one side: a value per run (n,)."""


class Claim(NamedTuple):
    """`left` is above `right` (one, or each of several) on `env` of `experiment`.

    A side is the name of what is measured, or a number. `margin`: of the runs, the smallest effect
    that matters; NaN where nothing says so, which leaves the claim undecided. Where `alike`, the
    claim is that the two differ by less.
    """

    text: str
    source: str
    experiment: str
    env: str
    measure: Measure
    left: str | float
    right: str | float | tuple[str, ...]
    margin: Callable[[pd.DataFrame], float]
    alike: bool = False


COLUMNS = ["claim", "source", "runs", "difference [95 % interval]", "margin", "verdict"]
TRPO, VINE, NATURAL = "trpo_single_path", "trpo_vine", "natural_gradient"
FIGURE4 = "§8.1, Figure 4"
_REWARD = "reward_per_step"
_EARLIER = {
    "cartpole": (NATURAL, "cem", "cma_es", "rwr"),
    "swimmer": (NATURAL, "cem", "cma_es", "rwr"),
    "hopper": (NATURAL, "cem", "rwr"),
    "walker": (NATURAL, "cem", "rwr"),
}
"""The methods in each panel of Figure 4 that are no form of TRPO."""


def final(metric: str) -> Measure:
    """The score of each run of a method, at the method's best step size."""
    return lambda runs, method: _scored(scores(_of(runs, method, metric), metric))


def average(metric: str) -> Measure:
    """The mean over all iterations of each run of a method, at the method's best step size."""
    return lambda runs, method: _scored(averages(_of(runs, method, metric), metric))


def after(metric: str, iteration: int) -> Measure:
    """The score after so many iterations; runs that stopped earlier are left out."""

    def measure(runs: pd.DataFrame, method: str) -> Array:
        own = _of(runs, method, metric)
        reached = own.groupby("run_id").iteration.transform("max") >= iteration
        failed = own.status == "failed"
        own = own[(reached & (own.iteration <= iteration)) | failed]
        own = own.assign(status=own.status.where(own.status == "failed", "done"))
        return _scored(scores(own, metric))

    return measure


def _of(runs: pd.DataFrame, method: str, metric: str) -> pd.DataFrame:
    return best_step_size(runs[runs.method == method], metric)


def _scored(each: pd.DataFrame) -> Array:
    return each.score.dropna().to_numpy(dtype=float)


def noisier(unit: str) -> Measure:
    """How many times as noisy as the vine a sampler is, by seed, in logarithms."""
    return lambda runs, sampler: noise.overall(runs, sampler, unit)


def tenth_of_rise(metric: str) -> Callable[[pd.DataFrame], float]:
    """A tenth of what TRPO gains from its first iteration to its last; NaN where that is none."""

    def margin(runs: pd.DataFrame) -> float:
        own = runs[runs.method == TRPO].dropna(subset=[metric]).sort_values("iteration")
        first, last = own.groupby("run_id")[metric].first(), final(metric)(runs, TRPO)
        rise = last.mean() - first.mean() if len(last) else float("nan")
        return float(rise / 10) if rise > 0 else float("nan")

    return margin


def hundredth_of(threshold: float) -> Callable[[pd.DataFrame], float]:
    """A hundredth of a number that the claim itself draws: to pass it is the effect."""
    return lambda runs: threshold / 100


TENTH_IN_LOGS = float(np.log(1.1))
"""A tenth more, where sides are logarithms."""


_RISE = tenth_of_rise(_REWARD)


def _panel(env: str) -> tuple[str, str, str]:
    return FIGURE4, f"figure4_{env}", env


def _ends_above(env: str, other: str) -> Claim:
    text = f"TRPO ends above {_named(other)} on the paper's {env}"
    return Claim(text, *_panel(env), final(_REWARD), TRPO, other, _RISE)


def _ends_best(env: str, method: str) -> Claim:
    *most, last = (_named(other) for other in _EARLIER[env])
    rivals = f"{', '.join(most)} and {last}"
    name = f"TRPO ({look(method).label.removeprefix('TRPO, ')})"
    text = f"{name} ends above {rivals} on the paper's {task(env).lower()}"
    return Claim(text, *_panel(env), final(_REWARD), method, _EARLIER[env], _RISE)


def _stands_still(env: str) -> Claim:
    text = f"The natural gradient ends below the 1 per step for standing on the paper's {env}"
    return Claim(text, *_panel(env), final(_REWARD), 1.0, NATURAL, hundredth_of(1.0))


def _learns_alike(env: str) -> Claim:
    name = task(env).lower()
    text = f"Empirical FIM learns as fast as TRPO on the paper's {name} (mean over all iterations)"
    source = "§6 and §8.1, Figure 4"
    sides = average(_REWARD), "empirical_fim", TRPO
    return Claim(text, source, f"figure4_{env}", env, *sides, _RISE, alike=True)


def _modern(env: str, other: str) -> Claim:
    text = f"TRPO ends above {_named(other)} on {task(env)}"
    source = "§8.1, carried to a modern task"
    sides = final("return_100"), TRPO, other
    return Claim(text, source, "modern", env, *sides, tenth_of_rise("return_100"))


def _named(method: str) -> str:
    """A method in a sentence: short names stand alone, others with their article."""
    label = look(method).label
    return label if label.isupper() else f"the {label}"


def _varies_less(env: str, unit: str) -> Claim:
    per = {"q_samples": "Q sample", "estimate_steps": "simulator step"}[unit]
    text = f"Vine's gradient varies less than single path's on {task(env)}, per {per} (logarithms)"
    source = "§5.2" if unit == "q_samples" else "beside §5.2, which grants vine more steps"
    sides = noisier(unit), "single_path", 0.0
    return Claim(text, source, "variance", env, *sides, lambda runs: TENTH_IN_LOGS)


_CARTPOLE = _panel("cartpole")
CLAIMS = [
    Claim("TRPO is above 9 per step on cart-pole by iteration 30",
          *_CARTPOLE, after(_REWARD, 30), TRPO, 9.0, hundredth_of(9.0)),
    Claim("The natural gradient ends above 9 per step on cart-pole",
          *_CARTPOLE, final(_REWARD), NATURAL, 9.0, hundredth_of(9.0)),
    Claim("Max KL learns more slowly than TRPO on cart-pole (at iteration 15)",
          *_CARTPOLE, after(_REWARD, 15), TRPO, "max_kl", _RISE),
    Claim("Max KL learns more slowly than TRPO on cart-pole (mean over all iterations)",
          *_CARTPOLE, average(_REWARD), TRPO, "max_kl", _RISE),
    *[_ends_best(env, method) for env in _EARLIER for method in (TRPO, VINE)],
    *[_ends_above(env, other) for env in ("swimmer", "hopper", "walker")
      for other in _EARLIER[env] if other != "rwr"],
    *[_stands_still(env) for env in ("hopper", "walker")],
    *[_learns_alike(env) for env in ("cartpole", "swimmer")],
    *[_modern(env, other) for env in ("hopper", "walker2d", "half_cheetah", "swimmer")
      for other in (NATURAL, "vanilla_pg")],
    *[_varies_less(env, unit) for env in ("swimmer", "hopper") for unit in noise.UNITS],
]  # fmt: skip


def judge(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per claim whose experiment is among the runs of one scale, with its verdict."""
    present = [claim for claim in CLAIMS if (runs.experiment == claim.experiment).any()]
    rows = [_verdict(claim, runs) for claim in present]
    return pd.DataFrame([*rows, *theory.judge(runs)], columns=COLUMNS)


def _verdict(claim: Claim, runs: pd.DataFrame) -> list[str]:
    """The claim's row of `COLUMNS`; shown is the difference to the closest of several rivals."""
    own = runs[(runs.experiment == claim.experiment) & (runs.env == claim.env)]
    rivals = claim.right if isinstance(claim.right, tuple) else (claim.right,)
    left, *right = (_values(claim, side, own) for side in (claim.left, *rivals))
    sizes = _sizes((claim.left, *rivals), [left, *right])
    if not all(len(side) for side in (left, *right)):
        return [claim.text, claim.source, sizes, "–", "–", NO_DATA]
    level, margin = 1 - (1 - LEVEL) / len(rivals), claim.margin(own)
    each = [difference(left, rival, level) for rival in right]
    closest = min(range(len(each)), key=lambda k: each[k][0])
    words = with_interval(*each[closest])
    if len(rivals) > 1:
        words += f" to {look(str(rivals[closest])).label}, at {100 * level:.4g} %"
    if claim.alike:
        said = likened(*each[0][1:], margin)
    else:
        said = together([compared(*found, margin) for found in each])
    return [claim.text, claim.source, sizes, words, number(margin), said]


def _values(claim: Claim, side: str | float, own: pd.DataFrame) -> Array:
    """One value per run of a side; a number is two runs without spread."""
    return claim.measure(own, side) if isinstance(side, str) else np.full(2, side)


def _sizes(sides: tuple[str | float, ...], values: list[Array]) -> str:
    """How many runs each side has, the rivals' after a stroke; numbers have none."""
    counts = [str(len(v)) if isinstance(s, str) else "" for s, v in zip(sides, values, strict=True)]
    return " / ".join(part for part in (counts[0], ", ".join(counts[1:])) if part)
