"""The ways to sample a batch, each with its settings: what it needs, plans and makes."""

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, Self

import numpy as np

from runners.settings.errors import ConfigError, as_settings
from trpo.parameters import Count
from trpo.samplers.batches import Collect, Estimator, from_paths, from_vine
from trpo.samplers.runner import Runner
from trpo.samplers.single_path import Boundary, single_path
from trpo.samplers.vine import Draw, Sizes, of_vine, require_visited, tried, vine
from trpo.searches import Search
from trpo.simulators.protocol import Space
from trpo.surrogates import Surrogate, importance_weighted
from trpo.updates import Rule, as_they_are

NO_VALUES = {"name": "none"}
"""The baseline V = 0."""
PLAIN = {"name": "monte_carlo", "standardise": False}
"""The estimator that takes Q as it was sampled."""
OBJECTS = 16  # rows of a vine, if it has no more trunks, where each is an object of its own


def _require_open(boundary: Boundary, fresh: bool) -> None:
    """Raise ConfigError where batches shall go on with paths that were all run to their end."""
    if boundary == "complete" and not fresh:
        raise ConfigError("sampler.boundary=complete leaves no open path: set sampler.fresh=true")


def _require_saved(runner: Runner, what: str) -> None:
    """Raise ConfigError where the task's states cannot be saved, which `what` needs."""
    try:
        runner.simulator.save(np.arange(1))
    except ValueError as error:
        raise ConfigError(f"{what}: {error}") from error


class Paths(NamedTuple):
    """The single path method; see trpo.samplers.single_path."""

    rows: Count = 16
    boundary: Boundary = "complete"
    fresh: bool = True

    def check(self, node: Mapping[str, Any]) -> None:
        """Raise ConfigError where the rest of a run does not fit."""
        steps = node["steps_per_iteration"]
        if steps < self.rows:
            raise ConfigError(
                f"steps_per_iteration={steps} is smaller than sampler.rows={self.rows}: every row "
                "takes at least one step"
            )
        _require_open(self.boundary, self.fresh)
        if self.boundary == "bootstrap" and node.get("baseline") == NO_VALUES:
            raise ConfigError(
                "sampler.boundary=bootstrap needs a baseline: set baseline=mlp_value, or cnn_value "
                "where frames are seen"
            )

    @property
    def batch(self) -> str:
        """The setting that says how large a batch is."""
        return "steps_per_iteration"

    def require_fits(self, name: str, found: Rule | Search) -> None:
        """Whatever learns can learn from whole paths."""

    def side_by_side(self, objects: bool) -> int:
        """Rows of the simulator."""
        return self.rows

    def steps(self, node: Mapping[str, Any]) -> int:
        """Simulator steps that a batch is planned to take."""
        return int(node["steps_per_iteration"])

    def sized(self, node: Mapping[str, Any], size: int) -> tuple[Self, dict[str, Any]]:
        """The same with batches of `size` steps."""
        return self, {**node, "steps_per_iteration": size}

    def surrogate(self, rule: Rule, space: Space) -> Surrogate:
        """L of a rule: its own."""
        return rule.surrogate

    def collect(self, node: Mapping[str, Any], runner: Runner) -> Collect:
        """How a batch is sampled and the worth of its actions estimated.

        Raises:
            ConfigError: the task's states cannot be saved, and batches go on from them.
        """
        if not self.fresh:
            what = "sampler.fresh=false goes on from states that it saved (set sampler.fresh=true)"
            _require_saved(runner, what)
        paths = single_path(
            runner,
            rows=self.rows,
            steps=node["steps_per_iteration"],
            boundary=self.boundary,
            fresh=self.fresh,
        )
        bootstrap = self.boundary == "bootstrap"
        estimator = Estimator(node["gamma"], bootstrap=bootstrap, **node["estimator"])
        return from_paths(paths, runner.policy, estimator)


class Vines(NamedTuple):
    """The vine method; see trpo.samplers.vine."""

    trunks: Count = 16
    trunk_length: Count = 1000
    states: Count = 2500
    branches: Count = 4
    branch_length: Count = 100
    draw: Draw = "uniform"
    common_noise: bool = True
    boundary: Literal["complete", "truncate"] = "complete"  # of the trunks
    fresh: bool = True

    def check(self, node: Mapping[str, Any]) -> None:
        """Raise ConfigError where the rest of a run does not fit."""
        if node["baseline"] != NO_VALUES or node["estimator"] != PLAIN:
            raise ConfigError(
                "sampler=vine estimates Q by its branches, without a value function: set "
                "baseline=none estimator.name=monte_carlo estimator.standardise=false"
            )
        _require_open(self.boundary, self.fresh)
        with as_settings("sampler"):
            require_visited(self.grown)

    @property
    def grown(self) -> Sizes:
        """How much is simulated."""
        return Sizes(*(getattr(self, name) for name in Sizes._fields))

    @property
    def batch(self) -> str:
        """The setting that says how large a rollout set is."""
        return "sampler.states"

    def require_fits(self, name: str, found: Rule | Search) -> None:
        """Raise ConfigError for an objective that a vine has no estimate of."""
        if isinstance(found, Search) or not (
            found.surrogate is importance_weighted and found.weigh is as_they_are
        ):
            raise ConfigError(
                f"algo={name} learns from whole paths or has an objective other than (14), which "
                "is what sampler=vine estimates: set sampler=single_path"
            )

    def side_by_side(self, objects: bool) -> int:
        """Rows of the simulator: all branches, or fewer where each row is an object."""
        every = max(self.states * self.branches, self.trunks)
        return min(every, max(OBJECTS, self.trunks)) if objects else every

    def steps(self, node: Mapping[str, Any]) -> int:
        """Simulator steps that a batch is planned to take."""
        trunks = self.trunks * self.trunk_length
        return trunks + self.states * self.branches * self.branch_length

    def sized(self, node: Mapping[str, Any], size: int) -> tuple[Self, dict[str, Any]]:
        """The same with rollout sets of `size` states."""
        return self._replace(states=size), dict(node)

    def surrogate(self, rule: Rule, space: Space) -> Surrogate:
        """L of a rule: (15) or (16) in place of (14).

        Raises:
            ConfigError: too few branches for it.
        """
        with as_settings("sampler"):
            return of_vine(space, tried(space, self.branches))

    def collect(self, node: Mapping[str, Any], runner: Runner) -> Collect:
        """How a batch is sampled and the worth of its actions estimated.

        Raises:
            ConfigError: the task's states cannot be saved, which a vine needs.
        """
        _require_saved(runner, "sampler=vine returns to states that it saved")
        names = ("draw", "common_noise", "boundary", "fresh")
        settings: dict[str, Any] = {name: getattr(self, name) for name in names}
        with as_settings("sampler"):
            return from_vine(vine(runner, self.grown, gamma=node["gamma"], **settings))


Sampler = Paths | Vines
