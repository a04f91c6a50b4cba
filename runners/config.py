"""The typed schema of a run: what may be set, what identifies a run, and what is refused."""

import difflib
import re
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from typing import Any

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from runners.registry import GROUPS
from runners.schema import mutable
from trpo.steps import LineSearch
from trpo.updates import Direction

CONF = Path(__file__).parents[1] / "conf"

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
    penalty: float = MISSING
    l2_radius: float = MISSING


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
    """The resolved settings that a run's numbers depend on (DESIGN: what its hash is made of)."""
    resolved: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    return {key: value for key, value in resolved.items() if key not in NOT_IDENTITY}


def validate(cfg: DictConfig) -> None:
    """Raise ConfigError for a setting that no run can have."""
    for name in sorted(OmegaConf.missing_keys(cfg)):
        example = " (for example Ant-v5)" if name == "env.id" else ""
        raise ConfigError(f"{name} must be set{example}")
    for name in ("steps_per_iteration", "threads", "workers", "checkpoint_every"):
        _require(cfg[name] >= 1, name, "at least 1", cfg[name])
    for name in ("total_steps", "iterations"):
        _require(cfg[name] is None or cfg[name] >= 1, name, "at least 1", cfg[name])
    if cfg.total_steps is None and cfg.iterations is None:
        raise ConfigError("set total_steps or iterations: nothing says when the run ends")
    _require(0 <= cfg.gamma <= 1, "gamma", "within [0, 1]", cfg.gamma)
    _require(0 <= cfg.estimator.lam <= 1, "estimator.lam", "within [0, 1]", cfg.estimator.lam)
    _one_of(cfg.estimator.name, "estimator.name", ("monte_carlo", "gae"))
    _require(cfg.seed >= 0, "seed", "at least 0", cfg.seed)
    _require(cfg.filter_clip >= 0, "filter_clip", "at least 0", cfg.filter_clip)
    _require(cfg.step_scale > 0, "step_scale", "positive", cfg.step_scale)
    for name in ("delta", "penalty", "epsilon"):
        if name in cfg.algo:
            _require(cfg.algo[name] > 0, f"algo.{name}", "positive", cfg.algo[name])
    for name, least in (("cg_steps", 1), ("damping", 0), ("every", 1)):
        value = cfg.direction[name]
        _require(value >= least, f"direction.{name}", f"at least {least}", value)
    _require(0 < cfg.search.shrink < 1, "search.shrink", "within (0, 1)", cfg.search.shrink)
    most = cfg.search.max_backtracks
    _require(most >= 0, "search.max_backtracks", "at least 0", most)
    _sampler(cfg)


def _sampler(cfg: DictConfig) -> None:
    sampler = cfg.sampler
    _require(sampler.rows >= 1, "sampler.rows", "at least 1", sampler.rows)
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


def _require(holds: bool, name: str, what: str, value: Any) -> None:
    if not holds:
        raise ConfigError(f"{name} must be {what}, not {value}")


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
        keys = _keys()
        if name not in keys:
            near = [key for key in keys if key.rpartition(".")[0] == name.rpartition(".")[0]]
            return f"{name} is not a setting{_nearest(name, near or keys)}"
    if (merged := re.match(r"Error merging override (\S+)", text)) and error.__cause__:
        return f"{merged.group(1)}: {str(error.__cause__).splitlines()[0]}"
    return text


def _options(group: str) -> list[str]:
    return [path.stem for path in (CONF / group).glob("*.yaml")]


def _keys() -> list[str]:
    """Every setting's full name, of all options."""
    names = [f.name for f in fields(Config)]
    for part in fields(Config):
        if is_dataclass(part.type):
            names += [f"{part.name}.{f.name}" for f in fields(part.type)]
    for group, options in GROUPS.items():
        for name, option in options.items():
            names += [f"{group}.{f.name}" for f in fields(option.schema(name))]
    return sorted(set(names))
