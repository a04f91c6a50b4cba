"""Tasks of one's own: what they may be, and what is said of those that are not right."""

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import own_tasks
import pytest
from test_config import composed, composer, mistake

from runners import export
from runners.run.described import describe
from runners.run.execute import execute
from runners.run.restored import actor
from runners.settings.tree import Resources
from trpo.parameters import UnfitError
from trpo.simulators.gymnasium import GymnasiumSimulator

__all__ = ["composer"]  # a fixture of this module too
ROW = np.array([0])


def opened(name: str, rows: int = 1, **settings: Any) -> GymnasiumSimulator:
    """So many rows of a task of `own_tasks`."""
    return GymnasiumSimulator(f"own_tasks:{name}-v0", rows, **settings)


@pytest.mark.parametrize("name", ["Good", "Short", "Aliased", "Late"])
def test_a_good_task_is_saved_and_nothing_is_said(name: str) -> None:
    with opened(name, 2) as simulator:
        assert simulator.space.doubts == ()
        assert len(simulator.save(np.arange(2))) == 2


@pytest.mark.parametrize("name", ["View", "Handle"])
def test_a_task_that_would_be_restored_as_another_cannot_be_saved(name: str) -> None:
    with opened(name) as simulator:
        simulator.step(np.zeros((1, 1)), ROW)
        with pytest.raises(UnfitError, match=rf"{name}-v0 cannot be saved: "):
            simulator.save(ROW)


@pytest.mark.parametrize("name", ["View", "Handle"])
@pytest.mark.parametrize(
    "needs", ["sampler.fresh=false sampler.boundary=truncate", "sampler=vine sampler.states=4"]
)
def test_what_needs_saved_states_is_refused_before_the_first_batch(name: str, needs: str) -> None:
    task = f"env=gymnasium env.id=own_tasks:{name}-v0 protocol=paper scale=smoke"
    told = mistake(f"{task} {needs}")
    assert f"{name}-v0 cannot be saved" in told
    assert "states that it saved" in told
    with pytest.raises(pytest.fail.Exception):
        mistake(task)  # fresh paths need none


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("ListReward", r"a reward must be a number, not an array \(1,\)"),
        ("Longer", r"observations are declared as \(2,\), and \(3,\) came"),
        ("Old", r"step\(\) returned 4 values, not \(observation, .*old API\?"),
        ("Oldest", r"reset\(\) returned no \(observation, info\): is it of gym's old API\?"),
        ("Tuned", r"with these kwargs: TypeError: .*missing .* argument: 'gain'"),
        ("Lacking", r"Lacking-v0: No module named 'a_package_that_is_not_here'"),
        ("Goood", r"Goood-v0: no such task; nearest: Good-v0"),
    ],
)
def test_what_is_wrong_with_a_task_is_told_in_one_line(name: str, message: str) -> None:
    with pytest.raises(UnfitError, match=message) as caught:
        opened(name)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("fails", r"step\(\) raised KeyError: 'speed'"),
        ("nothing", r"step\(\) returned None, not \(observation, .*old API\?"),
        ("ragged", r"an observation \(2,\) raised ValueError: .*inhomogeneous"),
        ("words", r"observations must be numbers, not array\(\['far', 'near'\]"),
        ("reward", r"a reward of 'good' raised ValueError"),
    ],
)
def test_what_a_tasks_own_code_does_wrong_is_told_with_whose_it_is(how: str, message: str) -> None:
    with pytest.raises(UnfitError, match=rf"^own_tasks:Wrong-v0: {message}"):
        opened("Wrong", kwargs={"how": how})


def test_a_view_that_a_task_comes_to_keep_is_found_when_it_is_saved() -> None:
    with opened("LateView") as simulator:
        for step in range(8):
            assert len(simulator.save(ROW)) == 1, step
            simulator.step(np.zeros((1, 1)), ROW)
        with pytest.raises(UnfitError, match=r"cannot be saved: .* shares the memory of another"):
            simulator.save(ROW)


@pytest.mark.parametrize("name", ["Aliased", "Late", "Halves"])
def test_what_a_task_knows_twice_or_comes_to_keep_is_restored_with_it(name: str) -> None:
    with opened(name, 2) as simulator:
        rows, actions = np.arange(2), np.linspace(-1, 1, 12)
        for action in actions[:3]:
            simulator.step(np.full((1, 1), action), ROW)
        saved = simulator.save(ROW)
        due = [simulator.step(np.full((1, 1), action), ROW).reward[0] for action in actions]
        simulator.load(rows, saved * 2)
        came = [simulator.step(np.full((2, 1), action), rows).reward for action in actions]
        np.testing.assert_array_equal(np.stack(came), np.stack([due, due], 1))


@pytest.mark.parametrize("name", ["Drawn", "Reseeding"])
def test_a_task_whose_rows_differ_for_one_seed_is_found_out(name: str) -> None:
    with opened(name) as simulator:
        [doubt] = simulator.space.doubts
    assert "gives other numbers for the same seed" in doubt


def test_scaling_what_has_no_bounds_is_refused() -> None:
    with pytest.raises(UnfitError, match="actions are discrete: leave scale_actions out"):
        GymnasiumSimulator("CartPole-v1", 1, scale_actions=True)


def test_a_task_whose_wrapper_cannot_be_made_is_closed() -> None:
    with pytest.raises(UnfitError, match="RuntimeError: no wrapper"):
        opened("Counted", wrappers=["own_tasks.failing"])
    assert own_tasks.Counted.open == 0


