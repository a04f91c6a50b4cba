"""From a resolved configuration to the algorithm that it names; nothing is opened here."""

from math import prod
from typing import Any, NamedTuple

import numpy as np

from runners.settings.tree import ConfigError
from runners.settings.options import GROUPS, Garnets, Measurement, Theory
from runners.settings.schema import arguments
from trpo.algorithms import (
    Collect,
    Compute,
    Estimator,
    from_paths,
    from_vine,
    policy_optimisation,
)
from trpo.baselines import Baseline
from trpo.black_box import black_box
from trpo.policies import Policy
from trpo.samplers.single_path import single_path
from trpo.samplers.vine import Sizes, tried, vine
from trpo.searches import Search
from trpo.simulators.protocol import Simulator, Space
from trpo.streams import stream
from trpo.surrogates import Surrogate, of_vine
from trpo.tabular.examples import garnet
from trpo.tabular.theory import World, aliased, theory
from trpo.types import Algorithm
from trpo.updates import Rule
from trpo.variance import gradient_variance

Node = dict[str, Any]
"""A resolved configuration, or a part of one."""

OBJECTS = 64  # rows of a vine where each is a Python object of its own, unless told otherwise


class Parts(NamedTuple):
    """What a policy optimisation is put together from."""

    simulator: Simulator
    policy: Policy
    rule: Rule
    collect: Collect
    baseline: Baseline
    filter_clip: float
    compute: Compute


def assembled(
    node: Node, simulator: Simulator, policy: Policy, compute: Compute
) -> tuple[Algorithm, str | None]:
    """The algorithm, and what it chose by itself.

    Raises:
        ValueError: a setting that the task does not allow.
    """
    found = improvement(node)
    if isinstance(found, Rule):
        return optimisation(parts(node, found, simulator, policy, compute)), None
    if isinstance(found, Measurement):
        return measurement(node, found, simulator, policy, compute), None
    algorithm = black_box(
        policy,
        found,
        simulator,
        steps=node["steps_per_iteration"],
        filter_clip=node["filter_clip"],
        deterministic=node["algo"]["deterministic"],
    )
    return algorithm, found.note(policy.network.size)


def exact(node: Node) -> tuple[Algorithm, World]:
    """The theory's algorithm, and the MDPs that it solves, which the seed alone makes again."""
    env: Garnets = _configured("env", node)
    algo: Theory = _configured("algo", node)
    rng = stream(node["seed"], "mdp")
    world = aliased(garnet(rng, env.mdps, gamma=node["gamma"], **env.sizes), env.observations)
    return theory(world, algo.method, **algo.sizes), world


def parts(node: Node, rule: Rule, simulator: Simulator, policy: Policy, compute: Compute) -> Parts:
    """What an update rule works with; its surrogate becomes the one that fits the sampler."""
    fitting = surrogate(node, rule.surrogate, simulator.space)
    found, collect = rule._replace(surrogate=fitting), collector(node, simulator, policy)
    baseline, clip = _baseline(node, simulator.space), node["filter_clip"]
    return Parts(simulator, policy, found, collect, baseline, clip, compute)


def optimisation(found: Parts) -> Algorithm:
    """The policy optimisation that these parts make."""
    return policy_optimisation(
        found.policy,
        found.rule,
        found.collect,
        found.baseline,
        found.simulator.space,
        filter_clip=found.filter_clip,
        compute=found.compute,
    )


def measurement(
    node: Node, found: Measurement, simulator: Simulator, policy: Policy, compute: Compute
) -> Algorithm:
    """How much the sampler's gradients vary, for a policy that single paths train."""
    protocol = node["protocol"]
    paths = {name: protocol[name] for name in ("rows", "boundary", "fresh")}
    training = {**node, "sampler": {"name": "single_path", **paths}}
    return gradient_variance(
        optimisation(parts(training, found.rule, simulator, policy, compute)),
        [collector(sized(node, size), simulator, policy) for size in found.sizes],
        policy,
        surrogate(node, found.rule.surrogate, simulator.space),
        simulator.space,
        repeats=found.repeats,
        spacing=found.spacing,
        filter_clip=node["filter_clip"],
        compute=compute,
    )


