"""`python -m runners.evaluate`: what it plays, writes, prints and refuses."""

import json
import re
import shlex
import shutil
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from test_cli import train as command
from test_readme import NAMED, fenced

from runners import evaluate
from runners.run import signals
from runners.run.asked import asked_for
from runners.run.described import describe
from runners.run.restored import restored, trained
from runners.run.session import run_session
from runners.settings import tree
from runners.settings.tree import Resources
from runners.store.checkpoint import load, reserve
from trpo.simulators.cartpole import CartPole, CartPoleSimulator
from trpo.types import Array

pytestmark = pytest.mark.process
SMOKE = ("env=cartpole", "scale=smoke")
CLOCK = ("commit", "written")
Acts = Callable[[Array], Array]  # an observation (4,) float32 -> a force (1,)


def trained_run(where: Path, *overrides: str) -> Path:
    """Train a run, or go on with it, below `where`; its directory."""
    tree.register()
    given = [*overrides, f"results_dir={where}"]
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        run = describe(compose("config", given), given)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        run_session(run, quiet=True)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    return run.directory.path


def evaluated(*arguments: str | Path) -> dict[str, Any]:
    """What a command that must succeed has written."""
    assert evaluate.main(list(map(str, arguments))) == 0
    (path,) = Path(arguments[0]).glob("evaluation.json")
    found: dict[str, Any] = json.loads(path.read_text())
    return found


def but(content: dict[str, Any], *names: str) -> dict[str, Any]:
    """The content without these entries."""
    return {name: value for name, value in content.items() if name not in names}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where runs of this module are trained once; tests that change them make a copy."""
    return tmp_path_factory.mktemp("runs")


@pytest.fixture(scope="module")
def pole(runs: Path) -> Path:
    """A run of cart-pole behind a filter of observations."""
    return trained_run(runs, *SMOKE, "protocol=modern", "checkpoint_every=1")


@pytest.fixture
def copied(pole: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(pole, tmp_path / pole.name))


def seeds(seed: int, count: int) -> Iterator[tuple[np.random.SeedSequence, ...]]:
    """The seeds of each episode's noise and start, derived anew."""
    every = np.random.SeedSequence([seed, zlib.crc32(b"evaluate"), 0])
    return ((noise, start) for noise, start in (each.spawn(2) for each in every.spawn(count)))


def by_hand(start: np.random.SeedSequence, act: Acts) -> tuple[float, int]:
    """Return and length of one episode of a cart-pole, step after step."""
    row, returned = np.arange(1), []
    with CartPoleSimulator(CartPole(), 1) as simulator:
        simulator.reset(np.random.default_rng(start), row)
        over = False
        while not over:
            force = act(simulator.observe(row)[0].astype(np.float32))
            step = simulator.step(np.clip(force, -10, 10)[None], row)
            returned.append(step.reward[0])
            over = bool(step.terminal[0] or step.truncated[0])
    return float(np.sum(returned)), len(returned)


def linear(theta: Array, mean: Array, std: Array, clip: float) -> Acts:
    """The mean force of cart-pole's policy: four weights, a shift, a log standard deviation."""

    def act(obs: Array) -> Array:
        seen = obs if not clip else np.clip((obs - mean) * np.float32(1 / std), -clip, clip)
        return seen.astype(np.float32) @ theta[:4, None] + theta[4]

    return act


MEANS: dict[str, Callable[[Any], Any]] = {
    "algo=trpo protocol=modern": lambda state: state.theta.numpy(),
    "algo=natural_gradient sampler=vine": lambda state: state.theta.numpy(),
    "algo=cem": lambda state: state.search.mean,
    "algo=cem filter_clip=5": lambda state: state.search.mean,
    "algo=cma_es": lambda state: state.search.mean(),
}


@pytest.mark.parametrize("method", MEANS)
def test_a_greedy_episode_is_what_the_policys_mean_does_step_after_step(
    runs: Path, method: str
) -> None:
    path = trained_run(runs, *SMOKE, *method.split(), "seed=1")
    found = evaluated(path, "greedy=true", "episodes=9", "seed=5")
    state, clip = load(path / "checkpoint.pt").state, restored(path).identity["filter_clip"]
    theta = np.asarray(MEANS[method](state), np.float32)
    act = linear(theta, state.seen.mean.astype(np.float32), state.seen.std, clip)
    expected = [by_hand(start, act) for _, start in seeds(5, 9)]
    assert found["lengths"] == [length for _, length in expected]
    np.testing.assert_allclose(found["returns"], [x for x, _ in expected], rtol=1e-9)
    assert (clip > 0) == bool(state.seen.count)


