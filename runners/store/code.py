"""Which code makes a run's numbers, by its content: the suite's, and what the user brings along.

A commit does not say it: files may have been edited since, and a task of one's own is in none.
"""

import hashlib
import os
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SUITE = ("trpo", "runners")
"""The packages that a run's numbers come from; conf/ is in its configuration."""
OURS = (*SUITE, "analysis", "tests")

Code = Mapping[str, str]
"""Eight hexadecimal digits for each package of the suite, and for each module of the user's."""


def present() -> dict[str, str]:
    """The suite's code as it was when this process first asked, and the user's modules by now."""
    return {**_suite(), **{name: _digest([path]) for name, path in sorted(brought())}}


@cache
def _suite() -> dict[str, str]:
    return {name: _digest(sorted((ROOT / name).rglob("*.py"))) for name in SUITE}


def brought() -> Iterator[tuple[str, Path]]:
    """The loaded modules that are neither installed nor the suite's, each with its file."""
    loaded = {name: sys.modules[name] for name in sys.modules.keys() - {"__main__"}}
    for name, module in loaded.items():
        path = _brought(getattr(module, "__file__", None) or "")
        if path and path.is_file():
            yield name, path


@cache
def _brought(file: str) -> Path | None:
    """The whole path of a module's file, None where it is installed, the suite's or nowhere."""
    path = os.path.realpath(file)
    return None if path.startswith(_installed()) or not file else Path(path)


@cache
def _installed() -> tuple[str, ...]:
    """How the paths of installed modules and of the suite's begin."""
    places = [*sysconfig.get_paths().values(), sys.base_prefix, *(str(ROOT / n) for n in OURS)]
    return tuple(f"{os.path.realpath(place)}{os.sep}" for place in places)


def _digest(paths: list[Path]) -> str:
    content = hashlib.sha256()
    for path in paths:
        content.update(f"{path.name}\n".encode() + path.read_bytes())
    return content.hexdigest()[:8]


def differing(begun: Code, now: Code) -> list[str]:
    """The packages and modules whose code is not what it was; one that is new is not."""
    return [name for name in begun if name in now and begun[name] != now[name]]
