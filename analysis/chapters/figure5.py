"""Figure 5: scores on Atari against policy iterations, and against simulator steps."""

import pandas as pd

from analysis import published
from analysis.chapter import Chapter, Table
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, legend, rows_of, style
from analysis.marks import AXES, EARLY, HALF, METRIC, PONG, Measured, measure
from analysis.names import TRPO, TRPO_VINE, look, sampling, task
from analysis.panels import by_rank, learning_curves, method_lines, notes, run_counts
from analysis.rules import ABOVE
from analysis.sides import Pairs, hundredth_of, pair
from analysis.traces import Curves, Panel, Published, behind, of_task
from analysis.words import labels, number, ordered, rowwise, spans, with_interval

EXPERIMENT = "table1"
PAPERS = {"updates": "iteration", "env_steps": "env_steps"}
"""What the panels have as x: ours, and the paper's."""


@style()
def draw(found: Measured, scale: str) -> Figure:
    """Each game over iterations and over simulator steps, two games a line.

    The paper's scores are dots behind ours, a dot an iteration, as far as ours go.
    """
    games = list(ordered(found.table.drop_duplicates("env"), "env").env)
    figure, panels = rows_of(len(games), 2, each=2, panel=(3.1, 2.3))
    for i, env in enumerate(games):
        pair = panels[2 * i : 2 * i + 2]
        pair[1].sharey(pair[0])
        for panel, x in zip(pair, AXES, strict=True):
            _game(panel, found.curves[x], env, x)
        pair[0].set_title(f"{task(env)} ({run_counts(_of(found.curves['updates'], env))})")
        pair[0].set_ylabel("score of an episode")
    curves = found.curves["updates"]
    said = ["dots: the paper's one run of each, a dot an iteration", *notes(curves)]
    legend(figure, method_lines([TRPO, TRPO_VINE]), said)  # the paper has both
    figure.suptitle(f"Figure 5, trained here at scale “{scale}”")
    return figure


def _of(frame: pd.DataFrame, env: str) -> pd.DataFrame:
    return frame[frame.env == env]


def _game(panel: Axes, curves: pd.DataFrame, env: str, x: str) -> None:
    """Ours and the paper's scores on one game."""
    from matplotlib.ticker import EngFormatter

    ours, paper = _of(curves, env), _of(published.figure5(), env)
    last = 1 if ours.empty else max(1, ours.x.max())
    for method in by_rank(paper.method):
        theirs = paper[(paper.method == method) & (paper[PAPERS[x]] <= last)]
        panel.plot(theirs[PAPERS[x]], theirs.return_mean, ".", color=look(method).colour,
                   markersize=3.5, alpha=0.85, markeredgewidth=0, zorder=1)  # fmt: skip
    learning_curves(panel, ours)
    panel.set_xlim(0, last)
    panel.set_xlabel(AXES[x])
    panel.xaxis.set_major_formatter(EngFormatter(sep=""))


def curves(found: Measured) -> Curves:
    """The same panels, with the runs behind the means; the paper's as far as ours go."""
    games = list(ordered(found.table.drop_duplicates("env"), "env").env)
    panels = [_panel(found, env, x) for env in games for x in AXES]
    return Curves(panels, "the paper's one run of each, a dot an iteration")


def _panel(found: Measured, env: str, x: str) -> Panel:
    ours, paper = found.curves[x], published.figure5()
    last = _of(ours, env).x.max()
    points = paper.assign(x=paper[PAPERS[x]], y=paper.return_mean, error=float("nan"))
    others = Published(points[points.x <= last], False)
    labels = AXES[x], "score of an episode"
    return of_task(env, labels, ours, behind(found.runs, x, METRIC), others)


def tabulate(found: Measured) -> Table:
    """A game and method a line, an iteration a column; the paper's score in brackets."""
    rows = found.table.assign(words=rowwise(_cell, found.table[["mean", "low", "high", "paper"]]))
    cells = rows.pivot(index=["env", "method"], columns="mark", values="words").reset_index()
    cells = ordered(cells, "env", "method")
    runs = rows.groupby(["env", "method"]).n.agg(spans)
    keys = zip(cells.env, cells.method, strict=True)
    words = {"game": cells.env.map(task), "method": labels(cells.method),
             "runs": [runs[key] for key in keys]}  # fmt: skip
    marks = {f"iteration {mark}": cells[mark] for mark in sorted(set(rows["mark"]))}
    return Table(found.table, pd.DataFrame({**words, **marks}).reset_index(drop=True))


def _cell(mean: float, low: float, high: float, paper: float) -> str:
    return f"{with_interval(mean, low, high)} ({number(paper)})"


CLEAR_AT_25 = {
    "breakout": (TRPO, TRPO_VINE),
    "enduro": (TRPO_VINE, TRPO),
    "qbert": (TRPO_VINE, TRPO),
    "seaquest": (TRPO, TRPO_VINE),
    "space_invaders": (TRPO_VINE, TRPO),
}
"""The games of whose samplers the paper has one above the other at every iteration, 20 to 30."""


SOURCE, SCORE = "Appendix F, Figure 5", "mean score of the episodes that end around an iteration"


def _early(env: str, left: str, right: str) -> Claim[Measured, Pairs]:
    names = f"{sampling(left)} stands above {sampling(right)}".capitalize()

    def sides(found: Measured) -> Pairs:
        early = found.at(env, left, EARLY), found.at(env, right, EARLY)
        return pair(*early, found.tenth_of_gain(env, EARLY))

    text = f"{names} on {task(env)} at iteration {EARLY}"
    return Claim(text, SOURCE, EXPERIMENT, SCORE, ABOVE, sides, env=env)


def _wins_at_pong(found: Measured) -> Pairs:
    return pair(found.at("pong", TRPO, PONG), 10.0, hundredth_of(10.0))


CLAIMS = (
    *(_early(env, *sides) for env, sides in CLEAR_AT_25.items()),
    Claim(
        f"Single path scores above 10 on Pong at iteration {PONG}",
        SOURCE,
        EXPERIMENT,
        SCORE,
        ABOVE,
        _wins_at_pong,
        env="pong",
    ),
)

CHAPTER = Chapter(
    name="figure5",
    title="Figure 5: Atari, learning curves",
    text=(
        "The mean score of the episodes that ended in an iteration, raw and undiscounted, as in "
        "the paper's Figure 5 with the sign of a reward; the paper's dots are of one run each. "
        "A vine's episodes are those of its trunks. Each game is shown over policy iterations, "
        "as in the paper, and over simulator steps, of which a vine takes four times as many an "
        "iteration (Table 3: 400K to single path's 100K). The table gives our mean over runs, "
        f"and in brackets the paper's one run: both are means over the iterations {HALF} before "
        f"to {HALF} after the one that is named. Claims compare the samplers at iteration "
        f"{EARLY} where the paper has one above the other at every iteration from 20 to 30; the "
        "margin is a tenth of what single path has gained by then. Where the orders end, Table 1 "
        "says."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "Two panels a game: the score of an episode against policy iterations and against "
        "simulator steps; our means are lines with bands, the paper's scores dots."
    ),
    claims=CLAIMS,
    curves=curves,
    whole=True,
)
