"""The diffs in the pages are whole: applied to a copy of the suite, what they add runs."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.process
ROOT = Path(__file__).parents[1]
PAGES = sorted(ROOT.glob("*/README.md"))
COPIED = ("trpo", "runners", "analysis", "conf", "tests", "pyproject.toml")
UNFINISHED = ("*.tmp.*", "*.pyc.*")
"""What others write just now into the caches; what is compiled there is copied too."""


def diffs() -> dict[str, str]:
    """Every diff of the pages, by the first file that it adds."""
    blocks = [
        b for p in PAGES for b in re.findall(r"^```diff\n(.*?)^```", p.read_text(), re.M | re.S)
    ]
    return {re.findall(r"^--- /dev/null\n\+\+\+ b/(\S+)", b, re.M)[0]: b for b in blocks}


def hunks(diff: str) -> Iterator[tuple[str, str, str]]:
    """File, old lines and new lines of each hunk; a hunk of a new file has no old lines."""
    for part in re.split(r"^--- \S+\n", diff, flags=re.M)[1:]:
        name, *each = re.split(r"^@@\n", part, flags=re.M)
        for hunk in each:
            lines = [(line[:1] or " ", line[1:]) for line in hunk.splitlines()]
            old = "".join(f"{text}\n" for mark, text in lines if mark in " -")
            new = "".join(f"{text}\n" for mark, text in lines if mark in " +")
            yield name.removeprefix("+++ b/").strip(), old, new


def apply(diff: str, root: Path) -> None:
    """Change the files under root, each hunk where its old lines stand, which is one place."""
    for name, old, new in hunks(diff):
        path = root / name
        text = path.read_text() if old else ""
        assert old or not path.exists(), f"{name} is there already"
        assert not old or text.count(old) == 1, f"not once in {name}:\n{old}"
        path.write_text(text.replace(old, new) if old else new)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the suite with every diff applied."""
    root = tmp_path_factory.mktemp("suite")
    for name in COPIED:
        path = ROOT / name
        if path.is_dir():
            shutil.copytree(path, root / name, ignore=shutil.ignore_patterns(*UNFINISHED))
        else:
            shutil.copy(path, root)
    for diff in diffs().values():
        apply(diff, root)
    return root


def call(root: Path, *command: str) -> str:
    """What a module of the copy prints."""
    done = subprocess.run(
        [sys.executable, "-m", *command], cwd=root, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def train(root: Path, *overrides: str) -> Path:
    """Train a little in the copy; the run's directory."""
    printed = call(root, "runners.train", "scale=smoke", *overrides)
    return root / printed.splitlines()[-1]


def test_the_pages_show_a_rule_a_policy_a_simulator_and_a_figure() -> None:
    assert sorted(diffs()) == [
        "conf/algo/ascent_within_kl.yaml",
        "conf/experiment/radius.yaml",
        "conf/policy/quadratic_gaussian.yaml",
        "trpo/simulators/point.py",
    ]


def test_a_rule_is_a_function_and_a_yaml(copy: Path) -> None:
    run = train(copy, "algo=ascent_within_kl", "env=cartpole", "algo.search.shrink=0.5")
    assert run.name.startswith("cartpole-ascent_within_kl-single_path-paper-s0-")
    assert (run / "DONE").exists()


def test_a_policy_is_a_function_and_a_yaml(copy: Path) -> None:
    assert (train(copy, "policy=quadratic_gaussian", "env=inverted_pendulum") / "DONE").exists()


def test_a_simulator_is_a_module_a_line_and_a_yaml(copy: Path) -> None:
    assert (train(copy, "env=point", "sampler=vine", "env.dt=0.2") / "DONE").exists()


def test_a_figure_is_an_experiment_and_a_chapter(copy: Path) -> None:
    call(copy, "runners.train", "-m", "+experiment=radius", "scale=smoke")
    call(copy, "analysis.report")
    written = {path.name for path in (copy / "results").glob("*/radius__smoke.*")}
    assert written == {f"radius__smoke.{kind}" for kind in ("csv", "runs.csv", "png", "svg", "md")}
    assert "An adaptive radius ends higher" in (copy / "results/tables/claims.md").read_text()


def test_what_was_added_passes_the_suites_own_tests(copy: Path) -> None:
    files = ("config", "simulators", "import_law", "analysis_law")
    added = "ascent_within_kl or quadratic_gaussian or point or radius or builder or place"
    tests = [f"tests/test_{name}.py" for name in files]
    call(copy, "pytest", "-n", "0", "-p", "no:cacheprovider", *tests, "-k", added)


@pytest.mark.parametrize("command", ["check", "format --check"])
def test_what_was_added_is_as_the_linter_wants_it(copy: Path, command: str) -> None:
    call(copy, "ruff", *command.split(), "--no-cache", "trpo", "runners", "analysis", "tests")
