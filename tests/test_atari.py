"""Atari's simulator against Gymnasium's preprocessing, and what its settings do."""

import pickle
from itertools import pairwise
from typing import Any

import ale_py
import cv2
import gymnasium
import numpy as np
import pytest
from gymnasium.wrappers import AtariPreprocessing, FrameStackObservation
from hypothesis import given
from hypothesis import strategies as st

from trpo.parameters import ParameterError
from trpo.simulators.atari import AtariSimulator, emulator
from trpo.simulators.games import JOINT, Game
from trpo.simulators.protocol import Choices
from trpo.simulators.screens import GREYS, View, areas
from trpo.types import Array

GAMES = ("beam_rider", "breakout", "enduro", "pong", "qbert", "seaquest", "space_invaders")
"""Those of the paper."""
ROW = np.array([0])
gymnasium.register_envs(ale_py)


def one(game: str, **settings: Any) -> AtariSimulator:
    return AtariSimulator(Game(game=game, **settings), 1)


def random_actions(simulator: AtariSimulator, seed: int, steps: int) -> Array:
    """Actions (steps, 1, A)."""
    kind = simulator.space.actions
    assert isinstance(kind, Choices)
    return np.random.default_rng(seed).integers(0, kind.counts, (steps, 1, kind.dimensions))


def played(simulator: AtariSimulator, actions: Array) -> list[tuple[float, bool, bytes]]:
    """Reward, end and what is seen of each step, until the game is over."""
    found = []
    for action in actions:
        step = simulator.step(action, ROW)
        found.append(
            (float(step.reward[0]), bool(step.terminal[0]), simulator.observe(ROW).tobytes())
        )
        if step.terminal[0]:
            break
    return found


@pytest.mark.parametrize("game", ["pong", "space_invaders"])
def test_steps_are_those_of_gymnasiums_preprocessing(game: str) -> None:
    """Its frames are shrunk by OpenCV, which works in integers: within one grey level."""
    name = "".join(part.capitalize() for part in game.split("_"))
    plain = gymnasium.make(f"ALE/{name}-v5", frameskip=1, repeat_action_probability=0.0)
    theirs = FrameStackObservation(
        AtariPreprocessing(plain, noop_max=1, frame_skip=4, screen_size=84), 4
    )
    ours = one(game, actions="minimal", height=84, width=84)
    ours.reset(np.random.default_rng(0), ROW)
    seen, _ = theirs.reset(seed=0)
    differences = [np.abs(seen.astype(int) - ours.observe(ROW)[0]).max()]
    for action in random_actions(ours, 0, 200):
        step = ours.step(action, ROW)
        seen, reward, terminal, *_ = theirs.step(int(action[0, 0]))
        assert reward == step.reward[0]
        assert terminal == step.terminal[0]
        differences.append(np.abs(seen.astype(int) - ours.observe(ROW)[0]).max())
    theirs.close()
    assert max(differences) <= 1


@pytest.mark.parametrize("game", GAMES)
def test_a_saved_state_is_gone_on_from_exactly_wherever_it_was_saved(game: str) -> None:
    """Also right after an episode's beginning, and in another emulator."""
    simulator, other, rng = one(game), one(game), np.random.default_rng(1)
    simulator.reset(rng, ROW)
    for trial in range(6):
        snapshot = pickle.loads(pickle.dumps(simulator.save(ROW)))
        actions = random_actions(simulator, trial, 15)
        first, end = played(simulator, actions), simulator.save(ROW)
        other.load(ROW, snapshot)
        assert played(other, actions) == first
        simulator.load(ROW, snapshot)
        assert played(simulator, actions) == first
        simulator.load(ROW, end)
        between = random_actions(simulator, 100 + trial, int(rng.integers(1, 60)))
        if first[-1][1] or played(simulator, between)[-1][1]:
            simulator.reset(rng, ROW)


NTSC = ("asteroids", "carnival", "journey_escape", "pooyan", "phoenix", "private_eye", "zaxxon")


@pytest.mark.parametrize("game", [*GAMES, *NTSC])
def test_luminances_are_the_emulators(game: str) -> None:
    ale, rng = emulator(game), np.random.default_rng(0)
    colours, grey = np.zeros((2, *ale.getScreenDims()), np.uint8)
    for _ in range(20):
        for action in rng.integers(18, size=8):
            ale.act(int(action))
        ale.getScreen(colours)
        ale.getScreenGrayscale(grey)
        np.testing.assert_array_equal(GREYS[colours], grey)
        if ale.game_over():
            ale.reset_game()


@pytest.mark.parametrize("game", ["air_raid", "seaquest"])
def test_what_is_seen_is_the_average_of_the_emulators_grey_screen(game: str) -> None:
    """Of European and American consoles."""
    simulator = one(game, frame_skip=1, height=50, width=40)
    simulator.reset(np.random.default_rng(0), ROW)
    grey = np.zeros(simulator.machines[0].ale.getScreenDims(), np.uint8)
    for action in random_actions(simulator, 0, 30):
        simulator.step(action, ROW)
        simulator.machines[0].ale.getScreenGrayscale(grey)
        averages = cv2.resize(grey.astype(np.float32), (40, 50), interpolation=cv2.INTER_AREA)
        seen = simulator.observe(ROW)[0, -1]
        assert np.abs(seen - averages).max() <= 0.5 + 1e-3


