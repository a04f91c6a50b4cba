"""`python -m runners.watch`: what is filmed, how often, and what is refused."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import gymnasium
import imageio.v3 as imageio
import numpy as np
import pytest
from gymnasium import spaces
from PIL import Image
from test_evaluate import evaluated, trained_run

from runners import watch
from runners.run import film, opengl, video
from runners.settings.options import Option
from trpo.parameters import UnfitError
from trpo.simulators import pictures
from trpo.simulators.atari import AtariSimulator
from trpo.simulators.cartpole import CartPole
from trpo.simulators.games import Game
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
from trpo.types import Array

pytestmark = pytest.mark.process
POLE = ("env=cartpole", "scale=smoke", "protocol=modern", "keep_checkpoints=1")
OWN = ("env=gymnasium", "scale=smoke", "protocol=modern", "sampler.fresh=true")


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of cart-pole that has kept its checkpoints."""
    return trained_run(tmp_path_factory.mktemp("runs"), *POLE)


@pytest.fixture
def copied(pole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(pole, tmp_path / pole.name))


def filmed(path: Path, *settings: str, name: str = "watch") -> Array:
    """The pictures (n, H, W, 3) that a command which must succeed has written."""
    assert watch.main([str(path), *settings]) == 0
    found: Array = imageio.imread(path / f"{name}.mp4", plugin="pyav")
    return found


def refused(capsys: pytest.CaptureFixture[str], path: Path, *settings: str) -> str:
    """The one line that a command which must fail says."""
    capsys.readouterr()
    assert watch.main([str(path), *settings]) == 1
    out, err = capsys.readouterr()
    lines = [line for line in err.splitlines() if "ETA" not in line]
    assert (out, len(lines), lines[0][:7]) == ("", 1, "error: ")
    return lines[0]


@pytest.mark.parametrize(("steps", "seconds"), [(1000, 0.008), (7, 0.05), (5, 1 / 15), (1, 0.002)])
def test_thirty_pictures_a_second_each_of_the_last_step_before_it(
    steps: int, seconds: float
) -> None:
    found = film.moments(steps, seconds, 60.0)
    ends = np.arange(steps + 1) * seconds
    for number, behind in enumerate(found):
        assert behind == np.flatnonzero(ends <= number / 30 + 1e-6)[-1]
    assert (len(found) - 1) / 30 <= steps * seconds + 1e-6 < len(found) / 30 + 1e-5


def test_no_more_is_filmed_than_so_many_seconds() -> None:
    assert len(film.moments(1000, 0.008, 2.0)) == 61


