"""How far the lower bounds of §2 and §3 lie below η, on random pairs of policies."""

from typing import NamedTuple

import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.chapters.finite import EXPERIMENT, LINE, MDPS, PAIRS, finished
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.rules import NEVER
from analysis.sides import Count
from analysis.statistics import interval
from analysis.words import intervals, of_all, rowwise


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


class Law(NamedTuple):
    """An identity or inequality that holds for any two policies.

    Args:
        text: what it says.
        source: where it stands.
        after_data: whether how it is checked was changed after runs had been seen.
    """

    text: str
    source: str
    after_data: bool = False


LAWS = {
    "difference": Law(
        "η(new) is η(old) plus the advantages of old on the states that new visits",
        "Eqs. 1 and 2",
    ),
    "value": Law("L and η agree at the old policy", "Eq. 4"),
    "slope": Law("L and η have the same slope at the old policy", "Eq. 4", after_data=True),
    "tv_kl": Law("The squared total variation is at most the KL divergence", "§3, before Eq. 9"),
    "pinsker": Law(
        "The squared total variation is at most half the KL divergence", "Pinsker, not in the paper"
    ),
}
QUANTILES = ("min", "q05", "q25", "q50", "q75", "q95")
SLACKS = {name: {q: f"slack_{name}_{q}" for q in QUANTILES} for name in BOUNDS}
VIOLATIONS = {name: f"violations_{name}" for name in BOUNDS}
BROKEN = {name: f"broken_{name}" for name in LAWS}
COLUMNS = (
    *("kl_max", "distance"),
    *(column for each in SLACKS.values() for column in each.values()),
    *VIOLATIONS.values(),
    *BROKEN.values(),
)
COLOURS = ["#0072B2", "#D55E00", "#009E73", "#CC79A7"]
"""One a task, in their order."""


class Measured(NamedTuple):
    """How far the bounds lie below η, and whether they always do.

    Args:
        slacks: the quantiles over MDPs of each bound's slack on random pairs: one row per task,
            bound, run and iteration; `kl` is the median over MDPs of max_s KL.
        table: one row per task and bound. `median` is the mean over runs of each run's median
            over distances, `least` the least of all; `violations` counts over all `checked`
            pairs, random ones and every step of every method.
        runs: how many were checked.
        pairs: how many random pairs of policies, and by law, of how many it did not hold.
    """

    slacks: pd.DataFrame
    table: pd.DataFrame
    runs: int
    pairs: int
    broken: dict[str, int]


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """The bounds on all policies of all finished runs but those along a line."""
    own = finished(runs, *COLUMNS)
    stepped, pairs = own[own.method != LINE], own[own.method == PAIRS]
    slacks = _slacks(pairs)
    rows = [
        _bound(name, str(env), slacks, group)
        for env, group in stepped.groupby("env")
        for name in BOUNDS
    ]
    columns = ["bound", "env", "n", "median", "low", "high", "least", "violations", "checked"]
    broken = {name: int(pairs[column].sum()) for name, column in BROKEN.items()}
    table, checked = pd.DataFrame(rows, columns=columns), int(pairs.mdps.sum())
    return Measured(slacks, table, stepped.run_id.nunique(), checked, broken)


def _slacks(pairs: pd.DataFrame) -> pd.DataFrame:
    """From a column a bound and quantile to a row a bound."""
    parts = [
        pairs[["env", "run_id", "mdps"]].assign(
            bound=name, kl=pairs.kl_max, **{q: pairs[c] for q, c in columns.items()}
        )
        for name, columns in SLACKS.items()
    ]
    return pd.concat(parts).sort_values(["env", "bound", "kl"]).reset_index(drop=True)


def _bound(name: str, env: str, slacks: pd.DataFrame, stepped: pd.DataFrame) -> list[object]:
    """A row of the table."""
    of = slacks[(slacks.env == env) & (slacks.bound == name)]
    medians = of.groupby("run_id").q50.median().to_numpy(dtype=float)
    low, high = interval(medians)
    median = medians.mean() if len(medians) else float("nan")
    counts = int(stepped[VIOLATIONS[name]].sum()), int(stepped.mdps.sum())
    return [name, env, len(medians), median, float(low), float(high), of["min"].min(), *counts]


