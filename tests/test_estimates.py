"""From a batch to samples and targets: what follows a cut, standardisation, explained variance."""

import numpy as np
import pytest
import torch
from oracles import CONTINUOUS
from test_estimators import AFTER, ENDED, MONTE_CARLO, REWARDS, VALUES
from test_estimators import GAE as ADVANTAGES

from trpo.policies import linear_gaussian
from trpo.samplers.batches import Estimates, Estimator, estimate, shuffled
from trpo.samplers.tape import Sampled
from trpo.types import Array, Rollout

POLICY = linear_gaussian(CONTINUOUS)
BATCH_END = np.arange(12) == 11
GAMMA = 0.5
HALF = Estimator(gamma=GAMMA, name="gae", lam=0.5)
ROW_2 = slice(8, 12)
NO_END = {  # it with nothing after it
    "gae": np.array([-1.75, 1, 8, 0]),
    "monte_carlo": np.array([7.5, 7, 10, 4]) - VALUES[ROW_2],
}


def batch(values: Array = VALUES) -> Sampled:
    """The paths of test_estimators as a batch whose observations are the values themselves."""
    rng = np.random.default_rng(0)
    rollout = Rollout(
        obs=values[:, None].astype(np.float32),
        actions=rng.standard_normal((12, 2)).astype(np.float32),
        dist=rng.standard_normal((12, 4)).astype(np.float32),
        rewards=REWARDS,
        ended=ENDED,
        cut=AFTER > 0,
        cut_obs=AFTER[AFTER > 0][:, None].astype(np.float32),
    )
    return Sampled(rollout, np.array([0, 4, 8]), BATCH_END, np.zeros(0), np.zeros(0, int), None, 0)


def made(estimator: Estimator, found: Sampled | None = None, scale: float = 1.0) -> Estimates:
    """Estimates from the batch; the filter and the value function divide and multiply by scale."""
    return estimate(
        found or batch(),
        POLICY,
        estimator,
        lambda obs: obs / np.float32(scale),
        lambda obs: scale * obs[:, 0].astype(float),
    )


def q(found: Estimates) -> list[float]:
    """The samples' q as a list."""
    return [float(x) for x in found.samples.q[:, 0]]


@pytest.mark.parametrize("scale", [1.0, 4.0])
def test_gae_goes_on_after_limits_and_batch_ends_with_the_value_last_seen(scale: float) -> None:
    found = made(HALF._replace(bootstrap=True), scale=scale)
    assert q(found) == pytest.approx(ADVANTAGES)
    assert found.targets == pytest.approx(ADVANTAGES + VALUES)


@pytest.mark.parametrize("name", ["gae", "monte_carlo"])
def test_a_batch_end_adds_nothing_unless_told_but_a_time_limit_is_never_an_end(name: str) -> None:
    full = {"gae": ADVANTAGES, "monte_carlo": MONTE_CARLO - VALUES}[name].copy()
    full[ROW_2] = NO_END[name]
    assert q(made(HALF._replace(name=name))) == pytest.approx(full)


def test_monte_carlo_is_the_discounted_return_less_the_value() -> None:
    found = made(Estimator(gamma=GAMMA, bootstrap=True))
    assert q(found) == pytest.approx(MONTE_CARLO - VALUES)
    assert found.targets == pytest.approx(MONTE_CARLO)


def test_standardised_advantages_have_mean_zero_and_deviation_one_but_targets_do_not() -> None:
    plain = made(HALF._replace(bootstrap=True))
    found = made(HALF._replace(bootstrap=True, standardise=True))
    x = np.array(q(plain))
    assert q(found) == pytest.approx((x - x.mean()) / x.std(), abs=1e-6)
    assert np.mean(q(found)) == pytest.approx(0, abs=1e-6)
    assert np.std(q(found)) == pytest.approx(1, abs=1e-6)
    assert np.array_equal(found.targets, plain.targets)


def test_samples_hold_the_steps_row_after_row_under_the_old_policy() -> None:
    sampled = batch()
    found = made(HALF, sampled, scale=2.0)
    assert np.array_equal(found.samples.obs[:, 0], VALUES / 2)
    actions, old = sampled.rollout.actions, torch.from_numpy(sampled.rollout.dist)
    assert np.array_equal(found.samples.actions.numpy(), actions[:, None])
    assert torch.equal(found.samples.old, old)
    normal = torch.distributions.Normal(old[:, :2], old[:, 2:].exp())
    log_p = normal.log_prob(torch.from_numpy(actions)).sum(1)
    assert torch.allclose(found.samples.log_q[:, 0], log_p, atol=1e-5)
    assert found.samples.weight.tolist() == [1.0] * 12


def test_explained_variance_is_one_for_a_perfect_value_and_zero_for_none() -> None:
    estimator = Estimator(gamma=GAMMA, bootstrap=True)
    assert made(estimator, batch(MONTE_CARLO)).explained_variance == pytest.approx(1)
    assert made(estimator, batch(0 * VALUES)).explained_variance == pytest.approx(0)
    worse = made(estimator, batch(-MONTE_CARLO)).explained_variance
    assert worse == pytest.approx(1 - 4)


def test_explained_variance_of_a_constant_is_none() -> None:
    sampled = batch(0 * VALUES)
    nothing = sampled.rollout._replace(
        rewards=0 * REWARDS, cut=AFTER > 99, cut_obs=np.zeros((0, 1), np.float32)
    )
    assert made(HALF, sampled._replace(rollout=nothing)).explained_variance is None


def test_shuffling_keeps_what_belongs_to_a_state_together_and_loses_none() -> None:
    found = made(HALF._replace(bootstrap=True))
    marked = found.samples._replace(weight=torch.arange(12.0))
    samples, order = shuffled(np.random.default_rng(0), marked)
    assert np.array_equal(samples.weight.long(), order)
    assert sorted(order.tolist()) == [*range(12)] != order.tolist()
    for field, before in zip(samples, marked, strict=True):
        assert torch.equal(field, before[order])


def test_the_order_is_that_of_its_generator_alone() -> None:
    samples = made(HALF)[0]
    more = samples._replace(q=samples.q + 1)
    one, other = (shuffled(np.random.default_rng(1), x)[0] for x in (samples, more))
    assert torch.equal(one.q + 1, other.q)
    another, _ = shuffled(np.random.default_rng(2), samples)
    assert not torch.equal(one.q, another.q)


def test_every_order_is_as_likely_as_any_other() -> None:
    samples, rng, draws = (
        made(HALF)[0]._replace(weight=torch.arange(12.0)),
        np.random.default_rng(0),
        1200,
    )
    counts = np.zeros((12, 12))
    for _ in range(draws):
        counts[np.arange(12), shuffled(rng, samples)[0].weight.long()] += 1
    p = 1 / 12
    assert abs(counts / draws - p).max() < 4 * (p * (1 - p) / draws) ** 0.5
