"""Typed configuration nodes made from the signatures of the functions that they configure.

A setting is declared once, as a parameter with a type and a default; Hydra's schema, its defaults
and its error for a misspelt key follow from that. What is positional and has no default is no
setting: the program supplies it.
"""

import dataclasses
import inspect
import typing
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any


def schema(name: str, function: Callable[..., Any], **more: tuple[Any, Any]) -> type:
    """A dataclass with `name` and one field for each configurable parameter of `function`.

    Args:
        name: the option's name; default of the field `name`.
        function: whose parameters become fields, but for those that the program supplies.
        more: further fields, as name=(type, default).
    """
    fields: list[tuple[str, Any, Any]] = [("name", str, name)]
    hints = typing.get_type_hints(function)
    for parameter in inspect.signature(function).parameters.values():
        if not supplied(parameter):
            fields.append(_field(parameter.name, hints[parameter.name], parameter.default))
    fields += [_field(key, *value) for key, value in more.items()]
    return dataclasses.make_dataclass(name, fields)


def supplied(parameter: inspect.Parameter) -> bool:
    """Whether the program supplies a parameter, so that no configuration sets it."""
    positional = parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    return positional and parameter.default is inspect.Parameter.empty


def arguments(function: Callable[..., Any], node: Mapping[str, Any]) -> dict[str, Any]:
    """The entries of a resolved node that `function` takes, nested dataclasses built."""
    hints = typing.get_type_hints(function)
    names = [name for name in inspect.signature(function).parameters if name in node]
    return {name: _built(hints[name], node[name]) for name in names}


@cache
def mutable(frozen: type) -> type:
    """The same dataclass without `frozen`, which OmegaConf would make read-only."""
    hints = typing.get_type_hints(frozen)
    fields = [_field(f.name, hints[f.name], f.default) for f in dataclasses.fields(frozen)]
    return dataclasses.make_dataclass(frozen.__name__, fields)


def _field(name: str, hint: Any, default: Any) -> tuple[str, Any, Any]:
    if dataclasses.is_dataclass(hint):
        node = mutable(typing.cast(type, hint))
        return name, node, dataclasses.field(default_factory=node)
    if typing.get_origin(hint) in (tuple, list, Sequence):
        element = typing.get_args(hint)[0]
        values = list(default)
        return name, list[element], dataclasses.field(default_factory=lambda: list(values))  # type: ignore[valid-type]
    if typing.get_origin(hint) is Mapping:
        known = dict(default)
        return name, dict[str, Any], dataclasses.field(default_factory=lambda: dict(known))
    if typing.get_origin(hint) is typing.Literal:
        return name, str, default
    if default is inspect.Parameter.empty:
        return name, hint, "???"
    return name, hint, dataclasses.field(default=default)


def _built(hint: Any, value: Any) -> Any:
    if dataclasses.is_dataclass(hint):
        return typing.cast(type, hint)(**value)
    return tuple(value) if isinstance(value, list) else value
