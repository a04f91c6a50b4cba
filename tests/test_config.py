"""Configurations: everything that ships composes and builds; every mistake is one line."""

import re
import shlex
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any

import pytest
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf

from runners.build.algorithms import improved
from runners.reproduce import SCALES
from runners.run.described import Run, describe, swept_by
from runners.settings.errors import ConfigError
from runners.settings.mistakes import explain
from runners.settings.options import GROUPS, Option
from runners.settings.tree import CONF, NOT_IDENTITY, TREES, Resources, register
from runners.studies.all import STUDIES
from runners.studies.study import Opened
from runners.sweep.composed import remembered_references
from trpo.line_search import LineSearch
from trpo.reports import flatten
from trpo.steps import Radius
from trpo.streams import stream
from trpo.tabular.theory import METHODS
from trpo.updates import Direction, Rule, adaptive, trpo

pytestmark = pytest.mark.process
FILES = sorted(path.relative_to(CONF).with_suffix("") for path in CONF.glob("*/[!_]*.yaml"))
DISCRETE = ("env=gymnasium", "env.id=CartPole-v1")
ATARI = ("env=atari", "env.game=pong", "policy=categorical_cnn")
FEW = (*ATARI, "sampler.rows=2")  # as each emulator takes its time to start
NEEDS = {  # what an option has to be composed with
    "env/atari": FEW,
    "env/gymnasium": ("env.id=Acrobot-v1", "policy=categorical_mlp"),
    "policy/categorical_mlp": DISCRETE,
    "policy/categorical_cnn": FEW,
    "baseline/cnn_value": FEW,
    "study/theory": ("mdps.count=3",),
}
VARIANTS = {"trpo_vine"}  # files that only combine what others make
PONG = " ".join(FEW)
VINE = "sampler=vine"
FINITE = "study=theory"
MEASURED = "study=variance"
SMALL_VINE = ("sampler.trunks=2", "sampler.trunk_length=20", "sampler.states=6")


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"), remembered_references():
        yield


def composed(*overrides: str) -> DictConfig:
    """What the command line `overrides` describes."""
    return compose("config", list(overrides))


def described(*overrides: str) -> Run:
    """The run that the command line `overrides` describes."""
    return describe(composed(*overrides), overrides)


def opening(*overrides: str) -> AbstractContextManager[Opened]:
    """The same, its resources open."""
    run = described(*overrides)
    return run.study.open(run.identity, Resources(device=run.resolved["device"]))


