"""What `make bench` measures, one function a quantity.

Every ratio is taken within one round: a compiled loop around mj_step, the limit, replays from the
same states and with the same actions on as many threads exactly the steps that the sampler and the
whole iteration take, so a machine that slows down slows all of them. Beginning an episode is no
part of the limit.
"""

import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from hydra import compose, initialize_config_dir

from runners.build.algorithms import Parts, optimisation, parts, rule_of
from runners.build.opened import opened
from runners.settings.checks import identity, settled
from runners.settings.options import chosen, made
from runners.settings.samplers import Sampler
from runners.settings.tree import CONF, Identity, Resources, register, resources
from runners.speed.replay import Limit, Recording, Segment, Timed
from runners.studies.training import TRAINING
from trpo.chunks import beside
from trpo.moments import observation_filter
from trpo.objective import Objective
from trpo.streams import stream
from trpo.types import Array, Map, Observations
from trpo.updates import update


class Ratios(NamedTuple):
    """One task under one protocol; medians over rounds of equal work."""

    limit: float  # steps/s of a compiled loop around mj_step
    sampler: float  # the limit's seconds / the sampler's
    whole: float  # the limit's seconds / those of a whole iteration
    rate: float  # steps/s of whole iterations


class Setup(NamedTuple):
    """A training run to be measured."""

    identity: Identity
    resources: Resources


def composed(*overrides: str) -> Setup:
    """The run that these overrides give."""
    register()
    with initialize_config_dir(str(CONF), version_base="1.3"):
        cfg = compose("config", overrides=list(overrides))
    node = settled(cfg)
    return Setup(identity(node, TRAINING.unread(node)), resources(cfg))


def seconds(work: Callable[[], Any]) -> float:
    """Wall time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(setup: Setup, warm_up: int, rounds: int) -> Ratios:
    """Measure the limit, the sampler and a whole iteration in turn, on the same steps."""
    with opened_parts(setup) as bench:
        part, recorded, timed, limit = bench
        state, run = warmed(optimisation(part), warm_up)
        found = []
        for i in range(warm_up + 1, warm_up + rounds + 1):
            see = observation_filter(state.seen, part.filter_clip)
            inputs = (state.theta, see, state.carried, nothing)
            segments, steps = recorded(stream(0, "step", i), *inputs)
            engine = partial(limit, segments, part.compute.pmap)
            before = seconds(engine)
            sampling = timed(stream(0, "step", i), *inputs)
            began = time.perf_counter()
            state, _ = run.step(stream(0, "step", i), state)
            whole = time.perf_counter() - began
            least = (before + seconds(engine)) / 2
            found.append((steps / least, least / sampling, least / whole, steps / whole))
        return Ratios(*medians(found))


def medians(rows: Sequence[tuple[float, ...]]) -> Iterator[float]:
    """The median of each column."""
    return (statistics.median(column) for column in zip(*rows, strict=True))


class Bench(NamedTuple):
    """A run's parts, the same sampling with notes of what was done, with a clock, and the limit."""

    part: Parts
    recorded: Callable[..., tuple[list[Segment], int]]  # collect's arguments -> segments, steps
    timed: Callable[..., float]  # the same -> seconds that the rows ran
    limit: Limit


@contextmanager
def opened_parts(setup: Setup) -> Iterator[Bench]:
    """The parts of a policy optimisation, its resources open."""
    node, allowed = setup
    sampler: Sampler = made("sampler", node)
    rows = sampler.side_by_side(chosen("env", node).objects)
    with opened(node, allowed, rows) as shop:
        simulator: Any = shop.runner.simulator

        def recorded(*inputs: Any) -> tuple[list[Segment], int]:
            recording = Recording(shop.runner)
            steps = sampler.collect(node, recording)(*inputs).steps
            return recording.segments, steps

        def timed(*inputs: Any) -> float:
            clock = Timed(shop.runner)
            sampler.collect(node, clock)(*inputs)
            return clock.seconds

        limit = Limit(simulator, allowed.threads)
        yield Bench(parts(node, rule_of(node), sampler, shop), recorded, timed, limit)


def nothing(obs: Observations) -> Array:
    """V = 0 (B,), so that sampling is timed without the value function."""
    return np.zeros(len(obs))


def warmed(run: Any, iterations: int) -> tuple[Any, Any]:
    """The state after some iterations, so that episodes have a usual length."""
    state = run.init(stream(0, "init"))
    for i in range(1, iterations + 1):
        state, _ = run.step(stream(0, "step", i), state)
    return state, run


def peak_gflops() -> float:
    """Rate of a 1,024 × 1,024 float32 matrix product on one thread."""
    a = torch.randn(1024, 1024, generator=torch.Generator().manual_seed(0))
    return float(2 * 1024**3 / min(seconds(lambda: a @ a) for _ in range(10)) / 1e9)


def split(setup: Setup, warm_up: int) -> Iterator[tuple[str, float, float | None]]:
    """The parts of one update: name, milliseconds (median of 25), GFLOP/s where they are counted.

    A product with the Jacobian or its transpose takes 4 flops a weight and state; the gradient
    is a forward pass (2) and a transposed product (4), a candidate is a forward pass.
    """
    direction = setup.identity["algo"]["direction"]
    with opened_parts(setup) as (part, *_):
        state, _ = warmed(optimisation(part), warm_up)
        see, pmap = observation_filter(state.seen, part.filter_clip), part.compute.pmap

        def values(obs: Observations) -> Array:
            return part.baseline.predict(state.baseline, obs, pmap)

        rng = stream(0, "step", warm_up + 1)
        made = part.collect(rng, state.theta, see, state.carried, values)
        obs, targets = made.targets or (np.zeros(0), np.zeros(0))
        network = part.policy.network
        weights = network.size * len(made.samples.obs)
        objective = Objective(part.policy, part.rule.surrogate, made.samples, state.theta, pmap)
        gradient = objective.gradient()
        curvature = part.rule.metric(part.policy, made.samples, state.theta, pmap)

        def improve(pmap: Map) -> Any:
            return update(part.policy, part.rule, made.samples, state.theta, state.size, pmap)

        def fit(pmap: Map) -> Any:
            return part.baseline.fit(state.baseline, obs, targets, pmap)

        products = 8.0 * weights * direction["cg_steps"] / direction["every"]
        works: list[tuple[str, Callable[[], Any], float | None]] = [
            ("gradient", objective.gradient, 6.0 * weights),
            ("conjugate gradient", lambda: part.rule.solver(curvature, gradient), products),
            ("one candidate", lambda: objective.evaluate(state.theta), 2.0 * weights),
            (
                "value function",
                lambda: fit(pmap),
                _fit_flops(setup.identity["baseline"], state.baseline, len(obs)),
            ),
            (
                "policy and value function",
                lambda: [*beside(pmap, len(obs), network.chunk, improve, fit)],
                None,
            ),
        ]
        for name, work, flops in works:
            took = statistics.median(seconds(work) for _ in range(25))
            yield name, 1e3 * took, flops / took / 1e9 if flops else None


def _fit_flops(baseline: dict[str, Any], state: Any, count: int) -> float | None:
    """Flops of a value function's fit if no step is halved; None without Gauss-Newton steps."""
    fitted = baseline.get("gauss_newton_steps")
    if fitted is None:
        return None
    step = 6.0 + 8.0 * baseline["cg_steps"] / baseline["every"]
    return float(fitted * step * state.theta.numel() * count)
