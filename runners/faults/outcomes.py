"""What became of many faults, counted."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from runners.faults.judged import CLASSES


class Outcome(NamedTuple):
    """A fault, what became of it (one of `CLASSES`), and how in words."""

    fault: str
    kind: str
    how: str


def told(outcomes: Sequence[Outcome]) -> str:
    """How many faults there were, and what became of them, in a line."""
    counts = Counter(each.kind for each in outcomes)
    return f"{len(outcomes)} faults: " + ", ".join(f"{counts[k]} {k}" for k in CLASSES if counts[k])


def table(outcomes: Sequence[Outcome]) -> str:
    """How often each fault was done, and what became of it: a row each, and one of the sums."""
    names = sorted({each.fault for each in outcomes})
    wide = max(map(len, (*names, "fault")))
    rows = {name: Counter(e.kind for e in outcomes if e.fault == name) for name in names}
    rows["all"] = sum(rows.values(), Counter())
    lines = [_line("fault", ("count", *CLASSES), wide)]
    for name, counts in rows.items():
        lines.append(_line(name, (counts.total(), *(counts[kind] for kind in CLASSES)), wide))
    return "\n".join(lines)


def _line(name: str, cells: Sequence[object], wide: int) -> str:
    return f"{name:<{wide}}" + "".join(f"{cell:>10}" for cell in cells)
