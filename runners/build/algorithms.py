"""From a run's identity to the algorithm that it names; nothing is opened here."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from runners.build.opened import Player, Shop, fitting
from runners.settings.errors import ConfigError, as_settings
from runners.settings.options import chosen, made
from runners.settings.samplers import Sampler
from runners.settings.tree import Identity
from trpo.algorithms import Compute, State, TrainInfo, acting, policy_optimisation
from trpo.baselines import Baseline
from trpo.black_box import acting_by_mean, black_box
from trpo.parameters import scaled
from trpo.policies import Policy
from trpo.samplers.batches import Collect
from trpo.searches import Search
from trpo.simulators.protocol import Space
from trpo.types import Algorithm
from trpo.updates import Rule


class Parts(NamedTuple):
    """What a policy optimisation is put together from."""

    policy: Policy
    space: Space
    rule: Rule
    collect: Collect
    baseline: Baseline
    filter_clip: float
    compute: Compute


def improved(node: Identity) -> Rule | Search:
    """What the configured function makes of its settings.

    Raises:
        ConfigError: a value makes no sense.
    """
    settings = {**node, "algo": sized(node)}
    supplied = {"gamma": node.get("gamma"), "population": node["sampler"].get("rows")}
    found: Rule | Search = made("algo", settings, **supplied)
    return found


def sized(node: Identity) -> Mapping[str, Any]:
    """The algorithm's settings, its steps `step_scale` times as long."""
    with as_settings("algo"):
        return scaled(chosen("algo", node).function, node["algo"], node.get("step_scale", 1.0))


class Assembled(NamedTuple):
    """What a training run needs."""

    algorithm: Algorithm[Any, Any]
    notes: Mapping[str, str | int]  # for the provenance: what was chosen by itself, how large it is
    player: Player  # of what it has trained


def assembled(node: Identity, sampler: Sampler, shop: Shop) -> Assembled:
    """The algorithm, and how what it trains is played.

    Raises:
        ConfigError: a setting that the task does not allow.
    """
    found, clip, size = improved(node), node["filter_clip"], shop.runner.policy.network.size
    notes: dict[str, str | int] = {"runner": shop.runner.name, "parameters": size}
    if isinstance(found, Rule):
        rule = optimisation(parts(node, found, sampler, shop))
        return Assembled(rule, notes, Player(shop.runner, acting(clip)))
    greedy = node["algo"]["deterministic"]
    with as_settings("algo"):
        algorithm = black_box(
            shop.runner,
            found,
            steps=node["steps_per_iteration"],
            filter_clip=clip,
            deterministic=greedy,
        )
        told = {**notes, "algorithm": found.note(size)}
    return Assembled(algorithm, told, Player(shop.runner, acting_by_mean(found, clip, greedy)))


def rule_of(node: Identity) -> Rule:
    """The update rule of a run that needs one.

    Raises:
        ConfigError: its algorithm is a search over parameters.
    """
    found = improved(node)
    if not isinstance(found, Rule):
        raise ConfigError(f"algo={node['algo']['name']} has no gradient: set algo=trpo")
    return found


def parts(node: Identity, rule: Rule, sampler: Sampler, shop: Shop) -> Parts:
    """What an update rule works with; its surrogate becomes the one that fits the sampler."""
    runner, compute = shop
    space = runner.simulator.space
    fitting = rule._replace(surrogate=sampler.surrogate(rule, space))
    collect, baseline = sampler.collect(node, runner), _baseline(node, space)
    return Parts(runner.policy, space, fitting, collect, baseline, node["filter_clip"], compute)


def optimisation(found: Parts) -> Algorithm[State, TrainInfo]:
    """The policy optimisation that these parts make."""
    return policy_optimisation(
        found.policy,
        found.rule,
        found.collect,
        found.baseline,
        found.space,
        filter_clip=found.filter_clip,
        compute=found.compute,
    )


def _baseline(node: Identity, space: Space) -> Baseline:
    found: Baseline = fitting("baseline", node, shape=space.obs)
    return found
