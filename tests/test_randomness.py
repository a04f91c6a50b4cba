"""Nothing random is drawn but from a generator that was handed in or seeded by numbers."""

import ast

import pytest
from test_import_law import imported, modules

ALLOWED = {"np.random.Generator", "np.random.default_rng"}
FORBIDDEN = {"random", "secrets", "uuid", "numpy.random", "torch.random", "torch.cuda"}
DRAWS = {
    *("rand", "randn", "randint", "randperm", "normal", "poisson", "multinomial", "bernoulli"),
    *("rand_like", "randn_like", "randint_like", "dropout", "seed", "manual_seed", "initial_seed"),
}


def unseeded(tree: ast.AST) -> list[str]:
    """What draws from a generator that nobody seeded, or seeds one that everybody shares."""
    found = []
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.Attribute | ast.Call) else ""
        if isinstance(node, ast.Call) and text.endswith("default_rng()"):
            found.append(text)
        elif isinstance(node, ast.Attribute):
            root, _, name = text.rpartition(".")
            draws = root == "torch" and name in DRAWS
            numpy = root in ("np.random", "numpy.random") and f"np.random.{name}" not in ALLOWED
            if draws or numpy or name == "manual_seed":
                found.append(text)
    return found


@pytest.mark.parametrize(
    "source",
    [
        *("np.random.default_rng()", "np.random.rand(3)", "np.random.seed(0)"),
        *("numpy.random.normal()", "torch.rand(2)", "torch.randn(2)", "torch.manual_seed(0)"),
        "torch.Generator().manual_seed(0)",
    ],
)
def test_what_is_not_seeded_is_found(source: str) -> None:
    assert unseeded(ast.parse(source))


@pytest.mark.parametrize(
    "source", ["np.random.default_rng([0, 1])", "rng.standard_normal(3)", "np.random.Generator"]
)
def test_what_is_handed_in_or_seeded_is_not(source: str) -> None:
    assert not unseeded(ast.parse(source))


@pytest.mark.parametrize("name", sorted(modules("trpo")))
def test_nothing_random_is_drawn_but_from_a_generator_that_was_handed_in(name: str) -> None:
    path = modules("trpo")[name]
    assert not unseeded(ast.parse(path.read_text()))
    assert (
        not {".".join(full.split(".")[:k]) for full in imported(path) for k in (1, 2)} & FORBIDDEN
    )
