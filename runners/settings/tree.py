"""The typed trees of settings, one a kind of run; what of them is a run's identity."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from hydra.core.config_store import ConfigStore
from omegaconf import MISSING, DictConfig, OmegaConf

from runners.settings.options import GROUPS
from runners.settings.schema import mutable
from trpo.line_search import LineSearch
from trpo.parameters import Count, Fraction, Natural, NonNegative, Positive, Range
from trpo.updates import Direction

CONF = Path(__file__).parents[2] / "conf"

NUMBERS = 2
"""Raised by every change that moves a run's numbers, so that old and new runs never meet."""

SESSION = (
    *("threads", "workers", "results_dir", "tensorboard"),
    *("checkpoint_every", "keep_checkpoints"),
)
"""Settings of how a run is run: they change no number."""
NOT_IDENTITY = (
    *SESSION,
    *("total_steps", "iterations", "scale"),  # how long a run is, is no part of what it is
    *("budget", "usual", "size"),  # others have resolved them
)
"""Settings that are no part of what a run is."""

Identity = dict[str, Any]
"""All that a run's numbers depend on, resolved; a run is built from this and its resources."""


class Resources(NamedTuple):
    """What a run may use; on the CPU no number depends on it."""

    threads: int = 1
    workers: int = 0
    device: str = "cpu"
    trial: bool = False  # one row and nothing beside: to see that all can be opened


@dataclass
class Scale:
    """How large a sweep is; each experiment says what that means for it in `budget`."""

    name: str = MISSING


@dataclass
class Session:
    """What every kind of run has. conf/README.md says what each setting means."""

    study: str = MISSING
    scale: Scale = field(default_factory=Scale)
    experiment: str | None = None
    budget: dict[str, Any] = field(default_factory=dict)  # of an experiment, by scale
    usual: dict[str, Any] = field(default_factory=dict)  # of the study, by scale
    size: Any = None  # what of these two is this scale's
    seed: Natural = 0
    total_steps: Count | None = None
    iterations: Count | None = None
    device: str = "cpu"
    threads: Count = 1
    workers: Natural = 0
    checkpoint_every: Count = 10
    keep_checkpoints: Natural = 0
    results_dir: str = "results/runs"
    tensorboard: bool = False


@dataclass
class Protocol:
    """A named set of choices, grouped by who reads them; the other nodes refer to these values."""

    name: str = MISSING
    by_task: dict[str, Any] = field(default_factory=dict)  # exceptions, which the others refer to
    # policies
    hidden: list[int] = MISSING
    log_std: float = MISSING
    # single paths
    rows: int = MISSING
    boundary: str = MISSING
    fresh: bool = MISSING
    # vines
    trunks: int = MISSING
    trunk_length: int = MISSING
    branches: int = MISSING
    states: int = MISSING
    branch_length: int = MISSING
    # steps
    delta: float = MISSING
    penalty: float = MISSING
    l2_radius: float = MISSING
    direction: mutable(Direction) = field(default_factory=mutable(Direction))  # type: ignore[valid-type]
    search: mutable(LineSearch) = field(default_factory=mutable(LineSearch))  # type: ignore[valid-type]
    # searches over parameters
    cem_std: float = MISSING
    cma_std: float = MISSING
    # the length of a run
    iterations: int | None = None
    total_steps: int | None = None
    steps: int = MISSING


@dataclass
class Estimator:
    """See trpo.samplers.batches.Estimator."""

    name: str = "monte_carlo"
    lam: Fraction = 1.0
    standardise: bool = False


@dataclass
class Training(Session):
    """A run that trains a policy."""

    env: Any = MISSING
    policy: Any = MISSING
    sampler: Any = MISSING
    algo: Any = MISSING
    baseline: Any = MISSING
    estimator: Estimator = field(default_factory=Estimator)
    protocol: Protocol = field(default_factory=Protocol)
    gamma: Fraction = 0.99
    filter_clip: NonNegative = 0.0
    step_scale: Positive = 1.0
    steps_per_iteration: Count = MISSING


@dataclass
class Paths:
    """The single paths that train where something else is measured."""

    rows: Count = MISSING
    boundary: str = MISSING
    fresh: bool = MISSING


@dataclass
class Measured:
    """What a run of `study=variance` measures; see trpo.variance."""

    sizes: list[Count] = field(default_factory=lambda: [1000])
    repeats: Annotated[int, Range(low=2)] = 10
    spacing: Count = 10


@dataclass
class Variance(Training):
    """A run that measures how much a sampler's gradients vary, as TRPO goes on."""

    measured: Measured = field(default_factory=Measured)
    trained_by: Paths = field(default_factory=Paths)


@dataclass
class Garnets:
    """Random finite MDPs, drawn by the seed; see trpo.tabular.examples.garnet."""

    count: Count = 100
    states: Count = 20
    actions: Annotated[int, Range(low=2)] = 4
    branching: Count = 3
    observations: Count | None = None  # how many states a policy can tell apart; null is all


@dataclass
class Theory(Session):
    """A run of one method of the theory on finite MDPs; see trpo.tabular.theory."""

    method: str = "minorise_maximise"
    mdps: Garnets = field(default_factory=Garnets)
    gamma: Annotated[float, Range(0, 1, (True, False))] = 0.99
    delta: Positive = 0.01
    penalty: Positive = 1.0
    l2_radius: Positive = 0.5


TREES: dict[str, type] = {"training": Training, "variance": Variance, "theory": Theory}
"""The typed tree of each kind of run."""


def files(group: str) -> list[str]:
    """The options of a configuration group; files that begin with _ are parts of others."""
    return [path.stem for path in (CONF / group).glob("[!_]*.yaml")]


def register() -> None:
    """Put the schemas into Hydra's store: schema/study/<study>, schema/<group>/<option>.

    Hydra copies its store for each configuration that it composes, for `--help` a hundred times.
    It never changes the copies, which is why they can be the store itself.
    """
    store = ConfigStore.instance()
    vars(store)["__deepcopy__"] = lambda memo: store
    for study, tree in TREES.items():
        store.store(group="schema/study", name=study, node=tree, package="_global_")
    for group, options in GROUPS.items():
        for name, option in options.items():
            store.store(group=f"schema/{group}", name=name, node=option.schema(name))


def resolved(cfg: DictConfig) -> dict[str, Any]:
    """A configuration as plain data, every reference replaced by what it refers to."""
    found: dict[str, Any] = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    return found


def resources(node: Mapping[str, Any]) -> Resources:
    """What a configuration lets its run use."""
    return Resources(node["threads"], node["workers"], node["device"])
