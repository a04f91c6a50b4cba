"""Pictures of a simulator's first row, as arrays of colours.

Each function opens what draws one kind of simulator, and gives back how long a step lasts and how
the row's present state looks. Nothing that is drawn changes a simulator.
"""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from math import cos, sin
from typing import Any, NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from trpo.parameters import UnfitError
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.types import Array

FRAMES_A_SECOND = 60  # of a console
PALE, DARK, WOOD, GREY = (250, 250, 250), (40, 44, 52), (181, 110, 58), (190, 190, 190)
HINT = "install EGL (libegl1) or OSMesa (libosmesa6), or set MUJOCO_GL to what there is"
SMOOTH = 3  # shapes are drawn so many times as large


class Scene(NamedTuple):
    """What draws a simulator."""

    seconds: float  # that a step lasts
    picture: Callable[[], Array]  # its first row as it is now, (H, W, 3) uint8, new


@contextmanager
def of_nothing(simulator: Any, task: Any, size: int) -> Iterator[Scene]:
    """A kind of simulator that nobody has said how to draw.

    Raises:
        UnfitError: always.
    """
    raise UnfitError("tasks of this kind cannot be drawn")
    yield


@contextmanager
def of_mujoco(simulator: Any, task: Any, size: int) -> Iterator[Scene]:
    """MuJoCo's own pictures, size × size, by the model's camera that follows the body, if any.

    Without shadows and reflections, which take nine tenths of the time where no graphics card is.

    Raises:
        UnfitError: the machine has no OpenGL that can draw.
    """
    import mujoco

    from trpo.simulators.tables import KEPT

    model, data = simulator.model, mujoco.MjData(simulator.model)
    model.vis.global_.offwidth = model.vis.global_.offheight = size
    model.vis.quality.offsamples = 0
    camera = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, "track")
    try:
        renderer = mujoco.Renderer(model, size, size)
    except Exception as error:  # of whichever library of OpenGL
        said = " ".join(str(error).split())
        raise UnfitError(f"MuJoCo cannot draw here: {HINT} ({said})") from error

    def picture() -> Array:
        (line,) = simulator.save(np.arange(1))
        mujoco.mj_setState(model, data, line[0][: simulator.seen.start], KEPT)
        mujoco.mj_forward(model, data)
        renderer.update_scene(data, camera)
        for flag in (mujoco.mjtRndFlag.mjRND_SHADOW, mujoco.mjtRndFlag.mjRND_REFLECTION):
            renderer.scene.flags[flag] = False
        drawn: Array = renderer.render()
        return drawn

    with closing(renderer):
        yield Scene(task.frame_skip * model.opt.timestep, picture)


@contextmanager
def of_atari(simulator: Any, task: Any, size: int) -> Iterator[Scene]:
    """The emulator's screen in its colours, `size` high."""
    machine = simulator.machines[0]
    yield Scene(
        task.frame_skip / FRAMES_A_SECOND, lambda: as_high(machine.ale.getScreenRGB(), size)
    )


@contextmanager
def of_gymnasium(simulator: Any, task: Any, size: int) -> Iterator[Scene]:
    """What the environment itself renders, `size` high.

    Raises:
        UnfitError: it renders no arrays, or cannot here.
    """
    env = simulator.environment
    modes = env.metadata.get("render_modes") or ()
    if "rgb_array" not in tuple(modes):
        raise UnfitError(f"{task.id} cannot be drawn: it has no render_mode rgb_array")
    env.unwrapped.render_mode = "rgb_array"

    def picture() -> Array:
        try:
            drawn = env.render()
        except Exception as error:  # what it needs may be missing
            said = " ".join(str(error).split())
            raise UnfitError(f"{task.id} cannot be drawn here: {said}") from error
        if not isinstance(drawn, np.ndarray) or drawn.ndim != 3:
            raise UnfitError(f"{task.id} cannot be drawn: it renders {type(drawn).__name__}")
        return as_high(drawn, size)

    yield Scene(1 / (env.metadata.get("render_fps") or 30), picture)


@contextmanager
def of_cartpole(simulator: CartPoleSimulator, task: CartPole, size: int) -> Iterator[Scene]:
    """Cart and pole on their track, size × size; the width is all positions that end no episode."""

    def picture() -> Array:
        position, _, angle, _ = simulator.observe(np.arange(1))[0]
        return pole(task, float(position), float(angle), size)

    yield Scene(task.dt, picture)


def pole(task: CartPole, position: float, angle: float, size: int) -> Array:
    """A cart at a position in metres whose pole leans by an angle in radians."""
    side = size * SMOOTH
    scale = side / (2 * task.max_position + 1)  # pixels a metre
    x, y = side / 2 + position * scale, side * 0.7
    tip = (
        x + 2 * task.half_length * sin(angle) * scale,
        y - 2 * task.half_length * cos(angle) * scale,
    )
    wide, high, thick = 0.3 * scale, 0.1 * scale, max(1, round(0.08 * scale))
    image = Image.new("RGB", (side, side), PALE)
    draw = ImageDraw.Draw(image)
    draw.line((0, y + high, side, y + high), GREY, SMOOTH)
    draw.rectangle((x - wide, y - high, x + wide, y + high), DARK)
    draw.line((x, y, *tip), WOOD, thick)
    return np.asarray(image.reduce(SMOOTH))


def as_high(drawn: Array, size: int) -> Array:
    """The same picture `size` pixels high; enlarged, pixels stay sharp."""
    height, width = drawn.shape[:2]
    way = Image.Resampling.NEAREST if size > height else Image.Resampling.LANCZOS
    image = Image.fromarray(np.ascontiguousarray(drawn[..., :3], np.uint8))
    return np.asarray(image.resize((round(width * size / height), size), way))