def test_the_first_episode_of_an_evaluation_becomes_a_film_and_a_gif(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = evaluated(copied, "seed=4", "episodes=2")
    capsys.readouterr()
    shown = filmed(copied, "seed=4", "size=101")
    *said, last = capsys.readouterr().out.splitlines()
    length, returned = first["lengths"][0], first["returns"][0]
    assert said[0] == f"iteration 2: return {returned:,.2f} in {length:,} steps"
    assert last == str(copied)
    assert shown.shape == (int(length * 0.05 * 30) + 1, 100, 100, 3)
    meta = imageio.immeta(copied / "watch.mp4", plugin="pyav")
    assert (meta["fps"], meta["codec"]) == (30, "h264")
    lasting = 0
    with Image.open(copied / "watch.gif") as gif:
        for number in range(gif.n_frames):
            gif.seek(number)
            lasting += gif.info["duration"]
        end = np.asarray(gif.convert("RGB")).astype(int)
    assert lasting == pytest.approx(len(shown) * 1000 / 30, abs=20)
    assert np.abs(end - shown[-1]).mean() < 12


def test_a_film_may_be_shorter_and_greedy(copied: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sampled = filmed(copied, "seconds=0.2", "size=96")
    said = capsys.readouterr().out.splitlines()
    greedy = filmed(copied, "seconds=0.2", "size=96", "greedy=true")
    assert len(sampled) == len(greedy) == 7
    assert "of which the first 0.2 s in watch.mp4 and watch.gif" in said[1]
    assert (sampled[0] == greedy[0]).all()
    assert capsys.readouterr().out.splitlines()[0] != said[0]


def test_kept_checkpoints_play_side_by_side(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = filmed(copied, "every=1", "size=200", name="strip")
    said = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in said[:2]] == ["iteration 1", "iteration 2"]
    assert shown.shape[1:] == (100, 200, 3)
    assert {path.name for path in copied.glob("strip.*")} == {"strip.mp4", "strip.gif"}
    line = refused(capsys, copied, "every=3")
    assert line.endswith(
        "every=3: no checkpoint of such an iteration was kept: train with keep_checkpoints=3"
    )


def test_a_strip_goes_on_until_its_longest_episode_is_over() -> None:
    light, lighter = (np.full((60, 60, 3), x, np.uint8) for x in (90, 120))
    found = list(film.strip({"a": iter([light]), "b": iter([light, lighter])}))
    assert [each.shape for each in found] == [(60, 120, 3)] * 2
    corners = [(each[-1, 0, 0], each[-1, -1, 0]) for each in found]
    assert corners == [(90, 90), (30, 120)]
    five = film.laid_out([light] * 5)
    assert five.shape == (120, 240, 3)
    assert not five[60:, 60:].any()


def test_the_pole_stands_where_cart_and_angle_say() -> None:
    task = CartPole()
    drawn = pictures.pole(task, 1.2, 0.5, 290)  # 5.8 m, and so 50 pixels a metre
    wood = np.argwhere((drawn == pictures.WOOD).all(-1))
    dark = np.argwhere((drawn == pictures.DARK).all(-1))
    assert dark.mean(0)[1] == pytest.approx(145 + 1.2 * 50, abs=3)
    top = wood[wood[:, 0].argmin()]
    assert top == pytest.approx([203 - 50 * np.cos(0.5), 205 + 50 * np.sin(0.5)], abs=4)


def test_a_game_is_shown_as_its_screen_is() -> None:
    game = Game(game="pong")
    with (
        AtariSimulator(game, 1) as simulator,
        pictures.of_atari(simulator, game, 420) as (seconds, picture),
    ):
        drawn = picture()
        screen = simulator.machines[0].ale.getScreenRGB()
    assert seconds == 4 / 60
    np.testing.assert_array_equal(drawn[::2, ::2], screen)
    assert drawn.shape == (420, 320, 3)


@pytest.mark.skipif(
    os.environ.get("MUJOCO_GL") not in opengl.LIBRARIES.values(), reason="nothing to draw by"
)
def test_mujoco_draws_the_state_of_the_row_and_leaves_it_as_it_was() -> None:
    row = np.arange(1)
    with MujocoSimulator(hopper(), 1) as simulator:
        simulator.reset(np.random.default_rng(0), row)
        with pictures.of_mujoco(simulator, hopper(), 64) as (seconds, picture):
            before, first = simulator.save(row)[0][0], picture()
            again = picture()
            np.testing.assert_array_equal(simulator.save(row)[0][0], before)
            for _ in range(40):
                simulator.step(np.ones((1, 3)), row)
            later = picture()
    assert seconds == pytest.approx(0.008)
    assert first.shape == (64, 64, 3)
    np.testing.assert_array_equal(first, again)
    assert np.abs(later.astype(int) - first).max() > 100


def test_a_machine_that_cannot_draw_is_told_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_display(*sizes: int) -> None:
        raise RuntimeError("no\ndisplay")

    import mujoco

    monkeypatch.setattr(mujoco, "Renderer", no_display)
    with (
        MujocoSimulator(hopper(), 1) as simulator,
        pytest.raises(ValueError, match=r"install EGL .* or OSMesa .*\(no display\)$"),
        pictures.of_mujoco(simulator, hopper(), 64),
    ):
        pass


@pytest.mark.parametrize(
    ("there", "chosen"), [("EGL", "egl"), ("OSMesa", "osmesa"), ("", "disable")]
)
def test_what_there_is_draws_unless_the_user_says_what(
    monkeypatch: pytest.MonkeyPatch, there: str, chosen: str
) -> None:
    monkeypatch.setattr(opengl, "find_library", lambda name: "it" if name == there else None)
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.delenv("MUJOCO_GL", raising=False)
    opengl.choose()
    assert os.environ["MUJOCO_GL"] == chosen
    monkeypatch.setenv("MUJOCO_GL", "glfw")
    opengl.choose()
    assert os.environ["MUJOCO_GL"] == "glfw"


class Bar(gymnasium.Env[Any, Any]):
    """A task of one number, which its picture has as its brightness."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 15}  # noqa: RUF012
    observation_space = spaces.Box(-10.0, 10.0, (2,))
    action_space = spaces.Box(-1.0, 1.0, (1,))
    render_mode: str | None = None

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        super().reset(seed=seed)
        self.at = 0
        return np.zeros(2, np.float32), {}

    def step(self, action: Any) -> Any:
        self.at += 1
        return np.full(2, self.at, np.float32), 1.0, self.at == 5, False, {}

    def render(self) -> Any:
        return np.full((64, 80, 3), 40 * self.at, np.uint8) if self.render_mode else None


class Unseen(Bar):
    """The same without pictures."""

    metadata = {"render_modes": []}  # noqa: RUF012


class Dice(Bar):
    """The same with a reward that nobody can repeat."""

    def step(self, action: Any) -> Any:
        obs, _, *rest = super().step(action)
        return obs, float(np.random.default_rng().random()), *rest


@pytest.fixture(scope="module", autouse=True)
def _tasks() -> None:
    for task in (Bar, Unseen, Dice):
        name = f"Watch{task.__name__}-v0"
        gymnasium.register(name, entry_point=task, max_episode_steps=20)  # type: ignore[arg-type]


def own(where: Path, name: str) -> Path:
    return trained_run(where, *OWN, f"env.id=Watch{name}-v0")


def test_a_task_of_ones_own_is_shown_as_it_renders_itself(tmp_path: Path) -> None:
    shown = filmed(own(tmp_path, "Bar"), "size=64")
    assert shown.shape[1:] == (64, 80, 3)
    levels = shown[:, 32, 40, 0] / 40
    expected = np.repeat(np.arange(6), 2)[:-1]  # of 15 steps a second two pictures each
    np.testing.assert_allclose(levels, expected, atol=0.1)


def test_what_cannot_be_drawn_or_repeated_is_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = refused(capsys, own(tmp_path, "Unseen"))
    assert "WatchUnseen-v0 cannot be drawn: it has no render_mode rgb_array" in line
    path = own(tmp_path, "Dice")
    assert "randomness of its own, and cannot be watched" in refused(capsys, path)
    assert not list(path.glob("watch*"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        (["sise=100"], "sise is no setting of a film (did you mean size?"),
        (["size=10"], "size must be within [64, 2160], not 10"),
        (["seconds=0"], "seconds must be positive, not 0"),
        (["every"], "every must be set: every=..."),
    ],
)
def test_settings_that_make_no_sense_are_refused(
    pole: Path, capsys: pytest.CaptureFixture[str], settings: Sequence[str], expected: str
) -> None:
    assert expected in refused(capsys, pole, *settings)


def test_missing_packages_are_named(
    pole: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(video, "PACKAGES", ("av", "no_such_package"))
    line = refused(capsys, pole)
    assert line == "error: a video needs no_such_package: pip install '.[video]'"


def test_a_kind_of_task_that_nobody_said_how_to_draw_is_refused() -> None:
    with (
        pytest.raises(UnfitError, match="tasks of this kind cannot be drawn"),
        Option(lambda: None).draw(None, None, 480),
    ):
        pass
