"""Every setting of every rule, baseline, search and policy is read: changing it shows.

The settings are taken from the signatures, so that a new one without an entry here fails.
"""

import inspect
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, NamedTuple, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from oracles import CONTINUOUS, DISCRETE, FRAMES, problem
from test_updates import RULES, SUPPLIED

from trpo.baselines import Baseline, cnn_value, linear_features, mlp_value
from trpo.line_search import LineSearch
from trpo.parameters import Range
from trpo.policies import categorical_cnn, categorical_mlp, gaussian_mlp, linear_gaussian
from trpo.searches import Search, cem, cma_es
from trpo.simulators.protocol import Space
from trpo.solvers import conjugate_gradient
from trpo.steps import Radius
from trpo.updates import Direction, Update, rwr, update

CHANGED: dict[str, Any] = {
    "delta": 0.003,
    "penalty": 2.0,
    "epsilon": 2.0,
    "gamma": 0.9,
    "direction.cg_steps": 3,
    "direction.damping": 0.1,
    "direction.every": 2,
    "search.shrink": 0.7,
    "search.max_backtracks": 0,
    "radius.poor": 5.0,
    "radius.good": 5.0,
    "radius.factor": 3.0,
    "radius.delta_max": 1e-9,
    "temperature": 2.0,
    "rounds": 10,
}
ROUGH = {"delta": 2.0, "temperature": 0.01}
SEEN: dict[Callable[..., Any], tuple[int, ...]] = {  # the observations of each baseline
    mlp_value: (3,),
    linear_features: (3,),
    cnn_value: (3, 10, 10),
}
FITTED: dict[str, Any] = {
    "hidden": (7,),
    "channels": (2, 1),
    "gauss_newton_steps": 1,
    "cg_steps": 2,
    "damping": 1.0,
    "every": 3,
    "max_halvings": 0,
    "ridge": 0.5,
}
SEARCHED: dict[str, Any] = {
    "elite": 0.5,
    "std": 2.0,
    "extra_std": 1.0,
    "extra_iterations": 1,
    "covariance": "separable",
    "memory_mib": 1,
}
SHAPED: dict[str, Any] = {
    "hidden": (3,),
    "channels": (2, 1),
    "hidden_bias": False,
    "log_std": 1.0,
    "last_gain": 1.0,
}
CONFIGURED = (
    *(*RULES, rwr, Direction, LineSearch, Radius),
    *(mlp_value, cnn_value, linear_features, cem, cma_es),
    *(gaussian_mlp, linear_gaussian, categorical_mlp, categorical_cnn, conjugate_gradient),
)


class Setting(NamedTuple):
    """One setting of a rule: `group` is the dataclass that holds it, if any."""

    rule: Callable[..., Any]
    group: str
    name: str

    def __str__(self) -> str:
        """Its name, for the test's."""
        return f"{self.rule.__name__}-{self.path}"

    @property
    def path(self) -> str:
        """Its name within a configuration."""
        return f"{self.group}.{self.name}".lstrip(".")


def settings(rule: Callable[..., Any]) -> list[Setting]:
    """Every setting of a rule, those of nested dataclasses included."""
    hints = {k: v for k, v in get_type_hints(rule).items() if k != "return"}
    nested = {k: fields(v) if is_dataclass(v) else () for k, v in hints.items()}
    return [
        setting
        for name, inner in nested.items()
        for setting in ([Setting(rule, name, f.name) for f in inner] or [Setting(rule, "", name)])
    ]


def changed(setting: Setting, base: dict[str, Any]) -> dict[str, Any]:
    """The keyword arguments `base` with another value of this setting."""
    value = CHANGED[setting.path]
    if not setting.group:
        return {**base, setting.name: value}
    kind = get_type_hints(setting.rule)[setting.group]
    return {**base, setting.group: kind(**{setting.name: value})}


def outcome(rule: Callable[..., Any], keywords: dict[str, Any]) -> Update:
    """One update; a rough one has to backtrack."""
    found, made = problem("mlp"), rule(**{**SUPPLIED.get(rule, {}), **keywords})
    return update(found.policy, made, found.samples, found.theta, made.step.size)


EVERY = [s for rule in (*RULES, rwr) for s in settings(rule)]


