"""Runs that train a policy."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runners.build.algorithms import assembled, improved, sized
from runners.build.opened import opened
from runners.settings.errors import as_settings
from runners.settings.options import ESTIMATORS, chosen, made
from runners.settings.samplers import Sampler
from runners.settings.tree import Identity, Resources
from runners.studies.study import Label, Opened, Study
from trpo.algorithms import TrainInfo
from trpo.parameters import check as check_parameters
from trpo.parameters import size_of
from trpo.reports import names
from trpo.samplers.batches import Estimator

COLUMNS = names(TrainInfo)
BATCH = "steps_per_iteration"


def unread(node: Mapping[str, Any]) -> set[str]:
    """What the algorithm and the estimator do not read, and a batch's size where no one asks."""
    sampler: Sampler = made("sampler", node)
    return ignored(node) | ({BATCH} - {sampler.batch})


def ignored(node: Mapping[str, Any]) -> set[str]:
    """What task, algorithm, estimator and the rule's size leave out, whatever samples."""
    algo, env = chosen("algo", node), chosen("env", node)
    unsized = size_of(algo.function, {}) is None
    estimator = ESTIMATORS.get(node["estimator"]["name"], ())
    without = {"step_scale": unsized, "workers": not env.objects}
    return {*algo.unread, *estimator, *(name for name, left in without.items() if left)}


def check(identity: Identity) -> None:
    """Raise ConfigError where algorithm, sampler and batch do not fit."""
    with as_settings("estimator"):
        check_parameters(Estimator, identity.get("estimator", {}))
    sampler: Sampler = made("sampler", identity)
    sampler.require_fits(identity["algo"]["name"], improved(identity))
    sampler.check(identity)


def label(identity: Identity) -> Label:
    """Task, algorithm, sampler and protocol."""
    said = (identity[group]["name"] for group in ("algo", "sampler", "protocol"))
    return Label(task(identity), *said)


def task(identity: Identity) -> str:
    """The task's name; families of tasks say which of them it is."""
    env = identity["env"]
    return str(env[chosen("env", identity).label or "name"])


def step_size(identity: Identity) -> float | None:
    """δ or λ with `step_scale` in it."""
    return size_of(chosen("algo", identity).function, sized(identity))


def steps(identity: Identity) -> int:
    """Simulator steps that a batch is planned to take."""
    sampler: Sampler = made("sampler", identity)
    return sampler.steps(identity)


@contextmanager
def open_training(identity: Identity, resources: Resources) -> Iterator[Opened]:
    """The algorithm, its simulator open."""
    sampler: Sampler = made("sampler", identity)
    rows = sampler.side_by_side(chosen("env", identity).objects)
    with opened(identity, resources, rows) as shop:
        doubts = shop.runner.simulator.space.doubts
        yield Opened(*assembled(identity, sampler, shop), doubts)


TRAINING = Study(unread, check, label, step_size, steps, open_training, COLUMNS)
