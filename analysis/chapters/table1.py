"""Table 1: what policies score on Atari when they learn no more, beside the paper and others."""

from collections.abc import Iterable
from typing import Any

import pandas as pd

from analysis.chapter import Chapter, Table
from analysis.claim import Claim
from analysis.drawing import Axes, Figure, grid, legend, style
from analysis.names import (
    GAMES,
    HUMAN,
    PLAYERS,
    RANDOM,
    TRPO,
    TRPO_VINE,
    look,
    sampling,
    task,
)
from analysis.played import (
    HERE,
    ITERATIONS,
    PAPER,
    POINTS,
    SCALED,
    Measured,
    measure,
    towards_human,
)
from analysis.rules import ABOVE
from analysis.sides import Pairs, pair, several
from analysis.words import NOTHING, intervals, spans

EXPERIMENT = "table1"
HUNDREDTH = 0.01
"""Of the way from random play to a human, the margin of claims about random play."""
MARKERS: dict[tuple[str, str], dict[str, Any]] = {
    (TRPO, PAPER): {"marker": "o", "markerfacecolor": "white"},
    (TRPO, HERE): {"marker": "o"},
    (TRPO_VINE, PAPER): {"marker": "D", "markerfacecolor": "white"},
    (TRPO_VINE, HERE): {"marker": "D"},
}
"""How a score is drawn; on each game in this order, from above."""


@style()
def draw(found: Measured, scale: str) -> Figure:
    """Scores on the line from random play to a human, a game a line; open are the paper's."""
    table = found.table[~found.table.greedy.astype(bool)]
    figure, (panel,) = grid(1, 1, panel=(8.0, 4.6))
    looks = [_dots(panel, table, *shown, i) for i, shown in enumerate(MARKERS)]
    panel.axvline(0, color="#444444", linewidth=0.9, linestyle=":")
    panel.axvline(1, color="#444444", linewidth=0.9, linestyle="--")
    panel.set_xscale("symlog", linthresh=0.1, linscale=0.7)
    panel.set_xticks(
        [0, 0.05, 0.1, 0.2, 0.5, 1, 2], ["0\nrandom", "0.05", "0.1", "0.2", "0.5", "1\nhuman", "2"]
    )
    panel.minorticks_off()
    panel.set_xlim(left=min(-0.02, 1.3 * panel.dataLim.x0), right=max(3.0, 1.3 * panel.dataLim.x1))
    panel.set_yticks(range(len(GAMES)), list(GAMES.values()))
    panel.set_ylim(len(GAMES) - 0.5, -0.5)
    panel.set_xlabel("score, from random play to a human (linear up to 0.1, then logarithmic)")
    runs = table.n[(table.source == HERE) & table.n.notna()].astype(int)
    said = [f"runs a game here: {spans(runs) or 'none'}; bars: 95 % t interval over them",
            "open: the paper's one run, Table 1"]  # fmt: skip
    legend(figure, looks, said)
    figure.suptitle(f"Table 1, trained here at scale “{scale}”")
    return figure


def _dots(panel: Axes, table: pd.DataFrame, player: str, source: str, place: int) -> dict[str, Any]:
    """One player's scores from one source; returns how they look."""
    own = table[(table.player == player) & (table.source == source)].set_index("env")
    own = own.reindex([env for env in GAMES if env in own.index])
    y = [list(GAMES).index(env) + 0.18 * (place - 1.5) for env in own.index]
    drawn: dict[str, Any] = {
        "color": look(player).colour,
        "linestyle": "",
        **MARKERS[player, source],
    }
    low, high = own.scaled - own.scaled_low, own.scaled_high - own.scaled
    panel.errorbar(own.scaled, y, xerr=[low.fillna(0), high.fillna(0)], capsize=3, **drawn)
    return {"label": f"{look(player).label}, {source}", **drawn}


def tabulate(found: Measured) -> Table:
    """A player a line, a game a column: in points, then from random play to a human."""
    learners = [player for player in PLAYERS if player not in (RANDOM, HUMAN)]
    lines = _lines(found.table, PLAYERS, POINTS) + _lines(found.table, learners, SCALED)
    return Table(found.table, pd.DataFrame(lines))


def _lines(table: pd.DataFrame, among: Iterable[str], values: list[str]) -> list[dict[str, str]]:
    """The lines of some players, in words."""
    return [_line(table, *each, values) for each in _players(table, among)]


