"""Backtracking: go less and less far along a step until what is found there is good."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Generic, NamedTuple, TypeVar

from trpo.parameters import Natural, Range
from trpo.types import Tensor

T = TypeVar("T")


class Candidate(NamedTuple, Generic[T]):
    """A point that was accepted."""

    theta: Tensor  # (P,)
    found: T  # what is there
    rejected: int  # candidates before it


@dataclass(frozen=True)
class LineSearch:
    """Candidates shrink^j of the full step, j = 0, 1, … (App. C; neither number is given there).

    Attributes:
        shrink: factor between candidates.
        max_backtracks: candidates after the first.
    """

    shrink: Annotated[float, Range(0, 1, (False, False))] = 0.8
    max_backtracks: Natural = 10

    def first(
        self,
        theta: Tensor,
        full: Tensor,
        look: Callable[[Tensor], T],
        accepts: Callable[[T], bool],
    ) -> Candidate[T] | None:
        """Return the first candidate that is accepted, or None.

        Args:
            theta: (P,) where the step starts.
            full: (P,) the step.
            look: theta + shrink^j full -> what is there.
            accepts: whether that is good.
        """
        for rejected in range(self.max_backtracks + 1):
            candidate = theta + self.shrink**rejected * full
            found = look(candidate)
            if accepts(found):
                return Candidate(candidate, found, rejected)
        return None
