"""What simulators share: closing themselves, and rows that are one array."""

from collections.abc import Sequence
from typing import Any, Self

import numpy as np

from trpo.parameters import ParameterError
from trpo.types import Array


def at_least_one(rows: int) -> int:
    """The number of rows; ParameterError if it is none that can be simulated."""
    if rows < 1:
        raise ParameterError("rows", rows, "at least 1")
    return rows


class Closing:
    """`with simulator: ...` closes the simulator at the end of the block."""

    def close(self) -> None:
        """Release what is held; nothing, unless a simulator says otherwise."""

    def __enter__(self) -> Self:
        """Enter the context."""
        return self

    def __exit__(self, *error: object) -> None:
        """Close, whatever happened in the block."""
        self.close()


class ArrayRows(Closing):
    """Rows whose whole state is a line of one array, so that restoring is assigning it."""

    def __init__(self, rest: Array, rows: int) -> None:
        """Place every row in the state `rest` (S,)."""
        self.count = at_least_one(rows)
        self._state = np.tile(rest, (rows, 1))  # (N, S)
        self._elapsed = np.zeros(rows, np.int64)  # (N,)

    def save(self, rows: Array) -> list[Any]:
        """Snapshots (state, elapsed), one a row."""
        return [(self._state[row].copy(), int(self._elapsed[row])) for row in rows]

    def load(self, rows: Array, snapshots: Sequence[Any]) -> None:
        """Assign the snapshots to the rows."""
        for row, (state, elapsed) in zip(rows, snapshots, strict=True):
            self._state[row], self._elapsed[row] = state, elapsed