def sized(node: Node, size: int) -> Node:
    """The same sampler with another batch: steps of single paths, states of a vine."""
    if "states" in node["sampler"]:
        return {**node, "sampler": {**node["sampler"], "states": size}}
    return {**node, "steps_per_iteration": size}


def surrogate(node: Node, own: Surrogate, space: Space) -> Surrogate:
    """The surrogate that fits the sampler; of single paths it is the rule's own."""
    if "branches" not in node["sampler"]:
        return own
    return of_vine(space, tried(space, node["sampler"]["branches"]))


def collector(node: Node, simulator: Simulator, policy: Policy) -> Collect:
    """How a batch is sampled and the worth of its actions estimated.

    Raises:
        ConfigError: the task's states cannot be saved, which a vine needs.
    """
    sampler, gamma = node["sampler"], node["gamma"]
    if "branches" in sampler:
        try:
            simulator.save(np.arange(1))
        except ValueError as error:
            raise ConfigError(f"sampler=vine returns to states that it saved: {error}") from error
        sizes = Sizes(*(sampler[name] for name in Sizes._fields))
        settings = {"draw": sampler["draw"], "common_noise": sampler["common_noise"]}
        return from_vine(vine(simulator, policy, sizes, gamma=gamma, **settings))
    boundary = sampler["boundary"]
    paths = single_path(
        simulator,
        policy,
        steps=node["steps_per_iteration"],
        boundary=boundary,
        fresh=sampler["fresh"],
        rows=sampler["rows"],
    )
    estimator = Estimator(gamma, bootstrap=boundary == "bootstrap", **node["estimator"])
    return from_paths(paths, policy, estimator)


def rows_of(node: Node) -> int:
    """How many rows the simulator needs.

    A vine's branches all run side by side, unless it says how many or each row is an object.
    """
    sampler, algo = node["sampler"], node["algo"]
    measures = algo["name"] == "gradient_variance"
    trained: int = node["protocol"]["rows"] if measures else 1
    if "branches" not in sampler:
        return max(int(sampler["rows"]), trained)
    every = (max(algo["sizes"]) if measures else sampler["states"]) * sampler["branches"]
    objects = "id" in node["env"]
    side_by_side = sampler["rows"] or (min(every, OBJECTS) if objects else every)
    return max(int(side_by_side), int(sampler["branches"]), int(sampler["trunks"]), trained)


def improvement(node: Node) -> Rule | Search | Measurement:
    """What the configured function makes of its settings, `step_scale` times as far as they say."""
    algo, scale = dict(node["algo"]), node["step_scale"]
    if "delta" in algo:
        algo["delta"] *= scale**2
    elif "penalty" in algo:
        algo["penalty"] /= scale
    elif scale != 1:
        raise ConfigError(
            f"step_scale={scale} means nothing for algo={algo['name']}: leave it at 1"
        )
    shared = {"direction": node["direction"], "search": node["search"], "gamma": node["gamma"]}
    given = {**shared, **algo, "population": node["sampler"].get("rows")}
    function = GROUPS["algo"][algo["name"]].function
    found: Rule | Search | Measurement = function(**arguments(function, given))
    return found


def _configured(group: str, node: Node) -> Any:
    """What the option chosen of a group makes of its own settings alone."""
    function = GROUPS[group][node[group]["name"]].function
    return function(**arguments(function, node[group]))


def _baseline(node: Node, space: Space) -> Baseline:
    function = GROUPS["baseline"][node["baseline"]["name"]].function
    settings = {"width": prod(space.obs), **node["baseline"]}
    found: Baseline = function(**arguments(function, settings))
    return found
