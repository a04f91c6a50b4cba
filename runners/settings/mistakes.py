"""A command line that cannot be composed, told in one line with the nearest right word."""

import re
import shlex
from dataclasses import fields, is_dataclass
from typing import Any

from hydra.errors import OverrideParseException

from runners.settings.errors import nearest
from runners.settings.options import GROUPS
from runners.settings.tree import TREES, files

HYDRA = "hydra"
LAUNCHER = "hydra/launcher"
BUILT_IN = {LAUNCHER: ["basic"]}
"""Options that Hydra has of its own."""
PACKAGES = {
    (LAUNCHER, "ray"): "hydra-ray-launcher",
    (LAUNCHER, "submitit_slurm"): "hydra-submitit-launcher",
    (LAUNCHER, "submitit_local"): "hydra-submitit-launcher",
}
"""Options that come with a package, and its name."""


def explain(error: Exception) -> str:
    """One line for an error of composition: the key, what is wrong, and the nearest right one."""
    text = " ".join(str(error).split())
    if isinstance(error, OverrideParseException):
        return _unreadable(error.override, "it cannot be read as it is")
    if comma := re.match(r"Ambiguous value for argument '(.*?)' 1\.", text):
        return _unreadable(comma.group(1), 'a comma is "each of these", for which -m comes first')
    if option := re.search(r"Could not find '(\S+)/([^/']+)'", text):
        return _unknown_option(*option.groups())
    if needed := re.match(r"In '(\S+)/([^/']+)': Could not load '(\S+)/[^/']+'", text):
        return f"{needed.group(1)}={needed.group(2)} needs a package: see runners/CLUSTER.md"
    if absent := re.search(r"Could not override '(\w+)'\. No match in the defaults list", text):
        return _unknown(absent.group(1), False)
    if unknown := re.search(r"Could not override '([\w.]+)'|Key '.*full_key: ([\w.]+)", text):
        return _unknown(unknown.group(1) or unknown.group(2), bool(unknown.group(1)))
    if (merged := re.match(r"Error merging override (\S+)", text)) and error.__cause__:
        return f"{merged.group(1)}: {str(error.__cause__).splitlines()[0]}"
    if typed := re.match(r"(.*) full_key: (\S+) object_type", text):
        return f"{typed.group(2)}: {typed.group(1)}"
    return text


def _unreadable(override: str, why: str) -> str:
    """What is told of a value that has to be quoted, once for the shell and once for Hydra."""
    key, _, value = override.partition("=")
    quoted = '"' + value.replace('"', r"\"") + '"'
    return f"{override}: {why}: quote it twice, as in {shlex.quote(f'{key}={quoted}')}"


def _unknown_option(path: str, word: str) -> str:
    """What is told of an option that there is not, or that comes with a package of its own."""
    if package := PACKAGES.get((path, word)):
        return f"{path}={word} needs a package: .venv/bin/pip install {package}"
    group = path.removeprefix("schema/")
    return f"{group}={word} is unknown{nearest(word, [*files(group), *BUILT_IN.get(group, [])])}"


def _unknown(name: str, overridden: bool) -> str:
    """What is told of a setting that is not there."""
    keys, group = _keys(), name.partition(".")[0]
    if group == HYDRA:
        return f"{name} is not a setting of Hydra's, or not of the launcher that was chosen"
    if name not in keys:
        near = [key for key in keys if key.rpartition(".")[0] == name.rpartition(".")[0]]
        top = [key for key in keys if key.isidentifier()]
        return f"{name} is not a setting{nearest(name, near or top)}"
    if overridden and group in GROUPS:
        return f"{name} is not a setting of the {group} that was chosen"
    return f"{name} is no setting of the study that was chosen: leave it out"


def _keys() -> list[str]:
    """Every setting's full name, of all options."""
    names = [name for tree in TREES.values() for name in _names(tree)]
    for group, options in GROUPS.items():
        for name, option in options.items():
            names += _names(option.schema(name), f"{group}.")
    return sorted(set(names))


def _names(node: Any, prefix: str = "") -> list[str]:
    """The full names of a typed node's settings, those of nested nodes included."""
    names = []
    for part in fields(node):
        kind = part.default_factory if is_dataclass(part.default_factory) else part.type
        names.append(f"{prefix}{part.name}")
        if is_dataclass(kind):
            names += _names(kind, f"{prefix}{part.name}.")
    return names
