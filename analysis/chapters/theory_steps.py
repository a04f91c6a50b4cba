"""What the exact steps of §2 to §4 do on finite MDPs: progress, and steps that lower η."""

from typing import NamedTuple

import numpy as np
import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.chapters.finite import EXPERIMENT, MDPS, learners
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import NATURAL, look
from analysis.panels import by_rank, method_lines
from analysis.rules import ABOVE, NEVER, SOMETIMES
from analysis.sides import TENTH_IN_LOGS, Count, Pairs, several
from analysis.statistics import Array, interval
from analysis.words import intervals, labels, of_all, ordered, rowwise

ROWS = {
    "regret_mean": ("regret, rewards a step", "linear"),
    "share_lowered": ("share of MDPs whose η fell", "linear"),
    "kl_mean": ("mean KL of the step, nats", "log"),
}
ALIKE = "seen as"
"""What the name of a task says where some states look alike."""
GREEDY, VANILLA = "policy_iteration", "vanilla_gradient"
ALGORITHM_1, TRUST_REGION = "minorise_maximise", "trust_region_mean"
DELTA = 0.01
"""Nats: the paper's δ (Table 2), which is the experiment's."""
ROUNDING = 1e-12
"""Nats, and rewards a step."""


class Measured(NamedTuple):
    """What steps did.

    Args:
        curves: of each of `ROWS`, the mean over runs by task, method and iteration.
        table: one row per task and method: steps, how many lowered η, their KL, the last regret.
            KL and regret are means over runs, the KL of a run's median step; NaN where infinite.
        shares: one row per run: of how many MDPs' steps, `taken` in all, how many `lowered` η,
            the mean `share` over iterations, the `kl` of the median step and the last `regret`;
            `alike` where some states look alike.
    """

    curves: dict[str, pd.DataFrame]
    table: pd.DataFrame
    shares: pd.DataFrame


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """The finished runs of methods that improve a policy."""
    own = learners(runs, *ROWS)
    rows = [
        [*key, *_steps(group)]
        for key, group in own.sort_values("iteration").groupby(["env", "method"])
    ]
    columns = ["env", "method", "n", "taken", "lowered", "kl", "kl_low", "kl_high"]
    table = pd.DataFrame(rows, columns=[*columns, "regret", "low", "high"])
    return Measured({name: _curves(own, name) for name in ROWS}, table, _shares(own))


def _steps(group: pd.DataFrame) -> list[float]:
    """A row of the table, without its key."""
    by_run = group.groupby("run_id")
    lowered, taken = (group.share_lowered * group.mdps).sum(), group.mdps.sum()
    ends: list[float] = []
    for values in (by_run.kl_mean.median(), by_run.regret_mean.last()):
        each = values.to_numpy(dtype=float)
        low, high = interval(each)
        ends += [each.mean(), float(low), float(high)]
    return [by_run.ngroups, int(taken), round(lowered), *ends]


def _curves(own: pd.DataFrame, y: str) -> pd.DataFrame:
    """Mean of `y` over runs, and its interval, of each task, method and iteration."""
    rows = []
    for key, group in own.dropna(subset=[y]).groupby(["env", "method", "iteration"], sort=True):
        values = group[y].to_numpy(dtype=float)
        low, high = interval(values)
        rows.append([*key, values.mean(), float(low), float(high), len(values)])
    return pd.DataFrame(rows, columns=["env", "method", "x", "mean", "low", "high", "n"])


def _shares(own: pd.DataFrame) -> pd.DataFrame:
    each = own.assign(lowered=own.share_lowered * own.mdps).sort_values(["run_id", "iteration"])
    by_run = each.groupby("run_id")
    return by_run.agg(
        method=("method", "first"),
        env=("env", "first"),
        share=("share_lowered", "mean"),
        lowered=("lowered", "sum"),
        taken=("mdps", "sum"),
        kl=("kl_mean", "median"),
        regret=("regret_mean", "last"),
    ).assign(alike=lambda frame: frame.env.astype(str).str.contains(ALIKE, regex=False))


@style()
def draw(found: Measured, scale: str) -> Figure:
    """A column a task; regret, steps that lowered η and the steps' KL against iterations."""
    envs = sorted(set(found.table.env)) or ["no data"]
    figure, panels = grid(len(ROWS), len(envs), sharey="row", panel=(4.9, 2.3))
    for i, (name, (label, form)) in enumerate(ROWS.items()):
        row, curves = panels[i * len(envs) : (i + 1) * len(envs)], found.curves[name]
        row[0].set_ylabel(label)
        for panel, env in zip(row, envs, strict=True):
            panel.set_yscale(form)
            panel.set_xlabel("iterations")
            panel.set_title(env if not i else "")
            _lines(panel, curves[curves.env == env])
    notes = ["mean over runs; shaded: 95 % t interval over runs", _sizes(found.table)]
    legend(figure, method_lines(found.table.method), notes)
    figure.suptitle(f"Exact steps on finite MDPs at scale “{scale}”")
    return figure


