"""Configurations: everything that ships composes and builds; every mistake is one line."""

import re
import shlex
from collections.abc import Iterator
from contextlib import nullcontext
from functools import wraps
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from runners.build.algorithms import improvement
from runners.build.opened import build
from runners.settings import tree as config
from runners.settings.options import GROUPS, Option
from runners.settings.tree import CONF, NOT_IDENTITY, ConfigError
from trpo.line_search import LineSearch
from trpo.steps import Radius
from trpo.streams import stream
from trpo.tabular.theory import METHODS
from trpo.updates import Direction, Rule, adaptive

FILES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.glob("*/*.yaml"))
DISCRETE = ("env=gymnasium", "env.id=CartPole-v1")
NEEDS = {  # what an option has to be composed with
    "env/gymnasium": ("env.id=Acrobot-v1", "policy=categorical_mlp"),
    "policy/categorical_mlp": DISCRETE,
    "env/garnet": ("algo=theory",),
    "algo/theory": ("env=garnet",),
}
VARIANTS = {"trpo_vine"}  # files that only combine what others make
VINE = "sampler=vine"
FINITE = "env=garnet algo=theory"
SMALL_VINE = ("sampler.trunks=2", "sampler.trunk_length=20", "sampler.states=6")


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    config.register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        yield


def composed(*overrides: str) -> DictConfig:
    """What the command line `overrides` describes."""
    return compose("config", list(overrides))


def mistake(line: str) -> str:
    """What the user is told about a command line that cannot be run."""
    try:
        cfg = composed(*shlex.split(line))
    except Exception as error:
        return config.explain(error)
    with pytest.raises(ConfigError) as caught, nullcontext(config.validate(cfg)), build(cfg):
        pass
    return str(caught.value)


