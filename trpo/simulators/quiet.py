"""Silence for one warning that nobody here can act on."""

from collections.abc import Iterator
from contextlib import contextmanager
from warnings import warn

import mujoco


def _pass_on(message: str) -> None:
    """Make a Python warning of what MuJoCo says, except of the one thing."""
    if "'settotalmass' is deprecated" not in message:
        warn(message, stacklevel=2)


@contextmanager
def without_settotalmass_warning() -> Iterator[None]:
    """Within, MuJoCo does not announce that `settotalmass` is deprecated.

    Gymnasium's own HalfCheetah model uses it, and MuJoCo says so at every compilation.
    """
    before = mujoco.get_mju_user_warning()
    mujoco.set_mju_user_warning(_pass_on)
    try:
        yield
    finally:
        mujoco.set_mju_user_warning(before)
