"""Simulators hold threads, processes and engines, so each is a context that closes itself."""

from types import TracebackType
from typing import Self


class Closing:
    """`with simulator: ...` closes the simulator at the end of the block."""

    def close(self) -> None:
        """Release what is held; nothing, unless a simulator says otherwise."""

    def __enter__(self) -> Self:
        """Enter the context."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close, whatever happened in the block."""
        self.close()