@style()
def draw(found: Measured, scale: str) -> Figure:
    """One panel a bound: its slack on random pairs against their distance, one colour a task."""
    table = found.slacks
    figure, panels = grid(2, 3, sharey=True, panel=(3.7, 2.6))
    envs = sorted(set(table.env))
    for panel, (name, bound) in zip(panels, BOUNDS.items(), strict=True):
        panel.set(xscale="log", yscale="log")
        panel.set_title(f"{bound.source}\nless {bound.penalty}", fontsize=8.5)
        for env, colour in zip(envs, COLOURS, strict=False):
            _band(panel, table[(table.env == env) & (table.bound == name)], colour)
    for panel in panels[3:]:
        panel.set_xlabel("max KL of the pair (median over MDPs), nats")
    for panel in panels[::3]:
        panel.set_ylabel("η(new) − bound, rewards a step")
    counts = table.drop_duplicates(["run_id", "kl"])
    pairs = f"{int(counts.mdps.sum()):,} pairs of policies from {table.run_id.nunique()} runs"
    notes = [f"{pairs}; line: median over MDPs; shaded: 5 % to 95 %; dots: the least"]
    legend(figure, [{"label": e, "color": c} for e, c in zip(envs, COLOURS, strict=False)], notes)
    figure.suptitle(f"How far the bounds lie below η, random pairs at scale “{scale}”")
    return figure


def _band(panel: Axes, own: pd.DataFrame, colour: str) -> None:
    """A bound's quantiles on one task."""
    panel.fill_between(own.kl, own.q05, own.q95, color=colour, alpha=0.2, linewidth=0)
    panel.plot(own.kl, own.q50, color=colour, linewidth=1.6)
    panel.plot(own.kl, own["min"], ".", color=colour, markersize=3)


def tabulate(found: Measured) -> Table:
    """Slacks and violations, each bound with its source and its proof."""
    table = found.table
    words = pd.DataFrame(
        {
            "bound": table.bound.map(lambda name: f"L − {BOUNDS[name].penalty}"),
            "from": table.bound.map(lambda name: BOUNDS[name].source),
            "proved": table.bound.map(lambda name: BOUNDS[name].proof),
            "MDPs": table.env,
            "runs": table.n,
            "median slack [95 % interval]": intervals(table, "median", "low", "high"),
            "least slack": table.least,
            "violations": rowwise(of_all, table[["violations", "checked"]]),
        }
    )
    return Table(table, words)


def _holds(name: str) -> Claim[Measured, Count]:
    def sides(found: Measured) -> Count:
        own = found.table[found.table.bound == name]
        return Count(found.runs, int(own.violations.sum()), int(own.checked.sum()), "pairs")

    bound, what = BOUNDS[name], "pairs of policies whose η is below the bound"
    text = f"η is never below L − {bound.penalty}"
    return Claim(text, bound.source, EXPERIMENT, what, NEVER, sides)


def _always(name: str) -> Claim[Measured, Count]:
    law = LAWS[name]

    def sides(found: Measured) -> Count:
        runs = found.slacks.run_id.nunique()
        return Count(runs, found.broken.get(name, 0), found.pairs, "pairs")

    what = "random pairs of policies for which it does not hold, to rounding (slopes: to 1e-6)"
    return Claim(law.text, law.source, EXPERIMENT, what, NEVER, sides, law.after_data)


CHAPTER = Chapter(
    name="theory_bounds",
    title="How far the bounds lie below η",
    text=(
        "§2 and §3, exact on random MDPs with rewards of standard deviation 1. On random pairs "
        "of policies at random distances: η(new) less its lower bound, times 1 − γ, hence in "
        "rewards a step. A slack above about 2 says nothing, as η is within about 2 of any other. "
        "Violations are counted over these pairs and over every step of every method; one would "
        "refute the theorem. Pinsker's TV² ≤ ½ KL gives 2εγ where the paper has 4εγ, and that "
        "holds too. Where states are “seen as” fewer observations, those that look the same "
        "share one distribution over actions. The median slack is the mean over runs of the "
        "median over distances and MDPs."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "Six panels, one a bound: how far it lies below η on pairs of policies against their "
        "distance, a median with a band for each task."
    ),
    claims=(*map(_always, LAWS), *map(_holds, BOUNDS)),
    columns=(MDPS, *COLUMNS),
)
