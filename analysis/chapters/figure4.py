"""Figure 4: reward per step against policy iterations on the paper's tasks."""

from collections.abc import Callable
from typing import NamedTuple

import pandas as pd

from analysis import published
from analysis.chapter import Chapter, Data, Table
from analysis.chapters import tuning
from analysis.claim import Claim, Evidence, above, above_all, alike, hundredth_of
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.learned import Learned, learned
from analysis.names import NATURAL, TRPO, TRPO_VINE, look, named, sampling, task
from analysis.panels import by_rank, learning_curves, method_lines, notes, run_counts, step_sizes
from analysis.words import NOTHING, final_scores, intervals, labels, ordered, spans, step_size

PANELS = {"cartpole": "cart-pole", "swimmer": "swimmer", "hopper": "hopper", "walker2d": "walker"}
"""The tasks, and what the paper calls them."""


class Measured(NamedTuple):
    """Our scores and curves, how step sizes were tuned, and the paper's values at our ends."""

    learned: Learned
    tuned: pd.DataFrame  # `tuning.chosen`
    paper: pd.Series  # in words, by (env, method)


def measure(runs: pd.DataFrame, every: Data) -> Measured:
    """Ours over the updates made before an iteration's batch: the paper counts from 0."""
    runs = runs.assign(updates=runs.iteration - 1)
    last = runs.groupby(["env", "method"]).updates.max().clip(lower=0)
    tuned = tuning.chosen(every.runs, str(runs.scale.iloc[0]))
    ours = learned(runs, "reward_per_step", "updates")
    return Measured(ours, tuned, published.figure4_at(last))


@style()
def draw(found: Measured, scale: str) -> Figure:
    """The four panels; the paper's own curves are thin and dashed behind ours, with error bars."""
    curves, paper = found.learned.curves, published.figure4()
    figure, panels = grid(2, 2, panel=(4.9, 3.6))
    for panel, (env, name) in zip(panels, PANELS.items(), strict=True):
        ours, theirs = curves[curves.env == env], paper[paper.env == env]
        total = theirs.iteration.max()
        last = total if ours.empty else ours.x.max()
        _paper_curves(panel, theirs[theirs.iteration <= last])
        learning_curves(panel, ours, shade=0.13)
        panel.set_xlim(0, max(last, 1))
        panel.set_title(f"{name.capitalize()} ({run_counts(ours)})")
        panel.set_ylabel("reward per time step")
        panel.set_xlabel(f"policy iterations (the paper ran {total + 1})")
    methods = [*curves.method, *paper.method[paper.env.isin(PANELS)]]
    said = ["dashed: the paper's five runs", *notes(curves), *_tuned(curves, found.tuned)]
    legend(figure, method_lines(methods), said)
    figure.suptitle(f"Figure 4, trained here at scale “{scale}”")
    return figure


def _paper_curves(panel: Axes, paper: pd.DataFrame) -> None:
    """The paper's curves and its half error bars, faint."""
    for method in by_rank(paper.method):
        own, colour = paper[paper.method == method], look(method).colour
        panel.plot(own.iteration, own.reward_per_step, "--", color=colour, linewidth=0.9,
                   alpha=0.5, zorder=1)  # fmt: skip
        bars = own.dropna(subset=["half_error_bar"])
        panel.errorbar(bars.iteration, bars.reward_per_step, yerr=bars.half_error_bar, fmt="none",
                       ecolor=colour, elinewidth=0.6, alpha=0.35, zorder=1)  # fmt: skip


def _tuned(curves: pd.DataFrame, tuned: pd.DataFrame) -> list[str]:
    """Which of the curves' step sizes were the best of a sweep on other seeds."""
    cells = curves.drop_duplicates(["env", "method"])[["env", "method", "step_size"]]
    both = cells.merge(tuned, on=["env", "method", "step_size"])
    return [
        f"{look(method).label}: tuned in factors of three on other seeds ({sizes})"
        for method, sizes, _ in step_sizes(both)
    ]


def tabulate(found: Measured) -> Table:
    """Final scores, the paper's beside them, and how step sizes were chosen."""
    table = found.learned.table
    tuned = found.tuned[found.tuned.env.isin(table.env)]
    contexts = [found.paper, *([] if tuned.empty else [_choices(tuned)])]
    return Table(table, final_scores(table, *contexts))


def _choices(tuned: pd.DataFrame) -> pd.Series:
    """How step sizes were chosen, in words, by (env, method)."""
    words = {}
    for row in tuned.to_dict("records"):
        size = step_size(row["method"], row["step_size"])
        best = f"best of {row['tried']} on seeds {row['seeds']}"
        words[row["env"], row["method"]] = f"{size}, {best} ({row['experiment']} at {row['scale']})"
    return pd.Series(words, name="tuned", dtype="object")


