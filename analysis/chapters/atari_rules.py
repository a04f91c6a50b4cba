"""The step rules of §6 on Pong, from pixels."""

import pandas as pd

from analysis.chapter import Chapter, Data, Table
from analysis.claim import Claim
from analysis.drawing import Figure, grid, legend, style
from analysis.learned import Learned, learned
from analysis.names import NATURAL, TRPO, named, task
from analysis.panels import learning_curves, method_lines, notes, run_counts
from analysis.rules import ABOVE
from analysis.sides import Pairs
from analysis.traces import Curves, behind, of_task
from analysis.words import final_scores

EXPERIMENT, GAME, VANILLA = "atari_rules", "pong", "vanilla_pg"


def measure(runs: pd.DataFrame, every: Data) -> Learned:
    """Score of the last 100 training episodes, over the updates made before them."""
    return learned(runs.assign(updates=runs.iteration - 1), "return_100", "updates")


@style()
def draw(found: Learned, scale: str) -> Figure:
    """All rules in one panel."""
    figure, (panel,) = grid(1, 1, panel=(6.0, 3.6))
    learning_curves(panel, found.curves)
    panel.set(xlabel="policy iterations", ylabel="score, last 100 episodes")
    panel.set_title(f"{task(GAME)} ({run_counts(found.curves)})")
    legend(figure, method_lines(found.table.method), notes(found.curves))
    figure.suptitle(f"Step rules on {task(GAME)} at scale “{scale}”")
    return figure


def curves(found: Learned) -> Curves:
    """The same panel, with the runs behind the means."""
    labels = "policy iterations", "score, last 100 episodes"
    return Curves(
        [of_task(GAME, labels, found.curves, behind(found.best, "updates", found.metric))]
    )


def _ends_above(other: str) -> Claim[Learned, Pairs]:
    def sides(found: Learned) -> Pairs:
        return found.above(GAME, TRPO, other, found.final)

    text, what = f"TRPO ends above {named(other)} on {task(GAME)}", "score of the last 100 episodes"
    return Claim(text, "§8.1, carried to Atari", EXPERIMENT, what, ABOVE, sides)


CHAPTER = Chapter(
    name="atari_rules",
    title="Step rules on Pong",
    text=(
        "Mean score of the last 100 training episodes against policy iterations. The step sizes "
        "of the natural gradient and of the vanilla policy gradient were not tuned for Pong."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=lambda found: Table(found.table, final_scores(found.table)),
    alternative=(
        "One panel: the mean score on Pong against policy iterations, a line with a band for "
        "each step rule."
    ),
    claims=tuple(_ends_above(other) for other in (NATURAL, VANILLA)),
    curves=curves,
)
