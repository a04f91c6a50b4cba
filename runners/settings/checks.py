"""What is refused before anything runs: incomplete, unknown, out of range, or read by nothing."""

import copy
from collections.abc import Collection, Iterable, Mapping
from dataclasses import fields
from typing import Any

from omegaconf import DictConfig, OmegaConf

from runners.settings.errors import ConfigError, as_settings, nearest
from runners.settings.options import GROUPS, chosen
from runners.settings.tree import NOT_IDENTITY, NUMBERS, TREES, Identity, files, resolved
from trpo.parameters import check

CORRIDORS = ("protocol", "budget", "usual")
"""Nodes that only other nodes read."""
LENGTH = ("total_steps", "iterations")


def settled(cfg: DictConfig) -> dict[str, Any]:
    """A configuration as plain data: complete, without unknown settings, every number in range.

    Raises:
        ConfigError: it is not.
    """
    for name in sorted(OmegaConf.missing_keys(cfg)):
        raise ConfigError(f"{name} must be set: {name}=...")
    _require_known(cfg)
    node = resolved(cfg)
    for group in filter(node.__contains__, GROUPS):
        with as_settings(group):
            check(chosen(group, node).function, node[group])
    with as_settings(""):
        check(TREES[cfg.study], node)
    if all(node[name] is None for name in LENGTH):
        raise ConfigError("set total_steps or iterations: nothing says when the run ends")
    return node


def _require_known(cfg: DictConfig) -> None:
    """Refuse what no option of the composition has, which Hydra lets through after a `+`."""
    for group in (name for name in GROUPS if name in cfg):
        name = cfg[group].name
        if name not in GROUPS[group]:
            raise ConfigError(f"{group}.name={name} is unknown{nearest(name, GROUPS[group])}")
        _require_fields(cfg[group], GROUPS[group][name].schema(name), f"{group}.")
    _require_fields(cfg, TREES[cfg.study], "")


def _require_fields(node: DictConfig, kind: type, prefix: str) -> None:
    known = [field.name for field in fields(kind)]
    for key in map(str, node):
        if key not in known:
            raise ConfigError(f"{prefix}{key} is not a setting{nearest(key, known)}")


def identity(node: Mapping[str, Any], unread: Iterable[str]) -> Identity:
    """All that a run's numbers depend on: no session, no length, and nothing that is not read."""
    kept = copy.deepcopy({key: value for key, value in node.items() if key not in NOT_IDENTITY})
    for name in unread:
        *path, last = name.split(".")
        inner = kept
        for part in path:
            inner = inner.get(part, {})
        inner.pop(last, None)
    for corridor in set(CORRIDORS) & kept.keys():  # its values stand where they are used
        kept[corridor] = {"name": kept[corridor]["name"]}
    return {**kept, "numbers": NUMBERS}


def require_whole(overrides: Iterable[str]) -> None:
    """Raise ConfigError for a file that is no option but a part of some."""
    for override in overrides:
        group, value = key_of(override), override.partition("=")[2]
        if value.startswith("_"):
            raise ConfigError(f"{group}={value} is unknown{nearest(value, files(group))}")


def key_of(override: str) -> str:
    """The setting that an override of the command line sets."""
    return override.lstrip("+~").partition("=")[0].partition("@")[0]


def require_read(
    cfg: DictConfig,
    node: Mapping[str, Any],
    unread: Collection[str],
    overrides: Iterable[str],
    what: str,
) -> None:
    """Refuse what the user sets and the run does not read.

    Args:
        cfg: the run's configuration.
        node: the same as plain data.
        unread: names of the settings that the run does not read.
        overrides: of the command line.
        what: the run, in words.

    Raises:
        ConfigError: there is such a setting.
    """
    for key in map(key_of, overrides):
        nothing = any(f"{key}.".startswith(f"{name}.") for name in unread)
        group, _, rest = key.partition(".")
        if rest and group in CORRIDORS:
            sized = key.startswith(f"budget.{cfg.scale.name}.")  # perhaps by the sweep: `seeds`
            other = resolved(_changed(cfg, key))
            nothing = not sized and _read(other, unread) == _read(node, unread)
        if nothing:
            raise ConfigError(f"{key} is read by nothing in a run of {what}: leave it out")


def _read(node: Mapping[str, Any], unread: Collection[str]) -> dict[str, Any]:
    """What a run's numbers and its length depend on."""
    return identity(node, unread) | {name: node[name] for name in LENGTH}


def _changed(cfg: DictConfig, key: str) -> DictConfig:
    """The same with another value of a setting."""
    probe, value = copy.deepcopy(cfg), OmegaConf.select(cfg, key)
    if isinstance(value, bool):
        other: Any = not value
    elif isinstance(value, int | float):
        other = 2 * value + 1
    elif isinstance(value, str):
        other = f"{value}_"
    else:
        other = [1, *(value or [])]
    OmegaConf.update(probe, key, other)
    return probe
