"""How noisy a sampler's estimate of the gradient is (§5.2): one run measures one sampler.

A run draws several gradients ĝ from batches of several sizes at one policy, at some stages of
its training. Their *noise* is tr Cov(ĝ) / ‖E ĝ‖², which has no units, so that samplers with
different scales of Q compare; ‖E ĝ‖² is the estimate from the run's largest batches at the same
stage, and where it is not positive there is no noise to speak of. Runs that have not finished,
or failed, are left out. Means over runs are geometric: means of logarithms.
"""

from itertools import product

import numpy as np
import pandas as pd

from analysis.names import DONE
from analysis.statistics import Array, interval

MEASURED = ("q_samples", "estimate_steps", "gradient_variance", "gradient_square", "trained")
"""Columns of `metrics.csv`: a batch's cost, the variance, the squared length, the stage."""
STAGE = ["env", "trained"]
UNITS = ["q_samples", "estimate_steps"]
"""What a batch costs: estimates of Q, and steps of the simulator."""
VINE, SINGLE_PATH, INDEPENDENT = "vine", "single_path", "vine_independent"
COMPARED = [SINGLE_PATH, INDEPENDENT]
"""The samplers that are compared with the vine."""


def noise(runs: pd.DataFrame) -> pd.DataFrame:
    """The `noise` of each stage and batch size of each finished run; `size` numbers the sizes.

    It is NaN where the squared length of the mean gradient was estimated as 0 or below.
    """
    columns = ["run_id", "env", "sampler", "seed", *MEASURED]
    done = runs[runs.status == DONE].reindex(columns=columns)
    each = done.dropna(subset=["gradient_variance"]).sort_values(["run_id", "trained", "q_samples"])
    stage = each.groupby(["run_id", "trained"])
    signal = stage.gradient_square.transform("last")
    found = each.gradient_variance / signal.where(signal > 0)
    return each.assign(size=stage.cumcount(), noise=found.where(found > 0))


def lines(runs: pd.DataFrame) -> pd.DataFrame:
    """Geometric mean of the noise over runs, and its interval, of each sampler and batch size.

    The units are geometric means too: batches of one size differ a little between runs.
    """
    rows = []
    known = noise(runs).dropna(subset=["noise"])
    for key, group in known.groupby([*STAGE, "sampler", "size"], sort=True):
        logs = np.log(group[["noise", *UNITS]].to_numpy())  # (n, 3)
        units = np.exp(logs[:, 1:].mean(axis=0))
        rows.append([*key, *units, *_geometric(logs[:, 0]), len(group)])
    columns = [*STAGE, "sampler", "size", *UNITS, "noise", "low", "high", "n"]
    return pd.DataFrame(rows, columns=columns)


def log_ratios(runs: pd.DataFrame, sampler: str, unit: str) -> pd.DataFrame:
    """Logarithm of noise per unit, `sampler`'s over the vine's: (seeds, stages).

    NaN where one of the two is missing. Compared is noise × units in the batch, averaged over
    the sizes in logarithms. Single paths are independent, so theirs is the same at every size
    and carries over to the vine's sizes; a vine's grows a little, since its states share trunks
    (which cost steps too), so the ratio is the mean over the sizes of vine that were measured.
    Runs with one seed measure the same policies, so they are compared seed by seed.
    """
    each = noise(runs)
    each["single"] = np.log(each.noise * each[unit])
    single = each.groupby(["sampler", "seed", "trained"]).single.agg(_mean).unstack()
    of = {name: single[single.index.get_level_values(0) == name] for name in (sampler, VINE)}
    own, vine = (frame.droplevel(0) for frame in of.values())
    return own - vine


def _mean(values: pd.Series) -> float:
    """The mean, NaN where any value is."""
    return float(values.to_numpy().mean())


def overall(runs: pd.DataFrame, sampler: str, unit: str) -> Array:
    """`log_ratios` averaged over the stages: (seeds,), of the seeds that have all of them."""
    ratios = log_ratios(runs, sampler, unit)
    return ratios.mean(axis=1, skipna=False).dropna().to_numpy(dtype=float)


def compare(runs: pd.DataFrame) -> pd.DataFrame:
    """How many times as noisy as the vine: one row per task, stage, unit and compared sampler.

    `ratio` is a geometric mean over the `n` of all `seeds` that have both; `silent` counts the
    runs of the two that have no signal at that stage.
    """
    rows = []
    for env, task_runs in runs.groupby("env"):
        seeds = task_runs.seed.nunique()
        for sampler, unit in product(COMPARED, UNITS):
            silent = _silent(task_runs, [sampler, VINE])
            for trained, column in log_ratios(task_runs, sampler, unit).items():
                logs = column.dropna().to_numpy(dtype=float)
                counts = len(logs), seeds, int(silent.get(trained, 0))
                rows.append([env, trained, unit, sampler, *_geometric(logs), *counts])
    columns = [*STAGE, "unit", "sampler", "ratio", "low", "high", "n", "seeds", "silent"]
    return pd.DataFrame(rows, columns=columns)


def _silent(runs: pd.DataFrame, samplers: list[str]) -> pd.Series:
    """How many of these samplers' runs have no signal, by stage."""
    each = noise(runs).drop_duplicates(["run_id", "trained"])
    return each[each.noise.isna() & each.sampler.isin(samplers)].groupby("trained").size()


def _geometric(logs: Array) -> tuple[float, float, float]:
    """The geometric mean of exp(logs), and its interval."""
    low, high = interval(logs)
    mean = logs.mean() if len(logs) else float("nan")
    return float(np.exp(mean)), float(np.exp(low)), float(np.exp(high))
