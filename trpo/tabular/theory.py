"""The theory as experiments on N random MDPs: the iterates of each exact method, and all bounds."""

from collections.abc import Callable
from functools import partial
from typing import Literal, get_args

from trpo.parameters import Positive, checked
from trpo.tabular import steps
from trpo.tabular.learning import learner
from trpo.tabular.probes import line, pairs
from trpo.tabular.world import State, World, mixed, moved
from trpo.types import Algorithm, Array, Info

Learner = Literal[
    "policy_iteration",
    "conservative_policy_iteration",
    "minorise_maximise",
    "trust_region_mean",
    "trust_region_max",
    "natural_gradient",
    "vanilla_gradient",
]
"""Methods that improve a policy, one exact step an iteration."""

Method = Literal[Learner, "random_pairs", "line"]
METHODS: tuple[str, ...] = get_args(Method)

ON_LOGITS = ("natural_gradient", "vanilla_gradient")
"""What moves logits; the others move probabilities."""

PROBES: dict[str, Callable[[World], Algorithm[State, Info]]] = {"random_pairs": pairs, "line": line}
"""What learns nothing."""


@checked
def theory(
    world: World,
    method: Method,
    *,
    delta: Positive = 0.01,
    penalty: Positive = 1.0,
    l2_radius: Positive = 0.5,
) -> Algorithm[State, Info]:
    """What a method of the theory does on all MDPs, exactly; see `learner`, `pairs` and `line`.

    Args:
        world: the MDPs and what policies see of them.
        method: see `METHODS`.
        delta: KL within which the two trust regions (11), (12) stay, in nats.
        penalty: λ of the natural gradient (17), in the units of the advantages.
        l2_radius: ½‖Δ logits‖² of the vanilla gradient (18).

    Raises:
        ParameterError: there is no such method, or a size is not positive.
    """
    if method in PROBES:
        return PROBES[method](world)
    move = moves(world, delta, penalty, l2_radius)[method]
    return learner(world, move, on_logits=method in ON_LOGITS)


def moves(
    world: World, delta: float, penalty: float, l2_radius: float
) -> dict[str, Callable[[Array], Array]]:
    """Each learner's step on tables (N, G, A)."""
    exact: dict[str, steps.Step] = {
        "policy_iteration": steps.policy_iteration,
        "minorise_maximise": steps.minorise_maximise,
        "trust_region_mean": partial(steps.trust_region, delta=delta),
        "trust_region_max": partial(steps.trust_region, delta=delta, over="max"),
        "natural_gradient": partial(steps.natural_gradient, penalty=penalty),
        "vanilla_gradient": partial(steps.vanilla_gradient, delta=l2_radius),
    }
    found = {name: partial(moved, world, step, name in ON_LOGITS) for name, step in exact.items()}
    return {**found, "conservative_policy_iteration": partial(mixed, world)}