def mistake(line: str) -> str:
    """What the user is told about a command line that cannot be run."""
    overrides = shlex.split(line)
    try:
        cfg = composed(*overrides)
    except Exception as error:
        return explain(error)
    with pytest.raises(ConfigError) as caught:
        run = describe(cfg, overrides)
        with run.study.open(run.identity, Resources(device=cfg.device)):
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
    "protocol=modern estimator.lam=2": ["estimator.lam must be within [0, 1]"],
    "iterations=0": ["iterations must be at least 1, not 0"],
    "total_steps=0": ["total_steps must be at least 1, not 0"],
    "iterations=null": ["total_steps or iterations"],
    "steps_per_iteration=0": ["steps_per_iteration must be at least 1, not 0"],
    "steps_per_iteration=10 sampler.rows=11": ["steps_per_iteration=10", "sampler.rows=11"],
    "sampler.rows=0": ["sampler.rows must be at least 1, not 0"],
    "algo.search.shrink=1": ["algo.search.shrink must be within (0, 1), not 1"],
    "algo.search.max_backtracks=-1": ["algo.search.max_backtracks must be at least 0"],
    "algo.direction.cg_steps=0": ["algo.direction.cg_steps must be at least 1"],
    "algo.direction.damping=-1": ["algo.direction.damping must be at least 0"],
    "algo.direction.every=0": ["algo.direction.every must be at least 1"],
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
    "algo=_direction": ["algo=_direction is unknown", "trpo"],
    "+experiment=_figure4": ["experiment=_figure4 is unknown", "figure4_hopper"],
    "scale=demos": ["scale=demos is unknown", "did you mean demo?"],
    "+experiment=figure4_hoper": ["experiment=figure4_hoper", "did you mean figure4_hopper?"],
    "estimator.name=gaes": ["estimator.name must be one of monte_carlo, gae, not gaes"],
    "sampler.boundary=truncated": ["sampler.boundary must be one of complete, truncate, bootstrap"],
    "algo.name=trop": ["algo.name=trop is unknown", "did you mean trpo?"],
    "env=gymnasium env.id=Antt-v5": ["env: Antt-v5", "Ant-v5"],
    "env=gymnasium env.id=ALE/Pong-v5": ["set env=atari env.game="],
    "env=atari env.game=pnog": ["env.game", "pong"],
    "device=nonsense": ["device=nonsense"],
    # keys
    "polcy=gaussian_mlp": ["polcy is not a setting", "did you mean policy?"],
    "gama=0.9": ["gama is not a setting", "did you mean gamma?"],
    "+gama=0.9": ["gama is not a setting", "did you mean gamma?"],
    "algo.dleta=0.1": ["algo.dleta is not a setting", "did you mean algo.delta?"],
    "+algo.dleta=0.1": ["algo.dleta is not a setting", "did you mean delta?"],
    "algo.penalty=1": ["algo.penalty is not a setting of the algo that was chosen"],
    "algo=adaptive algo.radius.por=1": ["algo.radius.por", "did you mean algo.radius.poor?"],
    "env.horizn=3": ["env.horizn is not a setting", "did you mean env.horizon?"],
    "algo.direction.cg_step=3": ["algo.direction.cg_step", "did you mean algo.direction.cg_steps?"],
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
    "env=gymnasium": ["env.id must be set"],
    "sampler.boundary=bootstrap": ["sampler.boundary=bootstrap", "baseline=mlp_value"],
    "sampler.fresh=false": ["sampler.boundary=complete", "sampler.fresh=true"],
    "policy=categorical_mlp": ["policy=categorical_mlp", "continuous", "set policy=gaussian_mlp"],
    " ".join(DISCRETE): ["policy=gaussian_mlp", "discrete", "set policy=categorical_mlp"],
    "algo=theory_penalty step_scale=3": ["step_scale is read by nothing", "theory_penalty"],
    # vine
    f"{VINE} sampler.branches=1": ["sampler.branches must be at least 2", "constant"],
    f"{VINE} sampler.branches=0": ["sampler.branches must be at least 1, not 0"],
    f"{VINE} sampler.states=16001": ["sampler.states must be at most", "16000", "not 16001"],
    f"{VINE} sampler.rows=3": ["sampler.rows is not a setting of the sampler that was chosen"],
    f"{VINE} sampler.draw=uniformly": ["sampler.draw must be one of uniform, discounted"],
    f"{VINE} protocol=modern": ["baseline=none", "estimator.name=monte_carlo"],
    f"{VINE} algo=rwr": ["algo=rwr", "sampler=single_path"],
    f"{VINE} algo=cem": ["algo=cem", "sampler=single_path"],
    f"{VINE} sampler.fresh=false": ["sampler.boundary=complete", "sampler.fresh=true"],
    # searches over parameters
    "algo=cma_es sampler.rows=3": ["sampler.rows must be at least 4, not 3"],
    "algo=cem sampler.rows=1": ["sampler.rows", "at least 2", "not 1"],
    "algo=cma_es algo.covariance=full algo.memory_mib=1": [
        *("algo: full covariance needs", "756 parameters", "covariance=separable"),
    ],
    "algo=cma_es algo.covariance=ful": ["algo.covariance must be one of auto, full, separable"],
    "algo=cem algo.elite=0": ["algo.elite must be within (0, 1]"],
    "algo=cem algo.std=0": ["algo.std must be positive"],
    "algo=cem algo.extra_iterations=0": ["algo.extra_iterations must be at least 1"],
    "algo=rwr algo.temperature=0": ["algo.temperature must be positive"],
    f"{MEASURED} measured.repeats=1": ["measured.repeats must be at least 2"],
    # what nothing reads
    "algo=vanilla_pg algo.direction.cg_steps=3": ["algo.direction.cg_steps is not a setting"],
    "algo=cem baseline=mlp_value": ["baseline is read by nothing", "cem"],
    "algo=cem gamma=0.9": ["gamma is read by nothing"],
    "algo=cma_es sampler.fresh=false": ["sampler.fresh is read by nothing"],
    "algo=cem estimator.standardise=true": ["estimator.standardise is read by nothing"],
    "algo=rwr step_scale=3": ["step_scale is read by nothing"],
    "estimator.lam=0.5": ["estimator.lam is read by nothing"],
    "protocol.penalty=3": ["protocol.penalty is read by nothing", "trpo"],
    "algo=cem protocol.boundary=truncate": ["protocol.boundary is read by nothing"],
    "usual.demo.steps=3": ["usual.demo.steps is read by nothing"],
    "+experiment=modern budget.demo.total_steps=3": ["budget.demo.total_steps is read by nothing"],
    f"{VINE} steps_per_iteration=100": ["steps_per_iteration is read by nothing"],
    f"{VINE} {MEASURED} sampler.states=3": ["sampler.states is read by nothing"],
    f"{FINITE} delta=0.2": ["delta is read by nothing", "minorise_maximise"],
    f"{FINITE} device=cuda": ["device is read by nothing"],
    # frames
    f"{PONG} env.height=300": ["env.height", "210"],
    f"{PONG} env.height=8": ["frames of 8", "too small"],
    f"{PONG} policy=gaussian_mlp": ["set policy=categorical_cnn"],
    f"{PONG} baseline=mlp_value": ["vector observations", "set baseline=none or cnn_value"],
    f"{PONG} filter_clip=5": ["filter_clip=5", "set filter_clip=0"],
    f"{PONG} sampler.rows=4 algo=cma_es algo.covariance=full": ["covariance", "33,500"],
    # values that have to be quoted, and launchers
    "results_dir=/data/ünï": ["quote it twice", "'results_dir=\"/data/ünï\"'"],
    "results_dir=a=b": ["quote it twice", "'results_dir=\"a=b\"'"],
    "results_dir=a,b": ['a comma is "each of these"', "-m", "'results_dir=\"a,b\"'"],
    "hydra/launcher=joblb": ["did you mean joblib?", "basic, joblib"],
    "hydra/launcher=ray": ["needs a package", "hydra-ray-launcher"],
    "hydra.launcher.n_job=2": ["hydra.launcher.n_job is not a setting"],
    # finite MDPs
    f"{FINITE} algo=trpo": ["algo is no setting of the study that was chosen"],
    f"{FINITE} env.horizon=3": ["env.horizon is not a setting"],
    f"{FINITE} gamma=1": ["gamma must be within [0, 1), not 1"],
    f"{FINITE} method=line_search": ["method must be one of", "not line_search"],
    f"{FINITE} method=vanilla_gradient l2_radius=0": ["l2_radius must be positive"],
    f"{FINITE} mdps.count=0": ["mdps.count must be at least 1, not 0"],
    f"{FINITE} mdps.actions=1": ["mdps.actions must be at least 2, not 1"],
    f"{FINITE} mdps.states=2": ["mdps.branching=3 is more than mdps.states=2"],
    f"{FINITE} mdps.observations=21": ["mdps.observations=21 is more than mdps.states=20"],
    f"{FINITE} step_scale=3": ["step_scale is no setting of the study"],
    f"{MEASURED} {VINE} measured.sizes=[5,20000]": [
        "sampler.states must be at most",
        "16000",
        "not 20000",
    ],
}