def test_a_policy_acts_as_in_training_unless_told_otherwise(runs: Path, pole: Path) -> None:
    search = trained_run(runs, *SMOKE, "algo=cem")
    sampling = trained_run(runs, *SMOKE, "algo=cem", "algo.deterministic=false")
    found = {path: evaluated(path) for path in (pole, search, sampling)}
    assert [each["greedy"] for each in found.values()] == [False, True, False]
    for path, usual in found.items():
        other = evaluated(path, f"greedy={not usual['greedy']}")
        assert other["greedy"] != usual["greedy"]
        assert other["returns"] != usual["returns"]


def test_sampled_actions_are_mean_and_noise_of_the_episodes_own(pole: Path) -> None:
    found = evaluated(pole, "episodes=5")
    state = load(pole / "checkpoint.pt").state
    theta = state.theta.numpy()
    mean = linear(theta, state.seen.mean.astype(np.float32), state.seen.std, 10.0)
    for (noise, start), returned in zip(seeds(0, 5), found["returns"], strict=True):
        rng = np.random.default_rng(noise)

        def act(obs: Array, rng: np.random.Generator = rng) -> Array:
            return mean(obs) + np.exp(theta[5:]) * rng.standard_normal(1, dtype=np.float32)

        assert by_hand(start, act)[0] == pytest.approx(returned, rel=1e-9)


def test_random_play_draws_every_force_as_often(tmp_path: Path) -> None:
    assert evaluate.main(["random", "env=cartpole", "episodes=7", f"results_dir={tmp_path}"]) == 0
    (path,) = tmp_path.iterdir()
    found = json.loads((path / "evaluation.json").read_text())
    for (noise, start), returned in zip(seeds(0, 7), found["returns"], strict=True):
        rng = np.random.default_rng(noise)

        def act(obs: Array, rng: np.random.Generator = rng) -> Array:
            return -10 + 20 * rng.random(1, dtype=np.float32).astype(float)

        assert by_hand(start, act)[0] == returned
    assert re.fullmatch(r"random-cartpole-[0-9a-f]{8}", path.name)
    assert (found["run_id"], found["method_algo"]) == (path.name, "random")
    assert (found["seed"], found["iteration"], found["greedy"]) == (None, None, False)


def test_random_play_of_other_settings_has_another_directory(tmp_path: Path) -> None:
    for settings in (["env.dt=0.02"], ["env.dt=0.03"], ["env.dt=0.02", "episodes=3", "seed=4"]):
        where = f"results_dir={tmp_path}"
        assert evaluate.main(["random", "env=cartpole", *settings, where]) == 0
    assert len(list(tmp_path.iterdir())) == 2


def test_random_play_may_take_the_task_of_an_experiment(tmp_path: Path) -> None:
    given = ["+experiment=figure4_swimmer", "env.horizon=20", "episodes=2"]
    assert evaluate.main(["random", *given, f"results_dir={tmp_path}"]) == 0
    (path,) = tmp_path.glob("random-swimmer-*/evaluation.json")
    found = json.loads(path.read_text())
    assert found["env"]["forward_point"] == 1.0
    assert (found["lengths"], found["truncated"]) == ([20, 20], 2)