def headline(found: Measured) -> pd.DataFrame:
    """A method a line; of each task, our final score and the paper's at the same iteration."""
    rows = ordered(found.learned.table, "env", "method")
    rows = rows.assign(ours=intervals(rows, "mean", "low", "high"))
    table = ordered(rows.drop_duplicates("method"), "method")[["method"]]
    table["runs"] = [spans(rows.n[rows.method == method]) for method in table.method]
    for env in rows.env.unique():
        ours = rows[rows.env == env].set_index("method").ours
        paper = [found.paper.get((env, method), NOTHING) for method in table.method]
        name = task(env)
        table[name] = table.method.map(ours).fillna(NOTHING)
        table[f"{name}, the paper"] = [words.partition(" ")[0] for words in paper]
    return table.assign(method=labels(table.method))


EXPERIMENTS = {
    "cartpole": "figure4_cartpole",
    "swimmer": "figure4_swimmer",
    "hopper": "figure4_hopper",
    "walker2d": "figure4_walker",
}
EARLIER = {
    "cartpole": (NATURAL, "cem", "cma_es", "rwr"),
    "swimmer": (NATURAL, "cem", "cma_es", "rwr"),
    "hopper": (NATURAL, "cem", "rwr"),
    "walker2d": (NATURAL, "cem", "rwr"),
}
"""The methods in each panel of Figure 4 that are no form of TRPO."""
ONE_BY_ONE = {
    "swimmer": (NATURAL, "cem", "cma_es"),
    "hopper": (NATURAL, "cem"),
    "walker2d": (NATURAL, "cem"),
}
"""Those of which §8.1 speaks one by one."""
EMPIRICAL, MAX_KL = "empirical_fim", "max_kl"


def _claim(
    text: str, env: str, judge: Callable[[Learned], Evidence], source: str = "§8.1, Figure 4"
) -> Claim[Measured]:
    return Claim(text, source, EXPERIMENTS[env], lambda found: judge(found.learned))


def _on_cartpole(text: str, judge: Callable[[Learned, str], Evidence]) -> Claim[Measured]:
    return _claim(text, "cartpole", lambda own: judge(own, "cartpole"))


def _ends_best(env: str, method: str) -> Claim[Measured]:
    *most, last = (named(other) for other in EARLIER[env])
    name = f"TRPO ({sampling(method)})"
    rivals = f"{', '.join(most)} and {last}"
    return _claim(
        f"{name} ends above {rivals} on the paper's {PANELS[env]}",
        env,
        lambda own: above_all(
            own.final(env, method),
            {look(other).label: own.final(env, other) for other in EARLIER[env]},
            own.tenth_of_rise(env),
        ),
    )


def _ends_above(env: str, other: str) -> Claim[Measured]:
    text = f"TRPO ends above {named(other)} on the paper's {PANELS[env]}"
    return _claim(text, env, lambda own: own.above(env, TRPO, other, own.final))


def _stands_still(env: str) -> Claim[Measured]:
    on = f"the paper's {PANELS[env]}"
    text = f"The natural gradient ends below the 1 per step for standing on {on}"
    return _claim(text, env, lambda own: above(1.0, own.final(env, NATURAL), hundredth_of(1.0)))


def _learns_alike(env: str) -> Claim[Measured]:
    on = f"the paper's {PANELS[env]} (mean over all iterations)"
    return _claim(
        f"Empirical FIM learns as fast as TRPO on {on}",
        env,
        lambda own: alike(
            own.average(env, EMPIRICAL), own.average(env, TRPO), own.tenth_of_rise(env)
        ),
        "§6 and §8.1, Figure 4",
    )


CLAIMS = (
    _on_cartpole(
        "TRPO is above 9 per step on cart-pole by iteration 30",
        lambda own, env: above(own.after(30)(env, TRPO), 9.0, hundredth_of(9.0)),
    ),
    _on_cartpole(
        "The natural gradient ends above 9 per step on cart-pole",
        lambda own, env: above(own.final(env, NATURAL), 9.0, hundredth_of(9.0)),
    ),
    _on_cartpole(
        "Max KL learns more slowly than TRPO on cart-pole (at iteration 15)",
        lambda own, env: own.above(env, TRPO, MAX_KL, own.after(15)),
    ),
    _on_cartpole(
        "Max KL learns more slowly than TRPO on cart-pole (mean over all iterations)",
        lambda own, env: own.above(env, TRPO, MAX_KL, own.average),
    ),
    *(_ends_best(env, method) for env in EARLIER for method in (TRPO, TRPO_VINE)),
    *(_ends_above(env, other) for env, others in ONE_BY_ONE.items() for other in others),
    *(_stands_still(env) for env in ("hopper", "walker2d")),
    *(_learns_alike(env) for env in ("cartpole", "swimmer")),
)

CHAPTER = Chapter(
    name="figure4",
    title="Figure 4: the paper's tasks",
    text=(
        "Reward per time step against policy iterations, as in the paper's Figure 4, whose own "
        "curves (mean of five runs) are dashed. The table gives the paper's value at the "
        "iteration where our runs end."
    ),
    experiments=tuple(EXPERIMENTS.values()),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    claims=CLAIMS,
    headline=headline,
    beside=tuning.EXPERIMENTS,
)