@pytest.mark.parametrize("value", ["a b", "ü", "a=b", "a,b", "a(b", 'a"b', "a#b", "~/x"])
def test_a_value_quoted_as_it_is_told_is_taken(value: str) -> None:
    told = mistake(shlex.quote(f"results_dir={value}c,"))
    (override,) = shlex.split(told.partition("as in ")[2])
    assert composed(override).results_dir == f"{value}c,"


@pytest.mark.parametrize("line", MISTAKES)
def test_a_mistake_is_one_line_that_names_the_setting_and_helps(line: str) -> None:
    told = mistake(line)
    assert "\n" not in told
    assert len(told) < 700
    assert all(words in told for words in MISTAKES[line]), told


def test_a_hint_never_names_the_option_that_did_not_fit() -> None:
    told = mistake(f"{PONG} policy.channels=[8,8,8,8]")
    assert told.endswith("too small for 4 convolutions")


def test_every_yaml_of_a_group_has_its_builder_and_every_builder_its_yaml() -> None:
    for group, options in {**GROUPS, "study": STUDIES}.items():
        files = {f.name for f in FILES if f.parent.name == group}
        assert files - VARIANTS == set(options)
    assert set(TREES) == set(STUDIES)


@pytest.mark.parametrize("file", [f.as_posix() for f in FILES if f.parts[0] != "experiment"])
def test_every_option_composes_and_builds(file: str) -> None:
    group, _, name = file.partition("/")
    small = SMALL_VINE if "vine" in name else ("sampler.rows=4",)
    overrides = (f"{group}={name}", *NEEDS.get(file, small))
    chosen = composed(*overrides)[group]
    assert name in {chosen if isinstance(chosen, str) else chosen.name, *VARIANTS}
    with opening(*overrides) as opened:
        opened.algorithm.init(stream(0, "init"))


