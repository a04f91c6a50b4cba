"""What each option of a configuration group is made by. A new option is one line here and a YAML.

A function's keyword parameters are its settings (see runners.schema).
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from runners.schema import schema
from trpo import baselines, policies, updates
from trpo.simulators import cartpole, mujoco_tasks


class Option(NamedTuple):
    """A configurable function, with further settings that its builder reads."""

    function: Callable[..., Any]
    more: dict[str, tuple[Any, Any]] = {}  # noqa: RUF012 (never changed)

    def schema(self, name: str) -> type:
        """The typed node of this option."""
        return schema(name, self.function, **self.more)


def gymnasium_task(*, id: str = "???", horizon: int | None = None) -> None:
    """Any registered Gymnasium task; built in runners.build, where Gymnasium is imported."""


def paths(*, rows: int = 16, boundary: str = "complete", fresh: bool = True) -> None:
    """Settings of the single path method; see trpo.samplers.single_path."""


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
        )
    },
    "env": {
        "cartpole": Option(cartpole.CartPole),
        "swimmer": Option(mujoco_tasks.swimmer),
        "hopper": Option(mujoco_tasks.hopper),
        "walker2d": Option(mujoco_tasks.walker2d),
        "half_cheetah": Option(mujoco_tasks.half_cheetah),
        "inverted_pendulum": Option(mujoco_tasks.inverted_pendulum),
        "gymnasium": Option(gymnasium_task),
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
    "sampler": {"single_path": Option(paths)},
}
