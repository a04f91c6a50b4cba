"""MuJoCo called from compiled code: its errors, its warnings, and what is missing or unwritable."""

import errno
import importlib.resources
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import mujoco
import numpy as np
import pytest
from bits import threads
from llvmlite import binding
from mujoco_tasks import task_of

from trpo.compiled import compiled, relaxed
from trpo.moments import empty, observation_filter
from trpo.policies import gaussian_mlp
from trpo.samplers.compiled import Compiled
from trpo.samplers.runner import Acting, Until, fresh
from trpo.simulators import engine, kernel
from trpo.simulators.engine import EngineError, require_sound
from trpo.simulators.mujoco import MujocoSimulator
from trpo.simulators.quiet import without_settotalmass_warning
from trpo.simulators.tables import engine_of

ROOT = Path(__file__).parents[1]
LOG = "MUJOCO_LOG.TXT"
OVERFLOW = "MuJoCo gave up: mj_stackAlloc: out of memory, stack overflow"
"""What the engine says when a model's memory does not do."""


def cramped() -> Any:
    """A half-cheetah with too little memory to touch the ground."""
    asset = importlib.resources.files("gymnasium") / "envs/mujoco/assets/half_cheetah.xml"
    named = '<mujoco model="cheetah">'
    text = asset.read_text().replace(named, f"{named}<size memory='2100'/>")
    with without_settotalmass_warning():
        return mujoco.MjModel.from_xml_string(text)


def falls(model: Any, most: int = 50) -> None:
    """Step a half-cheetah that begins near the ground."""
    task = task_of("half_cheetah")
    now, data = engine_of(task, model)
    line, rows, flags = np.zeros((1, len(now.state) + 18)), np.array([0]), np.zeros((1, 3), bool)
    qpos = np.zeros(model.nq)
    qpos[1] = -0.3
    require_sound(kernel.begin(now, line[0], qpos, np.zeros(model.nv)))
    for _ in range(most):
        require_sound(kernel.step_each(now, line, rows, np.zeros((1, 6)), np.zeros(1), flags))
    del data


def test_an_engine_error_is_raised_in_one_line_and_the_process_goes_on() -> None:
    model = cramped()
    for _ in range(3):
        with pytest.raises(EngineError, match=OVERFLOW) as raised:
            falls(model)
        assert "\n" not in str(raised.value)
        assert "increase <size memory" in str(raised.value)
    with MujocoSimulator(task_of("half_cheetah"), 1) as simulator:
        falls(simulator.model)


def test_advance_says_1_after_an_error_and_0_after_none() -> None:
    now, data = engine_of(task_of("half_cheetah"), cramped())
    data.qpos[1] = 1.0  # in the air
    assert give(now, 2) == 0
    data.qpos[1] = -0.3
    assert give(now, 50) == 1
    del data


@compiled
def give(now: Any, steps: int) -> int:
    """`advance`, for Python."""
    return engine.advance(now.model, now.data, steps, 0)


