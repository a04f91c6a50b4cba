"""How much the gradient's estimates vary: single path and vine (§5.2)."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import noise
from analysis.chapter import Chapter, Data, Table
from analysis.claim import TENTH_IN_LOGS, Claim, Evidence, above
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import SAMPLERS, TASKS, Look, rank, task
from analysis.statistics import Array
from analysis.words import counted, intervals, ordered, rowwise

EXPERIMENT = "variance"
BATCH = {
    "q_samples": "Q samples in the batch",
    "estimate_steps": "simulator steps that the batch takes",
}
UNITS = {"q_samples": "Q samples", "estimate_steps": "simulator steps"}
CLAIMED = {
    "q_samples": ("Q sample", "§5.2"),
    "estimate_steps": ("simulator step", "beside §5.2, which grants vine more steps"),
}
"""Per what the vine varies less, and who says so."""


class Measured(NamedTuple):
    """The tasks, the noise of each sampler's batches, and how samplers compare.

    Args:
        envs: the tasks that have runs.
        lines: `noise.lines`.
        table: `noise.compare`.
        single: by task and unit of cost, how many times as noisy as the vine single path is, in
            logarithms, by seed.
    """

    envs: list[str]
    lines: pd.DataFrame
    table: pd.DataFrame
    single: dict[tuple[str, str], Array]


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """All samplers at all stages."""
    envs = list(runs.env.unique())
    single = {
        (env, unit): noise.overall(runs[runs.env == env], noise.SINGLE_PATH, unit)
        for env in envs
        for unit in UNITS
    }
    return Measured(envs, noise.lines(runs), noise.compare(runs), single)


@style()
def draw(found: Measured, scale: str) -> Figure:
    """Noise of the gradient against the batch: a row a task and stage, a column a unit of cost."""
    lines = found.lines
    stages = set(zip(lines.env, lines.trained, strict=True)) or {(found.envs[0], float("nan"))}
    rows = sorted(stages, key=lambda row: (rank(row[0], TASKS), row[1]))
    figure, panels = grid(len(rows), 2, sharey="row", panel=(3.9, 2.5))
    for i, (env, trained) in enumerate(rows):
        own = lines[(lines.env == env) & (lines.trained == trained)]
        for panel, (unit, label) in zip(panels[2 * i :], BATCH.items(), strict=False):
            _noise(panel, own, unit)
            panel.set_title(f"{task(env)}, {_stage(trained)}")
            panel.set_xlabel(label)
        panels[2 * i].set_ylabel("tr Cov(ĝ) / ‖E ĝ‖²")
    samplers = _by_rank(lines.sampler)
    counts = " to ".join(str(n) for n in sorted(set(lines.n))[:: max(1, lines.n.nunique() - 1)])
    notes = [f"geometric mean over runs ({counts or 'none'} a point); shaded: 95 % t interval"]
    legend(figure, [_line(sampler) for sampler in samplers], notes)
    figure.suptitle(f"How much an estimate of the gradient varies, at scale “{scale}”")
    return figure


def _by_rank(samplers: pd.Series) -> list[str]:
    return sorted(set(samplers), key=lambda sampler: rank(sampler, SAMPLERS))


def _stage(trained: float) -> str:
    if trained != trained:
        return "no data"
    return f"after {trained:.0f} iterations of TRPO" if trained else "before training"


def _noise(panel: Axes, lines: pd.DataFrame, unit: str) -> None:
    """Each sampler's noise at its batch sizes."""
    panel.set(xscale="log", yscale="log")
    for sampler in _by_rank(lines.sampler):
        own = lines[lines.sampler == sampler].sort_values(unit)
        drawn = _line(sampler)
        panel.plot(own[unit], own.noise, marker="o", markersize=3.5, zorder=3, **drawn)
        panel.fill_between(own[unit], own.low, own.high, color=drawn["color"], alpha=0.2,
                           linewidth=0)  # fmt: skip


def _line(sampler: str) -> dict[str, Any]:
    shown = SAMPLERS.get(sampler, Look(sampler.replace("_", " "), "#666666"))
    return {"label": shown.label, "color": shown.colour, "linestyle": shown.line}


def tabulate(found: Measured) -> Table:
    """How many times as noisy as the vine, in words."""
    rows = found.table.assign(place=[rank(unit, UNITS) for unit in found.table.unit])
    rows = ordered(rows, "env", "trained", "place", "sampler")
    words = pd.DataFrame(
        {
            "task": rows.env.map(task),
            "TRPO iterations before": rows.trained.astype(int),
            "at the same number of": rows.unit.map(UNITS),
            "compared": rows.sampler.map(lambda name: f"{SAMPLERS[name].label} / vine"),
            "variance ratio [95 % interval]": intervals(rows, "ratio", "low", "high"),
            "runs": rowwise(counted, rows[["n", "seeds"]]),
            "without a signal": rows.silent,
        }
    )
    return Table(found.table, words)


def _varies_less(env: str, unit: str) -> Claim[Measured]:
    per, source = CLAIMED[unit]
    text = f"Vine's gradient varies less than single path's on {task(env)}, per {per} (logarithms)"
    none = np.empty(0)

    def judge(found: Measured) -> Evidence:
        return above(found.single.get((env, unit), none), 0.0, TENTH_IN_LOGS)

    return Claim(text, source, EXPERIMENT, judge)


CHAPTER = Chapter(
    name="variance",
    title="How much the gradient's estimates vary: single path and vine",
    text=(
        "§5.2: with as many Q samples, vine's estimates vary less than single path's, at the "
        "price of more simulation. At some policies on the way of one training, the same for "
        "all samplers, independent batches each give an estimate ĝ of the gradient; shown is "
        "tr Cov(ĝ) over the squared length of the mean gradient, which has no units. The length "
        "is estimated from the largest batches, and where noise leaves nothing of it the run "
        "counts as one without a signal. The table compares at the same number of Q samples, and "
        "of simulator steps: it takes single path's variance to fall as 1 / size, as that of "
        "independent paths does, and averages over the vine's sizes in logarithms (geometric "
        "means over seeds, each seed's samplers compared at the same policies). Above 1, the "
        "vine varies less."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "A row a task and stage of training, a column a unit of cost: the noise of the gradient "
        "against the size of its batch, a line with a band for each sampler."
    ),
    claims=tuple(_varies_less(env, unit) for env in ("swimmer", "hopper") for unit in UNITS),
    columns=noise.MEASURED,
    whole=True,
)
