"""What trpo says names parameters, which its users see, and no setting of a configuration."""

import ast
import re

import pytest
from test_import_law import modules

GROUPS = "algo|sampler|env|protocol|policy|baseline|direction|search|estimator|budget|scale|study"
KEY = re.compile(rf"\b(?:{GROUPS})(?:\.[a-z_{{*]|=)")


def said(tree: ast.AST) -> list[str]:
    """Every string of a module but its docstrings; what an f-string fills in is {}."""
    documented = (ast.Module, ast.ClassDef, ast.FunctionDef)
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, documented) and node.body and isinstance(node.body[0], ast.Expr)
    }
    inside = {
        id(part)
        for node in ast.walk(tree)
        if isinstance(node, ast.JoinedStr)
        for part in node.values
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = node.values
            found.append("".join(p.value if isinstance(p, ast.Constant) else "{}" for p in parts))
        elif isinstance(node, ast.Constant) and id(node) not in docstrings | inside:
            found += [node.value] if isinstance(node.value, str) else []
    return found


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('"""algo.x is a docstring."""\nx = f"env.id={1}: no"', ["env.id={}: no"]),
        ('def f():\n    """env.x"""\n    return "sampler.rows must be"', ["sampler.rows must be"]),
        ('x = f"env.{1} must be" "x"', ["env.{} must bex"]),
        ('x = "set policy=gaussian_mlp"', ["set policy=gaussian_mlp"]),
    ],
)
def test_a_setting_in_a_message_is_found(source: str, expected: list[str]) -> None:
    assert said(ast.parse(source)) == expected
    assert all(KEY.search(text) for text in expected)


@pytest.mark.parametrize("name", sorted(modules("trpo")))
def test_no_message_of_trpo_names_a_setting(name: str) -> None:
    for text in said(ast.parse(modules("trpo")[name].read_text())):
        assert not KEY.search(text), text
