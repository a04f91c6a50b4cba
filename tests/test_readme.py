"""The pages say what is there: tests, modules, paths, settings, commands, targets and links."""

import importlib
import re
import shlex
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from runners.run.described import describe
from runners.settings import tree as config
from runners.settings.mistakes import explain
from runners.settings.options import GROUPS
from runners.settings.tree import CONF

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("[a-z]*/*.md")])
NAMED = [str(path.relative_to(ROOT)) for path in PAGES]
PACKAGES = ("", "trpo.", "trpo.samplers.", "runners.", "analysis.")
NOT_COMMITTED = ("results/runs", "results/report")


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    config.register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        yield


def text(page: str) -> str:
    return (ROOT / page).read_text(encoding="utf-8")


def fenced(page: str) -> str:
    """What stands in fenced blocks but diffs, lines that end in a backslash joined."""
    blocks = re.findall(r"^```(?!diff)\w*\n(.*?)^```", text(page), re.M | re.S)
    return "\n".join(blocks).replace("\\\n", " ")


def ticked(page: str) -> list[str]:
    """What stands in backticks outside of fenced blocks."""
    prose = re.sub(r"^```.*?^```", "", text(page), flags=re.M | re.S)
    return re.findall(r"`([^`\n]+)`", prose)


def commands(page: str) -> list[tuple[str, str]]:
    """What follows `python -m runners.train` in fenced blocks, and what is said to be told of it.

    The latter is the comment after `# refused: `, and "" for a command that runs.
    """
    pattern = r"python -m runners\.train (.+?)(?:\s+#(?: refused: (.*)|.*))?$"
    return re.findall(pattern, fenced(page), re.M)


COMMANDS = [each for page in NAMED for each in commands(page)]


def names(node: Any, prefix: str = "") -> Iterator[str]:
    """The full names of a typed tree's settings, its inner nodes included."""
    for part in fields(node):
        inner = part.default_factory if is_dataclass(part.default_factory) else part.type
        yield prefix + part.name
        if is_dataclass(inner):
            yield from names(inner, f"{prefix}{part.name}.")


@cache
def settings() -> frozenset[str]:
    """Every setting that a study or an option of a group has."""
    found = {name for tree in config.TREES.values() for name in names(tree)}
    for group, options in GROUPS.items():
        found |= {name for key, x in options.items() for name in names(x.schema(key), f"{group}.")}
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
        if not re.fullmatch(r"[A-Za-z_]+(\.[A-Za-z_]+)+(\.\*)?", name):
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
        committed = not span.startswith(NOT_COMMITTED)
        if path and committed and not any((base / span).exists() for base in bases):
            missing.append(span)
    assert missing == []


def decisions() -> list[tuple[set[str], str]]:
    """The settings that each row of the decisions names first, and the row."""
    rows = re.findall(r"^(\| (`[^|]+|–) \|.*)$", text("conf/DECISIONS.md"), re.M)
    return [(set(re.findall(r"`([^`]+)`", first)), row) for row, first in rows]


def test_every_decision_names_a_setting_that_some_run_has() -> None:
    assert len(decisions()) > 40
    named = {name.removesuffix(".*") for found, _ in decisions() for name in found}
    assert named - settings() == set()


