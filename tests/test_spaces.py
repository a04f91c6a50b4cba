"""Kinds of actions: what they are called, how many there are and what a task is given."""

import numpy as np
import pytest

from trpo.simulators.protocol import Box, Choices


def test_real_actions_are_clipped_to_the_bounds_of_their_dimension() -> None:
    box = Box(np.array([-1.0, 0.0]), np.array([1.0, 5.0]))
    assert box.clip(np.array([[-3.0, -3.0], [0.5, 9.0]])).tolist() == [[-1, 0], [0.5, 5]]
    assert (box.kind, box.dimensions, box.number) == ("continuous", 2, np.inf)


@pytest.mark.parametrize(
    ("counts", "kind", "number"), [((4,), "discrete", 4), ((2, 3), "factored", 6)]
)
def test_choices_are_numbered_and_taken_as_they_are(
    counts: tuple[int, ...], kind: str, number: int
) -> None:
    choices = Choices(counts)
    every = choices.numbered(np.arange(number))
    assert every.tolist() == [[*index] for index in np.ndindex(counts)]
    assert choices.clip(every) is every
    assert (choices.kind, choices.dimensions, choices.number) == (kind, len(counts), number)
