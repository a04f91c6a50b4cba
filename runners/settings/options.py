"""What each option of a configuration group is made by. A new option is one line here and a YAML.

A function's keyword parameters are its settings (see runners.settings.schema).
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from runners.settings.schema import schema
from trpo import baselines, policies, searches, updates
from trpo.line_search import LineSearch
from trpo.samplers.vine import Draw
from trpo.simulators import cartpole, mujoco_tasks
from trpo.tabular.theory import Method
from trpo.updates import CG, SEARCH, Direction, Rule


class Option(NamedTuple):
    """A configurable function, with further settings that its builder reads."""

    function: Callable[..., Any]
    more: dict[str, tuple[Any, Any]] = {}  # noqa: RUF012 (never changed)

    def schema(self, name: str) -> type:
        """The typed node of this option."""
        return schema(name, self.function, **self.more)


ACTS: dict[str, tuple[Any, Any]] = {"deterministic": (bool, True)}
"""Whether a search's candidates act by their most likely action instead of a sampled one."""


def gymnasium_task(*, id: str = "???", horizon: int | None = None) -> None:
    """Any registered Gymnasium task; built in runners.build.opened, where Gymnasium is imported."""


def ant(*, id: str = "Ant-v5", horizon: int | None = None) -> None:
    """Ant-v5 by Gymnasium itself: it observes contact forces, which the fast path has not."""


def humanoid(*, id: str = "Humanoid-v5", horizon: int | None = None) -> None:
    """Humanoid-v5, for the same reason by Gymnasium itself."""


def paths(*, rows: int = 16, boundary: str = "complete", fresh: bool = True) -> None:
    """Settings of the single path method; see trpo.samplers.single_path."""


def vines(
    *,
    trunks: int = 16,
    trunk_length: int = 1000,
    states: int = 2500,
    branches: int = 4,
    branch_length: int = 100,
    draw: Draw = "uniform",
    common_noise: bool = True,
    rows: int | None = None,
) -> None:
    """Settings of the vine method; see trpo.samplers.vine. `rows` bounds what runs side by side."""


class Measurement(NamedTuple):
    """What a run of `algo=gradient_variance` measures; see trpo.variance."""

    rule: Rule  # trains the policy between measurements
    sizes: Sequence[int]
    repeats: int
    spacing: int


def measured(
    *,
    delta: float = 0.01,
    sizes: Sequence[int] = (1000,),
    repeats: int = 10,
    spacing: int = 10,
    direction: Direction = CG,
    search: LineSearch = SEARCH,
) -> Measurement:
    """How much the sampler's estimates of the surrogate's gradient vary, as TRPO goes on.

    Args:
        delta: of the TRPO that trains the policy, by single paths.
        sizes: batches measured in turn: steps of single paths, states of a vine.
        repeats: independent batches of each size.
        spacing: TRPO's iterations once every size has had its turn, before the next round.
        direction: of that TRPO.
        search: of that TRPO.
    """
    rule = updates.trpo(delta=delta, direction=direction, search=search)
    return Measurement(rule, sizes, repeats, spacing)


class Garnets(NamedTuple):
    """The random MDPs of `env=garnet`; see trpo.tabular.examples.garnet."""

    mdps: int  # N
    sizes: dict[str, int]
    observations: int


def garnets(
    *,
    count: int = 100,
    states: int = 20,
    actions: int = 4,
    branching: int = 3,
    observations: int | None = None,
) -> Garnets:
    """Random finite MDPs, drawn by the seed; gamma is the top-level one.

    Args:
        count: N MDPs, solved together.
        states: of each.
        actions: in each state.
        branching: states that an action may lead to.
        observations: how many states a policy can tell apart; null is all of them.
    """
    sizes = {"states": states, "actions": actions, "branching": branching}
    return Garnets(count, sizes, observations or states)


class Theory(NamedTuple):
    """What a run of `algo=theory` does; see trpo.tabular.theory."""

    method: Method
    sizes: dict[str, float]


def theory(
    *,
    method: Method = "minorise_maximise",
    delta: float = 0.01,
    penalty: float = 1.0,
    l2_radius: float = 0.5,
) -> Theory:
    """A method of the theory on finite MDPs, exact; see trpo.tabular.theory."""
    return Theory(method, {"delta": delta, "penalty": penalty, "l2_radius": l2_radius})


GROUPS: dict[str, dict[str, Option]] = {
    "algo": {
        rule.__name__: Option(rule)
        for rule in (
            updates.trpo,
            updates.natural_gradient,
            updates.tnpg,
            updates.vanilla_pg,
            updates.empirical_fim,
            updates.max_kl,
            updates.adaptive,
            updates.theory_penalty,
            updates.rwr,
        )
    }
    | {
        "cem": Option(searches.cem, ACTS),
        "cma_es": Option(searches.cma_es, ACTS),
        "gradient_variance": Option(measured),
        "theory": Option(theory),
    },
    "env": {
        "cartpole": Option(cartpole.CartPole),
        "swimmer": Option(mujoco_tasks.swimmer),
        "hopper": Option(mujoco_tasks.hopper),
        "walker2d": Option(mujoco_tasks.walker2d),
        "half_cheetah": Option(mujoco_tasks.half_cheetah),
        "inverted_pendulum": Option(mujoco_tasks.inverted_pendulum),
        "gymnasium": Option(gymnasium_task),
        "ant": Option(ant),
        "humanoid": Option(humanoid),
        "garnet": Option(garnets),
    },
    "policy": {
        "linear_gaussian": Option(policies.linear_gaussian),
        "gaussian_mlp": Option(policies.gaussian_mlp),
        "categorical_mlp": Option(policies.categorical_mlp),
    },
    "baseline": {
        "none": Option(baselines.no_baseline),
        "linear_features": Option(baselines.linear_features),
        "mlp_value": Option(baselines.mlp_value),
    },
    "sampler": {
        "single_path": Option(paths),
        "vine": Option(vines),
        "vine_independent": Option(vines),
    },
}