def _sizes(table: pd.DataFrame) -> str:
    """How many runs and steps each line stands for."""
    if table.empty:
        return "no data"
    words = [f"{a:,}" if a == b else f"{a:,} to {b:,}"
             for a, b in ((table[c].min(), table[c].max()) for c in ("n", "taken"))]  # fmt: skip
    return f"a line: {words[0]} runs, {words[1]} steps in all their MDPs"


def _lines(panel: Axes, curves: pd.DataFrame) -> None:
    """Mean and interval of each method."""
    for method in reversed(by_rank(curves.method)):
        own, colour = curves[curves.method == method], look(method).colour
        panel.plot(own.x, own["mean"], color=colour, linewidth=1.6, zorder=3)
        panel.fill_between(own.x, own.low, own.high, color=colour, alpha=0.2, linewidth=0)


def tabulate(found: Measured) -> Table:
    """What steps did, in words."""
    by_method = ordered(found.table, "method")
    rows = by_method.sort_values("env", kind="stable")
    words = pd.DataFrame(
        {
            "MDPs": rows.env,
            "method": labels(rows.method),
            "runs": rows.n,
            "steps that lowered η": rowwise(of_all, rows[["lowered", "taken"]]),
            "KL of a step [95 % interval]": intervals(rows, "kl", "kl_low", "kl_high"),
            "last regret [95 % interval]": intervals(rows, "regret", "low", "high"),
        }
    )
    return Table(found.table, words)


def _of(found: Measured, method: str, *seeing: bool) -> pd.DataFrame:
    """The runs of a method, on MDPs whose states look alike or do not."""
    own = found.shares
    return own[(own.method == method) & own.alike.isin(seeing)]


def _never(text: str, source: str, method: str, *seeing: bool) -> Claim[Measured, Count]:
    def sides(found: Measured) -> Count:
        own = _of(found, method, *seeing)
        return Count(len(own), round(own.lowered.sum()), int(own.taken.sum()), "steps")

    return Claim(text, source, EXPERIMENT, "steps that lower η", NEVER, sides)


def _sometimes(named: str, method: str) -> Claim[Measured, Array]:
    def sides(found: Measured) -> Array:
        return _of(found, method, True).share.to_numpy(dtype=float)

    text, what = f"{named} lower η in some MDPs where states look alike", "share of steps, by run"
    return Claim(text, "§2, after Eq. 2", EXPERIMENT, what, SOMETIMES, sides)


def _logs(found: Measured, method: str, column: str) -> dict[str, Array]:
    """A column of a method's runs in powers of ten, by task; a task without runs too.

    What is below `ROUNDING` counts as that.
    """
    own, none = _of(found, method, True, False), np.empty(0)
    logs = np.log10(own[column].clip(lower=ROUNDING))
    by_task = {str(env): group.to_numpy(dtype=float) for env, group in logs.groupby(own.env)}
    return {env: by_task.get(env, none) for env in sorted(set(found.shares.env.astype(str)))}


def _is_timid(found: Measured) -> Pairs:
    """TRPO's δ against the KL of the steps that the theory's C allows."""
    taken = _logs(found, ALGORITHM_1, "kl")
    return several({env: (float(np.log10(DELTA)), logs) for env, logs in taken.items()}, 1.0)


def _gets_further(found: Measured) -> Pairs:
    """What the theory's penalty still misses, against what a trust region does."""
    penalty, region = (_logs(found, m, "regret") for m in (ALGORITHM_1, TRUST_REGION))
    pairs = {env: (missed, region[env]) for env, missed in penalty.items()}
    return several(pairs, TENTH_IN_LOGS / np.log(10))


CHAPTER = Chapter(
    name="theory_steps",
    title="What exact steps do",
    text=(
        "Regret is the best policy's η less the policy's, mean over MDPs, in rewards a step. "
        "With every state seen, each of these methods improves in all of them at once. Where 20 "
        "states are seen as 5 observations (the best policy of the regret still sees all), a "
        "step that helps some states hurts others, and only the methods with a lower bound are "
        "sure not to lower η: at the price of steps whose KL is orders of magnitude below "
        "δ = 0.01."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "A column a task: regret, the share of steps that lowered η, and the steps' KL against "
        "iterations, a line with a band for each method."
    ),
    claims=(
        _never("Algorithm 1 never lowers η", "§2 and §3", ALGORITHM_1, True, False),
        _never("Conservative policy iteration never lowers η", "§2 and §3",
               "conservative_policy_iteration", True, False),
        _never("Policy iteration never lowers η where it sees every state", "§2, after Eq. 2",
               GREEDY, False),
        _sometimes("Greedy steps", GREEDY),
        _sometimes("Natural gradient steps at a fixed λ", NATURAL),
        _sometimes("Vanilla gradient steps of a fixed length", VANILLA),
        Claim("The penalty of the theory allows far smaller steps than δ = 0.01", "§3, after "
              "Algorithm 1", EXPERIMENT, "KL of a run's median step, powers of ten", ABOVE,
              _is_timid, after_data=True),
        Claim("A trust region of δ = 0.01 gets further than the penalty of the theory", "§3 and "
              "§4", EXPERIMENT, "last regret, powers of ten", ABOVE,
              _gets_further, after_data=True),
    ),
    columns=(MDPS, *ROWS),
)  # fmt: skip