MISTAKES = {
    # numbers
    "algo.delta=-0.1": ["algo.delta must be positive", "-0.1"],
    "algo=natural_gradient algo.penalty=0": ["algo.penalty must be positive"],
    "algo=theory_penalty algo.epsilon=-1": ["algo.epsilon must be positive"],
    "algo=theory_penalty gamma=1": ["gamma must be within (0, 1)"],
    "algo=adaptive algo.radius.factor=1": ["algo.radius.factor must be above 1"],
    "algo=adaptive algo.radius.delta_max=0": ["algo.radius.delta_max must be positive"],
    "algo.delta=nan": ["algo.delta must be positive, not nan"],
    "algo.delta=inf": ["algo.delta must be positive, not inf"],
    "gamma=1.5": ["gamma must be within [0, 1], not 1.5"],
    "gamma=-0.1": ["gamma must be within [0, 1], not -0.1"],
    "estimator.lam=2": ["estimator.lam must be within [0, 1]"],
    "iterations=0": ["iterations must be at least 1, not 0"],
    "total_steps=0": ["total_steps must be at least 1, not 0"],
    "iterations=null": ["total_steps or iterations"],
    "steps_per_iteration=0": ["steps_per_iteration must be at least 1, not 0"],
    "steps_per_iteration=10 sampler.rows=11": ["steps_per_iteration=10", "sampler.rows=11"],
    "sampler.rows=0": ["sampler.rows must be at least 1, not 0"],
    "search.shrink=1": ["search.shrink must be within (0, 1), not 1"],
    "search.max_backtracks=-1": ["search.max_backtracks must be at least 0"],
    "direction.cg_steps=0": ["direction.cg_steps must be at least 1"],
    "direction.damping=-1": ["direction.damping must be at least 0"],
    "direction.every=0": ["direction.every must be at least 1"],
    "protocol=modern baseline.every=0": ["baseline.every must be at least 1"],
    "protocol=modern baseline.damping=-1": ["baseline.damping must be at least 0"],
    "policy.hidden=[8,0]": ["policy.hidden must be at least 1, not [8, 0]"],
    "policy.log_std=nan": ["policy.log_std must be finite"],
    "filter_clip=-1": ["filter_clip must be at least 0"],
    "step_scale=0": ["step_scale must be positive"],
    "seed=-1": ["seed must be at least 0"],
    "threads=0": ["threads must be at least 1"],
    "env.horizon=0": ["env.horizon must be at least 1"],
    # words
    "algo=trop": ["algo=trop is unknown", "did you mean trpo?"],
    "env=hoper": ["env=hoper is unknown", "did you mean hopper?"],
    "policy=gausian_mlp": ["policy=gausian_mlp is unknown", "did you mean gaussian_mlp?"],
    "baseline=mlp": ["baseline=mlp is unknown", "did you mean mlp_value?"],
    "sampler=single": ["sampler=single is unknown", "did you mean single_path?"],
    "protocol=modrn": ["protocol=modrn is unknown", "did you mean modern?"],
    "scale=demos": ["scale=demos is unknown", "did you mean demo?"],
    "+experiment=figure4_hoper": ["experiment=figure4_hoper", "did you mean figure4_hopper?"],
    "estimator.name=gaes": ["estimator.name=gaes is unknown", "did you mean gae?"],
    "sampler.boundary=truncated": ["sampler.boundary=truncated", "did you mean truncate?"],
    "algo.name=trop": ["algo.name=trop is unknown", "did you mean trpo?"],
    "env=gymnasium env.id=Antt-v5": ["env.id=Antt-v5", "Ant-v5"],
    "device=nonsense": ["device=nonsense"],
    # keys
    "gama=0.9": ["gama is not a setting", "did you mean gamma?"],
    "+gama=0.9": ["gama is not a setting", "did you mean gamma?"],
    "algo.dleta=0.1": ["algo.dleta is not a setting", "did you mean algo.delta?"],
    "+algo.dleta=0.1": ["algo.dleta is not a setting", "did you mean delta?"],
    "algo.penalty=1": ["algo.penalty is not a setting of the algo that was chosen"],
    "algo=adaptive algo.radius.por=1": ["algo.radius.por", "did you mean algo.radius.poor?"],
    "env.horizn=3": ["env.horizn is not a setting", "did you mean env.horizon?"],
    "direction.cg_step=3": ["direction.cg_step", "did you mean direction.cg_steps?"],
    "sampler.row=3": ["sampler.row is not a setting", "did you mean sampler.rows?"],
    # types
    "seed=abc": ["seed=abc", "Integer"],
    "seed=1.5": ["seed=1.5", "Integer"],
    "algo.delta=big": ["algo.delta=big", "Float"],
    "sampler.fresh=perhaps": ["sampler.fresh=perhaps", "bool"],
    "policy.hidden=[a]": ["policy.hidden=[a]", "Integer"],
    "policy.hidden=3": ["policy.hidden=3", "list"],
    "gamma=null": ["gamma=null", "not Optional"],
    # combinations
    "env=gymnasium": ["env.id must be set (for example Ant-v5)"],
    "sampler.boundary=bootstrap": ["sampler.boundary=bootstrap", "baseline=mlp_value"],
    "sampler.fresh=false": ["sampler.boundary=complete", "sampler.fresh=true"],
    "policy=categorical_mlp": ["categorical_mlp does not fit continuous", "policy=gaussian_mlp"],
    " ".join(DISCRETE): ["gaussian_mlp does not fit discrete", "policy=categorical_mlp"],
    "algo=theory_penalty step_scale=3": ["step_scale=3", "theory_penalty"],
    # vine
    f"{VINE} sampler.branches=1": ["sampler.branches=1", "constant", "at least 2"],
    f"{VINE} sampler.branches=0": ["sampler.branches must be at least 1, not 0"],
    f"{VINE} sampler.states=16001": ["sampler.states=16001", "16000"],
    f"{VINE} sampler.rows=3": ["sampler.rows=3", "sampler.branches=4", "null"],
    f"{VINE} sampler.draw=uniformly": ["sampler.draw=uniformly", "did you mean uniform?"],
    f"{VINE} protocol=modern": ["baseline=none", "estimator.name=monte_carlo"],
    f"{VINE} algo=rwr": ["algo=rwr", "sampler=single_path"],
    f"{VINE} algo=cem": ["algo=cem", "sampler=single_path"],
    f"{VINE} sampler.boundary=complete": ["sampler.boundary is not a setting of the sampler"],
    # searches over parameters
    "algo=cma_es sampler.rows=3": ["sampler.rows", "at least 4 for CMA-ES", "not 3"],
    "algo=cem sampler.rows=1": ["sampler.rows", "at least 2", "not 1"],
    "algo=cma_es algo.covariance=full algo.memory_mib=1": [
        *("algo.covariance=full needs", "756 parameters", "algo.covariance=separable"),
    ],
    "algo=cma_es algo.covariance=ful": ["algo.covariance=ful is unknown", "did you mean full?"],
    "algo=cem algo.elite=0": ["algo.elite must be within (0, 1]"],
    "algo=cem algo.std=0": ["algo.std must be positive"],
    "algo=cem algo.extra_iterations=0": ["algo.extra_iterations must be at least 1"],
    "algo=rwr algo.temperature=0": ["algo.temperature must be positive"],
    "algo=gradient_variance algo.repeats=1": ["algo.repeats must be at least 2"],
    # finite MDPs
    "algo=theory": ["algo=theory", "set env=garnet", "hopper"],
    "env=garnet": ["env=garnet", "set algo=theory", "trpo"],
    f"{FINITE} gamma=1": ["gamma must be within [0, 1)", "theory"],
    f"{FINITE} algo.method=line_search": ["algo.method=line_search is unknown"],
    f"{FINITE} algo.method=trust_region": ["did you mean trust_region_m"],
    f"{FINITE} algo.l2_radius=0": ["algo.l2_radius must be positive"],
    f"{FINITE} env.count=0": ["env.count must be at least 1, not 0"],
    f"{FINITE} env.actions=1": ["env.actions must be at least 2, not 1"],
    f"{FINITE} env.states=2": ["env.branching=3 is more than env.states=2"],
    f"{FINITE} env.observations=21": ["env.observations=21 is more than env.states=20"],
    f"{FINITE} step_scale=3": ["step_scale=3", "theory"],
    f"algo=gradient_variance {VINE} algo.sizes=[5,20000]": ["sampler.states=20000", "16000"],
}


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_setting_and_helps(line: str) -> None:
    told = mistake(line)
    assert "\n" not in told
    assert len(told) < 700
    assert all(words in told for words in MISTAKES[line]), told


