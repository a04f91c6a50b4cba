"""`trpo.evaluation`: whole episodes, their score, and play at random."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from bits import bits, threads
from tiny_task import HORIZON, Broken, Corridor

from trpo.evaluation import Episode, at_random, play, score, uniform
from trpo.parameters import UnfitError
from trpo.policies import categorical_mlp, gaussian_mlp
from trpo.samplers.compiled import Compiled
from trpo.samplers.lockstep import Lockstep
from trpo.samplers.runner import Acting
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.protocol import Box, Choices, Simulator, Space

Seed = np.random.SeedSequence


def at_random_in(simulator: Simulator, count: int, seed: int = 0) -> list[Episode]:
    runner = Lockstep(simulator, uniform(simulator.space))
    return list(play(runner, at_random(simulator.space), Seed(seed), count))


@pytest.mark.parametrize(("discrete", "action"), [(False, 0.0), (True, 1.0)])
def test_random_play_brings_what_the_mean_action_does(discrete: bool, action: float) -> None:
    """A corridor's length is uniform within [1, 2 H), and its rewards are a + 10 t."""
    found = at_random_in(Corridor(50, discrete), 3000)
    steps = np.minimum(np.arange(1, 2 * HORIZON), HORIZON)
    expected = float((action * steps + 5 * steps * (steps + 1)).mean())
    returned, length, truncated = (np.array(x, float) for x in zip(*found, strict=True))
    late = (HORIZON - 1) / (2 * HORIZON - 1)
    for x, mean in ((returned, expected), (length, steps.mean()), (truncated, late)):
        assert abs(x.mean() - mean) < 3 * x.std() / len(x) ** 0.5


def test_the_actions_of_random_play_are_uniform() -> None:
    """Of the returns the positions' part is known, and the rest is the sum of the actions."""
    found = at_random_in(Corridor(50), 3000, seed=1)
    sums = np.array([x - 5 * n * (n + 1) for x, n, _ in found])
    lengths = np.array([n for _, n, _ in found])
    assert (abs(sums) <= lengths).all()
    scaled = sums**2 / lengths  # of variance ⅓ each
    assert abs(scaled.mean() - 1 / 3) < 3 * scaled.std() / len(scaled) ** 0.5


@pytest.mark.parametrize("discrete", [False, True])
def test_an_episode_is_the_same_however_many_are_played_and_side_by_side(discrete: bool) -> None:
    few, many = (at_random_in(Corridor(rows, discrete), n) for rows, n in ((1, 5), (8, 21)))
    assert many[:5] == few
    assert at_random_in(Corridor(3, discrete), 5, seed=1) != few


def test_a_policys_episodes_are_the_same_on_any_threads_and_however_many() -> None:
    with MujocoSimulator(hopper(horizon=40), 1) as simulator:
        policy = gaussian_mlp(simulator.space)
        theta = policy.network.init(np.random.default_rng(0))
        acting = at_random(simulator.space)._replace(theta=theta)
        played = [list(play(Compiled(simulator, policy), acting, Seed(3), n)) for n in (4, 9)]
        with threads(3) as pmap:
            played.append(list(play(Compiled(simulator, policy, pmap), acting, Seed(3), 9)))
    assert played[1][:4] == played[0]
    assert bits(played[2]) == bits(played[1])


def test_episodes_come_one_after_another() -> None:
    """Nothing is run before it is asked for, so that progress can be shown."""
    corridor = Corridor(2)
    episodes = play(
        Lockstep(corridor, uniform(corridor.space)), at_random(corridor.space), Seed(0), 9
    )
    assert corridor.steps == 0
    taken = [next(episodes)]
    assert len(corridor.begun) == 2
    taken += episodes
    assert sum(episode.length for episode in taken) == corridor.steps


def greedy_of(choice: int, corridor: Corridor) -> Callable[[bool], Acting]:
    """A policy that likes one choice twice as much as another, in the last layer's shifts."""
    theta = torch.zeros(categorical_mlp(corridor.space, hidden=()).network.size)
    theta[-3 + choice] = 1.0
    return lambda greedy: at_random(corridor.space)._replace(theta=theta, greedy=greedy)


@pytest.mark.parametrize("choice", range(3))
def test_greedy_play_takes_the_likeliest_choice_alone(choice: int) -> None:
    corridor = Corridor(4, discrete=True)
    runner = Lockstep(corridor, categorical_mlp(corridor.space, hidden=()))
    acting = greedy_of(choice, corridor)
    for returned, n, _ in play(runner, acting(True), Seed(0), 20):
        assert returned == choice * n + 5 * n * (n + 1)
    sampled = list(play(runner, acting(False), Seed(0), 20))
    assert any(returned != choice * n + 5 * n * (n + 1) for returned, n, _ in sampled)


@pytest.mark.parametrize("quantity", ["observation", "reward"])
def test_what_is_not_finite_is_no_episode(quantity: str) -> None:
    broken = Broken(2, quantity, np.nan)
    policy = gaussian_mlp(broken.space)
    theta = policy.network.init(np.random.default_rng(0))
    acting = at_random(broken.space)._replace(theta=theta)
    with pytest.raises(FloatingPointError, match="not finite"):
        list(play(Lockstep(broken, policy), acting, Seed(0), 9))


def test_a_score_is_students_interval() -> None:
    mean, low, high, std = score(np.array([1.0, 2.0, 3.0]))
    assert (mean, std) == (2.0, 1.0)
    assert (low, high) == (pytest.approx(2 - 2.484138, abs=1e-6), pytest.approx(2 + 2.484138))
    assert score(np.array([4.0, 4.0])) == (4.0, 4.0, 4.0, 0.0)


def test_an_interval_holds_the_mean_as_often_as_it_says() -> None:
    draws = np.random.default_rng(0).normal(3.0, 2.0, (4000, 6))
    held = np.mean([low <= 3 <= high for _, low, high, _ in map(score, draws)])
    assert abs(held - 0.95) < 3 * (0.95 * 0.05 / 4000) ** 0.5


def test_actions_without_bounds_are_refused() -> None:
    space = Space((1,), Box(np.array([-np.inf, 0.0]), np.array([np.inf, 1.0])), 5)
    with pytest.raises(UnfitError, match="without bounds"):
        uniform(space)


@pytest.mark.parametrize(
    "actions", [Box(np.array([-1.0, 2.0]), np.array([1.0, 6.0])), Choices((3, 2))]
)
def test_noise_covers_all_actions_evenly(actions: Box | Choices) -> None:
    noise = np.random.default_rng(0).random((60_000, 2), dtype=np.float32)
    drawn = actions.uniform(noise)
    kinds, counts = np.unique(np.floor(drawn), axis=0, return_counts=True)
    assert len(kinds) == round(np.exp(actions.log_volume))  # boxes of side one, or choices
    expected = len(noise) / len(kinds)
    assert (abs(counts - expected) < 4 * expected**0.5).all()


def test_the_ends_of_the_noise_are_actions() -> None:
    ends = np.array([[0.0], [np.nextafter(np.float32(1), np.float32(0))]], np.float32)
    for count in (1, 2, 3, 7, 18, 1000):
        assert Choices((count,)).uniform(ends).tolist() == [[0], [count - 1]]
    low, high = Box(np.array([-3.0]), np.array([5.0])).uniform(ends)[:, 0]
    assert low == -3.0
    assert 4.999 < high < 5.0
