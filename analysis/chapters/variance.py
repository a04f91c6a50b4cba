"""How much the gradient's estimates vary: single path and vine (§5.2)."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from analysis import noise
from analysis.chapter import Chapter, Data, Table
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import SAMPLERS, TASKS, Look, rank, task
from analysis.rules import ABOVE
from analysis.sides import TENTH_IN_LOGS, Pairs, pair
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
        ratios: by task, sampler and unit of cost, how many times as noisy as the vine the
            sampler is, in logarithms, by seed.
    """

    envs: list[str]
    lines: pd.DataFrame
    table: pd.DataFrame
    ratios: dict[tuple[str, str, str], Array]


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """All samplers at all stages."""
    envs = list(runs.env.unique())
    ratios = {
        (env, sampler, unit): noise.overall(runs[runs.env == env], sampler, unit)
        for env in envs
        for sampler in noise.COMPARED
        for unit in UNITS
    }
    return Measured(envs, noise.lines(runs), noise.compare(runs), ratios)


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


WHAT = "variance of the gradient over its squared length, logarithm of the ratio to the vine's"


def _varies_less(
    env: str, sampler: str, text: str, unit: str, source: str
) -> Claim[Measured, Pairs]:
    def sides(found: Measured) -> Pairs:
        return pair(found.ratios.get((env, sampler, unit), np.empty(0)), 0.0, TENTH_IN_LOGS)

    return Claim(f"{text} on {task(env)}", source, EXPERIMENT, WHAT, ABOVE, sides, env=env)


def _claims(env: str) -> Iterator[Claim[Measured, Pairs]]:
    """The vine against single path by both units, and against itself without common numbers."""
    for unit, (per, source) in CLAIMED.items():
        text = f"Per {per}, vine's gradient varies less than single path's"
        yield _varies_less(env, noise.SINGLE_PATH, text, unit, source)
    text = "Common random numbers make vine's gradient vary less"
    yield _varies_less(env, noise.INDEPENDENT, text, "q_samples", "§5.2")


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
    claims=tuple(claim for env in ("swimmer", "hopper") for claim in _claims(env)),
    columns=noise.MEASURED,
    whole=True,
)
