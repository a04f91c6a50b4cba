"""What the paper's own numbers say of themselves: facts, for which nothing has to be run."""

from collections.abc import Callable, Iterable
from itertools import pairwise
from typing import Any

import pandas as pd

from analysis import published
from analysis.claim import Claim
from analysis.names import NATURAL, TRPO, TRPO_VINE
from analysis.rules import FACT
from analysis.sides import Fact
from analysis.words import number, steps

OVERLAP = 0.005
"""Reward per step within which two curves read off one figure are the same."""
SCREEN, CHANNELS, WIDTH, OUTPUTS = (52, 40), 16, 20, 3 + 3 + 2
"""Atari's network: the first version's screen of four frames, and the factors of its actions."""


def _table2(row: str, column: str) -> int:
    return int(published.table2()[column][row])


def _curve(env: str, method: str) -> pd.Series:
    """A curve of Figure 4 by iteration."""
    own = published.figure4()
    return own[(own.env == env) & (own.method == method)].set_index("iteration").reward_per_step


def _shared_curve(_: None) -> Fact:
    apart = {
        method: float((_curve("walker2d", method) - _curve("hopper", method)).abs().max())
        for method in (NATURAL, TRPO, TRPO_VINE, "cem", "rwr")
    }
    own, others = apart.pop(NATURAL), min(apart.values())
    words = f"at most {number(own)} apart; other methods' at least {number(others)}"
    return Fact(own < OVERLAP < others, words)


def _half_of_swimmer(_: None) -> Fact:
    rises = [_curve("swimmer", m).iloc[[0, -1]].diff().iloc[-1] for m in (NATURAL, TRPO)]
    return Fact(rises[0] < rises[1] / 2, f"{number(rises[0])} of {number(rises[1])} per step")


def _standing(_: None) -> Fact:
    last = float(_curve("hopper", "cem").iloc[-1])
    return Fact(abs(last - 1) < 0.05, f"{number(last)} per step")


def _shorter(_: None) -> Fact:
    last = {env: _curve(env, TRPO).index.max() + 1 for env in ("cartpole", "swimmer")}
    said = _table2("iterations", "swimmer")
    return Fact(max(last.values()) < said, f"{max(last.values())} of {said}")


def _more_paths(_: None) -> Fact:
    taken = _table2("single_path_paths", "walker") * _table2("single_path_length", "walker")
    said = _table2("steps_per_iteration", "walker")
    return Fact(taken != said, f"{steps(taken)}, not {steps(said)}")


def _vine_steps(_: None) -> Fact:
    """Counting states, or counting pairs of a state and an action and the trunks' own steps."""
    rows = ("vine_q_values_per_batch", "vine_rollouts_per_state", "vine_rollout_length")
    values, each, length = (_table2(row, "swimmer") for row in rows)
    trunks = _table2("vine_trunks", "swimmer") * _table2("vine_trunk_length", "swimmer")
    said = _table2("steps_per_iteration", "swimmer")
    counts = [values * each * length, values * length + trunks]
    words = " or ".join(steps(count) for count in counts)
    return Fact(said not in counts, f"{words}, not {steps(said)}")


def dense(inputs: int, hidden: Iterable[int], actions: int) -> int:
    """Weights and biases of fully connected layers, and a log standard deviation an action."""
    sizes = [inputs, *hidden, actions]
    return sum((a + 1) * b for a, b in pairwise(sizes)) + actions


def _inputs(column: str, layers: int) -> list[int]:
    """How many inputs give Table 2's number of parameters, with so many layers of its width."""
    width, actions = _table2("hidden_units", column), _table2("action_dim", column)
    said = _table2("policy_params", column)
    return [n for n in range(1, 500) if dense(n, [width] * layers, actions) == said]


def _unfit(column: str) -> Callable[[None], Fact]:
    def judge(_: None) -> Fact:
        fit = [*_inputs(column, 1), *_inputs(column, 2)]
        words = f"it fits {' or '.join(map(str, fit)) or 'no number of'} inputs"
        return Fact(_table2("state_dim", column) not in fit, words)

    return judge


def _swimmer_inputs(_: None) -> Fact:
    fit, said = _inputs("swimmer", 1), _table2("state_dim", "swimmer")
    return Fact(fit == [said - 1], f"{fit[0] if fit else 'no'} inputs of {said}")


def _atari_parameters(_: None) -> Fact:
    kernel, (high, wide) = 4 * 4, (_halved(_halved(side)) for side in SCREEN)
    layers = [(4 * kernel, CHANNELS), (CHANNELS * kernel, CHANNELS),
              (CHANNELS * high * wide, WIDTH), (WIDTH, OUTPUTS)]  # fmt: skip
    count = sum((inputs + 1) * outputs for inputs, outputs in layers)
    said = int(published.table3().all_games["policy_params"])
    return Fact(count == said, f"{count:,} of {said:,}")


def _halved(side: int) -> int:
    """A side after a valid convolution of kernel 4 and stride 2."""
    return (side - 4) // 2 + 1


def _scores(env: str) -> pd.DataFrame:
    """The curves of a game in Figure 5."""
    own = published.figure5()
    return own[own.env == env]


def _enduro_ends(_: None) -> Fact:
    ends = _scores("enduro").groupby("method").iteration.max()
    return Fact(ends[TRPO] < ends[TRPO_VINE], f"at iteration {ends[TRPO]} of {ends[TRPO_VINE] + 1}")


def _above_its_curve(_: None) -> Fact:
    best = _scores("qbert").groupby("method").return_mean.max()[TRPO_VINE]
    said = published.table1().set_index(["player", "env"]).score[TRPO_VINE, "qbert"]
    return Fact(said > best, f"{number(said)}; the best point {number(best)}")


def _seen(text: str, source: str, sides: Callable[[None], Fact]) -> Claim[Any, Any]:
    return Claim(text, source, "", "the paper's numbers", FACT, sides, after_data=True)


OBSERVATIONS = (
    _seen("The natural gradient's curve on walker is that on hopper", "Figure 4", _shared_curve),
    _seen("The natural gradient gains less than half of what single path gains on swimmer, where "
          "the text has it perform well", "Figure 4, §8.1", _half_of_swimmer),
    _seen("CEM ends on hopper at the 1 per step for standing", "Figure 4", _standing),
    _seen("Cart-pole and swimmer are shown for fewer iterations than Table 2 has", "Figure 4, "
          "Table 2", _shorter),
    _seen("Walker's single paths take another number of steps than its row says", "Table 2",
          _more_paths),
    _seen("Swimmer's vine takes another number of steps than its row says, however its Q values "
          "are counted", "Table 2", _vine_steps),
    _seen("Swimmer's parameters fit a network that sees all of the state but one number",
          "Table 2", _swimmer_inputs),
    *(_seen(f"{name}'s parameters fit no network with one or two of its layers on its state",
            "Table 2", _unfit(name.lower())) for name in ("Hopper", "Walker")),
    _seen("Atari's parameters are those of a 52 × 40 screen and 3 + 3 + 2 factored actions",
          "Table 3, §8.2", _atari_parameters),
    _seen("Enduro's single path ends long before its vine", "Figure 5", _enduro_ends),
    _seen("Q*bert's score by vine is above every point of its curve", "Table 1, Figure 5",
          _above_its_curve),
)  # fmt: skip
"""Facts about the paper that a reproduction meets."""
