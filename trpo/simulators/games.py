"""Atari games as tasks: what of an emulator's frames is a step, and what a policy sees and does.

The paper follows Mnih et al. (2013), and its networks fit four frames of 52 × 40 and a factored
action (App. D; Table 3's 33,500 parameters). What neither says is a setting here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from trpo.observations import Films
from trpo.parameters import Count, Fraction, check
from trpo.simulators.protocol import Choices, Space
from trpo.types import Array

FACTORS = (3, 3, 2)
"""Stick back or forth, stick left or right, button: each in the middle or up first."""
JOINT = np.array(
    [
        [[0, 1], [3, 11], [4, 12]],  # middle: -, right, left; without and with the button
        [[2, 10], [6, 14], [7, 15]],  # up
        [[5, 13], [8, 16], [9, 17]],  # down
    ]
)
"""The emulator's number of each of the 18 joint actions."""

Actions = Literal["factored", "minimal"]
"""What a policy chooses from.

factored: the stick's two axes and the button, each by itself, as in App. D; 18 joint actions.
minimal: one of the actions that do something in this game.
"""
Rewards = Literal["raw", "clipped"]
"""The game's points, or their sign (Mnih et al. 2013). What is reported is then of signs too."""


@dataclass(frozen=True, kw_only=True)
class Game:
    """One game of the Arcade Learning Environment (Bellemare et al. 2013).

    A life that is lost ends no episode (§8.2), and brings no penalty.

    Attributes:
        game: its name, as in pong or space_invaders.
        frame_skip: emulated frames a step, the action held; what is seen is the maximum of the last
            two. Mnih et al. (2013) took 4, and 3 for Space Invaders, whose lasers blink.
        repeat_action_probability: of each emulated frame to repeat the action before; 0.25 are the
            sticky actions of Machado et al. (2018).
        no_ops: an episode begins after a uniform number of frames without an action, from one on.
        horizon: steps after which an episode is cut; 4,500 steps are 18,000 frames, five minutes,
            the limit of Bellemare et al. (2013).
        height: of a frame as it is seen, in pixels, each the average of an area of the screen.
        width: likewise.
        stack: frames that are seen at once, the last ones.
        actions: see `Actions`.
        rewards: see `Rewards`.
    """

    game: str
    frame_skip: Count = 4
    repeat_action_probability: Fraction = 0.0
    no_ops: Count = 1
    horizon: Count = 4500
    height: Count = 52
    width: Count = 40
    stack: Count = 4
    actions: Actions = "factored"
    rewards: Rewards = "raw"

    def __post_init__(self) -> None:
        """Raise ParameterError for a setting that makes no sense."""
        check(Game, vars(self))

    def numbers(self, minimal: Sequence[int]) -> Array:
        """The emulator's action of every choice (a, b, …), of a game with these minimal ones."""
        return JOINT if self.actions == "factored" else np.array(minimal)

    def space(self, numbers: Array) -> Space:
        """Shapes of the task whose choices have these numbers."""
        shape = self.stack, self.height, self.width
        return Space(shape, Choices(numbers.shape), self.horizon, Films())
