"""From a run's identity to its simulator, policy and threads, open; the only place that opens."""

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch

from runners.settings.errors import ConfigError, as_settings
from runners.settings.options import GROUPS, chosen, made
from runners.settings.schema import arguments
from runners.settings.tree import Identity, Resources
from trpo.algorithms import Compute
from trpo.parameters import UnfitError
from trpo.policies import Policy
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.processes import Processes
from trpo.samplers.runner import Acting, Runner
from trpo.simulators.pictures import Scene
from trpo.simulators.protocol import Simulator, Space
from trpo.types import Map


class Shop(NamedTuple):
    """What a policy works with."""

    runner: Runner
    compute: Compute


class Player(NamedTuple):
    """What plays episodes by a policy."""

    runner: Runner
    acting: Callable[[Any], Acting]  # of a run's state: how the policy acts that it has trained


Configured = Callable[[Identity, Space], Policy]
"""What makes the policy of a run's settings for a task."""


def configured(identity: Identity, space: Space) -> Policy:
    """The policy that a run's settings name.

    Raises:
        ConfigError: it does not fit the task; the message names those that do.
    """
    clip = identity["filter_clip"]
    if clip and not space.kept.filtered:
        raise ConfigError(
            f"filter_clip={clip:g}: the observation filter is for vectors, and frames are seen as "
            "they are: set filter_clip=0"
        )
    found: Policy = fitting("policy", identity, space=space)
    return found


def fitting(group: str, identity: Identity, **supplied: Any) -> Any:
    """What the option chosen of a group makes for a task.

    Raises:
        ConfigError: it does not fit the task; the message names those that do.
    """
    name = identity[group]["name"]
    try:
        return made(group, identity, **supplied)
    except ConfigError as error:
        if not isinstance(error.__cause__, UnfitError):
            raise
        others = [each for each in GROUPS[group] if each != name and _fits(group, each, supplied)]
        hint = f": set {group}={' or '.join(others)}" if others else ""
        raise ConfigError(f"{group}={name}: {error.__cause__}{hint}") from error


@contextmanager
def opened(
    identity: Identity,
    resources: Resources,
    rows: int,
    policy: Configured = configured,
) -> Iterator[Shop]:
    """Open simulators of `rows` rows in all and the thread pool, and close them in the end.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    device = _device(resources.device)
    if resources.trial:
        resources, rows = Resources(), 1
    with (
        _threads(resources.threads) as pmap,
        _running(identity, resources.workers, rows, policy, pmap) as runner,
    ):
        yield Shop(runner, Compute(pmap, device))


@contextmanager
def _running(
    identity: Identity, workers: int, rows: int, policy: Configured, pmap: Map
) -> Iterator[Runner]:
    """The runner, in this process or in others."""
    if workers:
        make = partial(_side_by_side, identity, policy)
        with closing(Processes(make, workers, rows)) as spread:
            yield spread
    else:
        runner = _alone(identity, policy, rows, pmap)
        with runner.simulator:
            yield runner


def _side_by_side(identity: Identity, policy: Configured, rows: int) -> Lockstep:
    """The runner of a task whose rows are objects."""
    runner = _alone(identity, policy, rows, map)
    assert isinstance(runner, Lockstep)
    return runner


def _alone(identity: Identity, policy: Configured, rows: int, pmap: Map) -> Runner:
    """A runner in this process, its simulator open."""
    option, task = chosen("env", identity), made("env", identity)
    with ExitStack() as opening:
        with as_settings("env", {"rows": "sampler.rows"}):
            simulator = opening.enter_context(option.open(task, rows))
        runner = option.run(simulator, policy(identity, simulator.space), pmap)
        opening.pop_all()
    return runner


class Stage(NamedTuple):
    """A row of a task, to be drawn."""

    simulator: Simulator
    scene: Scene


@contextmanager
def staged(identity: Identity, size: int) -> Iterator[Stage]:
    """Open a row of a run's task and what draws it, `size` pixels high.

    Raises:
        ConfigError: the task cannot be drawn, or not on this machine.
    """
    option, task = chosen("env", identity), made("env", identity)
    with ExitStack() as opening:
        with as_settings("env"):
            simulator = opening.enter_context(option.open(task, 1))
            scene = opening.enter_context(option.draw(simulator, task, size))
        yield Stage(simulator, scene)


def _fits(group: str, option: str, supplied: Mapping[str, Any]) -> bool:
    function = GROUPS[group][option].function
    try:
        function(**arguments(function, supplied))
    except UnfitError:
        return False
    return True


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
