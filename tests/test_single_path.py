"""The single path method on a corridor whose every step can be told in advance."""

from collections import Counter
from typing import Any

import numpy as np
import pytest
import torch
from bits import bits
from hypothesis import given
from hypothesis import strategies as st
from tiny_task import HORIZON, Broken, Corridor

from trpo.moments import Filter
from trpo.policies import categorical_mlp, linear_gaussian
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.single_path import Boundary, single_path
from trpo.samplers.tape import Carried, Sampled
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
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
    rows: int | None = None,
    fresh: bool = True,
    carried: Carried | None = None,
    log_std: float = 0.0,
    seed: int = 0,
) -> Sampled:
    """One batch, of as many rows as the simulator has unless told otherwise."""
    runner = Lockstep(simulator, linear_gaussian(simulator.space))
    rows = rows or simulator.count
    sampler = single_path(runner, rows=rows, steps=steps, boundary=boundary, fresh=fresh)
    return sampler(np.random.default_rng(seed), parameters(log_std), see, carried)


def by_row(found: Sampled, x: Array) -> list[Array]:
    """What an array (B, ·) holds of each row."""
    return np.split(x, found.rows[1:])


sizes = {"rows": st.integers(1, 7), "steps": st.integers(7, 80), "seed": st.integers(0, 99)}


@given(**sizes)
def test_complete_paths_all_end_by_themselves_and_none_that_began_is_dropped(
    rows: int, steps: int, seed: int
) -> None:
    simulator = Corridor(rows)
    found = sample(simulator, steps, "complete", seed=seed)
    assert found.steps == simulator.steps == len(found.rollout.obs) >= steps
    assert sorted(found.lengths) == sorted(simulator.begun)  # also the long ones
    assert found.rollout.ended.sum() == len(simulator.begun)
    assert not found.batch_end.any()
    assert found.carried is None


