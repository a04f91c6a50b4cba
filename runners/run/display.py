"""Progress in words: a live line on a terminal, a plain line now and then elsewhere."""

import math
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from datetime import timedelta

from rich.console import Console
from rich.live import Live
from rich.text import Text

from runners.run.loop import Plan, Row

Show = Callable[[float, str], None]
"""(how much is done, how it goes) -> what is shown of it"""
PLAIN_SECONDS = 10.0  # between lines where there is no terminal


class Clock:
    """Estimates the time to the end from what has been done since the first question."""

    def __init__(self) -> None:
        """Start at the first call of `remaining`."""
        self._start: tuple[float, float] | None = None

    def remaining(self, fraction: float) -> float | None:
        """Seconds until `fraction` is 1 at the rate so far; None if nothing was done yet."""
        now = time.monotonic()
        begun, before = self._start = self._start or (now, fraction)
        return (1 - fraction) * (now - begun) / (fraction - before) if fraction > before else None


@contextmanager
def live(plan: Plan, quiet: bool) -> Iterator[Callable[[Row], None]]:
    """What shows each row of one run on stderr; nothing if `quiet`."""
    with line(quiet) as show:
        yield lambda row: show(plan.fraction(row.position), sentence(row.metrics | row.timing))


@contextmanager
def line(quiet: bool = False, patience: float = 0.0) -> Iterator[Show]:
    """What shows on stderr how much is done, how it goes, and how long it still takes.

    Args:
        quiet: whether to show nothing.
        patience: seconds of silence; what has ended by then shows nothing.
    """
    console = Console(stderr=True, quiet=quiet)
    clock, due, begun = Clock(), time.monotonic() + patience, False
    with Live(console=console) if console.is_terminal else nullcontext() as screen:

        def show(fraction: float, how: str) -> None:
            nonlocal due, begun
            text = Text(f"{fraction:4.0%}  {how}")
            text.append(f"  ETA {duration(clock.remaining(fraction))}")
            late = time.monotonic() >= due
            begun = begun or late
            if begun and screen:
                screen.update(text)
            elif late or (begun and fraction == 1):
                due = time.monotonic() + PLAIN_SECONDS
                console.print(text, soft_wrap=True)

        yield show


def sentence(row: Mapping[str, float | None]) -> str:
    """One iteration's essentials."""
    parts = (
        ("iteration ", "iteration", ",.0f", ""),
        ("", "env_steps", ",.0f", " steps"),
        ("return ", "return_100", ",.1f", ""),
        ("KL ", "kl_mean", ".2g", ""),
        ("", "steps_per_second", ",.0f", " steps/s"),
    )
    return "  ".join(f"{a}{number(row.get(key), form)}{b}" for a, key, form, b in parts)


def number(value: float | None, form: str) -> str:
    """`value` in this format, a dash where there is none."""
    return "-" if value is None or math.isnan(value) else format(value, form)


def duration(seconds: float | None) -> str:
    """Hours, minutes and seconds; a dash where nobody knows."""
    return "-" if seconds is None else str(timedelta(seconds=round(seconds)))
