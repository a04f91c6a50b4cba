"""What the runs on finite MDPs say: how far bounds are from η, what steps did, M on a line.

Everything is exact within a run, so that a run's spread is one over its MDPs. η is in rewards a
step, (1 − γ) times the discounted return. Runs that have not finished, or failed, are left out.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.load import QUANTILES
from analysis.names import CONTRADICTED, NO_DATA, SUPPORTED, UNDECIDED
from analysis.statistics import Array, interval
from analysis.tables import with_interval

PAIRS, LINE = "random_pairs", "line"
ALIKE = "seen as"
"""What the name of a task says where some states look alike."""


class Bound(NamedTuple):
    """A lower bound on η(new), L less a penalty."""

    penalty: str
    source: str
    proof: str


BOUNDS = {
    "mixture_tight": Bound("2εγα² / ((1−γ)(1−γ(1−α)))", "Kakade and Langford 2002", "there"),
    "mixture": Bound("2εγα² / (1−γ)²", "Eq. 6", "from theirs"),
    "tv_tight": Bound("4εγα² / ((1−γ)(1−γ(1−α)))", "Eq. 44", "in Appendix A"),
    "tv": Bound("4εγα² / (1−γ)²", "Eq. 8, Theorem 1", "in Appendix A"),
    "kl": Bound("4εγ / (1−γ)² · max KL", "Eq. 9", "Eq. 8 and TV² ≤ KL"),
    "halved_kl": Bound("2εγ / (1−γ)² · max KL", "Eq. 9 with Pinsker's ½",
                       "not in the paper: Eq. 8 and TV² ≤ ½ KL"),
}  # fmt: skip


def finished(runs: pd.DataFrame) -> pd.DataFrame:
    """The measured rows of finished runs; all columns are there, be they empty."""
    if "mdps" not in runs:
        return runs[:0].reindex(columns=[*runs.columns, "mdps"])
    return runs[(runs.status == "done") & runs.mdps.notna()]


def slacks(runs: pd.DataFrame) -> pd.DataFrame:
    """The quantiles over MDPs of each bound's slack on random pairs, by the pairs' distance.

    One row per task, bound, run and iteration; `kl` is the median over MDPs of max_s KL.
    """
    own = finished(runs)
    own = own[own.method == PAIRS]
    parts = [
        own[["env", "run_id", "mdps"]].assign(
            bound=name, kl=own.kl_max, **{q: own[f"slack_{name}_{q}"] for q in QUANTILES}
        )
        for name in BOUNDS
        if not own.empty
    ]
    columns = ["env", "run_id", "mdps", "bound", "kl", *QUANTILES]
    found = pd.concat(parts) if parts else pd.DataFrame(columns=columns)
    return found.sort_values(["env", "bound", "kl"]).reset_index(drop=True)


def bounds(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per task and bound: its slack on random pairs, and how often it was violated.

    `median` is the mean over runs of each run's median over distances, `least` the least of all;
    `violations` counts over all `checked` pairs, random ones and every step of every method.
    """
    rows = []
    every, found = finished(runs), slacks(runs)
    for env, own in every.groupby("env"):
        stepped = own[own.method != LINE]
        for name in BOUNDS:
            of = found[(found.env == env) & (found.bound == name)]
            medians = of.groupby("run_id").q50.median().to_numpy(dtype=float)
            low, high = interval(medians)
            median = medians.mean() if len(medians) else float("nan")
            counts = stepped[f"violations_{name}"].sum(), stepped.mdps.sum()
            rows.append([name, env, len(medians), median, float(low), float(high),
                         of["min"].min(), *map(int, counts)])  # fmt: skip
    columns = ["bound", "env", "n", "median", "low", "high", "least", "violations", "checked"]
    return pd.DataFrame(rows, columns=columns)


def curves(runs: pd.DataFrame, y: str) -> pd.DataFrame:
    """Mean of `y` over runs, and its interval, of each task, method and iteration."""
    rows = []
    own = learners(runs)
    known = own.dropna(subset=[y]) if y in own else own[:0]
    for key, group in known.groupby(["env", "method", "iteration"], sort=True):
        values = group[y].to_numpy(dtype=float)
        low, high = interval(values)
        rows.append([*key, values.mean(), float(low), float(high), len(values)])
    return pd.DataFrame(rows, columns=["env", "method", "x", "mean", "low", "high", "n"])


def learners(runs: pd.DataFrame) -> pd.DataFrame:
    """The finished runs of methods that improve a policy."""
    own = finished(runs)
    return own[~own.method.isin([PAIRS, LINE])]


