"""Policy optimisation as `init` and `step`: sample, estimate, update, fit the baseline."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.baselines import Baseline
from trpo.chunks import beside
from trpo.moments import Moments, empty, merge, observation_filter
from trpo.observations import reals
from trpo.policies import Policy
from trpo.reports import RECENT, Episodes, check_finite, episode_report
from trpo.samplers.batches import Batch, Collect
from trpo.samplers.runner import Acting
from trpo.samplers.tape import Carried
from trpo.simulators.protocol import Space
from trpo.types import Algorithm, Array, Map, Observations, Tensor, UpdateInfo
from trpo.updates import Rule, Update, update


class Compute(NamedTuple):
    """Where the work is done; on the CPU no number depends on it."""

    pmap: Map = map  # spreads chunks over threads
    device: torch.device | str = "cpu"  # of the policy's update; everything else is on the CPU


class State(NamedTuple):
    """What one iteration hands to the next."""

    theta: Tensor  # (P,)
    size: float  # the step rule's δ or λ
    baseline: Any
    seen: Moments  # of observations, for the filter
    carried: Carried | None
    recent: Array  # (≤ 100,) returns of the last episodes


def acting(filter_clip: float) -> Callable[[State], Acting]:
    """What says of a state how its policy acts: as it does when the next batch is sampled."""
    return lambda state: Acting(state.theta, observation_filter(state.seen, filter_clip))


class TrainInfo(NamedTuple):
    """What one iteration did."""

    steps: int  # simulator steps
    episodes: Episodes
    update: UpdateInfo
    explained_variance: float | None  # of the baseline, before fitting; None if of a constant
    unstable_steps: int  # steps that failed in the engine
    q_samples: int  # estimates of Q that the update learnt from


def policy_optimisation(
    policy: Policy,
    rule: Rule,
    collect: Collect,
    baseline: Baseline,
    space: Space,
    *,
    filter_clip: float,
    compute: Compute,
) -> Algorithm[State, TrainInfo]:
    """TRPO and its relatives, whichever `rule` says.

    Args:
        policy: the network and its action distribution.
        rule: the slots of the update.
        collect: gives a batch under a theta.
        baseline: V, fitted after the update to the batch's targets.
        space: the task's shapes and time limit, the steps over which `reward_per_step` averages.
        filter_clip: clip of the observation filter in standard deviations; 0 for no filter.
        compute: threads and device.
    """

    def init(rng: np.random.Generator) -> State:
        policy_rng, baseline_rng = rng.spawn(2)
        theta, fitted = policy.network.init(policy_rng), baseline.init(baseline_rng)
        return State(theta, rule.step.size, fitted, empty(space.obs), None, np.zeros(0))

    def step(rng: np.random.Generator, state: State) -> tuple[State, TrainInfo]:
        see = observation_filter(state.seen, filter_clip)

        def values(obs: Observations) -> Array:
            return baseline.predict(state.baseline, obs, compute.pmap)

        batch = collect(rng, state.theta, see, state.carried, values)
        (new, size, info), fitted = learnt(policy, rule, baseline, batch, state, compute)
        paths, theta = batch.paths, new.cpu()
        check_finite("policy parameters", theta.numpy())
        recent = np.concatenate([state.recent, paths.returns])[-RECENT:]
        seen = state.seen
        if filter_clip:
            seen = merge(seen, reals(paths.rollout.obs))
        after = State(theta, size, fitted, seen, paths.carried, recent)
        return after, told(batch, info, recent, space.horizon)

    return Algorithm(init, step)


def learnt(
    policy: Policy, rule: Rule, baseline: Baseline, batch: Batch, state: State, compute: Compute
) -> tuple[Update, Any]:
    """The policy's update and the baseline's fit, neither of which waits for the other."""
    samples = batch.samples.to(compute.device)
    theta, targets = state.theta.to(compute.device), batch.targets

    def improve(pmap: Map) -> Update:
        return update(policy, rule, samples, theta, state.size, pmap)

    def fit(pmap: Map) -> Any:
        return baseline.fit(state.baseline, *targets, pmap) if targets else state.baseline

    rows, chunk = len(samples.obs), policy.network.chunk
    improved, fitted = beside(compute.pmap, rows, chunk, improve, fit)
    return improved, fitted


def told(batch: Batch, info: UpdateInfo, recent: Array, horizon: int) -> TrainInfo:
    """What an iteration with this batch and this update did; see `episode_report`."""
    paths = batch.paths
    return TrainInfo(
        batch.steps,
        episode_report(paths.returns, paths.lengths, recent, horizon),
        info,
        batch.explained_variance,
        batch.unstable,
        batch.samples.q.numel(),
    )
