"""What the limit is given to do is what the sampler did."""

import numpy as np
import pytest

from runners.speed.replay import Limit, Recording
from trpo.moments import empty, observation_filter
from trpo.policies import linear_gaussian
from trpo.samplers.compiled import Compiled
from trpo.samplers.single_path import single_path
from trpo.simulators.locomotion import hopper
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.tables import Engine


@pytest.mark.parametrize("threads", [1, 2])
def test_the_engine_takes_every_step_again_from_where_it_was_taken(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with MujocoSimulator(hopper(horizon=25), 3) as simulator:
        policy = linear_gaussian(simulator.space)
        recording = Recording(Compiled(simulator, policy))
        sample = single_path(recording, rows=3, steps=90, boundary="truncate", fresh=False)
        theta = policy.network.init(np.random.default_rng(0))
        see = observation_filter(empty(simulator.space.obs), 0.0)
        found = sample(np.random.default_rng(1), theta, see, None)
        segments = recording.segments
        assert sum(len(segment.actions) for segment in segments) == found.steps == 90
        assert len(segments) == 3 + len(found.returns)
        low, high = simulator.space.actions
        assert all((low <= s.actions).all() and (s.actions <= high).all() for s in segments)

        made: list[Engine] = []
        plain = simulator.engine
        monkeypatch.setattr(simulator, "engine", lambda: made.append(plain()) or made[-1])
        limit = Limit(simulator, threads)
        limit(segments, map)
        assert len(made) == threads
        assert found.carried
        engine, data = made[(len(segments) - 1) % threads]  # which took the last row's last steps
        reached = found.carried.snapshots[-1][0][: len(engine.state)]
        np.testing.assert_array_equal(data.time, reached[0])
        np.testing.assert_array_equal([*data.qpos, *data.qvel], reached[1:13])
