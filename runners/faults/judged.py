"""What became of a disturbed run, by its bytes, its last words and its exit status."""

import re
from collections.abc import Collection, Mapping
from typing import NamedTuple

Rows = Mapping[str, bytes]
"""The bytes of every metrics.csv below a store, by the path within it."""

FINE = "identical"
REFUSED = "refused"
LOST = "lost"
DIFFERENT = "different"
UNTIDY = "untidy"
CLASSES = (FINE, REFUSED, LOST, DIFFERENT, UNTIDY)
"""In the order in which a table shows them; the last three are failures of the suite."""
BAD = frozenset({LOST, DIFFERENT, UNTIDY})

PROGRESS = re.compile(r" *\d+%  |[━╌]+ +\d+%  |  \S")
"""How lines begin on stderr that tell how far a run or a sweep is."""


class Session(NamedTuple):
    """How one command ended: its exit status, what it wrote to stderr, processes it left."""

    status: int
    said: str
    orphans: int = 0


def judged(
    reference: Rows,
    found: Rows,
    session: Session,
    expected: Collection[int],
    errors: int = 1,
    damaged: bool = False,
) -> str:
    """One of `CLASSES` for what a session left behind.

    Args:
        reference: what the undisturbed command wrote.
        found: what is there after the session.
        session: how it ended; with status 0 all rows must be there.
        expected: the exit statuses that the fault may lead to besides 0.
        errors: lines of error that the command may say, one for each of its runs.
        damaged: whether files were damaged before, so that a refusal leaves them so.
    """
    if not orderly(session, {0, *expected}, errors):
        return UNTIDY
    refused = session.status == 1
    if refused and damaged:
        return REFUSED
    if not all(reference.get(name, b"").startswith(whole(rows)) for name, rows in found.items()):
        return DIFFERENT
    if session.status == 0 and not complete(reference, found):
        return LOST
    return REFUSED if refused else FINE


def complete(reference: Rows, found: Rows) -> bool:
    """Whether all rows are there."""
    return all(whole(found.get(name, b"")) == rows for name, rows in reference.items())


def whole(rows: bytes) -> bytes:
    """The rows that end in a newline; a kill may leave a part of one after them."""
    return rows[: rows.rfind(b"\n") + 1]


def orderly(session: Session, statuses: Collection[int], errors: int) -> bool:
    """Whether a command ended as is documented: status, lines of stderr, no process left.

    A failure says why; whoever is stopped need not.
    """
    said = [line for line in session.said.splitlines() if line]
    failures = [line for line in said if line.startswith("error: ")]
    others = (line for line in said if line not in failures)
    return (
        session.status in statuses
        and not session.orphans
        and len(failures) <= errors
        and (bool(failures) or session.status != 1)
        and all(line.startswith("warning: ") or PROGRESS.match(line) for line in others)
    )
