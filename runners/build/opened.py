"""From a run's identity to its simulator, policy and threads, open; the only place that opens."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import torch

from runners.settings.errors import ConfigError, as_settings
from runners.settings.options import GROUPS, chosen, made
from runners.settings.tree import Identity, Resources
from trpo.algorithms import Compute
from trpo.parameters import UnfitError
from trpo.policies import Policy
from trpo.samplers.runner import Acting, Runner
from trpo.simulators.protocol import Space
from trpo.types import Map


class Shop(NamedTuple):
    """What a policy works with."""

    runner: Runner
    compute: Compute


class Player(NamedTuple):
    """What plays episodes by a policy."""

    runner: Runner
    acting: Callable[[Any], Acting]  # of a run's state: how the policy acts that it has trained


def configured(identity: Identity, space: Space) -> Policy:
    """The policy that a run's settings name.

    Raises:
        ConfigError: it does not fit the task; the message names those that do.
    """
    name = identity["policy"]["name"]
    try:
        found: Policy = made("policy", identity, space=space)
    except ConfigError as error:
        if not isinstance(error.__cause__, UnfitError):
            raise
        fitting = " or ".join(option for option in GROUPS["policy"] if _fits(option, space))
        hint = f": set policy={fitting}" if fitting else ""
        raise ConfigError(f"policy={name}: {error.__cause__}{hint}") from error
    return found


@contextmanager
def opened(
    identity: Identity,
    resources: Resources,
    rows: int,
    policy: Callable[[Identity, Space], Policy] = configured,
) -> Iterator[Shop]:
    """Open a simulator of `rows` rows and the thread pool, and close them in the end.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    device, option = _device(resources.device), chosen("env", identity)
    task = made("env", identity)
    with as_settings("env", {"rows": "sampler.rows"}):
        simulator = option.open(task, rows)
    with simulator, _threads(resources.threads) as pmap:
        runner = option.run(simulator, policy(identity, simulator.space), pmap)
        yield Shop(runner, Compute(pmap, device))


def _fits(option: str, space: Space) -> bool:
    try:
        GROUPS["policy"][option].function(space)
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
