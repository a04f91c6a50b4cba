"""Learning curves with the modern protocol, and what others published at one million steps."""

import pandas as pd

from analysis import published
from analysis.chapter import Chapter, Data, Table
from analysis.claim import Claim
from analysis.drawing import Figure, legend, rows_of, style
from analysis.learned import Learned, learned
from analysis.names import NATURAL, TRPO, named, task
from analysis.panels import learning_curves, method_lines, notes, run_counts
from analysis.rules import ABOVE, ALIKE
from analysis.sides import Likeness, Pairs
from analysis.traces import Curves, behind, of_task
from analysis.words import final_scores, ordered

EXPERIMENT = "modern"
POINTS = 100
"""Even steps of a curve."""


def measure(runs: pd.DataFrame, every: Data) -> Learned:
    """Return of the last 100 training episodes."""
    return learned(runs, "return_100", "env_steps", POINTS)


@style()
def draw(found: Learned, scale: str) -> Figure:
    """One panel a task: return of the last 100 training episodes against environment steps."""
    from matplotlib.ticker import EngFormatter

    curves, envs = found.curves, list(ordered(found.table, "env").env.unique())
    figure, panels = rows_of(len(envs), 3)
    for panel, env in zip(panels, envs, strict=True):
        ours = curves[curves.env == env]
        learning_curves(panel, ours)
        panel.xaxis.set_major_formatter(EngFormatter(sep=""))
        panel.set_xlim(left=0)
        panel.set_title(f"{task(env)} ({run_counts(ours)})")
        panel.set_ylabel("return, last 100 episodes")
        panel.set_xlabel("environment steps")
    legend(figure, method_lines(curves.method), notes(curves))
    figure.suptitle(f"Learning curves with the modern protocol at scale “{scale}”")
    return figure


def curves(found: Learned) -> Curves:
    """The same panels, with the runs behind the means."""
    runs = behind(found.best, "env_steps", found.metric)
    labels = "environment steps", "return, last 100 episodes"
    envs = ordered(found.table, "env").env.unique()
    return Curves([of_task(env, labels, found.curves, runs) for env in envs])


def tabulate(found: Learned) -> Table:
    """Final scores, published ones beside them."""
    return Table(found.table, final_scores(found.table, published.at_one_million()))


def headline(found: Learned) -> pd.DataFrame:
    """The table without what all its rows share."""
    words = tabulate(found).words
    return words.drop(columns=["step size", "failed", "unfinished"])


TASKS = ("hopper", "walker2d", "half_cheetah", "swimmer")
"""Those that claims are about."""
SEEN = TASKS[:3]
"""Those of which runs of TRPO were seen before these rules were written."""
FINAL = "return of the last 100 training episodes"


def _ends_above(env: str, other: str) -> Claim[Learned, Pairs]:
    def sides(found: Learned) -> Pairs:
        return found.above(env, TRPO, other, found.final)

    text, source = (
        f"TRPO ends above {named(other)} on {task(env)}",
        "§8.1, with the modern protocol",
    )
    return Claim(text, source, EXPERIMENT, FINAL, ABOVE, sides, env in SEEN, env)


def _hardly_differ(env: str) -> Claim[Learned, Likeness]:
    def sides(found: Learned) -> Likeness:
        return found.alike(env, "tnpg", TRPO, found.final)

    text, source = f"TRPO and TNPG hardly differ on {task(env)}", "Duan et al. 2016, Table 1"
    return Claim(text, source, EXPERIMENT, FINAL, ALIKE, sides, env in SEEN, env)


CHAPTER = Chapter(
    name="modern",
    title="Learning curves with the modern protocol",
    text=(
        "Mean return of the last 100 training episodes against environment steps. Published "
        "numbers are context, not a comparison on equal terms: sources differ in task version, "
        "in tuning and in whether they report the last or the best policy."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "One panel a task: the mean return of the last 100 episodes against environment steps, "
        "a line with a band for each method."
    ),
    claims=(
        *(_ends_above(env, other) for env in TASKS for other in (NATURAL, "vanilla_pg")),
        *map(_hardly_differ, TASKS),
    ),
    headline=headline,
    curves=curves,
)
