"""The pages say what is there: tests, modules, paths, settings, commands, targets and links."""

import importlib
import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from runners.settings import tree as config
from runners.settings.tree import CONF

ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/*.md")])
NAMED = [str(path.relative_to(ROOT)) for path in PAGES]
PACKAGES = ("", "trpo.", "trpo.samplers.", "runners.", "analysis.")
NOT_COMMITTED = ("results/runs", "results/report.html")
SAID_BY_EXAMPLE = ("updates.ascent_within_kl", "conf/algo/ascent_within_kl.yaml")
NEEDS = {  # what an option has to be composed with
    "env=gymnasium": ("env.id=Acrobot-v1",),
    "sampler=vine": ("protocol=paper",),
}


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    config.register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        yield


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fenced(page: str) -> str:
    """What stands in fenced blocks, lines that end in a backslash joined."""
    blocks = re.findall(r"^```\w*\n(.*?)^```", text(page), re.M | re.S)
    return "\n".join(blocks).replace("\\\n", " ")


def ticked(page: str) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", prose)


def commands(page: str) -> list[str]:
    """What follows `python -m runners.train` in fenced blocks, comments removed."""
    found = re.findall(r"python -m runners\.train ([^\n]+)", fenced(page))
    return [re.split(r"\s+#", line)[0] for line in found]


def keys(node: Any, prefix: str = "") -> Iterator[str]:
    """The dotted names of a composed tree, its inner nodes included."""
    for key, value in node.items():
        yield prefix + str(key)
        if isinstance(value, dict):
            yield from keys(value, f"{prefix}{key}.")


@cache
def settings() -> frozenset[str]:
    """Every setting that some study, protocol or option of a group has."""
    found: set[str] = set()
    for path in sorted(CONF.glob("*/*.yaml")):
        group, option = path.parent.name, path.stem
        if option.startswith("_"):
            continue
        chosen = f"+{group}={option}" if group == "experiment" else f"{group}={option}"
        cfg = compose("config", [chosen, *NEEDS.get(chosen, ())])
        found |= set(keys(OmegaConf.to_container(cfg)))
    return frozenset(found)


def resolves(name: str) -> bool:
    """Whether a dotted name is one of our modules, or something in one."""
    parts = name.split(".")
    for prefix in PACKAGES:
        for cut in range(len(parts), 0, -1):
            try:
                thing: Any = importlib.import_module(prefix + ".".join(parts[:cut]))
            except ImportError:
                continue
            if not getattr(thing, "__name__", "").startswith(("trpo", "runners", "analysis")):
                continue
            for part in parts[cut:]:
                thing = getattr(thing, part, None)
            if thing is not None:
                return True
    return False


def ours() -> frozenset[str]:
    """The last names of our modules and packages."""
    files = [path for p in ("trpo", "runners", "analysis") for path in (ROOT / p).rglob("*.py")]
    return frozenset(path.parent.name if path.stem == "__init__" else path.stem for path in files)


@pytest.mark.parametrize("page", NAMED)
def test_every_test_that_a_page_names_exists(page: str) -> None:
    sources = "\n".join(path.read_text() for path in (ROOT / "tests").glob("test_*.py"))
    files = {path.stem for path in (ROOT / "tests").glob("test_*.py")}
    named = [span for span in ticked(page) if re.fullmatch(r"test_\w+", span)]
    assert [n for n in named if f"def {n}(" not in sources and n not in files] == []


@pytest.mark.parametrize("page", NAMED)
def test_every_module_function_and_setting_that_a_page_names_exists(page: str) -> None:
    known, missing = ours(), []
    for span in ticked(page):
        name = re.sub(r"\(.*\)$", "", span)
        if not re.fullmatch(r"[A-Za-z_]+(\.[A-Za-z_]+)+(\.\*)?", name) or name in SAID_BY_EXAMPLE:
            continue
        if name.rpartition(".")[2] in {"py", "md", "yaml", "csv", "json", "lock", "cff", "pt"}:
            continue
        first = name.partition(".")[0]
        setting = name.removesuffix(".*") in settings()
        if first in known | {top.partition(".")[0] for top in settings()} and not (
            setting or resolves(name)
        ):
            missing.append(span)
    assert missing == []


@pytest.mark.parametrize("page", NAMED)
def test_every_path_that_a_page_names_exists(page: str) -> None:
    bases = (ROOT, (ROOT / page).parent, ROOT / "trpo")
    missing = []
    for span in ticked(page):
        path = re.fullmatch(r"[\w./-]+(/|/[\w.-]+)|\w+\.py", span)
        committed = not span.startswith(NOT_COMMITTED) and span not in SAID_BY_EXAMPLE
        if path and committed and not any((base / span).exists() for base in bases):
            missing.append(span)
    assert missing == []


def test_every_decision_names_a_setting_that_some_run_has() -> None:
    rows = re.findall(r"^\| (`[^|]+|–) \|", text("conf/DECISIONS.md"), re.M)
    assert len(rows) > 40
    named = {name.removesuffix(".*") for row in rows for name in re.findall(r"`([^`]+)`", row)}
    assert named - settings() == set()


@pytest.mark.parametrize(
    ("page", "line"), [(page, line) for page in NAMED for line in commands(page)]
)
def test_every_command_composes(page: str, line: str) -> None:
    words = [w for w in shlex.split(line) if w not in {"-m", "--cfg", "job", "--resolve"}]
    first = [re.sub(r"=([^=\[{(]*?),.*", r"=\1", word) for word in words]
    first = ["seed=0" if word.startswith("seed=range") else word for word in first]
    compose("config", [word for word in first if not word.lstrip("+").startswith("hydra")])


@pytest.mark.parametrize("page", NAMED)
def test_every_make_target_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    spans = [*ticked(page), *fenced(page).splitlines()]
    named = {word for span in spans for word in re.findall(r"(?:^|[:;] )make ([a-z-]+)", span)}
    assert named - targets == set()


@pytest.mark.parametrize("page", NAMED)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    links = re.findall(r"\]\(([^)#\s]+)", text(page))
    relative = [link for link in links if not link.startswith("http")]
    assert [link for link in relative if not ((ROOT / page).parent / link).exists()] == []


def test_the_front_page_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 9 * 1024
