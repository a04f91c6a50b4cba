"""Numbers that are not finite stop a run, naming the iteration and the quantity."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny_run
import torch
from tiny_run import Note

from runners.run.loop import DivergedError
from trpo.types import Algorithm


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("kl_mean", float("inf"), "iteration 5: kl_mean is inf"),
        ("kl_mean", float("nan"), "iteration 5: kl_mean is nan"),
        ("return_mean", float("-inf"), "iteration 5: return_mean is -inf"),
    ],
)
def test_number_that_is_not_finite_stops_the_run(
    tmp_path: Path, name: str, value: float, message: str
) -> None:
    def spoil(iteration: int, info: Note) -> Note:
        return info._replace(**{name: value}) if iteration == 5 else info

    for _ in range(2):  # run again, it fails again
        with pytest.raises(DivergedError, match=f"^{message}$"):
            tiny_run.run(tmp_path, 9, tiny_run.walk(spoil))
    assert (tmp_path / "metrics.csv").read_bytes().count(b"\n") == 5  # the header and four rows


def test_parameters_that_are_not_finite_stop_the_run(tmp_path: Path) -> None:
    init, step = tiny_run.walk()

    def diverge(rng: np.random.Generator, state: Any) -> tuple[Any, Note]:
        state, info = step(rng, state)
        return state._replace(theta=state.theta * torch.inf), info

    with pytest.raises(DivergedError, match=r"^iteration 1: theta is -?inf$"):
        tiny_run.run(tmp_path, 9, Algorithm(init, diverge))


def test_sampler_that_meets_nan_names_the_iteration(tmp_path: Path) -> None:
    def spoil(iteration: int, info: Note) -> Note:
        if iteration == 2:
            raise FloatingPointError("reward is nan")
        return info

    with pytest.raises(DivergedError, match=r"^iteration 2: reward is nan$"):
        tiny_run.run(tmp_path, 9, tiny_run.walk(spoil))
