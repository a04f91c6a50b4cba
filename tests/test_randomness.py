"""Nothing random is drawn but from a generator that was handed in or seeded by numbers."""

import ast

import pytest
from test_import_law import modules

ALLOWED = {
    *("np.random.Generator", "np.random.default_rng", "np.random.SeedSequence"),
    "torch.nn.Module",  # which holds what it is given, and draws nothing
}
MAKERS = {"default_rng", "SeedSequence", "Seed"}  # of which an unseeded one asks the machine
FORBIDDEN = {"random", "secrets", "uuid", "numpy.random", "torch.random", "torch.cuda"}
DRAWING = ("torch.nn", "torch.distributions")  # layers, dropout, initialisation; .sample()
DRAWS = {
    *("rand", "randn", "randint", "randperm", "normal", "poisson", "multinomial", "bernoulli"),
    *("rand_like", "randn_like", "randint_like", "dropout", "seed", "manual_seed", "initial_seed"),
}
FILLS = {  # methods of a tensor
    *("normal_", "uniform_", "random_", "exponential_", "bernoulli_", "bernoulli"),
    *("cauchy_", "geometric_", "log_normal_"),
}


def unseeded(tree: ast.AST) -> list[str]:
    """What draws from a generator that nobody seeded, or seeds one that everybody shares."""
    return [
        ast.unparse(node)
        for node in ast.walk(tree)
        if (isinstance(node, ast.Call) and seeds_nothing(node))
        or (isinstance(node, ast.Attribute) and is_shared(ast.unparse(node)))
        or (isinstance(node, ast.Import | ast.ImportFrom) and brings_in(node))
    ]


def seeds_nothing(call: ast.Call) -> bool:
    """Whether it makes a generator out of the machine's entropy."""
    if ast.unparse(call.func).rpartition(".")[2] not in MAKERS:
        return False
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    return not given or (isinstance(given[0], ast.Constant) and given[0].value is None)


def is_shared(text: str) -> bool:
    """Whether `torch.rand` and the like, or a method, reads a generator that everybody shares."""
    root, _, name = text.rpartition(".")
    draws = (root == "torch" and name in DRAWS) or name in FILLS
    numpy = root in ("np.random", "numpy.random") and f"np.random.{name}" not in ALLOWED
    layers = text.startswith(DRAWING) and text not in ALLOWED
    return draws or numpy or name == "manual_seed" or layers


def brings_in(node: ast.Import | ast.ImportFrom) -> bool:
    """Whether the import gives such a thing a name of its own."""
    module = f"{node.module}." if isinstance(node, ast.ImportFrom) else ""
    full = [module + alias.name for alias in node.names]
    above = {".".join(name.split(".")[:k]) for name in full for k in (1, 2)}
    return bool(above & FORBIDDEN) or any(is_shared(name) for name in full)


@pytest.mark.parametrize(
    "source",
    [
        *("np.random.default_rng()", "np.random.rand(3)", "np.random.seed(0)"),
        *("np.random.SeedSequence()", "np.random.SeedSequence(entropy=None)", "runner.Seed()"),
        *("numpy.random.normal()", "torch.rand(2)", "torch.randn(2)", "torch.manual_seed(0)"),
        *("torch.Generator().manual_seed(0)", "np.random.default_rng(None)", "x.normal_(0, 1)"),
        *("torch.empty(2).uniform_()", "x.bernoulli_(0.5)", "torch.nn.functional.dropout(x)"),
        *("torch.nn.init.orthogonal_(w)", "torch.distributions.Normal(0, 1).sample()"),
        *("from torch import randn", "from torch import nn", "import torch.nn as nn"),
        *("from numpy import random", "from numpy.random import default_rng", "import random"),
        *("from torch.nn import Linear", "torch.nn.Linear(2, 2)", "torch.nn.Module()"),
        *("import torch.nn", "from random import shuffle", "import numpy.random.mtrand"),
    ],
)
def test_what_is_not_seeded_is_found(source: str) -> None:
    assert unseeded(ast.parse(source))


@pytest.mark.parametrize(
    "source",
    [
        *("np.random.default_rng([0, 1])", "rng.standard_normal(3)", "rng.multinomial(3, p)"),
        *("np.random.Generator", "np.random.SeedSequence(3, spawn_key=(1,))", "Seed(entropy)"),
        *(
            "x.sigmoid_()",
            "from torch import Tensor",
            "from torch.nn import Module",
            "import torch",
            "from numpy import exp",
        ),
    ],
)
def test_what_is_handed_in_or_seeded_is_not(source: str) -> None:
    assert not unseeded(ast.parse(source))


@pytest.mark.parametrize("name", sorted(modules("trpo")))
def test_nothing_random_is_drawn_but_from_a_generator_that_was_handed_in(name: str) -> None:
    assert not unseeded(ast.parse(modules("trpo")[name].read_text()))