def test_every_yaml_of_a_group_has_its_builder_and_every_builder_its_yaml() -> None:
    for group, options in GROUPS.items():
        files = {f.name for f in FILES if f.parent.name == group}
        assert files - VARIANTS == set(options)


@pytest.mark.parametrize("file", [f.as_posix() for f in FILES if f.parts[0] != "experiment"])
def test_every_option_composes_and_builds(file: str) -> None:
    group, _, name = file.partition("/")
    small = SMALL_VINE if "vine" in name else ("sampler.rows=4",)
    cfg = composed(f"{group}={name}", *NEEDS.get(file, ()), *small)
    assert name in {cfg[group].name, *VARIANTS}
    config.validate(cfg)
    with build(cfg) as experiment:
        experiment.algorithm.init(stream(0, "init"))


@pytest.mark.parametrize("file", [f.name for f in FILES if f.parts[0] == "experiment"])
@pytest.mark.parametrize("scale", ["smoke", "demo", "desk", "paper"])
def test_every_experiment_composes_at_every_scale(file: str, scale: str) -> None:
    cfg = composed(f"+experiment={file}", f"scale={scale}")
    assert cfg.experiment == file
    assert cfg.scale.name == scale
    config.validate(cfg)


@pytest.mark.parametrize("path", sorted((CONF / "experiment").glob("*.yaml")), ids=lambda p: p.stem)
def test_every_experiment_says_the_command_that_runs_it(path: Any) -> None:
    comment = "".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert re.search(rf"python -m runners\.train .*\+experiment={path.stem}\b", comment)


@pytest.mark.parametrize("algo", sorted(set(GROUPS["algo"]) - {"theory"}))
@pytest.mark.parametrize("protocol", ["paper", "modern"])
def test_every_algorithm_trains_under_both_protocols(algo: str, protocol: str) -> None:
    small = ("scale=smoke", "env=cartpole", "sampler.rows=4", "steps_per_iteration=64")
    cfg = composed(f"algo={algo}", f"protocol={protocol}", "env.horizon=20", *small)
    config.validate(cfg)
    with build(cfg) as experiment:
        state = experiment.algorithm.init(stream(0, "init"))
        _, info = experiment.algorithm.step(stream(0, "step"), state)
    assert info["steps"] >= 64


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_the_theory_runs(method: str) -> None:
    cfg = composed("+experiment=theory", "scale=smoke", f"algo.method={method}", "gamma=0.5")
    config.validate(cfg)
    with build(cfg) as experiment:
        state = experiment.algorithm.init(stream(0, "init"))
        _, info = experiment.algorithm.step(stream(0, "step"), state)
    assert info["mdps"] == (1 if method == "line" else 5)
    if method != "line":
        assert info["steps"] == config.steps_of_iteration(cfg) == 5 * 6


