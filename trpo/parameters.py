"""What values a parameter may have, written where the parameter is.

A signature says it by its annotation, `delta: Positive = 0.01`; `check` holds a call's arguments to
it, and a number that makes no sense is refused by a `ParameterError` that names the parameter.
"""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import wraps
from math import inf
from types import UnionType
from typing import Annotated, Any, Literal, NamedTuple, ParamSpec, TypeVar, Union

P = ParamSpec("P")
R = TypeVar("R")


class ParameterError(ValueError):
    """An argument that makes no sense; the message is one line that begins with its name."""

    def __init__(self, name: str, value: object, what: str) -> None:
        """Say that `name` must be `what`, and that it is `value`."""
        super().__init__(f"{name} must be {what}, not {value}")
        self.name, self.value, self.what = name, value, what


class UnfitError(ValueError):
    """A policy, a simulator or a method that the task at hand does not allow; why, in one line."""


class Range(NamedTuple):
    """The numbers between two bounds, which may be infinite; no NaN and no infinity is inside."""

    low: float = -inf
    high: float = inf
    closed: tuple[bool, bool] = (True, True)  # whether each bound itself is inside

    def holds(self, x: float) -> bool:
        """Whether x is inside."""
        above = self.low <= x if self.closed[0] else self.low < x
        below = x <= self.high if self.closed[1] else x < self.high
        return above and below and abs(x) < inf

    @property
    def words(self) -> str:
        """What `must be …` goes on with."""
        if self.low == -inf and self.high == inf:
            return "finite"
        if self.high == inf:
            if self.closed[0]:
                return f"at least {self.low:g}"
            return "positive" if self.low == 0 else f"above {self.low:g}"
        left, right = "[" if self.closed[0] else "(", "]" if self.closed[1] else ")"
        return f"within {left}{self.low:g}, {self.high:g}{right}"


Finite = Annotated[float, Range()]
Positive = Annotated[float, Range(low=0, closed=(False, True))]
NonNegative = Annotated[float, Range(low=0)]
Fraction = Annotated[float, Range(0, 1)]
Count = Annotated[int, Range(low=1)]
"""How many of something that there must be at least one of."""
Natural = Annotated[int, Range(low=0)]
"""How many of something, and there may be none."""


class Size(NamedTuple):
    """Marks what the length of a rule's step follows from: the length's s-fold takes s^power."""

    power: int


Delta = Annotated[float, Range(low=0, closed=(False, True)), Size(power=2)]
"""δ of a constraint ½ sᵀFs ≤ δ, in nats where F is a Fisher matrix."""
Penalty = Annotated[float, Range(low=0, closed=(False, True)), Size(power=-1)]
"""λ of a penalty λ/2 sᵀFs, in the units of the advantages."""


def size_of(function: Callable[..., Any], settings: Mapping[str, Any]) -> float | None:
    """The setting that a step's length follows from, or its default; None where there is none."""
    found = _sized(function)
    if found is None:
        return None
    default = inspect.signature(function).parameters[found[0]].default
    return float(settings.get(found[0], default))


def scaled(
    function: Callable[..., Any], settings: Mapping[str, Any], factor: float
) -> dict[str, Any]:
    """The settings with which the steps of a rule are `factor` times as long.

    Raises:
        UnfitError: nothing of the rule's says how long its steps are, and `factor` is not 1.
    """
    found, size = _sized(function), size_of(function, settings)
    if found is None or size is None:
        if factor != 1:
            raise UnfitError(f"{function.__name__} has no length of a step to scale by {factor}")
        return dict(settings)
    name, power = found
    longer = size * factor**power if power > 0 else size / factor**-power
    return {**settings, name: longer}


def _sized(function: Callable[..., Any]) -> tuple[str, int] | None:
    """Name and power of the parameter that is marked by a `Size`."""
    for name, hint in typing.get_type_hints(function, include_extras=True).items():
        for note in getattr(hint, "__metadata__", ()):
            if isinstance(note, Size):
                return name, note.power
    return None


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which holds every call's arguments to its signature by `check`."""
    signature = inspect.signature(function)

    @wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        check(function, signature.bind(*args, **kwargs).arguments)
        return function(*args, **kwargs)

    return call


def check(function: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Hold arguments to the ranges and choices that the signature of `function` states.

    Nested dataclasses are checked field by field, sequences entry by entry; what is None, and what
    `function` does not take, is passed over.

    Raises:
        ParameterError: the first argument that is out of range; nested ones as `search.shrink`.
    """
    hints = typing.get_type_hints(function, include_extras=True)
    for name, value in given.items():
        if name in hints:
            _require(name, hints[name], value)


def _require(name: str, hint: Any, value: Any) -> None:
    """Raise ParameterError unless a value is what its annotation says, in all of its parts."""
    if value is None:
        return
    if typing.get_origin(hint) is Annotated:
        for note in hint.__metadata__:
            if isinstance(note, Range) and not note.holds(value):
                raise ParameterError(name, value, note.words)
    if typing.get_origin(hint) is Literal and value not in typing.get_args(hint):
        raise ParameterError(name, value, f"one of {', '.join(map(str, typing.get_args(hint)))}")
    try:
        for part, inner, each in _parts(name, hint, value):
            _require(part, inner, each)
    except ParameterError as error:
        if error.name == name:  # an entry of a sequence: show all of it
            raise ParameterError(name, value, error.what) from error
        raise


def _parts(name: str, hint: Any, value: Any) -> Iterator[tuple[str, Any, Any]]:
    """Name, annotation and value of what a value is made of."""
    kind = typing.get_origin(hint)
    if kind is Annotated:
        yield name, hint.__origin__, value
    elif kind in (Union, UnionType):
        yield from ((name, inner, value) for inner in typing.get_args(hint))
    elif dataclasses.is_dataclass(hint):
        held = value if isinstance(value, Mapping) else vars(value)
        for key, inner in typing.get_type_hints(hint, include_extras=True).items():
            yield f"{name}.{key}", inner, held.get(key)
    elif isinstance(value, list | tuple) and typing.get_args(hint):
        yield from ((name, typing.get_args(hint)[0], each) for each in value)
