"""The typed schema of a run: what may be set, what identifies a run, and what is refused."""

import difflib
import re
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, ListConfig, OmegaConf

from runners.settings.limits import LIMITS
from runners.settings.options import GROUPS
from runners.settings.schema import mutable
from trpo.line_search import LineSearch
from trpo.tabular.theory import METHODS
from trpo.updates import Direction

CONF = Path(__file__).parents[2] / "conf"

NOT_IDENTITY = (
    "threads",
    "workers",
    "results_dir",
    "tensorboard",
    "checkpoint_every",
    "budget",
)
"""Settings that cannot change a run's numbers, or that others have already resolved."""


class ConfigError(ValueError):
    """A setting that no run can have; the message is one line that names it."""


@dataclass
class Protocol:
    """A named set of choices; the other nodes refer to these values."""

    name: str = MISSING
    hidden: list[int] = MISSING
    log_std: float = MISSING
    rows: int = MISSING
    boundary: str = MISSING
    fresh: bool = MISSING
    delta: float = MISSING
    deltas: dict[str, float] = field(default_factory=dict)
    penalty: float = MISSING
    l2_radius: float = MISSING
    cem_std: float = MISSING
    cma_std: float = MISSING
    trunks: int = MISSING
    trunk_length: int = MISSING
    branches: int = MISSING
    rollouts: dict[str, Any] = field(default_factory=dict)
    states: int = MISSING
    branch_length: int = MISSING


@dataclass
class Estimator:
    """See trpo.algorithms.Estimator."""

    name: str = "monte_carlo"
    lam: float = 1.0
    standardise: bool = False


@dataclass
class Scale:
    """How large a sweep is; each experiment says what that means for it in `budget`."""

    name: str = MISSING


@dataclass
class Config:
    """A run. README and conf/config.yaml say what each setting means."""

    env: Any = MISSING
    policy: Any = MISSING
    sampler: Any = MISSING
    algo: Any = MISSING
    baseline: Any = MISSING
    direction: mutable(Direction) = field(default_factory=mutable(Direction))  # type: ignore[valid-type]
    search: mutable(LineSearch) = field(default_factory=mutable(LineSearch))  # type: ignore[valid-type]
    estimator: Estimator = field(default_factory=Estimator)
    protocol: Protocol = field(default_factory=Protocol)
    scale: Scale = field(default_factory=Scale)
    experiment: str | None = None
    budget: dict[str, Any] = field(default_factory=dict)
    seed: int = 0
    gamma: float = 0.99
    filter_clip: float = 0.0
    step_scale: float = 1.0
    total_steps: int | None = None
    iterations: int | None = None
    steps_per_iteration: int = MISSING
    device: str = "cpu"
    threads: int = 1
    workers: int = 1
    checkpoint_every: int = 10
    results_dir: str = "results/runs"
    tensorboard: bool = False


def register() -> None:
    """Put the schemas into Hydra's store: `base` for the whole, schema/<group>/<name> for parts."""
    store = ConfigStore.instance()
    store.store(name="base", node=Config)
    for group, options in GROUPS.items():
        for name, option in options.items():
            store.store(group=f"schema/{group}", name=name, node=option.schema(name))


def identity(cfg: DictConfig) -> dict[str, Any]:
    """The resolved settings that a run's numbers depend on (its hash is made of them)."""
    resolved: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    kept = {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}
    return kept | {"protocol": {"name": cfg.protocol.name}}  # its values stand where they are used


