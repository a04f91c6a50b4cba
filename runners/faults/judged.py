"""What became of a disturbed run, by its bytes, its last words and its exit status."""

from collections.abc import Collection, Mapping
from typing import NamedTuple

Rows = Mapping[str, bytes]
"""The bytes of every metrics.csv below a store, by the path within it."""

FINE = "identical"
REFUSED = "refused"
CLASSES = (FINE, REFUSED, "lost", "different", "untidy")
"""In the order in which a table shows them; the last three are failures of the suite."""


class Session(NamedTuple):
    """How one start of the command ended: its exit status, and what it wrote to stderr."""

    status: int
    said: str


def judged(reference: Rows, found: Rows, session: Session, expected: Collection[int]) -> str:
    """One of `CLASSES` for what a session left behind.

    Args:
        reference: what the undisturbed command wrote.
        found: what is there after the session.
        session: how it ended; with status 0 all rows must be there.
        expected: the exit statuses that the fault may lead to besides 0; 1 is a refusal.
    """
    lines = session.said.splitlines()
    if session.status not in {0, *expected} or not tidy(lines):
        return "untidy"
    if session.status == 1:
        return REFUSED if lines else "untidy"
    if not all(reference.get(name, b"").startswith(whole(rows)) for name, rows in found.items()):
        return "different"
    if session.status == 0 and any(whole(found.get(n, b"")) != r for n, r in reference.items()):
        return "lost"
    return FINE


def whole(rows: bytes) -> bytes:
    """The rows that end in a newline; a kill may leave a part of one after them."""
    return rows[: rows.rfind(b"\n") + 1]


def tidy(lines: Collection[str]) -> bool:
    """Whether stderr holds no traceback, and at most one line of error."""
    errors = sum(line.startswith("error:") for line in lines)
    return errors <= 1 and not any(line.startswith("Traceback") for line in lines)
