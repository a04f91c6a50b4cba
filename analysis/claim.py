"""A claim of the paper as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

import pandas as pd

from analysis.rules import Evidence, Rule

F = TypeVar("F")
G = TypeVar("G")
S = TypeVar("S")


@dataclass(frozen=True)
class Claim(Generic[F, S]):
    """A testable statement.

    Args:
        text: what it says, in our words; no two say the same.
        source: where it stands in the paper.
        experiment: whose runs bear on it.
        statistic: what of a run is compared.
        rule: how that becomes a verdict.
        sides: of what was measured, what the rule compares.
        after_data: whether the rule was written after runs that bear on it had been seen.
        env: the task that it is about, where its experiment has others too.
    """

    text: str
    source: str
    experiment: str
    statistic: str
    rule: Rule[S]
    sides: Callable[[F], S]
    after_data: bool = False
    env: str | None = None

    def judged(self, measured: F) -> Evidence:
        """What was measured says this about the claim."""
        return self.rule.judge(self.sides(measured))

    def within(self, part: Callable[[G], F]) -> "Claim[G, S]":
        """The claim about a part of what was measured."""
        about = (self.text, self.source, self.experiment, self.statistic, self.rule)
        return Claim(*about, lambda whole: self.sides(part(whole)), self.after_data, self.env)

    def bearing(self, runs: pd.DataFrame) -> pd.DataFrame:
        """Those of the runs that it is about."""
        own = runs.experiment == self.experiment
        return runs[own if self.env is None else own & (runs.env == self.env)]
