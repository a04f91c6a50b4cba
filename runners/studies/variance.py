"""Runs that measure how much a sampler's gradients vary, for a policy that single paths train."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runners.build.algorithms import optimisation, parts, rule_of
from runners.build.opened import opened
from runners.settings.options import chosen, made
from runners.settings.samplers import Paths, Sampler
from runners.settings.tree import Identity, Resources
from runners.studies import training
from runners.studies.study import Label, Opened, Study
from trpo.variance import gradient_variance

Sized = tuple[Sampler, Identity]
"""A sampler and the settings with which its batches have one of the measured sizes."""


def unread(node: Mapping[str, Any]) -> set[str]:
    """As in training; and `measured.sizes` stand for a rollout set's size."""
    sampler: Sampler = made("sampler", node)
    return training.ignored(node) | ({sampler.batch} - {training.BATCH})


def check(identity: Identity) -> None:
    """Raise ConfigError where what trains or what is measured does not fit."""
    rule = rule_of(identity)
    _trainer(identity).check(identity)
    for sampler, settings in _measured(identity):
        sampler.require_fits(identity["algo"]["name"], rule)
        sampler.check(settings)


def label(identity: Identity) -> Label:
    """The sampler that is measured stands where otherwise the one that trains does."""
    return training.label(identity)._replace(algo=gradient_variance.__name__)


def steps(identity: Identity) -> int:
    """Simulator steps of a turn, of those of the training the share that falls to each."""
    measured = identity["measured"]
    batches = sum(sampler.steps(settings) for sampler, settings in _measured(identity))
    trained = measured["spacing"] * identity[training.BATCH]
    return int(measured["repeats"] * batches + trained) // len(measured["sizes"])


@contextmanager
def open_variance(identity: Identity, resources: Resources) -> Iterator[Opened]:
    """The measurement, its simulator open."""
    trainer, measured = _trainer(identity), _measured(identity)
    objects = chosen("env", identity).objects
    every = [trainer, *(sampler for sampler, _ in measured)]
    rows = max(sampler.side_by_side(objects) for sampler in every)
    with opened(identity, resources, rows) as shop:
        rule = rule_of(identity)
        space = shop.runner.simulator.space
        surrogate = measured[0][0].surrogate(rule, space)
        algorithm = gradient_variance(
            optimisation(parts(identity, rule, trainer, shop)),
            [sampler.collect(at, shop.runner) for sampler, at in measured],
            shop.runner.policy,
            surrogate,
            space,
            repeats=identity["measured"]["repeats"],
            spacing=identity["measured"]["spacing"],
            filter_clip=identity["filter_clip"],
            compute=shop.compute,
        )
        yield Opened(algorithm, {"runner": shop.runner.name}, doubts=space.doubts)


def _trainer(identity: Identity) -> Paths:
    return Paths(**identity["trained_by"])


def _measured(identity: Identity) -> list[Sized]:
    sampler: Sampler = made("sampler", identity)
    return [sampler.sized(identity, size) for size in identity["measured"]["sizes"]]


VARIANCE = Study(unread, check, label, training.step_size, steps, open_variance, ())