def test_a_task_that_draws_from_a_shared_generator_is_found_out() -> None:
    with opened("Careless") as simulator:
        [doubt] = simulator.space.doubts
        with pytest.raises(UnfitError, match="saved: it gives other numbers for the same seed"):
            simulator.save(ROW)
    assert "Careless-v0 gives other numbers for the same seed" in doubt


def test_actions_are_of_the_spaces_own_type() -> None:
    with opened("Strict") as simulator:
        before = simulator.observe(ROW)
        simulator.step(np.full((1, 1), 0.1), ROW)  # which the task itself checks
        assert simulator.observe(ROW) - before == pytest.approx(np.full((1, 2), np.float32(0.1)))


def test_actions_are_scaled_to_the_bounds_only_if_that_is_asked_for() -> None:
    with opened("Hot") as simulator:
        [doubt] = simulator.space.doubts
        assert "within 0 to 1000 are hardly reached" in doubt
        assert "set scale_actions=true" in doubt
    with opened("Hot", scale_actions=True) as simulator:
        assert simulator.space.doubts == ()
        assert [*simulator.space.actions] == [-1.0, 1.0]
        for action, watts in ((-1.0, 0.0), (0.4, 700.0), (1.0, 1000.0)):
            simulator.step(np.full((1, 1), action), ROW)
            assert simulator.observe(ROW)[0, 0] == pytest.approx(watts)


def test_an_actor_gives_the_actions_that_the_task_takes_and_no_file_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [
        *("env=gymnasium", "env.id=own_tasks:Hot-v0", "env.scale_actions=true", "protocol=paper"),
        *("iterations=1", "steps_per_iteration=100", f"results_dir={tmp_path}", "scale=smoke"),
    ]
    assert execute(composed(*overrides), overrides, (), quiet=True) == 0
    [path] = tmp_path.iterdir()
    near = actor(path, greedy=True)(np.zeros(2))  # the policy's mean is close to nothing
    assert near == pytest.approx(500, abs=200)
    assert near != pytest.approx(0, abs=1)
    assert export.main([str(path), str(tmp_path / "policy.npz")]) == 1
    assert "actions are scaled to the task's bounds" in capsys.readouterr().err
    assert not (tmp_path / "policy.npz").exists()


def test_a_task_is_made_with_its_arguments_and_wrappers() -> None:
    with opened("Tuned", kwargs={"gain": 2.5}) as simulator:
        assert simulator.step(np.zeros((1, 1)), ROW).reward == [2.5]
    wrapped = ["own_tasks.Doubled"]
    with opened("Tuned", kwargs={"gain": 2.5}, wrappers=wrapped) as simulator:
        saved = simulator.save(ROW)
        first = simulator.step(np.zeros((1, 1)), ROW).reward
        again = simulator.step(np.zeros((1, 1)), ROW).reward
        assert again == first + 1  # the wrapper counts
        simulator.load(ROW, saved)  # and goes back with its environment
        assert simulator.step(np.zeros((1, 1)), ROW).reward == first


def test_a_task_keeps_the_wrappers_that_it_is_registered_with() -> None:
    with opened("Wrapped") as plain, opened("Good", wrappers=["own_tasks.Doubled"]) as same:
        for simulator in (plain, same):
            simulator.reset(np.random.default_rng(0), ROW)
        rewards = [each.step(np.ones((1, 1)), ROW).reward[0] for each in (plain, same)]
    assert rewards[0] == rewards[1]


def test_all_tasks_are_closed_also_after_a_failure() -> None:
    with opened("Counted", 3):
        assert own_tasks.Counted.open == 3
    assert own_tasks.Counted.open == 0
    with pytest.raises(UnfitError, match=r"reset\(\) raised RuntimeError: no such engine"):
        opened("Broken", 2)
    assert own_tasks.Counted.open == 0


def test_settings_of_a_task_reach_it_from_the_command_line() -> None:
    task = "env=gymnasium protocol=paper scale=smoke"
    assert "gain" in mistake(f"{task} env.id=own_tasks:Tuned-v0")
    with pytest.raises(pytest.fail.Exception):
        mistake(f"{task} env.id=own_tasks:Tuned-v0 +env.kwargs.gain=1.5")
    assert "own_tasks" in mistake(f"{task} env.id=own_tasks:Good-v0 env.wrappers=[own_tasks.No]")


def test_a_doubt_is_told_and_kept_with_the_run(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    overrides = [
        *("env=gymnasium", "env.id=own_tasks:Careless-v0", "protocol=paper", "scale=smoke"),
        *("iterations=1", "steps_per_iteration=100", f"results_dir={tmp_path}"),
    ]
    assert execute(composed(*overrides), overrides, (), quiet=True) == 0
    [path] = tmp_path.iterdir()
    provenance = json.loads((path / "provenance.json").read_text())
    [warning] = provenance["warnings"]
    assert warning.startswith("env: own_tasks:Careless-v0 gives other numbers for the same seed")
    assert warning in " ".join(capsys.readouterr().err.split())


@pytest.mark.process
def test_a_task_is_closed_in_processes_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    own = ("env=gymnasium", "env.id=own_tasks:Leaving-v0", f"+env.kwargs.folder={tmp_path}")
    run = describe(composed(*own, "protocol=paper"), own)
    with run.study.open(run.identity, Resources(workers=1)):
        pass
    assert len({path.name for path in tmp_path.iterdir()} - {str(os.getpid())}) == 1