@pytest.mark.parametrize("algo", ["trpo", "natural_gradient", "empirical_fim"])
@pytest.mark.parametrize("sampler", ["vine", "vine_independent"])
@pytest.mark.parametrize("env", ["cartpole", "hopper", "ant", "CartPole-v1"])
def test_the_vine_trains_with_every_kind_of_rule_and_simulator(
    algo: str, sampler: str, env: str
) -> None:
    discrete = ("env=gymnasium", f"env.id={env}", "policy=categorical_mlp")
    task = discrete if "-" in env else (f"env={env}",)
    cfg = composed(f"algo={algo}", f"sampler={sampler}", *task, "scale=smoke")
    config.validate(cfg)
    with build(cfg) as experiment:
        state = experiment.algorithm.init(stream(0, "init"))
        _, info = experiment.algorithm.step(stream(0, "step"), state)
    tried = 2 if env == "CartPole-v1" else 4
    assert info["q_samples"] == 8 * tried
    assert info["steps"] > 4 * 32 + 8 * tried
    assert info["accepted"]


def test_an_environment_that_cannot_be_saved_is_refused_before_any_step(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(env: Any, arrays: list[str]) -> None:
        raise TypeError("its attribute 'socket' (socket) is not plain data")

    monkeypatch.setattr("trpo.simulators.gymnasium.capture", refuse)
    told = mistake(f"env=gymnasium env.id=Pendulum-v1 {VINE} sampler.states=10")
    assert all(words in told for words in ("sampler=vine", "env.id=Pendulum-v1", "'socket'"))


def test_planned_steps_are_those_of_the_sampler() -> None:
    assert config.steps_of_iteration(composed()) == 50_000
    assert config.steps_of_iteration(composed(VINE)) == 16_000 + 2_500 * 4 * 100
    assert config.steps_of_iteration(composed(VINE, "env=swimmer")) == 16_000 + 500 * 4 * 50
    measured = ("algo=gradient_variance", "algo.repeats=3", "algo.spacing=2")
    paths = composed(*measured, "algo.sizes=[10,30]", "steps_per_iteration=100")
    assert config.steps_of_iteration(paths) == (3 * (10 + 30) + 2 * 100) // 2
    vine = composed(*measured, "algo.sizes=[10,30]", "steps_per_iteration=100", VINE)
    assert config.steps_of_iteration(vine) == (3 * (32_000 + 40 * 400) + 2 * 100) // 2


def test_the_algorithm_in_one_word_is_the_same_run() -> None:
    both = composed("algo=trpo_vine"), composed("algo=trpo", VINE)
    assert config.identity(both[0]) == config.identity(both[1])


@pytest.mark.parametrize(
    "same", ["threads=3", "workers=2", "results_dir=/elsewhere", "tensorboard=true"]
)
def test_identity_leaves_out_what_changes_no_number(same: str) -> None:
    assert config.identity(composed(same)) == config.identity(composed())
    assert same.partition("=")[0] in NOT_IDENTITY


@pytest.mark.parametrize(
    "other", ["seed=1", "gamma=0.98", "algo.delta=0.02", "env=swimmer", "direction.damping=0.2"]
)
def test_identity_holds_what_changes_numbers(other: str) -> None:
    assert config.identity(composed(other)) != config.identity(composed())


def test_identity_is_resolved() -> None:
    assert "${" not in str(config.identity(composed("protocol=modern", "env=walker2d")))


def rule_of(*overrides: str) -> Rule:
    """The rule that a composition makes."""
    node: Any = OmegaConf.to_container(composed(*overrides), resolve=True)
    found = improvement(node)
    assert isinstance(found, Rule)
    return found


def test_every_setting_of_a_rule_reaches_it(monkeypatch: pytest.MonkeyPatch) -> None:
    given = {}

    @wraps(adaptive)
    def spy(**keywords: Any) -> Rule:
        given.update(keywords)
        return adaptive(**keywords)

    monkeypatch.setitem(GROUPS["algo"], "adaptive", Option(spy))
    rule_of(
        *("algo=adaptive", "algo.delta=0.02", "search.shrink=0.6", "search.max_backtracks=4"),
        *("direction.cg_steps=3", "direction.damping=0.2", "direction.every=7"),
        *("algo.radius.poor=0.1", "algo.radius.good=0.9", "algo.radius.factor=4"),
        "algo.radius.delta_max=0.3",
    )
    assert given == {
        "delta": 0.02,
        "direction": Direction(3, 0.2, 7),
        "search": LineSearch(0.6, 4),
        "radius": Radius(0.1, 0.9, 4.0, 0.3),
    }


def test_step_scale_multiplies_the_length_of_a_step() -> None:
    assert rule_of("algo.delta=0.01", "step_scale=3").step.size == pytest.approx(0.09)
    scaled = rule_of("algo=natural_gradient", "algo.penalty=6", "step_scale=3")
    assert scaled.step.size == pytest.approx(2)
    assert rule_of("algo=theory_penalty", "gamma=0.5").step.size == pytest.approx(4)
