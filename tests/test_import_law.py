"""Who may import what, read from the syntax trees of all modules."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = ("trpo", "runners", "analysis")
EFFECTS = {  # what the pure maths may not touch
    *("hydra", "omegaconf", "logging", "pathlib", "os", "time"),
    *("pandas", "matplotlib", "seaborn", "rich"),
}
FORBIDDEN = {
    "trpo": EFFECTS | {"runners", "analysis"},
    "analysis": {"trpo", "runners"},
    "runners": {"analysis"},
}
ORDER = (
    *("parameters", "types", "reports", "streams", "chunks", "moments", "compiled"),
    *("memory", "signals"),
    "observations",
    *("simulators", "simulators.protocol", "simulators.quiet", "simulators.rows"),
    *("plain", "simulators.snapshots", "simulators.named", "simulators.registered"),
    *("simulators.trial", "simulators.gymnasium", "simulators.cartpole"),
    *("simulators.starts", "simulators.task", "simulators.locomotion"),
    *("simulators.humanoids", "simulators.control", "simulators.games"),
    *("simulators.screens", "simulators.atari"),
    *("simulators.tables", "simulators.engine", "simulators.kernel", "simulators.mujoco"),
    "simulators.pictures",
    *("distributions", "networks", "products", "layouts", "dense"),
    *("chains", "convolutions", "policies", "estimators", "surrogates"),
    *("samplers", "samplers.runner", "samplers.lockstep", "samplers.compiled"),
    "samplers.processes",
    *("samplers.tape", "samplers.single_path", "samplers.rollout_set"),
    *("samplers.branches", "samplers.vine", "samplers.batches"),
    *("solvers", "line_search", "regression", "baselines", "metrics"),
    *("objective", "steps", "updates"),
    *("algorithms", "evolution", "searches", "black_box", "variance", "evaluation"),
    "portable",
    *("tabular", "tabular.mdp", "tabular.examples", "tabular.bounds"),
    *("tabular.duals", "tabular.steps", "tabular.softmax", "tabular.world"),
    *("tabular.learning", "tabular.probes", "tabular.theory"),
)
"""The modules of trpo; each imports only from those before it."""
ROOMS = (
    *("runners", "store", "settings", "build", "studies"),
    *("run", "speed", "sweep", "plugins", "train", "reproduce", "retrain", "evaluate", "bench"),
    *("paper_settings", "runs", "watch", "export", "faults", "endure"),
)
"""The sub-packages of runners and its commands; each imports only from those before it."""


def modules(package: str) -> dict[str, Path]:
    """Every module of a package by its dotted name."""
    files = (ROOT / package).rglob("*.py")
    names = {f: f.relative_to(ROOT).with_suffix("").parts for f in files}
    return {".".join(p[:-1] if p[-1] == "__init__" else p): f for f, p in names.items()}


def imported(path: Path) -> set[str]:
    """Every module that a file imports, anywhere in it; relative imports are not allowed."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def ours(path: Path, package: str) -> set[str]:
    """The modules of a package among the imports of a file."""
    known = modules(package)
    return {
        next(name for name in (full, full.rpartition(".")[0]) if name in known)
        for full in imported(path)
        if full.split(".")[0] == package
    }


FILES = [(p, name, path) for p in OURS for name, path in modules(p).items()]


@pytest.mark.parametrize(("package", "name", "path"), FILES, ids=[name for _, name, _ in FILES])
def test_module_imports_nothing_that_its_package_may_not(
    package: str, name: str, path: Path
) -> None:
    assert not {full.split(".")[0] for full in imported(path)} & FORBIDDEN[package]


def test_every_module_of_trpo_has_its_place() -> None:
    placed = {"trpo", *(f"trpo.{name}" for name in ORDER)}
    assert set(modules("trpo")) == placed
    assert len(ORDER) == len(set(ORDER))


@pytest.mark.parametrize("name", ORDER)
def test_module_of_trpo_imports_only_modules_before_it(name: str) -> None:
    path = modules("trpo")[f"trpo.{name}"]
    before = {f"trpo.{other}" for other in ORDER[: ORDER.index(name)]}
    assert ours(path, "trpo") <= before


def room(name: str) -> str:
    """The sub-package of a module of runners, or the command that it is."""
    return name.split(".")[1] if "." in name else name


@pytest.mark.parametrize("name", sorted(modules("runners")))
def test_module_of_runners_imports_only_from_rooms_before_its_own(name: str) -> None:
    own = ROOMS.index(room(name))
    others = {room(each) for each in ours(modules("runners")[name], "runners")} - {room(name)}
    assert all(ROOMS.index(other) < own for other in others), others


@pytest.mark.parametrize("name", sorted(modules("runners")))
def test_no_two_modules_of_runners_import_each_other(name: str) -> None:
    """What a module needs, directly or through others, does not need that module."""
    seen: set[str] = set()
    left = ours(modules("runners")[name], "runners")
    while left:
        seen |= left
        left = {x for each in left for x in ours(modules("runners")[each], "runners")} - seen
    assert name not in seen


NAMES = ("name", "study", "algo", "sampler", "method", "task", "protocol", "experiment", "chapter")


@pytest.mark.parametrize("path", [p for x in ("runners", "analysis") for p in modules(x).values()])
def test_nothing_decides_by_a_name(path: Path) -> None:
    """No name of a run's parts is compared with a word, no node is asked for a key."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            words = [x for x in sides if isinstance(x, ast.Constant) and is_word(x.value)]
            named = any(last_word(side) in NAMES for side in sides if side not in words)
            inside = isinstance(node.ops[0], ast.In | ast.NotIn) and node.left in words
            assert not (words and named), ast.unparse(node)
            assert not inside, ast.unparse(node)


def is_word(value: object) -> bool:
    """Whether a constant may be a name."""
    return isinstance(value, str) and value.isidentifier()


def last_word(node: ast.AST) -> str | None:
    """`name` of x.name, x["name"] and name."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return node.id if isinstance(node, ast.Name) else None
