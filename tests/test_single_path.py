"""The single path method on a corridor whose every step can be told in advance."""

from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_task import HORIZON, Broken, Corridor

from trpo.policies import categorical_mlp, linear_gaussian
from trpo.samplers.single_path import Boundary, single_path
from trpo.samplers.tape import Carried, Sampled
from trpo.types import Array, Tensor

QUIET = -30.0  # a log standard deviation that leaves no noise to speak of
CUT = ("truncate", "bootstrap")


def parameters(log_std: float) -> Tensor:
    """A mean of 0.01 times the position, and a log standard deviation."""
    return torch.tensor([0.01, 0.0, 0.0, log_std])


def see(obs: Array) -> Array:
    """No filter."""
    return obs


def sample(
    simulator: Corridor,
    steps: int,
    boundary: Boundary,
    *,
    fresh: bool = True,
    carried: Carried | None = None,
    log_std: float = 0.0,
    seed: int = 0,
) -> Sampled:
    """One batch."""
    policy = linear_gaussian(simulator.space)
    sampler = single_path(simulator, policy, steps=steps, boundary=boundary, fresh=fresh)
    return sampler(np.random.default_rng(seed), parameters(log_std), see, carried)


sizes = {"rows": st.integers(1, 7), "steps": st.integers(7, 80), "seed": st.integers(0, 99)}


@given(**sizes)
def test_complete_paths_all_end_by_themselves_and_none_that_began_is_dropped(
    rows: int, steps: int, seed: int
) -> None:
    simulator = Corridor(rows)
    found = sample(simulator, steps, "complete", seed=seed)
    assert found.steps == simulator.steps == found.rollout.valid.sum() >= steps
    assert sorted(found.lengths) == sorted(simulator.begun)  # also the long ones
    assert found.rollout.ended.sum() == len(simulator.begun)
    assert not found.batch_end.any()
    assert found.carried is None


@given(**sizes)
def test_no_complete_path_begins_once_there_are_enough_steps(
    rows: int, steps: int, seed: int
) -> None:
    simulator = Corridor(rows)
    valid = sample(simulator, steps, "complete", seed=seed).rollout.valid
    taken_before = np.cumsum(valid.sum(1)) - valid.sum(1)
    gone = ~valid
    assert (gone[:-1] <= gone[1:]).all()  # a row that stopped stays stopped
    assert not gone[taken_before < steps].any()
    assert (valid.sum(0) > 0).all()
    assert len(valid) <= np.argmax(np.cumsum(valid.sum(1)) >= steps) + HORIZON