DECIDED = {
    "protocol=paper": {
        **{"protocol.delta": "0.01", "protocol.penalty": "100", "policy.last_gain": "0.01"},
        **{"algo.direction.damping": "1e-5", "algo.direction.every": "10"},
        **{"algo.search.shrink": "0.8", "algo.search.max_backtracks": "10"},
        **{"protocol.cem_std": "1", "protocol.cma_std": "0.2", "policy.log_std": "0"},
    },
    "protocol=modern": {
        **{"gamma": "0.995", "estimator.lam": "0.97", "protocol.penalty": "3"},
        **{"baseline.gauss_newton_steps": "2", "baseline.cg_steps": "8", "baseline.every": "4"},
    },
    "env=cartpole": {
        **{"policy.log_std": "1.3", "env.dt": "0.05", "env.max_force": "10"},
        **{"env.max_position": "2.4", "env.max_angle": "0.2"},
    },
    "sampler=vine": {
        **{"algo.direction.every": "1", "sampler.states": "2,500", "sampler.branches": "4"},
        "sampler.branch_length": "100",
    },
    "+experiment=figure4_cartpole": {
        **{"protocol.penalty": "100", "protocol.cem_std": "10", "protocol.cma_std": "5"},
        **{"sampler.rows": "20"},
    },
    "+experiment=figure4_cartpole algo=trpo_vine": {
        **{"sampler.states": "60", "sampler.branch_length": "50"},
    },
    "+experiment=figure4_swimmer algo=trpo_vine": {
        **{"protocol.penalty": "3", "env.forward_point": "1", "sampler.states": "170"},
    },
    "algo=theory_penalty": {"algo.epsilon": "1"},
    "algo=rwr": {"algo.temperature": "1"},
    "algo=cem": {"algo.elite": "0.2"},
    "algo=cma_es": {"algo.memory_mib": "512"},
    "study=theory": {"mdps.states": "20", "mdps.actions": "4", "mdps.branching": "3"},
}
"""Values that the decisions give, as they write them."""


@pytest.mark.parametrize("line", DECIDED)
def test_the_decisions_give_the_values_that_runs_have(line: str) -> None:
    cfg = compose("config", line.split())
    for name, words in DECIDED[line].items():
        number = re.compile(rf"(?<![\d.,]){re.escape(words)}(?!\d|[.,]\d)")
        assert OmegaConf.select(cfg, name) == float(words.replace(",", "")), name
        assert any(name in found and number.search(row) for found, row in decisions()), name


def alone(line: str) -> list[str]:
    """The overrides of a command, of a sweep those of its first run."""
    words = [w for w in shlex.split(line) if w not in {"-m", "--cfg", "job", "--resolve"}]
    first = [re.sub(r"=([^=\[{(]*?),.*", r"=\1", word) for word in words]
    first = ["seed=0" if word.startswith("seed=range") else word for word in first]
    return [word for word in first if not word.lstrip("+").startswith("hydra")]


@pytest.mark.parametrize("line", [line for line, told in COMMANDS if not told])
def test_every_command_is_a_run(line: str) -> None:
    overrides = alone(line)
    cfg = compose("config", overrides)
    assert describe(cfg, overrides).plan
    OmegaConf.resolve(cfg)  # as --cfg job --resolve shows it


@pytest.mark.parametrize(("line", "told"), [each for each in COMMANDS if each[1]])
def test_what_is_said_to_be_refused_is_refused_in_these_words(line: str, told: str) -> None:
    overrides = alone(line)
    with pytest.raises(Exception) as refused:
        describe(compose("config", overrides), overrides)
    assert explain(refused.value) == told


@pytest.mark.parametrize("page", NAMED)
def test_every_make_target_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", text("Makefile"), re.M))
    spans = [*ticked(page), *fenced(page).splitlines()]
    named = {word for span in spans for word in re.findall(r"(?:^|[:;] )make ([a-z-]+)", span)}
    assert named - targets == set()


def anchors(page: Path) -> set[str]:
    """What a link to a heading of the page may say after its #, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", NAMED)
def test_every_relative_link_leads_somewhere(page: str) -> None:
    broken = []
    for link in re.findall(r"\]\(([^)\s]+)", text(page)):
        path, _, heading = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        if not link.startswith("http"):
            found = target.exists() and (not heading or heading in anchors(target))
            broken += [] if found else [link]
    assert broken == []


def test_the_example_in_python_learns() -> None:
    page = text("trpo/README.md")
    (example,) = re.findall(r"^```python\n(import trpo\n.*?)^```", page, re.M | re.S)
    names: dict[str, Any] = {}
    exec(example, names)
    assert names["info"].episodes.reward_per_step > 0.15  # at first 0.10


@pytest.mark.parametrize("folder", ["trpo", "conf", "runners", "analysis", "results"])
def test_every_folder_has_its_page_and_the_front_page_leads_there(folder: str) -> None:
    assert (ROOT / folder / "README.md").exists()
    assert f"]({folder}/README.md)" in text("README.md")


def test_the_front_page_is_short() -> None:
    assert len((ROOT / "README.md").read_bytes()) <= 9 * 1024