@pytest.mark.parametrize("file", [f.name for f in FILES if f.parts[0] == "experiment"])
def test_every_experiment_composes_at_every_scale(file: str) -> None:
    """Composed at one: a scale's file holds its name alone, by which budgets are looked up."""
    overrides = [f"+experiment={file}", "scale=smoke"]
    cfg = composed(*overrides)
    for scale in SCALES:
        assert OmegaConf.load(CONF / "scale" / f"{scale}.yaml") == {"name": scale}
        cfg.scale.name = scale
        description = describe(cfg, [overrides[0], f"scale={scale}"]).description
        assert (description["experiment"], description["scale"]) == (file, scale)
        assert description["departures"] == []


@pytest.mark.parametrize(
    "path", sorted((CONF / "experiment").glob("[!_]*.yaml")), ids=lambda p: p.stem
)
def test_every_experiment_says_the_command_that_runs_it(path: Any) -> None:
    comment = "".join(line for line in path.read_text().splitlines() if line.startswith("#"))
    assert re.search(rf"python -m runners\.train .*\+experiment={path.stem}\b", comment)


@pytest.mark.parametrize("algo", sorted(GROUPS["algo"]))
@pytest.mark.parametrize("protocol", ["paper", "modern"])
def test_every_algorithm_trains_under_both_protocols(algo: str, protocol: str) -> None:
    small = ("scale=smoke", "env=cartpole", "sampler.rows=4", "steps_per_iteration=64")
    assert (
        first_info(f"algo={algo}", f"protocol={protocol}", "env.horizon=20", *small)["steps"] >= 64
    )


def first_info(*overrides: str) -> Any:
    """What the first iteration of a run reports."""
    with opening(*overrides) as opened:
        state = opened.algorithm.init(stream(0, "init"))
        return flatten(opened.algorithm.step(stream(0, "step"), state)[1])


@pytest.mark.parametrize("method", METHODS)
def test_every_method_of_the_theory_runs(method: str) -> None:
    overrides = ("+experiment=theory", "scale=smoke", f"method={method}", "gamma=0.5")
    info, run = first_info(*overrides), described(*overrides)
    mdps, steps = (1, 6) if method == "line" else (5, 5 * 6)
    assert (info["mdps"], info["steps"]) == (mdps, steps)
    assert run.study.steps(run.identity) == 5 * 6


@pytest.mark.parametrize("algo", ["trpo", "natural_gradient", "empirical_fim"])
@pytest.mark.parametrize("sampler", ["vine", "vine_independent"])
@pytest.mark.parametrize("env", ["cartpole", "hopper", "ant", "CartPole-v1"])
def test_the_vine_trains_with_every_kind_of_rule_and_simulator(
    algo: str, sampler: str, env: str
) -> None:
    discrete = ("env=gymnasium", f"env.id={env}", "policy=categorical_mlp")
    task = discrete if "-" in env else (f"env={env}",)
    info = first_info(f"algo={algo}", f"sampler={sampler}", *task, "scale=smoke")
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
    assert all(words in told for words in ("sampler=vine", "Pendulum-v1", "'socket'"))


def planned(*overrides: str) -> int:
    """Steps that an iteration is planned to take."""
    run = described(*overrides)
    return run.study.steps(run.identity)


def test_planned_steps_are_those_of_the_sampler() -> None:
    assert planned() == 50_000
    assert planned(VINE) == 16_000 + 2_500 * 4 * 100
    assert planned(VINE, "env=swimmer") == 16_000 + 500 * 4 * 50
    measured = (MEASURED, "measured.repeats=3", "measured.spacing=2", "steps_per_iteration=100")
    paths = ("measured.sizes=[10,30]", "sampler.rows=1", "protocol.rows=1")
    assert planned(*measured, *paths) == (3 * (10 + 30) + 2 * 100) // 2
    vine = ("measured.sizes=[10,30]", VINE)
    assert planned(*measured, *vine) == (3 * (32_000 + 40 * 400) + 2 * 100) // 2


def test_the_algorithm_in_one_word_is_the_same_run() -> None:
    assert described("algo=trpo_vine").identity == described("algo=trpo", VINE).identity


@pytest.mark.parametrize(
    "same",
    [
        *("threads=3", "workers=2", "results_dir=/elsewhere", "tensorboard=true", "iterations=7"),
        *("total_steps=1000", "scale=desk", "checkpoint_every=3"),
    ],
)
def test_identity_leaves_out_what_changes_no_number(same: str) -> None:
    assert described(*ATARI, same).identity == described(*ATARI).identity
    assert same.partition("=")[0] in NOT_IDENTITY


