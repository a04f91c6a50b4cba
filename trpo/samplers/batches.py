"""What both ways of sampling give: a batch to learn from and to report.

Of single paths every step is a sample, whose worth an estimator gives; of a vine only the states of
its rollout set are.
"""

from collections.abc import Callable
from typing import Literal, NamedTuple

import numpy as np
import torch

from trpo.estimators import gae, monte_carlo
from trpo.moments import Filter
from trpo.observations import arrays, batch
from trpo.policies import Policy
from trpo.samplers.single_path import Sampler
from trpo.samplers.tape import Carried, Sampled
from trpo.samplers.vine import Vine
from trpo.types import Array, Observations, Rollout, Samples, Tensor


class Estimator(NamedTuple):
    """How the worth of actions is estimated from a rollout.

    `name` monte_carlo gives Q̂ − V(s) (§5.1 with V = 0), gae the estimator with decay `lam`.
    """

    gamma: float
    name: Literal["monte_carlo", "gae"] = "monte_carlo"
    lam: float = 1.0
    standardise: bool = False  # advantages to mean 0 and standard deviation 1 over the batch
    bootstrap: bool = False  # add V where the batch's end cut a path (always where a limit did)


class Batch(NamedTuple):
    """What one iteration learns from and reports, whichever way it was sampled."""

    samples: Samples  # for the policy's update, in a random order
    paths: Sampled  # under π_old from the start states: what returns are reported of
    targets: tuple[Observations, Array] | None  # (B, *O) and V (B,) to fit
    steps: int  # simulator steps taken in all
    unstable: int  # of these, the ones that failed in the engine
    explained_variance: float | None  # of the baseline, where there is one to fit


Values = Callable[[Observations], Array]  # observations (B, *O), as the policy sees them -> V (B,)
Collect = Callable[[np.random.Generator, Tensor, Filter, Carried | None, Values], Batch]


class Estimates(NamedTuple):
    """What the estimator made of a batch of B steps, row after row."""

    samples: Samples
    targets: Array  # (B,) what the baseline should have said
    explained_variance: (
        float | None
    )  # 1 − Var(target − V) / Var(target), before fitting; None if constant


def estimate(
    sampled: Sampled,
    policy: Policy,
    estimator: Estimator,
    see: Filter,
    values: Values,
) -> Estimates:
    """Samples for an update, and targets for the baseline, from one batch, in its order.

    Args:
        sampled: the batch.
        policy: whose distribution chose the actions.
        estimator: how Q̂ or the advantage is computed.
        see: the observation filter.
        values: V (B,) for observations (B, *O) as the policy sees them.
    """
    rollout, gamma = sampled.rollout, estimator.gamma
    obs = see(rollout.obs)
    v = values(obs)
    after = np.zeros(len(v))
    after[rollout.cut] = values(see(rollout.cut_obs))
    if not estimator.bootstrap:
        after[sampled.batch_end] = 0.0
    if estimator.name == "gae":
        advantages = gae(rollout.rewards, v, rollout.ended, after, gamma, estimator.lam)
    else:
        advantages = monte_carlo(rollout.rewards, rollout.ended, after, gamma) - v
    targets = advantages + v
    spread = targets.var()
    explained = float(1 - (targets - v).var() / spread) if spread > 0 else None
    if estimator.standardise:
        advantages = (advantages - advantages.mean()) / (advantages.std() + 1e-8)
    return Estimates(samples_of(rollout, policy, obs, advantages), targets, explained)


def samples_of(rollout: Rollout, policy: Policy, obs: Observations, q: Array) -> Samples:
    """One tried action a state (K = 1), chosen by π_old, every state of weight one."""
    actions, old = torch.from_numpy(rollout.actions)[:, None], torch.from_numpy(rollout.dist)
    return Samples(
        obs=batch(obs),
        actions=actions,
        q=torch.from_numpy(q.astype(np.float32))[:, None],
        log_q=policy.distribution.log_prob(old[:, None], actions),
        old=old,
        weight=torch.ones(len(obs)),
    )


def shuffled(rng: np.random.Generator, samples: Samples) -> tuple[Samples, Array]:
    """The states in a random order, and which was where (B,).

    Samples lie path after path. Whoever uses every k-th state of these would see, in a task with a
    period that shares a factor with k, some of its phases only; in a random order a stride is a
    random k-th.
    """
    order = rng.permutation(len(samples.obs))
    at = torch.from_numpy(order)
    return samples.some(at), order


def from_paths(sampler: Sampler, policy: Policy, estimator: Estimator) -> Collect:
    """Batches of the single path method: every step of every path is a sample."""

    def collect(
        rng: np.random.Generator,
        theta: Tensor,
        see: Filter,
        carried: Carried | None,
        values: Values,
    ) -> Batch:
        paths_rng, order_rng = rng.spawn(2)
        paths = sampler(paths_rng, theta, see, carried)
        found = estimate(paths, policy, estimator, see, values)
        samples, order = shuffled(order_rng, found.samples)
        targets = arrays(samples.obs), found.targets[order]
        explained = found.explained_variance
        return Batch(samples, paths, targets, paths.steps, paths.unstable, explained)

    return collect


def from_vine(vine: Vine) -> Collect:
    """Batches of the vine method: only the rollout set's states are samples."""

    def collect(
        rng: np.random.Generator,
        theta: Tensor,
        see: Filter,
        carried: Carried | None,
        values: Values,
    ) -> Batch:
        vine_rng, order_rng = rng.spawn(2)
        found = vine(vine_rng, theta, see, carried)
        samples, _ = shuffled(order_rng, found.samples)
        return Batch(samples, found.trunk, None, found.steps, found.unstable, None)

    return collect