@given(**sizes, boundary=st.sampled_from(CUT))
def test_truncated_batches_have_exactly_their_steps(
    rows: int, steps: int, seed: int, boundary: Boundary
) -> None:
    found = sample(Corridor(rows), steps, boundary, seed=seed)
    per_row = -(-steps // rows)
    assert found.rollout.valid.shape == (per_row, rows)
    assert found.rollout.valid.all()
    assert found.steps == per_row * rows
    assert found.rollout.ended[-1].all()
    assert found.lengths.sum() <= found.steps


@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_terminations_limits_and_batch_ends_are_told_apart(boundary: Boundary) -> None:
    found = sample(Corridor(5), 103, boundary)
    rollout = found.rollout
    position, length = np.moveaxis(rollout.obs, -1, 0) + np.array([1, 0])[:, None, None]
    terminal = rollout.valid & (position == length)
    limit = rollout.valid & (position == HORIZON) & ~terminal
    assert terminal.any()
    assert limit.any()
    last = np.zeros_like(terminal)
    last[-1] = boundary != "complete"
    assert np.array_equal(rollout.ended, terminal | limit | last)
    assert np.array_equal(rollout.cut, limit | (last & ~terminal))
    assert np.array_equal(found.batch_end, last & ~terminal & ~limit)
    assert found.batch_end.any() == (boundary != "complete")
    after = np.stack([position, length], -1)[rollout.cut]
    assert np.array_equal(rollout.cut_obs, after)  # what was seen last, not the next episode


def test_entries_of_rows_that_had_finished_are_empty() -> None:
    rollout = sample(Corridor(6), 40, "complete").rollout
    gone = ~rollout.valid
    assert gone.any()
    for field in (rollout.obs, rollout.actions, rollout.dist, rollout.rewards, rollout.ended):
        assert not field[gone].any()


def test_returns_are_raw_undiscounted_sums_of_whole_episodes() -> None:
    simulator = Corridor(4)
    found = sample(simulator, 60, "complete", log_std=QUIET)
    walked = np.sort(found.lengths)
    expected = [sum(10 * p + 0.01 * (p - 1) for p in range(1, n + 1)) for n in walked]
    assert np.sort(found.returns) == pytest.approx(expected)
    assert found.returns.sum() == pytest.approx(found.rollout.rewards.sum())


@pytest.mark.parametrize("boundary", CUT)
def test_two_half_batches_are_one_whole(boundary: Boundary) -> None:
    class SameLengths(Corridor):
        def reset(self, rng: np.random.Generator, rows: Array) -> None:
            super().reset(np.random.default_rng(0), rows)

    def batch(simulator: Corridor, steps: int, carried: Carried | None = None) -> Sampled:
        return sample(
            simulator, steps, boundary, fresh=False, carried=carried, log_std=QUIET, seed=steps
        )

    whole = batch(SameLengths(3), 60)
    first = batch(SameLengths(3), 30)
    second = batch(SameLengths(3), 30, first.carried)  # in a simulator that never ran before
    for name in ("obs", "rewards", "actions", "dist"):
        halves = np.concatenate([getattr(half.rollout, name) for half in (first, second)])
        assert halves == pytest.approx(getattr(whole.rollout, name), abs=1e-6)
    assert whole.lengths.tolist() == [*first.lengths, *second.lengths]
    assert whole.returns == pytest.approx(np.concatenate([first.returns, second.returns]))
    assert second.carried is not None
    assert whole.carried is not None
    assert second.carried.returns == pytest.approx(whole.carried.returns)


def test_returns_across_batches_are_of_whole_episodes() -> None:
    simulator, carried, rewards, returns, lengths = Corridor(3), None, 0.0, [], []
    for seed in range(12):
        found = sample(simulator, 9, "bootstrap", fresh=False, carried=carried, seed=seed)
        carried = found.carried
        rewards += found.rollout.rewards.sum()
        returns += found.returns.tolist()
        lengths += found.lengths.tolist()
    assert carried is not None
    assert sum(returns) + carried.returns.sum() == pytest.approx(rewards)
    assert sum(lengths) + carried.lengths.sum() == simulator.steps
    assert not Counter(lengths) - Counter(simulator.begun)  # each is as long as when it began
    assert len(simulator.begun) == len(lengths) + 3


def test_a_batch_from_the_same_carried_rows_is_the_same_again() -> None:
    first = sample(Corridor(3), 30, "truncate", fresh=False)
    one, two = (
        sample(Corridor(3), 30, "truncate", fresh=False, carried=first.carried) for _ in range(2)
    )
    assert np.array_equal(one.rollout.obs, two.rollout.obs)
    assert np.array_equal(one.rollout.rewards, two.rollout.rewards)
    assert np.array_equal(one.returns, two.returns)


@pytest.mark.parametrize("fresh", [True, False])
def test_fresh_batches_carry_nothing(fresh: bool) -> None:
    assert (sample(Corridor(3), 15, "truncate", fresh=fresh).carried is None) == fresh


def test_actions_are_kept_as_drawn_and_clipped_for_the_task_alone() -> None:
    rollout = sample(Corridor(4), 80, "complete", log_std=1.0).rollout
    actions, position = rollout.actions[..., 0], rollout.obs[..., 0] + 1
    assert abs(actions).max() > 1.5
    used = rollout.rewards - 10 * position
    clipped = np.clip(actions, -1, 1)
    assert used[rollout.valid] == pytest.approx(clipped[rollout.valid], abs=1e-6)


def test_recorded_distribution_is_the_policys_at_what_it_saw() -> None:
    simulator = Corridor(4)
    policy = linear_gaussian(simulator.space)
    sampler = single_path(simulator, policy, steps=40, boundary="truncate", fresh=True)
    found = sampler(np.random.default_rng(0), parameters(0.3), lambda obs: obs / 2 - 1, None)
    mean = 0.01 * (found.rollout.obs[..., 0] / 2 - 1)
    assert found.rollout.dist[..., 0] == pytest.approx(mean)
    assert found.rollout.dist[..., 1] == pytest.approx(np.full(mean.shape, 0.3))


def test_discrete_actions_are_indices_that_reach_the_task_as_they_are() -> None:
    simulator = Corridor(4, discrete=True)
    policy = categorical_mlp(simulator.space, hidden=())
    sampler = single_path(simulator, policy, steps=60, boundary="truncate", fresh=True)
    theta = policy.network.init(np.random.default_rng(0))
    rollout = sampler(np.random.default_rng(0), theta, see, None).rollout
    assert set(rollout.actions.ravel().tolist()) == {0, 1, 2}
    assert np.array_equal(rollout.rewards - 10 * (rollout.obs[..., 0] + 1), rollout.actions[..., 0])


@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_noise_of_a_row_does_not_depend_on_when_episodes_end(boundary: Boundary) -> None:
    def noise(horizon: int) -> tuple[Array, Array]:
        rollout = sample(Corridor(3, horizon=horizon), 200, boundary).rollout
        return (rollout.actions - rollout.dist[..., :1])[..., 0], rollout.valid

    (one, valid), (other, also) = noise(4), noise(HORIZON)
    length = min(len(one), len(other))
    both = valid[:length] & also[:length]
    assert one[:length][both] == pytest.approx(other[:length][both], abs=1e-6)
    assert len(np.unique(one[valid].round(5))) == valid.sum()  # and is never drawn twice


@pytest.mark.parametrize("boundary", ["complete", *CUT])
@pytest.mark.parametrize("quantity", ["observation", "reward"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_an_error_that_names_it(
    boundary: Boundary, quantity: str, value: float
) -> None:
    with pytest.raises(FloatingPointError, match=f"{quantity}s are not finite"):
        sample(Broken(3, quantity, value), 60, boundary)


def test_what_is_not_finite_after_the_last_step_is_an_error_too() -> None:
    with pytest.raises(FloatingPointError, match="observations are not finite"):
        sample(Broken(1, "observation", np.nan), 4, "bootstrap", seed=1)
