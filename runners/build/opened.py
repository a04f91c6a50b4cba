"""From a run's identity to its simulator, policy and threads, open; the only place that opens."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from typing import NamedTuple

import torch

from runners.settings.errors import ConfigError, as_settings
from runners.settings.options import GROUPS, chosen, made
from runners.settings.tree import Identity, Resources
from trpo.algorithms import Compute
from trpo.parameters import UnfitError
from trpo.policies import Policy
from trpo.samplers.processes import Processes
from trpo.samplers.runner import Runner
from trpo.simulators.protocol import Space
from trpo.types import Map


class Shop(NamedTuple):
    """What a policy works with."""

    runner: Runner
    compute: Compute


@contextmanager
def opened(identity: Identity, resources: Resources, rows: int) -> Iterator[Shop]:
    """Open simulators of `rows` rows in all and the thread pool, and close them in the end.

    Raises:
        ConfigError: a setting does not fit the task; the message names it.
    """
    device = _device(resources.device)
    with (
        _threads(resources.threads) as pmap,
        _running(identity, resources.workers, rows, pmap) as runner,
    ):
        yield Shop(runner, Compute(pmap, device))


@contextmanager
def _running(identity: Identity, workers: int, rows: int, pmap: Map) -> Iterator[Runner]:
    """The runner, in this process or in others."""
    if workers:
        with closing(Processes(partial(alone, identity), workers, rows)) as spread:
            yield spread
    else:
        runner = alone(identity, rows, pmap)
        with runner.simulator:
            yield runner


def alone(identity: Identity, rows: int, pmap: Map = map) -> Runner:
    """A runner in this process, its simulator open."""
    option, task = chosen("env", identity), made("env", identity)
    with ExitStack() as opening:
        with as_settings("env", {"rows": "sampler.rows"}):
            simulator = opening.enter_context(option.open(task, rows))
        _require_filtered(identity, simulator.space)
        runner = option.run(simulator, _policy(identity, simulator.space), pmap)
        opening.pop_all()
    return runner


def _require_filtered(identity: Identity, space: Space) -> None:
    """Raise ConfigError where the observation filter is asked for frames."""
    if identity["filter_clip"] and not space.kept.filtered:
        raise ConfigError(
            f"filter_clip={identity['filter_clip']:g}: the observation filter is for vectors, and "
            "frames are seen as they are: set filter_clip=0"
        )


def _policy(identity: Identity, space: Space) -> Policy:
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