def test_engine_errors_on_several_threads_at_once_are_raised_on_each() -> None:
    model, said = cramped(), []

    def one() -> None:
        for _ in range(20):
            try:
                falls(model)
            except EngineError as error:
                said.append(str(error))

    workers = [threading.Thread(target=one) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert len(said) == 80
    assert all(text.startswith(OVERFLOW) for text in said)


def test_an_engine_error_ends_a_compiled_run_and_the_next_one_is_sound() -> None:
    simulator = MujocoSimulator(task_of("half_cheetah", reset_noise_scale=0.0), 1)
    sound, simulator.model = simulator.model, cramped()
    policy = gaussian_mlp(simulator.space, hidden=())
    runner = Compiled(simulator, policy)
    theta = policy.network.init(np.random.default_rng(0))
    acting = Acting(theta, observation_filter(empty(simulator.space.obs), 0.0))
    rows = fresh(np.random.SeedSequence(0), 2)
    with pytest.raises(EngineError, match=OVERFLOW):
        list(runner.run(rows, acting, Until(300, 300)))
    simulator.model = sound
    tracks = list(runner.run(rows, acting, Until(300, 300)))
    assert [len(track.rewards) for track in tracks] == [300, 300]


def test_outside_of_advance_the_engine_warns_and_raises_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    heard: list[str] = []
    model, stop = cramped(), threading.Event()

    def failing() -> None:
        while not stop.is_set():
            with pytest.raises(EngineError):
                falls(model)

    guarded = threading.Thread(target=failing)
    mujoco.set_mju_user_warning(heard.append)
    guarded.start()
    try:
        for _ in range(50):
            data = mujoco.MjData(model)
            data.qpos[0] = np.nan
            mujoco.mj_step(model, data)
        assert len(heard) == 50
        data.qpos[1] = -0.3
        with pytest.raises(mujoco.FatalError, match="stack overflow"):
            mujoco.mj_step(model, data, 50)
    finally:
        stop.set()
        guarded.join()
        mujoco.set_mju_user_warning(None)
    assert all("in QPOS at DOF 0. The simulation is unstable" in text for text in heard[:50])


WILD = [(np.nan, 0), (np.nan, 3), (np.inf, 3), (np.nan, 12), (1e11, 12), (-1e11, 12), (9e9, 15)]
"""(value, entry of [time, qpos (9,), qvel (9,), warm start (9,)]): no state to go on from."""


@pytest.mark.parametrize(("value", "entry"), WILD)
@pytest.mark.parametrize("age", [0, 3])
def test_a_step_that_fails_ends_the_row_and_says_so(
    value: float,
    entry: int,
    age: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    rows, still = np.arange(3), np.zeros((3, 6))
    with MujocoSimulator(task_of("half_cheetah"), 3) as simulator:
        simulator.reset(np.random.default_rng(0), rows)
        for _ in range(age):
            simulator.step(still, rows)
        ((line, elapsed),) = simulator.save(rows[:1])
        line[entry] = value
        simulator.load(rows[1:2], [(line, elapsed)])
        step = simulator.step(still, rows)
        assert step.terminal.tolist() == step.failed.tolist() == [False, True, False]
        assert not step.truncated.any()
        assert step.reward[1] == 0
        assert step.reward[0] != 0
        np.testing.assert_array_equal(simulator.save(rows[1:2])[0][0], line)
        simulator.reset(np.random.default_rng(0), rows[1:2])
        step = simulator.step(still, rows)
        assert not (step.terminal | step.failed).any()
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / LOG).exists()


def test_compiled_rows_count_a_failed_step_say_nothing_and_begin_another_episode(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    simulator = MujocoSimulator(task_of("half_cheetah"), 1)
    policy = gaussian_mlp(simulator.space, hidden=())
    theta = policy.network.init(np.random.default_rng(0))
    acting = Acting(theta, observation_filter(empty(simulator.space.obs), 0.0))
    rows = fresh(np.random.SeedSequence(0), 3)
    sound = list(Compiled(simulator, policy).run(rows, acting, Until(5, 5), save=True))
    line, age = sound[1].snapshot
    line = line.copy()
    line[12] = np.nan
    rows = [
        row._replace(snapshot=at, age=5)
        for row, at in zip(rows, [sound[0].snapshot, (line, age), sound[2].snapshot], strict=True)
    ]
    with threads(2) as pmap:
        tracks = list(Compiled(simulator, policy, pmap).run(rows, acting, Until(5, 5)))
    assert [track.failed.tolist() for track in tracks] == [
        [False] * 5,
        [True, False, False, False, False],
        [False] * 5,
    ]
    assert tracks[1].terminal.tolist() == tracks[1].failed.tolist()
    assert tracks[1].rewards[0] == 0
    assert np.isfinite(np.concatenate([track.rewards for track in tracks])).all()
    assert np.isfinite(tracks[1].obs[1:]).all()
    assert capfd.readouterr() == ("", "")
    assert not (tmp_path / LOG).exists()


def test_symbols_that_the_library_lacks_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    found = binding.address_of_symbol
    lacking = ("mj_step", "mju_setLogHandler")
    monkeypatch.setattr(
        binding, "address_of_symbol", lambda name: None if name in lacking else found(name)
    )
    version = mujoco.__version__.replace(".", r"\.")
    with pytest.raises(ImportError, match=f"^mujoco {version} has no {', '.join(lacking)} here$"):
        engine._library()


def test_a_package_without_its_library_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(importlib.resources, "files", lambda name: tmp_path)
    with pytest.raises(ImportError, match=r"^the mujoco package \(.*\) holds no library$"):
        engine._library()


def test_without_numba_an_import_says_so_and_nothing_slower_takes_its_place() -> None:
    script = "import sys; sys.modules['numba'] = None; import trpo.simulators.mujoco"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "numba cannot be imported" in done.stderr.splitlines()[-1]


def twice(x: float) -> float:
    """Something to compile."""
    return 2.0 * x


@pytest.mark.parametrize("compiling", [compiled, relaxed])
def test_where_no_cache_folder_can_be_written_functions_are_compiled_for_this_process(
    compiling: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: Any, **options: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    kept: Any = compiling(twice)
    assert kept.stats.cache_path
    with monkeypatch.context() as patched:
        patched.setattr(tempfile, "TemporaryFile", refuse)  # by which numba tries a folder
        unkept: Any = compiling(twice)
        assert unkept(3.0) == 6.0
    assert not unkept.stats.cache_path


AT_ONCE = """
import sys
import numpy as np
from trpo.compiled import compiled
from trpo.simulators import kernel
print("ready", flush=True)
sys.stdin.readline()
x = np.random.default_rng(0).standard_normal(20)
first = kernel.total(x.copy(), 1)
again = compiled(kernel.total.py_func)
assert again(x.copy(), 1) == first
print(first.hex(), sum(kernel.total.stats.cache_misses.values()),
      sum(again.stats.cache_hits.values()), kernel.total.stats.cache_path)
"""


def test_two_processes_that_compile_at_once_into_one_empty_cache_agree(tmp_path: Path) -> None:
    both = [
        subprocess.Popen(
            [sys.executable, "-c", AT_ONCE],
            cwd=ROOT,
            env=os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    said = [process.communicate()[0].split() for process in both]
    assert [process.returncode for process in both] == [0, 0]
    (first, *_), (second, *_) = said
    assert first == second
    assert all(hits == "1" for _, _, hits, _ in said)  # what was kept is found again
    assert "1" in {misses for _, misses, _, _ in said}
    assert all(Path(path).is_relative_to(tmp_path) for *_, path in said)