@pytest.mark.parametrize(
    "other",
    ["seed=1", "gamma=0.98", "algo.delta=0.02", "env=swimmer", "algo.direction.damping=0.2"],
)
def test_identity_holds_what_changes_numbers(other: str) -> None:
    assert described(other).identity != described().identity


@pytest.mark.parametrize(
    "read", ["protocol.rows=1", "protocol.fresh=false", "measured.repeats=3", "algo.delta=0.1"]
)
def test_identity_of_a_measurement_holds_what_trains_and_what_is_measured(read: str) -> None:
    truncated = ("protocol.boundary=truncate",)
    measured = ("+experiment=variance", "scale=smoke", *truncated)
    assert described(*measured, read).identity != described(*measured).identity


def test_a_measurement_has_the_values_of_its_protocol() -> None:
    measured, trained = described(MEASURED, "protocol=modern"), described("protocol=modern")
    for name in ("gamma", "filter_clip", "estimator", "steps_per_iteration"):
        assert measured.identity[name] == trained.identity[name]


def test_what_is_not_read_is_no_part_of_the_identity() -> None:
    assert described("algo=cem").identity.keys().isdisjoint({"gamma", "estimator", "baseline"})
    assert "lam" not in described().identity["estimator"]
    assert "delta" not in described(FINITE).identity
    assert "steps_per_iteration" not in described(VINE).identity


def test_identity_is_resolved() -> None:
    assert "${" not in str(described("protocol=modern", "env=walker2d").identity)


def test_settings_without_the_seed_have_one_name() -> None:
    names = [described(f"seed={seed}").description["settings"] for seed in (0, 1)]
    assert names[0] == names[1] != described("gamma=0.5").description["settings"]


def test_description_says_how_a_run_departs_from_its_experiment() -> None:
    overrides = ("+experiment=modern", "scale=desk", "env=hopper", "algo=trpo", "gamma=0.5")
    run = describe(composed(*overrides), (*overrides, "threads=2"), ("env", "algo", "seed"))
    assert run.description["departures"] == ["gamma=0.5"]
    assert run.description["overrides"] == list(overrides)
    assert run.command == f"python -m runners.train {' '.join(overrides)} threads=2"


SWEEPS = {
    ("+experiment=ablations_direction_hopper", "algo.direction={cg_steps: 3}"): {
        **{"algo.direction.cg_steps": 3, "algo.direction.damping": 1e-5},
        "algo.direction.every": 10,
    },
    ("+experiment=ablations_line_search_hopper", "algo=tnpg"): {"protocol.delta": 0.01},
    ("+experiment=modern", "env=hopper"): {},
}


@pytest.mark.parametrize("overrides", SWEEPS)
def test_description_has_what_a_run_has_of_the_settings_that_are_swept(
    overrides: tuple[str, ...],
) -> None:
    """Said by the sweep or not; groups and seeds are what a run is called by."""
    cfg = compose("config", [*overrides, "scale=desk"], return_hydra_config=True)
    swept = swept_by(cfg)
    assert {"algo", "seed"} <= swept
    description = describe(composed(*overrides), overrides, swept).description
    assert (description["swept"], description["departures"]) == (SWEEPS[overrides], [])


def test_study_of_the_theory_has_nothing_of_training() -> None:
    assert described(FINITE).identity.keys() == {
        *("study", "experiment", "seed", "method", "mdps", "gamma", "numbers"),
    }


def rule_of(*overrides: str) -> Rule:
    """The rule that a composition makes."""
    found = improved(described(*overrides).identity)
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
        *("algo=adaptive", "algo.delta=0.02", "algo.search.shrink=0.6"),
        *("algo.search.max_backtracks=4", "algo.direction.cg_steps=3"),
        *("algo.direction.damping=0.2", "algo.direction.every=7"),
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


def test_a_rule_with_an_objective_of_its_own_is_refused_under_a_vine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    @wraps(trpo)
    def own(**keywords: Any) -> Rule:
        return trpo(**keywords)._replace(surrogate=lambda log_p, samples: log_p.mean(-1))

    monkeypatch.setitem(GROUPS["algo"], "trpo", Option(own))
    described("env=cartpole")
    with pytest.raises(ConfigError, match=r"algo=trpo .* objective other than"):
        described("env=cartpole", VINE)