def test_the_file_says_what_was_played(pole: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = evaluated(pole, "episodes=12")
    out = capsys.readouterr().out.splitlines()
    said = json.loads((pole / "run.json").read_text())
    last = load(pole / "checkpoint.pt").position
    assert found["run_id"] == pole.name
    for name in ("task", "sampler", "protocol", "experiment", "scale", "seed", "numbers"):
        assert found[name] == said[name], name
    assert found["method_algo"] == said["algo"]
    assert (found["iteration"], found["env_steps"]) == (last.iteration, last.env_steps)
    returns = np.array(found["returns"])
    assert (found["episodes"], len(returns), len(found["lengths"])) == (12, 12, 12)
    half = 2.200985 * returns.std(ddof=1) / 12**0.5  # t of 11 degrees of freedom
    interval = [returns.mean(), returns.mean() - half, returns.mean() + half]
    names = ("return_mean", "return_low", "return_high")
    np.testing.assert_allclose([found[name] for name in names], interval, rtol=1e-6)
    assert found["length_mean"] == pytest.approx(np.mean(found["lengths"]))
    assert found["horizon"] == found["env"]["horizon"] == 1000
    assert out[0].startswith(f"return {returns.mean():,.2f} [{interval[1]:,.2f}, ")
    assert out[-1] == str(pole)


def test_episodes_that_the_time_limit_ends_are_counted(runs: Path) -> None:
    path = trained_run(runs, *SMOKE, "env.horizon=6")
    found = evaluated(path)
    lengths = np.array(found["lengths"])
    assert lengths.max() == 6
    assert 0 < found["truncated"] <= (lengths == 6).sum()


HOPPER = ("env=hopper", "protocol=modern", "scale=smoke")


def test_the_same_evaluation_writes_the_same_bytes_on_any_threads(runs: Path) -> None:
    path = trained_run(runs, *HOPPER)
    written = []
    for threads in (1, 2, 1):
        evaluated(path, f"threads={threads}")
        lines = (path / "evaluation.json").read_text().splitlines()
        written.append([line for line in lines if not re.match(r'  "(commit|written)"', line)])
    assert written == written[:1] * 3


@pytest.mark.parametrize("run", [SMOKE, HOPPER])
def test_more_episodes_begin_with_the_same(runs: Path, run: tuple[str, ...]) -> None:
    path = trained_run(runs, *run)
    few, many = (evaluated(path, f"episodes={n}")["returns"] for n in (2, 25))
    assert many[:2] == few
    assert len(set(many)) > 10
    assert evaluated(path, "episodes=2", "seed=9")["returns"] != few


def test_an_evaluation_replaces_the_one_before_it_and_nothing_else(copied: Path) -> None:
    evaluated(copied)
    before = {path: path.read_bytes() for path in copied.iterdir() if path.is_file()}
    found = evaluated(copied, "episodes=4")
    assert found["episodes"] == 4
    after = {path: path.read_bytes() for path in copied.iterdir() if path.is_file()}
    assert before.keys() == after.keys()
    assert [path.name for path in before if before[path] != after[path]] == ["evaluation.json"]


def test_a_run_that_was_stopped_is_evaluated_and_resumed_it_scores_as_an_undisturbed_one(
    pole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = (*SMOKE, "protocol=modern", "checkpoint_every=1")
    with monkeypatch.context() as patch:
        patch.setattr(signals, "exit_status", lambda: 143)
        path = trained_run(tmp_path, *asked)
    first = evaluated(path)
    assert first["iteration"] == 1
    assert trained_run(tmp_path, *asked) == path
    resumed = evaluated(path)
    assert but(resumed, *CLOCK) == but(evaluated(pole), *CLOCK)
    assert resumed["iteration"] == 2
    assert resumed["returns"] != first["returns"]


def test_a_damaged_checkpoint_is_told_and_the_one_before_it_plays(
    copied: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(copied / "checkpoint.pt")
    assert evaluated(copied)["iteration"] == 1
    assert "warning: checkpoint.pt is damaged: " in capsys.readouterr().err
    damage(reserve(copied / "checkpoint.pt"))
    assert "no checkpoint that can be used: checkpoint.pt is damaged" in refused(capsys, copied)


def damage(path: Path) -> None:
    """Cut a file in half."""
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line that a command which must fail says."""
    capsys.readouterr()
    assert evaluate.main(list(map(str, arguments))) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (out, line[:7]) == ("", "error: ")
    return str(line)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (r"numbers: \d+", "numbers: 1", "is of numbers=1, and this code makes 2: train anew"),
        (r"  horizon:", "  horizn:", r"env.horizn is not a setting (did you mean env.horizon?"),
        (r"(?m)^  dt: .*\n", "", "holds another run, differing in: env.dt (missing there, 0.05"),
        (r"(?m)^  dt: .*$", "  dt: -1.0", "env.dt must be positive, not -1.0"),
        (
            r"(?m)^study: .*$",
            "study: tranning",
            "study=tranning is unknown (did you mean training?",
        ),
        (r"name: cartpole", "name: cartpol", "env.name=cartpol is unknown (did you mean cartpole?"),
        (r"study", "[", "config.yaml cannot be read"),
    ],
)
def test_a_run_that_this_code_would_not_make_is_refused(
    copied: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, expected: str
) -> None:
    config = copied / "config.yaml"
    changed, count = re.subn(old, new, config.read_text())
    assert count
    config.write_text(changed)
    line = refused(capsys, copied)
    assert expected in line
    assert str(copied) in line


def test_a_directory_without_a_run_or_without_a_checkpoint_is_refused(
    copied: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert refused(capsys, tmp_path) == f"error: {tmp_path} is no run: it has no config.yaml"
    for path in copied.glob("checkpoint*"):
        path.unlink()
    assert refused(capsys, copied) == f"error: {copied} has no checkpoint yet"


@pytest.mark.parametrize(
    "study",
    [
        "study=theory mdps.count=2 mdps.states=5 iterations=1",
        "study=variance env=cartpole scale=smoke measured.sizes=[200] measured.repeats=2",
    ],
)
def test_runs_that_train_no_policy_are_refused(
    runs: Path, capsys: pytest.CaptureFixture[str], study: str
) -> None:
    path = trained_run(runs, *study.split())
    said = f"{study.split()[0]} trains no policy that could be played, study=training does"
    assert refused(capsys, path) == f"error: {path}: {said}"
    assert not (path / "evaluation.json").exists()


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("episods=3", "episods is no setting of an evaluation (did you mean episodes? options: "),
        ("gamma=0.9", "gamma is no setting of an evaluation (options: episodes, greedy, seed, "),
        ("episodes", "episodes must be set: episodes=..."),
        ("episodes=1", "episodes must be at least 2, not 1"),
        ("episodes=many", "episodes: Value 'many' of type 'str' could not be converted to Integer"),
        ("greedy=perhaps", "greedy: Value 'perhaps' is not a valid bool"),
        ("threads=0", "threads must be at least 1, not 0"),
    ],
)
def test_a_mistake_is_one_line(
    pole: Path, capsys: pytest.CaptureFixture[str], arguments: str, expected: str
) -> None:
    assert refused(capsys, pole, arguments).startswith(f"error: {expected}")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ("env=hoper", "env=hoper is unknown (did you mean hopper? options: ant, atari, cartpole"),
        ("env=hopper env.horizn=3", "env.horizn is not a setting (did you mean env.horizon?"),
        ("env=hopper env.horizon=0", "env.horizon must be at least 1, not 0"),
        ("env=gymnasium", "env.id must be set: env.id=..."),
        ("env=hopper algo=trpo", "algo is no setting of random play (options: env, episodes"),
        ("episods=3", "episods is no setting of random play (did you mean episodes?"),
        ("greedy=true", "greedy is no setting of random play"),
        ("+experiment=theory", "study=theory has no task to play"),
        ("env=hopper episodes=2 results_dir=/dev/null/x", "cannot write to /dev/null/x/random-h"),
    ],
)
def test_a_mistake_in_random_play_is_one_line(
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    arguments: str,
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluate.main(["random", *arguments.split()]) == 1
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"error: {expected}")
    assert not list(tmp_path.iterdir())


def test_the_command_ends_with_the_directory_and_shows_progress(pole: Path) -> None:
    status, out, err = command(str(pole), "episodes=3", module="evaluate")
    assert (status, out[-1]) == (0, str(pole))
    assert out[0].startswith("return ")
    assert err[0].startswith("  0%  3 episodes")
    assert err[-1].startswith("100%  episode 3  return ")
    status, out, err = command(str(pole.parent), module="evaluate")
    assert (status, out) == (1, [])
    assert err == [f"error: {pole.parent} is no run: it has no config.yaml"]


def test_the_example_in_python_scores_a_run(pole: Path) -> None:
    page = Path(tree.CONF.parent / "runners" / "README.md").read_text()
    (example,) = re.findall(r"^```python\n(import numpy.*?)^```", page, re.M | re.S)
    names: dict[str, Any] = {"path": pole}
    exec(example, names)
    assert names["found"].mean == evaluated(pole)["return_mean"]


def test_a_runs_policy_is_that_of_its_checkpoint(pole: Path) -> None:
    with trained(restored(pole), Resources()) as (_, acting, position, problems):
        assert torch.equal(acting.theta, load(pole / "checkpoint.pt").state.theta)
        assert (position.iteration, problems) == (2, [])


LINES = [
    shlex.split(line, comments=True)
    for page in NAMED
    for line in re.findall(r"python -m runners\.evaluate (.+)$", fenced(page), re.M)
]


@pytest.mark.parametrize("line", LINES, ids=" ".join)
def test_every_command_on_a_page_has_settings_that_there_are(line: list[str]) -> None:
    where, *settings = line
    if where == "random":
        own = [item for item in settings if not item.lstrip("+").startswith(evaluate.TASK)]
        assert evaluate.composed([item for item in settings if item not in own])["env"]
        assert asked_for(evaluate.OfRandom, evaluate.WHAT, own)
    else:
        assert asked_for(evaluate.OfRun, evaluate.WHAT, settings)


def test_pages_have_both_kinds_of_command() -> None:
    assert {line[0] == "random" for line in LINES} == {True, False}