def test_joint_actions_are_the_emulators() -> None:
    words = {0: ("", "UP", "DOWN"), 1: ("", "RIGHT", "LEFT"), 2: ("", "FIRE")}
    for place in np.ndindex(JOINT.shape):
        name = "".join(words[i][k] for i, k in enumerate(place)) or "NOOP"
        assert ale_py.Action(int(JOINT[place])).name == name
    assert sorted(JOINT.ravel()) == list(range(18))


def test_minimal_actions_are_the_games_own() -> None:
    assert one("pong", actions="minimal").space.actions == Choices((6,))
    assert one("breakout", actions="minimal").space.actions == Choices((4,))
    assert one("breakout").space.actions == Choices((3, 3, 2))


def test_clipped_rewards_are_the_signs_of_the_points() -> None:
    raw, clipped = one("qbert"), one("qbert", rewards="clipped")
    actions = random_actions(raw, 3, 300)
    points = [reward for reward, *_ in played(raw, actions)]
    assert max(points) > 1
    assert [reward for reward, *_ in played(clipped, actions)] == np.sign(points).tolist()


def test_an_episode_begins_after_some_frames_without_an_action() -> None:
    def begun(simulator: AtariSimulator, seed: int) -> bytes:
        simulator.reset(np.random.default_rng(seed), ROW)
        return bytes(simulator.machines[0].ale.getRAM())

    still, waiting = one("pong"), one("pong", no_ops=30)
    assert len({begun(still, seed) for seed in range(8)}) == 1
    assert len({begun(waiting, seed) for seed in range(8)}) > 4
    assert begun(waiting, 0) == begun(waiting, 0)


def test_sticky_actions_repeat_as_often_as_they_should() -> None:
    """In Pong without an action for long, the paddle stands; a frame that repeats it is seen."""
    machine = one("pong", repeat_action_probability=0.25, frame_skip=1).machines[0]
    machine.reset(np.random.default_rng(0))
    acted, last, repeated = [], 0, 0
    for frame in range(4000):
        asked = 2 + frame % 2
        acted.append(machine._acted(asked))
        repeated += acted[-1] == last != asked
        last = acted[-1]
    assert sum(a != b for a, b in pairwise(acted)) > 0
    assert abs(repeated / 4000 - 0.25 / 1.25) < 0.03  # after a repeat what is asked is the last one


def test_a_lost_life_ends_no_episode() -> None:
    simulator = one("breakout")
    simulator.reset(np.random.default_rng(0), ROW)
    ale = simulator.machines[0].ale
    lives = [ale.lives()]
    for action in random_actions(simulator, 0, 2000):
        over = simulator.step(action, ROW).terminal[0]
        lives.append(ale.lives())
        if over:
            break
    assert lives[0] == 5
    assert lives[-1] == 0
    assert over


@pytest.mark.parametrize(("wrong", "near"), [("pnog", "pong"), ("spaceinvaders", "space_invaders")])
def test_an_unknown_game_is_refused_with_the_nearest(wrong: str, near: str) -> None:
    with pytest.raises(ParameterError, match=f"game must be a game that ale-py ships .*{near}"):
        emulator(wrong)


def test_a_frame_larger_than_the_screen_is_refused() -> None:
    with pytest.raises(ParameterError, match="height must be at most 210"):
        one("pong", height=211)
    with pytest.raises(ParameterError, match="width must be at most 160"):
        one("pong", width=200)


@given(n=st.integers(1, 40), m=st.integers(1, 40))
def test_areas_share_every_pixel_out_once(n: int, m: int) -> None:
    n, m = max(n, m), min(n, m)
    found, shares = areas(n, m), np.zeros((m, n))
    for i in range(m):
        for k, weight in enumerate(found.weights[i]):
            shares[i, found.first[i] + k] += weight
    ends = np.linspace(0, n, m + 1)
    fine = np.array([[max(0, min(b, j + 1) - max(a, j)) for j in range(n)]
                     for a, b in pairwise(ends)])  # fmt: skip
    np.testing.assert_allclose(shares, fine * m / n, atol=1e-5)


def test_a_frame_averages_the_brighter_of_two_screens_whatever_was_seen_before() -> None:
    rng = np.random.default_rng(0)
    view = View((12, 8), (3, 2), GREYS)
    for lines in ([], range(12), [3], [0, 11], [], [5, 6]):
        for screen in view.screens:
            screen[list(lines)] = rng.integers(0, 256, (len(lines), 8))
        if 3 in lines:
            view.screens[0, 3] = view.screens[1, 3]
        blocks = GREYS[view.screens].max(0).reshape(3, 4, 2, 4).mean((1, 3))
        np.testing.assert_array_equal(view.frame(), np.floor(blocks + 0.5))