@given(**sizes)
def test_no_complete_path_begins_in_a_row_that_has_taken_its_share(
    rows: int, steps: int, seed: int
) -> None:
    found = sample(Corridor(rows), steps, "complete", seed=seed)
    share = -(-steps // rows)
    for ended in by_row(found, found.rollout.ended):
        assert ended[-1]
        assert not ended[share - 1 : -1].any()  # nothing ends within it but the row
        assert share <= len(ended) < share + HORIZON


@given(**sizes, boundary=st.sampled_from(CUT))
def test_truncated_batches_have_exactly_their_steps(
    rows: int, steps: int, seed: int, boundary: Boundary
) -> None:
    found = sample(Corridor(rows), steps, boundary, seed=seed)
    per_row = -(-steps // rows)
    assert found.rows.tolist() == [per_row * row for row in range(rows)]
    assert found.steps == per_row * rows == len(found.rollout.rewards)
    assert all(ended[-1] for ended in by_row(found, found.rollout.ended))
    assert found.lengths.sum() <= found.steps


@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_terminations_limits_and_batch_ends_are_told_apart(boundary: Boundary) -> None:
    found = sample(Corridor(5), 103, boundary)
    rollout = found.rollout
    position, length = rollout.obs.T + np.array([[1], [0]])
    terminal = position == length
    limit = (position == HORIZON) & ~terminal
    assert terminal.any()
    assert limit.any()
    last = np.zeros_like(terminal)
    last[[*(found.rows[1:] - 1), -1]] = boundary != "complete"
    assert np.array_equal(rollout.ended, terminal | limit | last)
    assert np.array_equal(rollout.cut, limit | (last & ~terminal))
    assert np.array_equal(found.batch_end, last & ~terminal & ~limit)
    assert found.batch_end.any() == (boundary != "complete")
    after = np.stack([position, length], -1)[rollout.cut]
    assert np.array_equal(rollout.cut_obs, after)  # what was seen last, not the next episode


@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_steps_lie_row_after_row_and_path_after_path(boundary: Boundary) -> None:
    found = sample(Corridor(5), 103, boundary)
    rollout = found.rollout
    assert {len(field) for field in rollout[:-1]} == {found.steps}
    begins = np.flatnonzero(rollout.obs[:, 0] == 0)
    expected = [0, *np.flatnonzero(rollout.ended)[:-1] + 1]
    assert begins.tolist() == expected  # each path from its start, one after another
    assert set(found.rows) <= set(expected)
    within = ~np.isin(np.arange(found.steps), expected)
    assert (np.diff(rollout.obs, axis=0)[within[1:]] == [1, 0]).all()


@given(**sizes)
@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_a_row_does_the_same_whatever_number_of_them_run_side_by_side(
    boundary: Boundary, rows: int, steps: int, seed: int
) -> None:
    fresh = boundary == "complete"
    one, other = (
        sample(Corridor(count), steps, boundary, rows=rows, fresh=fresh, seed=seed)
        for count in (1, rows)
    )
    assert bits(one) == bits(other)


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
        halves = (by_row(half, getattr(half.rollout, name)) for half in (first, second))
        joined = [np.concatenate(parts) for parts in zip(*halves, strict=True)]
        assert np.stack(joined) == pytest.approx(
            np.stack(by_row(whole, getattr(whole.rollout, name))), abs=1e-6
        )
    assert sorted(whole.lengths) == sorted([*first.lengths, *second.lengths])
    assert np.sort(whole.returns) == pytest.approx(
        np.sort(np.concatenate([first.returns, second.returns]))
    )
    assert second.carried is not None
    assert whole.carried is not None
    assert second.carried.returns == pytest.approx(whole.carried.returns)
    assert second.carried.lengths.tolist() == whole.carried.lengths.tolist()


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


def test_a_time_limit_counts_the_steps_of_earlier_batches() -> None:
    task = hopper(terminate_when_unhealthy=False, horizon=20)
    simulator = MujocoSimulator(task, 2)
    policy = linear_gaussian(simulator.space)
    theta = policy.network.init(np.random.default_rng(0))
    plain = Filter(np.zeros(11, np.float32), np.ones(11, np.float32), 0.0)
    for runner in (Lockstep(simulator, policy), Compiled(simulator, policy)):
        sampler = single_path(runner, rows=2, steps=18, boundary="bootstrap", fresh=False)
        carried, lengths = None, []
        for seed in range(10):  # 90 steps of each row
            found = sampler(np.random.default_rng(seed), theta, plain, carried)
            carried, lengths = found.carried, [*lengths, *found.lengths]
        assert lengths == [20] * 8
        assert carried is not None
        assert carried.lengths.tolist() == [10, 10]


def test_who_is_told_of_states_hears_their_ages_across_batches() -> None:
    heard: list[tuple[int, float]] = []

    class Told:
        def offer(self, rows: Array, steps: Array, ages: Array, save: Any) -> None:
            heard.extend((int(age), save(i)[0][0]) for i, age in enumerate(ages))

    simulator, carried = Corridor(3), None
    runner = Lockstep(simulator, linear_gaussian(simulator.space))
    sampler = single_path(runner, rows=3, steps=15, boundary="truncate", fresh=False, keep=Told())
    for seed in range(8):
        carried = sampler(np.random.default_rng(seed), parameters(0.0), see, carried).carried
    assert len(heard) == 8 * 15
    assert all(age == position for age, position in heard)
    assert max(age for age, _ in heard) > 5  # steps of a row in a batch


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
    actions, position = rollout.actions[:, 0], rollout.obs[:, 0] + 1
    assert abs(actions).max() > 1.5
    used = rollout.rewards - 10 * position
    assert used == pytest.approx(np.clip(actions, -1, 1), abs=1e-6)


def test_recorded_distribution_is_the_policys_at_what_it_saw() -> None:
    simulator = Corridor(4)
    runner = Lockstep(simulator, linear_gaussian(simulator.space))
    sampler = single_path(runner, rows=4, steps=40, boundary="truncate", fresh=True)
    found = sampler(np.random.default_rng(0), parameters(0.3), lambda obs: obs / 2 - 1, None)
    mean = 0.01 * (found.rollout.obs[:, 0] / 2 - 1)
    assert found.rollout.dist[:, 0] == pytest.approx(mean)
    assert found.rollout.dist[:, 1] == pytest.approx(np.full(mean.shape, 0.3))


def test_discrete_actions_are_indices_that_reach_the_task_as_they_are() -> None:
    simulator = Corridor(4, discrete=True)
    policy = categorical_mlp(simulator.space, hidden=())
    runner = Lockstep(simulator, policy)
    sampler = single_path(runner, rows=4, steps=60, boundary="truncate", fresh=True)
    theta = policy.network.init(np.random.default_rng(0))
    rollout = sampler(np.random.default_rng(0), theta, see, None).rollout
    assert set(rollout.actions.ravel().tolist()) == {0, 1, 2}
    assert np.array_equal(rollout.rewards - 10 * (rollout.obs[:, 0] + 1), rollout.actions[:, 0])


@pytest.mark.parametrize("boundary", ["complete", *CUT])
def test_noise_of_a_row_does_not_depend_on_when_episodes_end(boundary: Boundary) -> None:
    def noise(horizon: int) -> list[Array]:
        found = sample(Corridor(3, horizon=horizon), 200, boundary)
        rollout = found.rollout
        return by_row(found, (rollout.actions - rollout.dist[:, :1])[:, 0])

    first, second = noise(4), noise(HORIZON)
    for one, other in zip(first, second, strict=True):
        length = min(len(one), len(other))
        assert length >= 66
        assert one[:length] == pytest.approx(other[:length], abs=1e-6)
    drawn = np.concatenate(first)
    assert len(np.unique(drawn.round(5))) == len(drawn)  # and is never drawn twice


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
