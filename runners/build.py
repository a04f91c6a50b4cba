"""From a configuration to the objects that it names; the only place that opens resources."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from math import prod
from typing import Any, NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf

from runners.config import ConfigError
from runners.registry import GROUPS
from runners.schema import arguments
from trpo.algorithms import Compute, Estimator, policy_optimisation
from trpo.baselines import Baseline
from trpo.policies import Policy
from trpo.samplers.single_path import Sampler, single_path
from trpo.simulators.cartpole import CartPoleSimulator
from trpo.simulators.protocol import Simulator, Space
from trpo.types import Algorithm, Map
from trpo.updates import Rule

Node = dict[str, Any]


class Parts(NamedTuple):
    """What a run is put together from."""

    simulator: Simulator
    policy: Policy
    rule: Rule
    sampler: Sampler
    estimator: Estimator
    baseline: Baseline
    filter_clip: float
    compute: Compute


class Experiment(NamedTuple):
    """A run's algorithm and what a progress line says of it."""

    algorithm: Algorithm
    horizon: int  # time limit of the task, steps
    parameters: int  # P of the policy


@contextmanager
def parts(cfg: DictConfig) -> Iterator[Parts]:
    """Open the simulator and the thread pool that a configuration asks for, and close them.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    node: Node = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    device, paths = _device(node["device"]), node["sampler"]
    with _simulator(node) as simulator, _threads(node["threads"]) as pmap:
        policy = _policy(node, simulator.space)
        yield Parts(
            simulator,
            policy,
            rule(node),
            single_path(
                simulator,
                policy,
                steps=node["steps_per_iteration"],
                boundary=paths["boundary"],
                fresh=paths["fresh"],
            ),
            Estimator(
                gamma=node["gamma"],
                bootstrap=paths["boundary"] == "bootstrap",
                **node["estimator"],
            ),
            _baseline(node, simulator.space),
            node["filter_clip"],
            Compute(pmap, device),
        )


def algorithm(found: Parts) -> Algorithm:
    """The algorithm that these parts make."""
    return policy_optimisation(
        found.policy,
        found.rule,
        found.sampler,
        found.estimator,
        found.baseline,
        found.simulator.space,
        filter_clip=found.filter_clip,
        compute=found.compute,
    )


@contextmanager
def build(cfg: DictConfig) -> Iterator[Experiment]:
    """The run that a configuration describes, its resources open; raises as `parts`."""
    with parts(cfg) as found:
        horizon, size = found.simulator.space.horizon, found.policy.network.size
        yield Experiment(algorithm(found), horizon, size)


def rule(node: Node) -> Rule:
    """The named update rule with its settings, `step_scale` times as far as they say."""
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
    function = GROUPS["algo"][algo["name"]].function
    found: Rule = function(**arguments(function, {**shared, **algo}))
    return found


def _simulator(node: Node) -> Simulator:
    env, rows, threads = node["env"], node["sampler"]["rows"], node["threads"]
    try:
        if env["name"] == "gymnasium":
            from trpo.simulators.gymnasium import GymnasiumSimulator

            return GymnasiumSimulator(env["id"], rows, env["horizon"])
        function = GROUPS["env"][env["name"]].function
        task = function(**arguments(function, env))
        if env["name"] == "cartpole":
            return CartPoleSimulator(task, rows)
        from trpo.simulators.mujoco import MujocoSimulator

        return MujocoSimulator(task, rows, threads)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _policy(node: Node, space: Space) -> Policy:
    name = node["policy"]["name"]
    discrete = name.startswith("categorical")
    if discrete != space.discrete:
        kind = "discrete" if space.discrete else "continuous"
        fits = "categorical_mlp" if space.discrete else "gaussian_mlp"
        raise ConfigError(f"policy={name} does not fit {kind} actions: set policy={fits}")
    if len(space.obs) != 1:
        raise ConfigError(f"policy={name} needs vector observations, not shape {space.obs}")
    function = GROUPS["policy"][name].function
    found: Policy = function(space, **arguments(function, node["policy"]))
    return found


def _baseline(node: Node, space: Space) -> Baseline:
    function = GROUPS["baseline"][node["baseline"]["name"]].function
    settings = {"width": prod(space.obs), **node["baseline"]}
    found: Baseline = function(**arguments(function, settings))
    return found


def _device(name: str) -> torch.device:
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise ConfigError(f"device={name} cannot be used here: {error}".split("\n")[0]) from error
    return device


@contextmanager
def _threads(count: int) -> Iterator[Map]:
    """`map` on this thread, or on a pool of `count` threads with one torch thread each."""
    if count == 1:
        yield map
        return
    with ThreadPoolExecutor(count, initializer=partial(torch.set_num_threads, 1)) as pool:
        yield pool.map
