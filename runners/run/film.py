"""An episode as pictures, so many a second of simulated time: it is played, then played back."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageDraw

from runners.build.opened import Stage
from runners.store.files import RunError
from trpo.evaluation import Episode, told
from trpo.samplers.runner import Acting, Row, Runner, Track, Until, fresh, seed_of
from trpo.streams import stream
from trpo.types import Array

RATE = 30
"""Pictures a second of simulated time."""
ROW = np.arange(1)
COLUMNS = 4  # panels of a strip side by side
WHITE, BLACK, DIM = (
    (255, 255, 255),
    (0, 0, 0),
    3,
)  # the last picture of an episode that is over is so much darker


class Take(NamedTuple):
    """An episode that was played."""

    row: Row
    track: Track

    @property
    def told(self) -> Episode:
        """What is told of it."""
        return told(self.track)


def played(runner: Runner, acting: Acting, seed: int) -> Take:
    """The first episode that an evaluation with this seed would play.

    Raises:
        FloatingPointError: a reward is not finite, or what the policy answers.
    """
    rows = fresh(seed_of(stream(seed, "evaluate")), 1)
    (track,) = runner.run(rows, acting, Until(1))
    return Take(rows[0], track)


def moments(steps: int, seconds: float, most: float) -> Array:
    """How many steps lie behind each picture of an episode, (n,).

    Args:
        steps: of the episode.
        seconds: that a step lasts.
        most: seconds after which no more pictures are taken.
    """
    count = int(min(steps * seconds, most) * RATE + 1e-6) + 1
    behind = np.arange(count) / (RATE * seconds) + 1e-6
    return np.minimum(behind.astype(np.int64), steps)


def pictures(stage: Stage, take: Take, most: float) -> Iterator[Array]:
    """Play the episode back, and draw it: (H, W, 3) uint8 each.

    Raises:
        RunError: the task does not do again what it did.
    """
    simulator, scene = stage
    simulator.reset(np.random.default_rng(take.row.resets), ROW)
    done, drawn = 0, scene.picture()
    for behind in moments(len(take.track.rewards), scene.seconds, most):
        for step in range(done, behind):
            _repeat(stage, take.track, step)
        if behind > done:
            done, drawn = behind, scene.picture()
        yield drawn


def _repeat(stage: Stage, track: Track, step: int) -> None:
    action = stage.simulator.space.actions.clip(track.actions[step : step + 1])
    (reward,) = stage.simulator.step(action, ROW).reward
    if reward != track.rewards[step]:
        raise RunError(
            f"the task rewards step {step} by {reward} when played back, and by "
            f"{track.rewards[step]} before: it has randomness of its own, and cannot be watched"
        )


def strip(panels: Mapping[str, Iterator[Array]]) -> Iterator[Array]:
    """Episodes side by side, each under its name, until the longest is over."""
    last: list[Array] = []
    for each in zip_longest(*panels.values()):
        last = last or list(each)
        over = [now is None for now in each]
        last = [old if now is None else now for old, now in zip(last, each, strict=True)]
        named = zip(panels, last, over, strict=True)
        yield laid_out([panel(name, drawn, dim) for name, drawn, dim in named])


def panel(name: str, drawn: Array, over: bool) -> Array:
    """A picture with a name in its corner, darker if its episode is over."""
    image = Image.fromarray(drawn // DIM if over else drawn)
    where = round(image.height / 40)
    draw, letters = ImageDraw.Draw(image), image.height / 15
    draw.text((where, where), name, WHITE, font_size=letters, stroke_width=1, stroke_fill=BLACK)
    return np.asarray(image)


def laid_out(panels: Sequence[Array]) -> Array:
    """Pictures of one size in rows of `COLUMNS`, black where there are no more."""
    across = min(COLUMNS, len(panels))
    missing = [np.zeros_like(panels[0])] * (-len(panels) % across)
    each = [*panels, *missing]
    rows = [np.concatenate(each[i : i + across], axis=1) for i in range(0, len(each), across)]
    return np.concatenate(rows)
