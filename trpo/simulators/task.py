"""A MuJoCo task as data; Gymnasium's eleven stand in `locomotion.py` and `control.py`.

A task is what it reads and how it adds up: `seen` is observed, `healthy` must lie inside bounds,
and the reward is a sum of sums of terms, added in Gymnasium's order so that its last bits agree.
Most have the form

    r = w (x' − x)/Δt + h [healthy'] − (c |u|² + contact cost),

with x where some point of the body is and u the action. `trpo.simulators.kernel` steps them all.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, nextafter
from typing import Any, NamedTuple

from trpo.parameters import Count, check
from trpo.simulators.starts import Start

Range = tuple[float, float]


class Reading(NamedTuple):
    """Entries [first, last) of one of the engine's arrays, flattened.

    `array` is a name of MjData, or one of: moved (how far the point has moved, in metres), well
    (1 if healthy, else 0), one. Entries are turned, then `minus` is subtracted, then clipped.
    """

    array: str
    first: int = 0
    last: int | None = None
    every: int = 1
    body: str | None = None  # of an array with a row for each body: the row
    but_world: bool = False  # of such an array: without its first row
    minus: float | str = 0.0  # a number, or a body whose row it is
    turned: int = 0  # 1: sines, 2: cosines, as of angles
    low: float = -inf
    high: float = inf


class Term(NamedTuple):
    """weight · (Σ readings, or of their squares, or its root) / Δt, clipped.

    NumPy squares an array by products, but a single number by C's `pow`, whose last bit may differ.
    """

    reading: Reading
    weight: float = 1.0
    squared: int = 0  # 1: by products, 2: by pow
    rooted: bool = False
    steps: int = 0  # of the engine, whose time Δt is; 0 divides by nothing
    low: float = -inf
    high: float = inf


class Sum(NamedTuple):
    """Terms that are added up before they are added to the reward, or subtracted from it."""

    sign: int
    terms: tuple[Term, ...]


class Point(NamedTuple):
    """Where x is: a weighted sum of readings, or their weighted mean."""

    readings: tuple[Reading, ...]
    weights: Callable[[Any], Any] | None = None  # MjModel -> one a reading; None is a single 1
    mean: bool = False


class Within(NamedTuple):
    """Readings that are healthy strictly between two bounds."""

    reading: Reading
    low: float = -inf
    high: float = inf


FIRST = Point((Reading("qpos", last=1),))
"""The first coordinate."""


@dataclass(frozen=True)
class Task:
    """One task; see the module."""

    model: str  # the XML's name among Gymnasium's own assets
    frame_skip: Count  # engine steps a step
    horizon: Count  # time limit of an episode, in steps
    start: Start  # how an episode begins
    seen: tuple[Reading, ...]
    reward: tuple[Sum, ...]
    point: Point = FIRST
    healthy: tuple[Within, ...] = ()
    terminate_when_unhealthy: bool = False
    contact_forces: bool = False  # whether it reads any, which the engine computes if asked only

    def __post_init__(self) -> None:
        """Raise ValueError for numbers that describe no task."""
        check(Task, vars(self))
        for within in self.healthy:
            if not within.low < within.high:
                raise ValueError(
                    f"healthy ranges must rise, not go from {within.low} to {within.high}"
                )


def between(reading: Reading, bounds: Range) -> Within:
    """Healthy strictly between the bounds."""
    return Within(reading, *bounds)


def inside(reading: Reading, bounds: Range) -> Within:
    """Healthy between the bounds or on them."""
    return Within(reading, nextafter(bounds[0], -inf), nextafter(bounds[1], inf))


def effort(weight: float) -> Term:
    """The cost of action: weight · |u|²."""
    return Term(Reading("ctrl"), weight, squared=1)


def speed(weight: float, frame_skip: int) -> Term:
    """The reward of moving: weight · (x' − x)/Δt."""
    return Term(Reading("moved"), weight, steps=frame_skip)


def well(reward: float) -> Term:
    """`reward` [healthy']."""
    return Term(Reading("well"), reward)


def forward(speed: Term, *costs: Term, well: Term | None = None) -> tuple[Sum, ...]:
    """What the tasks of moving forward reward."""
    return Sum(1, (speed, well) if well else (speed,)), Sum(-1, costs)


def state(left_out: int, velocity_clip: float = inf) -> tuple[Reading, ...]:
    """Positions but the first ones, and velocities."""
    return (
        Reading("qpos", left_out),
        Reading("qvel", low=-velocity_clip, high=velocity_clip),
    )


def of_bodies(reading: Reading) -> Reading:
    """The same without the first row, which is the world's."""
    return reading._replace(but_world=True)


HEIGHT, ANGLE = Reading("qpos", 1, 2), Reading("qpos", 2, 3)
"""Of a task in a plane, in metres and radians."""