def validate(cfg: DictConfig) -> None:
    """Raise ConfigError for a setting that no run can have."""
    for name in sorted(OmegaConf.missing_keys(cfg)):
        example = " (for example Ant-v5)" if name == "env.id" else ""
        raise ConfigError(f"{name} must be set{example}")
    _known(cfg)
    for what, holds, names in LIMITS:
        for name in names:
            value = OmegaConf.select(cfg, name)
            values = value if isinstance(value, ListConfig) else [value]
            if not all(x is None or holds(x) for x in values):
                raise ConfigError(f"{name} must be {what}, not {value}")
    if cfg.total_steps is None and cfg.iterations is None:
        raise ConfigError("set total_steps or iterations: nothing says when the run ends")
    _one_of(cfg.estimator.name, "estimator.name", ("monte_carlo", "gae"))
    if cfg.algo.name == "theory_penalty" and cfg.gamma in (0, 1):
        raise ConfigError(f"gamma must be within (0, 1) for theory_penalty, not {cfg.gamma}")
    if "covariance" in cfg.algo:
        _one_of(cfg.algo.covariance, "algo.covariance", ("auto", "full", "separable"))
    _finite(cfg)
    _sampler(cfg)


def _known(cfg: DictConfig) -> None:
    """Refuse what no option of the composition reads, which Hydra lets through after a `+`."""
    for group, options in GROUPS.items():
        name = cfg[group].name
        _one_of(name, f"{group}.name", tuple(options))
        settings = [f.name for f in fields(options[name].schema(name))]
        for key in cfg[group]:
            if key not in settings:
                raise ConfigError(f"{group}.{key} is not a setting{_nearest(key, settings)}")
    settings = [f.name for f in fields(Config)]
    for key in map(str, cfg):
        if key not in settings:
            raise ConfigError(f"{key} is not a setting{_nearest(key, settings)}")


def steps_of_iteration(cfg: DictConfig) -> int:
    """Simulator steps that an iteration is planned to take; a vine's are those of its own sizes."""
    algo, sampler, steps = cfg.algo, cfg.sampler, int(cfg.steps_per_iteration)
    if algo.name == "theory":
        return int(cfg.env.count * cfg.env.states)  # states solved, which stand for steps
    vine = "branches" in sampler
    if algo.name != "gradient_variance":
        return _steps_of_vine(cfg, sampler.states) if vine else steps
    batches = sum(_steps_of_vine(cfg, size) if vine else int(size) for size in algo.sizes)
    return (int(algo.repeats) * batches + int(algo.spacing) * steps) // len(algo.sizes)


def _steps_of_vine(cfg: DictConfig, states: int) -> int:
    sampler = cfg.sampler
    branches = states * sampler.branches * sampler.branch_length
    return int(sampler.trunks * sampler.trunk_length + branches)


def _finite(cfg: DictConfig) -> None:
    """Finite MDPs and the theory need each other; nothing is simulated or sampled."""
    env, algo = cfg.env, cfg.algo
    if env.name == "garnet" and algo.name != "theory":
        raise ConfigError(f"env=garnet cannot be simulated by algo={algo.name}: set algo=theory")
    if algo.name != "theory":
        return
    if env.name != "garnet":
        raise ConfigError(f"algo=theory needs finite MDPs, not env={env.name}: set env=garnet")
    _one_of(algo.method, "algo.method", METHODS)
    if cfg.gamma >= 1:
        raise ConfigError(f"gamma must be within [0, 1) for algo=theory, not {cfg.gamma}")
    if cfg.step_scale != 1:
        raise ConfigError(f"step_scale={cfg.step_scale} means nothing for algo=theory")
    for name in ("branching", "observations"):
        if (env[name] or 1) > env.states:
            raise ConfigError(f"env.{name}={env[name]} is more than env.states={env.states}")


def _sampler(cfg: DictConfig) -> None:
    if "branches" in cfg.sampler:
        _vine(cfg)
    else:
        _paths(cfg)


