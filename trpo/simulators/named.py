"""A task that Gymnasium knows by name, as settings say it; nothing of it is loaded here."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from trpo.parameters import Count


class Registered(NamedTuple):
    """A task that Gymnasium knows, and how it is to be."""

    id: str  # package.module:Task-v0 where a module registers it
    horizon: Count | None = None  # in place of its registered time limit
    kwargs: Mapping[str, Any] = MappingProxyType({})
    wrappers: Sequence[str] = ()  # dotted names, the innermost first
    scale_actions: bool = False  # whether policies act within ±1, which become the bounds