@pytest.mark.parametrize("setting", EVERY, ids=str)
def test_every_setting_of_a_rule_changes_the_update(setting: Setting) -> None:
    takes = inspect.signature(setting.rule).parameters
    calm, rough = {}, {k: v for k, v in ROUGH.items() if k in takes}
    differs = []
    for base in (calm, rough):
        before = outcome(setting.rule, base)
        after = outcome(setting.rule, changed(setting, base))
        same = torch.equal(before.theta, after.theta) and before.size == after.size
        differs.append(not same)
    assert any(differs)


def keywords(make: Callable[..., Any]) -> list[str]:
    """The settings of a function that makes something."""
    found = inspect.signature(make).parameters.values()
    return [p.name for p in found if p.kind is inspect.Parameter.KEYWORD_ONLY]


def one(make: Callable[..., Any], values: dict[str, Any], name: str) -> dict[str, Any]:
    """Another value for one setting; of `hidden` a number where the setting is one."""
    value, default = values[name], inspect.signature(make).parameters[name].default
    return {name: value[0] if isinstance(default, int) and isinstance(value, tuple) else value}


def fit(baseline: Baseline, shape: tuple[int, ...]) -> np.ndarray[Any, Any]:
    """What a baseline says after one fit to data that make it halve its steps."""
    rng = np.random.default_rng(0)
    obs = rng.standard_normal((40, *shape)).astype(np.float32)
    targets = 5 * np.sign(np.sin(9 * obs[:, 0])) * obs[:, 1] ** 3
    if len(shape) > 1:
        obs, targets = (50 * obs + 128).astype(np.uint8), targets[:, 0, 0]
    state = baseline.fit(baseline.init(np.random.default_rng(1)), obs, targets, map)
    return baseline.predict(state, obs, map)


@pytest.mark.parametrize(
    ("make", "name"),
    [(make, name) for make in SEEN for name in keywords(make)],
)
def test_every_setting_of_a_baseline_changes_the_fit(make: Callable[..., Any], name: str) -> None:
    shape, value = SEEN[make], one(make, FITTED, name)
    assert not np.array_equal(fit(make(shape), shape), fit(make(shape, **value), shape))


def searched(search: Search) -> np.ndarray[Any, Any]:
    """The third iteration's candidates, on a sphere, of 120 parameters."""
    state = search.init(np.zeros(120))
    for i in range(3):
        state, candidates = search.ask(np.random.default_rng(i), state)
        state = search.tell(state, candidates, -np.square(candidates - 1).sum(axis=1))
    return candidates


@pytest.mark.parametrize(
    ("make", "base", "name"),
    [
        (make, base, name)
        for make, base in ((cem, {"extra_std": 0.5}), (cma_es, {}))
        for name in keywords(make)
    ],
)
def test_every_setting_of_a_search_changes_its_candidates(
    make: Callable[..., Search], base: dict[str, Any], name: str
) -> None:
    changed_one = make(8, **{**base, name: SEARCHED[name]})
    assert not np.array_equal(searched(make(8, **base)), searched(changed_one))


@pytest.mark.parametrize(
    ("make", "space", "name"),
    [
        (make, space, name)
        for make, space in (
            *((gaussian_mlp, CONTINUOUS), (linear_gaussian, CONTINUOUS)),
            *((categorical_mlp, DISCRETE), (categorical_cnn, FRAMES)),
        )
        for name in keywords(make)
    ],
)
def test_every_setting_of_a_policy_changes_it(
    make: Callable[..., Any], space: Space, name: str
) -> None:
    first, other = (
        made.network.init(np.random.default_rng(0))
        for made in (make(space), make(space, **one(make, SHAPED, name)))
    )
    assert first.shape != other.shape or not torch.equal(first, other)


@pytest.mark.parametrize("make", CONFIGURED, ids=lambda make: make.__name__)
def test_every_number_that_can_be_set_has_a_range(make: Callable[..., Any]) -> None:
    found = inspect.signature(make).parameters.values()
    settings = [p.name for p in found if p.default is not inspect.Parameter.empty]
    for name, hint in get_type_hints(make, include_extras=True).items():
        if name in settings:
            inner = get_args(hint)[0] if get_origin(hint) is Sequence else hint
            plain = getattr(inner, "__origin__", inner)
            ranges = [x for x in getattr(inner, "__metadata__", ()) if isinstance(x, Range)]
            assert (plain not in (int, float)) or len(ranges) == 1, name