def _vine(cfg: DictConfig) -> None:
    sampler, estimator, algo = cfg.sampler, cfg.estimator, cfg.algo.name
    _one_of(sampler.draw, "sampler.draw", ("uniform", "discounted"))
    if algo in ("cem", "cma_es", "rwr"):
        raise ConfigError(f"algo={algo} learns from whole paths: set sampler=single_path")
    plain = estimator.name == "monte_carlo" and not estimator.standardise
    if not plain or cfg.baseline.name != "none":
        raise ConfigError(
            f"sampler={sampler.name} estimates Q by its branches, without a value function: set "
            "baseline=none estimator.name=monte_carlo estimator.standardise=false"
        )
    largest = max(cfg.algo.sizes) if algo == "gradient_variance" else sampler.states
    visited = sampler.trunks * sampler.trunk_length
    if largest > visited:
        raise ConfigError(
            f"sampler.states={largest} is more than the trunks visit: "
            f"sampler.trunks x sampler.trunk_length = {visited}"
        )
    if sampler.rows is not None and sampler.rows < sampler.branches:
        raise ConfigError(
            f"sampler.rows={sampler.rows} cannot hold the sampler.branches={sampler.branches} "
            "of a state: set it to at least that, or to null"
        )


def _paths(cfg: DictConfig) -> None:
    sampler = cfg.sampler
    _one_of(sampler.boundary, "sampler.boundary", ("complete", "truncate", "bootstrap"))
    if cfg.steps_per_iteration < sampler.rows:
        raise ConfigError(
            f"steps_per_iteration={cfg.steps_per_iteration} is smaller than "
            f"sampler.rows={sampler.rows}: every row takes at least one step"
        )
    if sampler.boundary == "complete" and not sampler.fresh:
        raise ConfigError("sampler.boundary=complete leaves no open path: set sampler.fresh=true")
    if sampler.boundary == "bootstrap" and cfg.baseline.name == "none":
        raise ConfigError("sampler.boundary=bootstrap needs a baseline: set baseline=mlp_value")


def _one_of(value: str, name: str, options: tuple[str, ...]) -> None:
    if value not in options:
        raise ConfigError(f"{name}={value} is unknown{_nearest(value, options)}")


def _nearest(word: str, options: Any) -> str:
    """' (did you mean x? options: …)' for a word that is none of the options."""
    found = difflib.get_close_matches(word, list(options), 1, 0.5)
    hint = f"did you mean {found[0]}? " if found else ""
    return f" ({hint}options: {', '.join(sorted(options))})"


def explain(error: Exception) -> str:
    """One line for an error of composition: the key, what is wrong, and the nearest right one."""
    text = " ".join(str(error).split())
    if option := re.search(r"Could not find '(?:\S+/)?(\w+)/([^/']+)'", text):
        group, word = option.groups()
        return f"{group}={word} is unknown{_nearest(word, _options(group))}"
    if unknown := re.search(r"Could not override '([\w.]+)'|full_key: ([\w.]+)", text):
        name = unknown.group(1) or unknown.group(2)
        keys, group = _keys(), name.partition(".")[0]
        if name not in keys:
            near = [key for key in keys if key.rpartition(".")[0] == name.rpartition(".")[0]]
            top = [key for key in keys if "." not in key]
            return f"{name} is not a setting{_nearest(name, near or top)}"
        if unknown.group(1) and group != name:
            return f"{name} is not a setting of the {group} that was chosen"
    if (merged := re.match(r"Error merging override (\S+)", text)) and error.__cause__:
        return f"{merged.group(1)}: {str(error.__cause__).splitlines()[0]}"
    return text


def _options(group: str) -> list[str]:
    return [path.stem for path in (CONF / group).glob("*.yaml")]


def _keys() -> list[str]:
    """Every setting's full name, of all options."""
    names = _names(Config)
    for group, options in GROUPS.items():
        for name, option in options.items():
            names += _names(option.schema(name), f"{group}.")
    return sorted(set(names))


def _names(node: Any, prefix: str = "") -> list[str]:
    """The full names of a typed node's settings, those of nested nodes included."""
    names = []
    for part in fields(node):
        kind = part.default_factory if is_dataclass(part.default_factory) else part.type
        names.append(f"{prefix}{part.name}")
        if is_dataclass(kind):
            names += _names(kind, f"{prefix}{part.name}.")
    return names