def steps(runs: pd.DataFrame) -> pd.DataFrame:
    """One row per task and method: steps, how many lowered η, their KL, and the last regret.

    KL and regret are means over runs, the KL of a run's median step; it is NaN where infinite.
    """
    rows = []
    for key, group in learners(runs).sort_values("iteration").groupby(["env", "method"]):
        by_run = group.groupby("run_id")
        lowered, taken = (group.share_lowered * group.mdps).sum(), group.mdps.sum()
        ends: list[float] = []
        for values in (by_run.kl_mean.median(), by_run.regret_mean.last()):
            each = values.to_numpy(dtype=float)
            low, high = interval(each)
            ends += [each.mean(), float(low), float(high)]
        rows.append([*key, by_run.ngroups, int(taken), round(lowered), *ends])
    columns = ["env", "method", "n", "taken", "lowered", "kl", "kl_low", "kl_high"]
    return pd.DataFrame(rows, columns=[*columns, "regret", "low", "high"])


def line(runs: pd.DataFrame) -> pd.DataFrame:
    """The points of the first run that went along a line, from left to right."""
    own = finished(runs)
    own = own[own.method == LINE].sort_values(["env", "seed"])
    own = own[own.run_id == own.run_id.iloc[0]] if len(own) else own
    columns = ["env", "seed", "position", "kl_max", "eta", "surrogate", "minorant"]
    return own.reindex(columns=columns).sort_values("position").reset_index(drop=True)


def points(runs: pd.DataFrame) -> pd.DataFrame:
    """Of the line's points θ_old, the best of M, and the best of η: `point` names them."""
    along = line(runs)
    if along.empty:
        return along.assign(point="")
    at = along.position.abs().idxmin(), along.minorant.idxmax(), along.eta.idxmax()
    return along.loc[list(at)].assign(point=["θ_old", "maximum of M", "maximum of η"])


def judge(runs: pd.DataFrame) -> Iterator[list[str]]:
    """The rows of `claims.COLUMNS` that finite MDPs decide; none where they were not run.

    What must never happen is counted: once contradicts it. What is to happen sometimes is
    supported where it did, and undecided where it did not, as it may elsewhere.
    """
    own = runs[runs.experiment == "theory"]
    if own.empty:
        return
    checked = finished(own)
    checked = checked[checked.method != LINE]
    for name, bound in BOUNDS.items():
        pairs, column = int(checked.mdps.sum()), checked.get(f"violations_{name}")
        count = 0 if column is None else int(column.sum())
        text = f"η is never below L − {bound.penalty}"
        yield _counted(text, bound.source, checked, count, pairs, "pairs")
    taken = learners(own)
    for method, text in (
        ("minorise_maximise", "Algorithm 1 never lowers η"),
        ("conservative_policy_iteration", "Conservative policy iteration never lowers η"),
    ):
        yield _never(text, "§2 and §3", taken[taken.method == method])
    alike = taken.env.str.contains(ALIKE, regex=False)
    greedy = taken.method == "policy_iteration"
    text = "Policy iteration never lowers η where it sees every state"
    yield _never(text, "§2, after Eq. 2", taken[greedy & ~alike])
    for method, named in (
        ("policy_iteration", "Greedy steps"),
        ("natural_gradient", "Natural gradient steps at a fixed λ"),
        ("vanilla_gradient", "Vanilla gradient steps of a fixed length"),
    ):
        text = f"{named} lower η in some MDPs where states look alike (share of steps)"
        yield _sometimes(text, taken[(taken.method == method) & alike])


def _never(text: str, source: str, own: pd.DataFrame) -> list[str]:
    """The row of a claim that no step lowers η."""
    lowered = (own.share_lowered * own.mdps).sum() if len(own) else 0
    return _counted(text, source, own, round(lowered), int(own.mdps.sum()), "steps")


def _counted(
    text: str, source: str, own: pd.DataFrame, count: int, of: int, what: str
) -> list[str]:
    """The row of a claim that something never happens: it did `count` times `of` so many."""
    runs = str(own.run_id.nunique())
    if not of:
        return [text, source, runs, "–", "–", NO_DATA]
    verdict = CONTRADICTED if count else SUPPORTED
    return [text, source, runs, f"{count:,} of {of:,} {what}", "–", verdict]


def _sometimes(text: str, own: pd.DataFrame) -> list[str]:
    """The row of a claim that some steps lower η."""
    source, shares = "§2, after Eq. 2", _shares(own)
    runs = str(len(shares))
    if not len(shares):
        return [text, source, runs, "–", "–", NO_DATA]
    low, high = map(float, interval(shares))
    verdict = SUPPORTED if shares.max() > 0 else UNDECIDED
    return [text, source, runs, with_interval(float(shares.mean()), low, high), "–", verdict]


def _shares(own: pd.DataFrame) -> Array:
    """The share of steps that lowered η, by run (n,)."""
    if own.empty:
        return np.empty(0)
    return own.groupby("run_id").share_lowered.mean().to_numpy(dtype=float)