def _players(table: pd.DataFrame, among: Iterable[str]) -> list[tuple[str, str, bool]]:
    """The lines of the table, players in the order of `among`, the paper's before ours."""
    there = {(row.player, row.source, bool(row.greedy)) for row in table.itertuples()}
    every = [(p, s, g) for p in among for s in (PAPER, HERE) for g in (False, True)]
    return [line for line in every if line in there]


def _line(
    table: pd.DataFrame, player: str, source: str, greedy: bool, values: list[str]
) -> dict[str, str]:
    """One line in words."""
    mine = (table.player == player) & (table.source == source) & (table.greedy == greedy)
    own = table[mine].set_index("env")
    cells = dict(zip(own.index, intervals(own, *values), strict=True))
    return {
        "player": PLAYERS[player] + (", greedy" if greedy else ""),
        "source": source,
        "in": "points" if values == POINTS else "human = 1",
        "runs": spans(own.n.dropna().astype(int)) or NOTHING,
        **{task(env): cells.get(env, NOTHING) for env in GAMES},
        "after iterations": spans(own.iteration.dropna().astype(int)) or NOTHING,
        "episodes": spans(own.episodes.dropna().astype(int)) or NOTHING,
        "limit, steps": spans(own.horizon.dropna().astype(int)) or NOTHING,
    }


OTHERS = ("dqn_2013", "ucc_i")
"""Methods of others, which the front page leaves out."""


def headline(found: Measured) -> pd.DataFrame:
    """The table in points, of the games that were played here, without how it was measured."""
    players = [name for name in PLAYERS if name not in OTHERS]
    lines = pd.DataFrame(_lines(found.table, players, POINTS))
    own = lines[lines.source == HERE]
    unplayed = [name for name in lines if (own[name] == NOTHING).all()]
    how = ["in", "after iterations", "episodes", "limit, steps"]
    return lines.drop(columns=[*how, *unplayed])


ENDS_ABOVE = {
    "beam_rider": (TRPO, TRPO_VINE),
    "breakout": (TRPO_VINE, TRPO),
    "enduro": (TRPO, TRPO_VINE),
    "qbert": (TRPO_VINE, TRPO),
    "seaquest": (TRPO, TRPO_VINE),
    "space_invaders": (TRPO, TRPO_VINE),
}
"""The games on which Table 1 has one sampler above the other."""


SOURCE, SCORE = "§8.2, Table 1", "mean score of the last policy's evaluation"


def _ends_above(env: str, left: str, right: str) -> Claim[Measured, Pairs]:
    names = f"{sampling(left)} ends above {sampling(right)}".capitalize()

    def sides(found: Measured) -> Pairs:
        finals = found.after_500(env, left), found.after_500(env, right)
        return pair(*finals, found.tenth_of_gain(env))

    text = f"{names} on {task(env)} (after {ITERATIONS} iterations)"
    return Claim(text, SOURCE, EXPERIMENT, SCORE, ABOVE, sides, env=env)


def _beats_chance(env: str) -> Claim[Measured, Pairs]:
    def sides(found: Measured) -> Pairs:
        chance = towards_human(found.chance(env), env)
        finals = {
            sampling(m): (towards_human(found.final(env, m), env), chance)
            for m in (TRPO, TRPO_VINE)
        }
        return several(finals, HUNDREDTH)

    text = f"Single path and vine end above random play on {task(env)} (human = 1)"
    return Claim(text, SOURCE, EXPERIMENT, f"{SCORE}, human = 1", ABOVE, sides, env=env)


CHAPTER = Chapter(
    name="table1",
    title="Table 1: Atari",
    text=(
        "Mean score of whole episodes of the last policy, which learns no more; its actions are "
        "drawn as in training, where a line does not say greedy (the likeliest). How many "
        "episodes a run was evaluated by, up to which limit of steps each, and after how many "
        "iterations stands in the line; how the paper evaluated its runs, one a game, is not "
        "stated. An interval is over runs, never over the episodes of one; random play has no "
        "runs, and its interval is over episodes. In `human = 1`, a score is (score − random) / "
        "(human − random), by the paper's rows. Claims about which sampler ends above are judged "
        "by runs of the paper's whole budget alone: 500 iterations of at least 100,000 steps."
    ),
    experiments=(EXPERIMENT,),
    measure=measure,
    draw=draw,
    tabulate=tabulate,
    alternative=(
        "A line a game: marks for each sampler's score and the paper's, on an axis that runs "
        "from random play to a human."
    ),
    claims=(
        *(_ends_above(env, *sides) for env, sides in ENDS_ABOVE.items()),
        *(_beats_chance(env) for env in GAMES),
    ),
    headline=headline,
    beside=("evaluations",),
)
