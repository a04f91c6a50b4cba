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
from trpo.samplers.batches import Collect
from trpo.simulators.protocol import Space
from trpo.surrogates import Surrogate
from trpo.types import Algorithm, Array, Samples


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
    pmap, device = compute.pmap, compute.device

    def init(rng: np.random.Generator) -> Measuring:
        return Measuring(train.init(rng), 0, np.zeros(0))

    def estimate(rng: np.random.Generator, collect: Collect, at: State) -> Estimate:
        see = observation_filter(at.seen, filter_clip)
        batch = collect(rng, at.theta, see, None, lambda obs: np.zeros(len(obs)))
        paths, samples = batch.paths, Samples(*(field.to(device) for field in batch.samples))
        objective = Objective(policy, surrogate, samples, at.theta.to(device), pmap)
        gradient = objective.gradient().double().cpu().numpy()
        check_finite("gradients", gradient)
        counts = samples.q.numel(), batch.steps, batch.unstable
        return Estimate(gradient, paths.returns, paths.lengths, *counts)

    def step(rng: np.random.Generator, state: Measuring) -> tuple[Measuring, VarianceInfo]:
        train_rng, measure_rng = rng.spawn(2)
        rounds, number = divmod(state.turn, len(collects))
        trained, training = state.trained, list[TrainInfo]()
        for each in train_rng.spawn(spacing if rounds and not number else 0):
            trained, info = train.step(each, trained)
            training.append(info)
        found = [estimate(each, collects[number], trained) for each in measure_rng.spawn(repeats)]
        gradients, returns, lengths, q_samples, steps, unstable = zip(*found, strict=True)
        ended = np.concatenate(returns)
        recent = np.concatenate([state.recent, ended])[-RECENT:]
        return Measuring(trained, state.turn + 1, recent), VarianceInfo(
            sum(steps) + sum(info.steps for info in training),
            episode_report(ended, np.concatenate(lengths), recent, space.horizon),
            spread(np.stack(gradients)),
            float(np.mean(q_samples)),
            float(np.mean(steps)),
            rounds * spacing,
            sum(unstable) + sum(info.unstable_steps for info in training),
        )

    return Algorithm(init, step)


def spread(gradients: Array) -> Spread:
    """The mean's norm and unbiased estimates of tr Cov(g) and ‖E g‖² from gradients (R, P).

    With ḡ = Σ_i g_i / R: tr Cov(g) by Σ_i ‖g_i − ḡ‖² / (R−1), and ‖E g‖² by ‖ḡ‖² − tr Cov(g) / R,
    which may be negative where noise is all that there is.
    """
    count, mean = len(gradients), gradients.mean(0)
    variance = float(np.square(gradients - mean).sum()) / (count - 1)
    square = float(mean @ mean)
    return Spread(square**0.5, variance, square - variance / count)
