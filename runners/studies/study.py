"""What a kind of run is."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, NamedTuple

from runners.build.opened import Player
from runners.settings.tree import Identity, Resources
from trpo.types import Algorithm


class Label(NamedTuple):
    """How a run is called in names and tables; "" where its kind has no such thing."""

    task: str
    algo: str
    sampler: str = ""
    protocol: str = ""


class Opened(NamedTuple):
    """A run's algorithm with its resources open."""

    algorithm: Algorithm[Any, Any]
    notes: Mapping[str, str | int] = {}  # for the provenance: what was chosen by itself
    player: Player | None = None  # of what it has trained; None where that is no policy
    doubts: Sequence[str] = ()  # what its user should know before trusting the numbers


@dataclass(frozen=True)
class Study:
    """A kind of run; its typed settings stand in `runners.settings.tree`.

    Args:
        unread: names of the settings that a run with these settings does not read.
        check: raises ConfigError where settings fit no run.
        label: how the run is called.
        step_size: the δ, λ or radius that the steps' length follows from, if one does.
        steps: simulator steps that an iteration is planned to take.
        open: the algorithm, made from the identity and the resources and nothing else.
        columns: of metrics.csv that every run of this kind has, in order.
    """

    unread: Callable[[Mapping[str, Any]], Iterable[str]]
    check: Callable[[Identity], None]
    label: Callable[[Identity], Label]
    step_size: Callable[[Identity], float | None]
    steps: Callable[[Identity], int]
    open: Callable[[Identity, Resources], AbstractContextManager[Opened]]
    columns: tuple[str, ...]
