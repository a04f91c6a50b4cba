"""What algorithms report: infos as rows of a table, whole episodes, and what is not finite."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, get_type_hints

import numpy as np

from trpo.types import Array, Info

RECENT = 100  # episodes in `return_100`


class Episodes(NamedTuple):
    """What whole episodes brought; None where none ended. Returns are raw and undiscounted."""

    episodes: int
    return_mean: float | None
    return_std: float | None
    return_100: float | None  # over the last 100 episodes of all iterations
    reward_per_step: float | None  # the mean return over the task's time limit
    length_mean: float | None  # in steps


def episode_report(returns: Array, lengths: Array, recent: Array, horizon: int) -> Episodes:
    """The numbers on the episodes that ended in an iteration.

    Args:
        returns: (E,) of the episodes that ended in this iteration.
        lengths: (E,) their lengths in steps.
        recent: (≤ 100,) returns of the last episodes of all iterations.
        horizon: the task's time limit, the steps over which `reward_per_step` averages.
    """
    latest = float(recent.mean()) if len(recent) else None
    if not len(returns):
        return Episodes(0, None, None, latest, None, None)
    mean, length = float(returns.mean()), float(lengths.mean())
    return Episodes(len(returns), mean, float(returns.std()), latest, mean / horizon, length)


def flatten(info: Info) -> dict[str, float | None]:
    """An info's numbers by the names of its fields, those of NamedTuples inside it in their place.

    A field that is a mapping gives one number an entry, `field_key`.
    """
    return dict(entries("", info))


def entries(name: str, value: Any) -> Iterator[tuple[str, float | None]]:
    """Names and numbers in a tree of NamedTuples and mappings."""
    if hasattr(value, "_asdict"):
        for field, part in value._asdict().items():
            yield from entries(field, part)
    elif isinstance(value, Mapping):
        for key, part in value.items():
            yield from entries(f"{name}_{key}", part)
    else:
        yield name, int(value) if isinstance(value, bool) else value


def names(kind: type) -> tuple[str, ...]:
    """The names that `flatten` gives an info of this type, which holds no mapping."""
    found: list[str] = []
    for field, hint in get_type_hints(kind).items():
        found += names(hint) if hasattr(hint, "_fields") else (field,)
    return tuple(found)


def check_finite(what: str, x: Array) -> None:
    """Raise FloatingPointError naming `what` unless every entry is finite."""
    if not np.isfinite(x).all():
        raise FloatingPointError(f"{what} are not finite")
