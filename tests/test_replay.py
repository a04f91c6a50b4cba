"""What the bare engine is given to do is what the sampler did."""

import mujoco
import numpy as np
import pytest

from runners.speed.replay import Recorder, replay
from trpo.policies import linear_gaussian
from trpo.samplers.single_path import single_path
from trpo.simulators.mujoco import FULL, MujocoSimulator, hopper


def test_the_engine_replays_every_step_from_where_it_was_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with MujocoSimulator(hopper(horizon=25), 3) as simulator:
        recorder, policy = Recorder(simulator), linear_gaussian(simulator.space)
        sample = single_path(recorder, policy, steps=90, boundary="truncate", fresh=True)
        theta = policy.network.init(np.random.default_rng(0))
        found = sample(np.random.default_rng(1), theta, lambda obs: obs, None)
        segments = recorder.segments()
        assert sum(len(segment.actions) for segment in segments) == found.steps == 90
        assert recorder.segments() == []
        low, high = simulator.space.actions
        assert all((low <= s.actions).all() and (s.actions <= high).all() for s in segments)

        last, made = simulator.save(np.arange(3)), []
        plain = mujoco.MjData
        monkeypatch.setattr(mujoco, "MjData", lambda model: made.append(plain(model)) or made[-1])
        for (state, _), segment in zip(last, segments[-3:], strict=True):
            replay(recorder, [segment])
            reached = np.empty_like(state)
            mujoco.mj_getState(simulator.model, made[-1], reached, FULL)
            np.testing.assert_allclose(reached, state, atol=1e-6)
