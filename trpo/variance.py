"""How much an estimate of ∇L(θ_old) varies from batch to batch.

The paper claims that with as many Q samples vine's local estimate of the objective varies much less
than single path's, at the price of many more simulator steps (§5.2). To see both, a policy is
trained, and at stages of its training independent batches of several sizes are drawn.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from trpo.algorithms import Compute, State, TrainInfo
from trpo.moments import observation_filter
from trpo.objective import Objective
from trpo.parameters import ParameterError
from trpo.policies import Policy
from trpo.reports import RECENT, Episodes, check_finite, episode_report
from trpo.samplers.batches import Batch, Collect
from trpo.simulators.protocol import Space
from trpo.surrogates import Surrogate
from trpo.types import Algorithm, Array, Observations, Tensor


class Measuring(NamedTuple):
    """What one turn hands to the next."""

    trained: State  # of the training, whose theta and filter are measured at
    turn: int  # turns taken
    recent: Array  # (≤ 100,) returns of the last measured episodes


class Estimate(NamedTuple):
    """One estimate of the gradient, from a batch of its own."""

    gradient: Array  # (P,) float64
    returns: Array  # (E,) raw undiscounted returns of the episodes that ended
    lengths: Array  # (E,) their lengths in steps
    q_samples: int  # estimates of Q in the batch
    steps: int  # simulator steps that the batch took
    unstable: int  # of these, the ones that failed in the engine


class Spread(NamedTuple):
    """Statistics of several estimates of one gradient."""

    grad_norm: float  # ‖their mean‖₂
    gradient_variance: float  # of tr Cov(g)
    gradient_square: float  # of ‖E g‖²


class VarianceInfo(NamedTuple):
    """What one turn measured; `episodes` are those of the measured batches."""

    steps: int  # simulator steps, those of training too
    episodes: Episodes
    spread: Spread
    q_samples: float  # mean over the batches
    estimate_steps: float  # the same
    trained: int  # iterations of training so far
    unstable_steps: int  # steps that failed in the engine


def gradient_variance(  # noqa: PLR0913 (what is trained, what is measured, and how)
    train: Algorithm[State, TrainInfo],
    collects: Sequence[Collect],
    policy: Policy,
    surrogate: Surrogate,
    space: Space,
    *,
    repeats: int,
    spacing: int,
    filter_clip: float,
    compute: Compute,
) -> Algorithm[Measuring, VarianceInfo]:
    """Train a policy and measure, between iterations, how estimates of its gradient vary.

    A step is one turn: turn t draws `repeats` batches of size number t mod `len(collects)` at the
    present policy; whenever it is the first size's turn again, it trains before. The training never
    sees what is measured: with the same seed and as many sizes, the policies are the same.

    Args:
        train: `policy_optimisation`, which moves the policy.
        collects: one for each batch size; V is zero, and no path is carried over.
        policy: the network and its action distribution.
        surrogate: L, as the measured batches are meant for.
        space: the task's shapes and time limit, the steps over which `reward_per_step` averages.
        repeats: R ≥ 2 independent batches a turn.
        spacing: training iterations between the last size and the first one again.
        filter_clip: clip of the observation filter, as in `train`.
        compute: threads and device.

    Raises:
        ParameterError: a single batch, which has no variance.
    """
    if repeats < 2:
        raise ParameterError("repeats", repeats, "at least 2 for a variance")

    def step(rng: np.random.Generator, state: Measuring) -> tuple[Measuring, VarianceInfo]:
        train_rng, measure_rng = rng.spawn(2)
        rounds, number = divmod(state.turn, len(collects))
        due = spacing if rounds and not number else 0
        trained, training = several(train, train_rng.spawn(due), state.trained)
        see = observation_filter(trained.seen, filter_clip)
        given = trained.theta, see, None, no_value
        batches = (collects[number](each, *given) for each in measure_rng.spawn(repeats))
        found = [estimate(policy, surrogate, b, trained.theta, compute) for b in batches]
        recent = np.concatenate([state.recent, *(each.returns for each in found)])[-RECENT:]
        done = told(found, training, rounds * spacing, recent, space.horizon)
        return Measuring(trained, state.turn + 1, recent), done

    return Algorithm(lambda rng: Measuring(train.init(rng), 0, np.zeros(0)), step)


def several(
    train: Algorithm[State, TrainInfo], rngs: Sequence[np.random.Generator], state: State
) -> tuple[State, list[TrainInfo]]:
    """An iteration with each generator: the last state, and what each iteration did."""
    infos = []
    for rng in rngs:
        state, info = train.step(rng, state)
        infos.append(info)
    return state, infos


def no_value(obs: Observations) -> Array:
    """V = 0 (B,) of observations (B, *O)."""
    return np.zeros(len(obs))


def estimate(
    policy: Policy, surrogate: Surrogate, batch: Batch, theta: Tensor, compute: Compute
) -> Estimate:
    """∇L at the theta that the batch was drawn under."""
    samples = batch.samples.to(compute.device)
    theta = theta.to(compute.device)
    gradient = Objective(policy, surrogate, samples, theta, compute.pmap).gradient()
    g = gradient.double().cpu().numpy()
    check_finite("gradients", g)
    counts = samples.q.numel(), batch.steps, batch.unstable
    return Estimate(g, batch.paths.returns, batch.paths.lengths, *counts)


def told(
    found: Sequence[Estimate],
    training: Sequence[TrainInfo],
    trained: int,
    recent: Array,
    horizon: int,
) -> VarianceInfo:
    """What a turn that measured and trained so did; see `VarianceInfo`."""
    gradients, returns, lengths, q_samples, steps, unstable = zip(*found, strict=True)
    ended = np.concatenate(returns), np.concatenate(lengths)
    return VarianceInfo(
        sum(steps) + sum(info.steps for info in training),
        episode_report(*ended, recent, horizon),
        spread(np.stack(gradients)),
        float(np.mean(q_samples)),
        float(np.mean(steps)),
        trained,
        sum(unstable) + sum(info.unstable_steps for info in training),
    )


def spread(gradients: Array) -> Spread:
    """The mean's norm and unbiased estimates of tr Cov(g) and ‖E g‖² from gradients (R, P).

    With ḡ = Σ_i g_i / R: tr Cov(g) by Σ_i ‖g_i − ḡ‖² / (R−1), and ‖E g‖² by ‖ḡ‖² − tr Cov(g) / R,
    which may be negative where noise is all that there is.
    """
    count, mean = len(gradients), gradients.mean(0)
    variance = float(np.square(gradients - mean).sum()) / (count - 1)
    square = float(mean @ mean)
    return Spread(square**0.5, variance, square - variance / count)
