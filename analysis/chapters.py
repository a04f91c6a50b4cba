"""The chapters of the report: the runs of a figure at one scale, its picture and its table."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd

from analysis import (
    figures,
    learning,
    names,
    noise,
    statistics,
    sweeps,
    tables,
    theory,
    theory_figures,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

HEADINGS = {
    "figure4": (
        "Figure 4: the paper's tasks",
        "Reward per time step against policy iterations, as in the paper's Figure 4, whose own "
        "curves (mean of five runs) are dashed. The table gives the paper's value at the "
        "iteration where our runs end.",
    ),
    "tuning": (
        "How the natural gradient was tuned",
        "§8.1 sweeps the natural gradient's step size in factors of three and keeps the best by "
        "final performance; so did we, on these seeds. The runs that the other chapters report "
        "are of other seeds, at the penalty λ chosen here.",
    ),
    "modern": (
        "Learning curves with the modern protocol",
        "Mean return of the last 100 training episodes against environment steps. Published "
        "numbers are context, not a comparison on equal terms: sources differ in task version, "
        "in tuning and in whether they report the last or the best policy.",
    ),
    "step_rules": (
        "Which step sizes learn?",
        "Final return against the size of the step, in factors of three. Each rule measures its "
        "step in its own units, so each has its own panel.",
    ),
    "variance": (
        "How much the gradient's estimates vary: single path and vine",
        "§5.2: with as many Q samples, vine's estimates vary less than single path's, at the "
        "price of more simulation. At some policies on the way of one training, the same for "
        "all samplers, independent batches each give an estimate ĝ of the gradient; shown is "
        "tr Cov(ĝ) over the squared length of the mean gradient, which has no units. The length "
        "is estimated from the largest batches, and where noise leaves nothing of it the run "
        "counts as one without a signal. The table compares at the same number of Q samples, and "
        "of simulator steps: it takes single path's variance to fall as 1 / size, as that of "
        "independent paths does, and averages over the vine's sizes in logarithms (geometric "
        "means over seeds, each seed's samplers compared at the same policies). Above 1, the "
        "vine varies less.",
    ),
    "theory_line": (
        "Minorise and maximise: M below η",
        "§3: M = L − C · max KL, with Theorem 1's C = 4εγ/(1−γ)², equals η at θ_old and is below "
        "it everywhere, so that what raises M raises η. Exact on one random MDP, along the line "
        "from θ_old through Algorithm 1's next policy. Close by, η and L cannot be told apart "
        "and M has its maximum; farther out L leaves η, which goes on to rise far beyond where "
        "Algorithm 1 stops. η is (1 − γ) times the discounted return: rewards a step.",
    ),
    "theory_bounds": (
        "How far the bounds lie below η",
        "§2 and §3, exact on random MDPs with rewards of standard deviation 1. On random pairs "
        "of policies at random distances: η(new) less its lower bound, times 1 − γ, hence in "
        "rewards a step. A slack above about 2 says nothing, as η is within about 2 of any other. "
        "Violations are counted over these pairs and over every step of every method; one would "
        "refute the theorem. Pinsker's TV² ≤ ½ KL gives 2εγ where the paper has 4εγ, and that "
        "holds too. Where states are “seen as” fewer observations, those that look the same "
        "share one distribution over actions. The median slack is the mean over runs of the "
        "median over distances and MDPs.",
    ),
    "theory_steps": (
        "What exact steps do",
        "Regret is the best policy's η less the policy's, mean over MDPs, in rewards a step. "
        "With every state seen, each of these methods improves in all of them at once. Where 20 "
        "states are seen as 5 observations (the best policy of the regret still sees all), a "
        "step that helps some states hurts others, and only the methods with a lower bound are "
        "sure not to lower η: at the price of steps whose KL is orders of magnitude below "
        "δ = 0.01.",
    ),
}


EXPERIMENTS = {name: "theory" for name in HEADINGS if name.startswith("theory_")}
"""The experiment of a chapter, where it has another name."""


class Chapter(NamedTuple):
    """The runs of one figure at one scale, and the step sizes that were tuned for them."""

    name: str
    scale: str
    runs: pd.DataFrame
    tuned: pd.DataFrame

    @property
    def stem(self) -> str:
        """The file name of everything made from this chapter, without its suffix."""
        return f"{self.name}__{self.scale}"

    @property
    def metric(self) -> str:
        """What a run is judged by."""
        return "reward_per_step" if self.name == "figure4" else "return_100"


def chapters(frame: pd.DataFrame) -> Iterator[Chapter]:
    """Each figure at each scale that has runs, the largest scale first."""
    figure = frame.experiment.str.replace(r"^(figure4|tuning)_.*", r"\1", regex=True)
    for name in HEADINGS:
        for scale in names.SCALES:
            runs = frame[(figure == EXPERIMENTS.get(name, name)) & (frame.scale == scale)]
            if not runs.empty:
                yield Chapter(name, scale, runs, statistics.chosen(frame, scale))


def draw(chapter: Chapter) -> "Figure":
    """The chapter's figure."""
    runs, scale = chapter.runs, chapter.scale
    if chapter.name == "step_rules":
        return sweeps.step_rules(*statistics.sweep(runs), scale)
    if chapter.name == "tuning":
        return sweeps.tuning(*statistics.tuning(runs), scale)
    if chapter.name == "variance":
        return figures.variance(noise.lines(runs), list(runs.env.unique()), scale)
    if chapter.name in EXPERIMENTS:
        return _draw_theory(chapter)
    best = statistics.best_step_size(runs, chapter.metric)
    if chapter.name == "figure4":
        curves = learning.curves(best, "updates", chapter.metric)
        return figures.figure4(curves, tables.paper_figure4(), chapter.tuned, scale)
    curves = learning.curves(best, "env_steps", chapter.metric)
    return figures.learning(curves, list(runs.env.unique()), scale)


def _draw_theory(chapter: Chapter) -> "Figure":
    """The figure of a chapter on finite MDPs."""
    runs, scale = chapter.runs, chapter.scale
    if chapter.name == "theory_line":
        return theory_figures.line(theory.line(runs), theory.points(runs), scale)
    if chapter.name == "theory_bounds":
        return theory_figures.slack(theory.slacks(runs), scale)
    curves = {name: theory.curves(runs, name) for name in theory_figures.ROWS}
    return theory_figures.steps(curves, theory.steps(runs), scale)


def tabulate(chapter: Chapter) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The chapter's table, as numbers and in words."""
    runs = chapter.runs
    if chapter.name == "tuning":
        table, _ = statistics.tuning(runs)
        return table, tables.tuning(table)
    if chapter.name == "variance":
        table = noise.compare(runs)
        return table, tables.variance(table)
    if chapter.name == "theory_bounds":
        table = theory.bounds(runs)
        return table, tables.exact_bounds(table, theory.BOUNDS)
    if chapter.name == "theory_steps":
        table = theory.steps(runs)
        return table, tables.exact_steps(table)
    if chapter.name == "theory_line":
        table = theory.points(runs)
        return table, tables.exact_line(table)
    summary = statistics.summary(statistics.scores(runs, chapter.metric))
    return summary, tables.final_scores(summary, *_contexts(chapter))


def _contexts(chapter: Chapter) -> Iterator[pd.Series]:
    """What stands beside a chapter's scores, by (env, method)."""
    if chapter.name == "modern":
        yield tables.published()
    if chapter.name == "figure4":
        yield tables.paper_figure4_at(statistics.last_updates(chapter.runs))
        panels = chapter.tuned[chapter.tuned.panel.isin(chapter.runs.env)]
        if not panels.empty:
            yield tables.tuned(panels)
