"""Runs of the theory's methods on finite MDPs: exact, so nothing is sampled or simulated."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runners.settings.errors import ConfigError, as_settings
from runners.settings.tree import Identity, Resources
from runners.studies.study import Label, Opened, Study
from trpo.parameters import check as check_parameters
from trpo.streams import stream
from trpo.tabular.examples import garnet
from trpo.tabular.theory import theory
from trpo.tabular.world import aliased

SIZES = {
    "trust_region_mean": "delta",
    "trust_region_max": "delta",
    "natural_gradient": "penalty",
    "vanilla_gradient": "l2_radius",
}
"""What says how long the steps of a method are; the others' follow from the theory."""


def unread(node: Mapping[str, Any]) -> set[str]:
    """The sizes of other methods' steps; and no device computes anything."""
    return {"device", *SIZES.values()} - {SIZES.get(node["method"], "")}


def check(identity: Identity) -> None:
    """Raise ConfigError for a method that there is not, or MDPs that there cannot be."""
    with as_settings(""):
        check_parameters(theory, identity)
    mdps = identity["mdps"]
    for name in ("branching", "observations"):
        if (mdps[name] or 1) > mdps["states"]:
            raise ConfigError(f"mdps.{name}={mdps[name]} is more than mdps.states={mdps['states']}")


def label(identity: Identity) -> Label:
    """The MDPs, what is seen of them, and the method."""
    states, seen = identity["mdps"]["states"], identity["mdps"]["observations"]
    alike = f", seen as {seen}" if seen and seen < states else ""
    return Label(f"{states} states, γ = {identity['gamma']:g}{alike}", identity["method"])


def step_size(identity: Identity) -> float | None:
    """δ, λ or the radius of the ℓ2 ball, where the method has one."""
    size = SIZES.get(identity["method"])
    return identity[size] if size else None


def steps(identity: Identity) -> int:
    """States solved, which stand for steps."""
    return int(identity["mdps"]["count"] * identity["mdps"]["states"])


@contextmanager
def open_theory(identity: Identity, resources: Resources) -> Iterator[Opened]:
    """The method on the MDPs, which the seed alone makes again."""
    mdps, rng = identity["mdps"], stream(identity["seed"], "mdp")
    sizes = {name: mdps[name] for name in ("states", "actions", "branching")}
    drawn = garnet(rng, mdps["count"], gamma=identity["gamma"], **sizes)
    world = aliased(drawn, mdps["observations"] or mdps["states"])
    given = {name: identity[name] for name in set(SIZES.values()) & identity.keys()}
    yield Opened(theory(world, identity["method"], **given))


THEORY = Study(unread, check, label, step_size, steps, open_theory, ())
