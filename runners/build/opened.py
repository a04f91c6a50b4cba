"""From a configuration to a run with its resources open; the only place that opens them."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple

import torch
from omegaconf import DictConfig, OmegaConf

from runners.build.algorithms import Node, assembled, exact, rows_of
from runners.settings.tree import ConfigError
from runners.settings.options import GROUPS
from runners.settings.schema import arguments
from trpo.algorithms import Compute
from trpo.policies import Policy
from trpo.simulators.cartpole import CartPoleSimulator
from trpo.simulators.protocol import Simulator, Space
from trpo.types import Algorithm, Map


class Opening(NamedTuple):
    """A resolved configuration with the resources that it asks for, open."""

    node: Node
    simulator: Simulator
    policy: Policy
    compute: Compute


class Experiment(NamedTuple):
    """A run's algorithm, and what is said of it elsewhere than in its metrics."""

    algorithm: Algorithm
    horizon: int  # time limit of the task, steps
    parameters: int  # P of the policy
    note: str | None  # for the provenance: what the algorithm chose by itself


@contextmanager
def build(cfg: DictConfig) -> Iterator[Experiment]:
    """The run that a configuration describes, its resources open.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    if cfg.algo.name == "theory":
        yield _exact(OmegaConf.to_container(cfg, resolve=True))  # type: ignore[arg-type]
        return
    with opened(cfg) as opening:
        try:
            algorithm, note = assembled(*opening)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        horizon, size = opening.simulator.space.horizon, opening.policy.network.size
        yield Experiment(algorithm, horizon, size, note)


def _exact(node: Node) -> Experiment:
    """A run on finite MDPs, for which nothing has to be opened."""
    algorithm, world = exact(node)
    _, observations, actions = world.shape
    return Experiment(algorithm, 0, observations * actions, None)


@contextmanager
def opened(cfg: DictConfig) -> Iterator[Opening]:
    """Open the simulator and the thread pool of a configuration, and close them in the end.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    node: Node = OmegaConf.to_container(cfg, resolve=True)  # type: ignore[assignment]
    device = _device(node["device"])
    with _simulator(node) as simulator, _threads(node["threads"]) as pmap:
        yield Opening(node, simulator, _policy(node, simulator.space), Compute(pmap, device))


def _simulator(node: Node) -> Simulator:
    env, rows, threads = node["env"], rows_of(node), node["threads"]
    try:
        if "id" in env:
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
