"""A claim of the paper as a value."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

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
    """

    text: str
    source: str
    experiment: str
    statistic: str
    rule: Rule[S]
    sides: Callable[[F], S]
    after_data: bool = False

    def judged(self, measured: F) -> Evidence:
        """What was measured says this about the claim."""
        return self.rule.judge(self.sides(measured))

    def within(self, part: Callable[[G], F]) -> "Claim[G, S]":
        """The claim about a part of what was measured."""
        about = (self.text, self.source, self.experiment, self.statistic, self.rule)
        return Claim(*about, lambda whole: self.sides(part(whole)), self.after_data)
