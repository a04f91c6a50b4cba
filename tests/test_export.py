"""`python -m runners.export`: files that act as the policy does, without the suite."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from oracles import CONTINUOUS, DISCRETE, FRAMES
from test_evaluate import trained_run
from test_readme import fenced

from runners import export
from runners.run import formats
from runners.run.formats import FORMATS
from runners.run.restored import actor, restored, trained
from runners.settings.tree import Resources
from runners.store.checkpoint import load
from trpo.evaluation import alone, parameters
from trpo.moments import Filter
from trpo.observations import Films
from trpo.policies import Policy, categorical_cnn, categorical_mlp, gaussian_mlp, linear_gaussian
from trpo.portable import Portable, portable
from trpo.samplers.runner import Acting
from trpo.simulators.protocol import Choices, Space
from trpo.types import Array

pytestmark = pytest.mark.process
POLE = ("env=cartpole", "scale=smoke", "protocol=modern")
FACTORED = DISCRETE._replace(actions=Choices((3, 2)))
POLICIES: dict[str, tuple[Callable[[Space], Policy], Space]] = {
    "linear": (linear_gaussian, CONTINUOUS),
    "gaussian": (gaussian_mlp, CONTINUOUS),
    "categorical": (categorical_mlp, DISCRETE),
    "factored": (categorical_mlp, FACTORED),
    "frames": (categorical_cnn, FRAMES._replace(kept=Films())),
}


class Case:
    """A policy with some parameters behind a filter, and observations."""

    def __init__(self, name: str) -> None:
        make, self.space = POLICIES[name]
        rng = np.random.default_rng(1)
        self.policy, shape = make(self.space), self.space.obs
        theta = self.policy.network.init(rng)
        theta += 0.02 * torch.from_numpy(rng.normal(size=theta.shape).astype(np.float32))
        mean, scale = rng.normal(size=(2, *shape)).astype(np.float32)
        frames = not self.space.kept.filtered
        see = Filter(mean, abs(scale) + 1, 0.0 if frames else 1.5)
        self.acting = Acting(theta, see, greedy=True)
        drawn = 2 * rng.normal(size=(20, *shape)).astype(np.float32)
        self.obs = rng.integers(256, size=drawn.shape, dtype=np.uint8) if frames else drawn
        self.found: Portable = portable(self.policy, self.acting, self.space)

    @property
    def expected(self) -> tuple[Array, Array]:
        """Each observation by itself: action and parameters."""
        act = alone(self.policy, self.acting, self.space, np.random.default_rng(0))
        d = np.concatenate([parameters(self.policy, self.acting)(one[None]) for one in self.obs])
        return np.stack([act(one) for one in self.obs]), d


def by_onnxruntime(path: Path) -> formats.Answers:
    """Another reader of ONNX files than the one that `export` compares by."""
    session = onnxruntime.InferenceSession(str(path))
    return lambda obs: tuple(session.run(["action", "distribution"], {"obs": obs}))


READERS = {suffix: form.read for suffix, form in FORMATS.items()} | {".onnx": by_onnxruntime}


TRACED = [*product(("gaussian", "frames"), (".onnx", ".pt2")), ("categorical", ".onnx")]


@pytest.mark.parametrize(("name", "suffix"), [*product(POLICIES, [".npz"]), *TRACED])
def test_a_file_answers_as_the_policy_does_to_any_number_of_observations(
    tmp_path: Path, name: str, suffix: str
) -> None:
    case, path = Case(name), tmp_path / f"policy{suffix}"
    FORMATS[suffix].write(path, case.found, {})
    answers = READERS[suffix](path)
    actions, d = case.expected
    for count in (1, 2, 20):
        found, told = answers(case.obs[:count])
        np.testing.assert_allclose(told, d[:count], atol=1e-6 * max(1, np.abs(d).max()), rtol=0)
        np.testing.assert_allclose(found, actions[:count], atol=1e-5)
        assert told.dtype == np.float32
    assert len({tuple(action) for action in actions}) > 1


@pytest.fixture(scope="module")
def pole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of cart-pole behind a filter of observations."""
    return trained_run(tmp_path_factory.mktemp("runs"), *POLE)


def refused(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> str:
    """The one line that a command which must fail says."""
    capsys.readouterr()
    assert export.main(list(map(str, arguments))) == 1
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert (out, line[:7]) == ("", "error: ")
    return str(line)


def test_the_command_writes_what_the_newest_checkpoint_does(
    pole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "policy.npz"
    assert export.main([str(pole), str(path)]) == 0
    first, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"equal to \S+ on 1,000 observations; iteration 2", first)
    assert last == str(path)
    state, obs = load(pole / "checkpoint.pt").state, np.array([[0.1, -0.2, 0.03, 0.5]], np.float32)
    seen = np.clip((obs - state.seen.mean) / state.seen.std, -10, 10)
    theta = state.theta.numpy()
    with np.load(path) as file:
        about = json.loads(str(file["about"]))
    action, d = FORMATS[".npz"].read(path)(obs)
    np.testing.assert_allclose(d, [[seen[0] @ theta[:4] + theta[4], theta[5]]], atol=1e-5)
    np.testing.assert_allclose(action, d[:, :1])
    assert about["run_id"] == pole.name
    assert (about["task"], about["iteration"]) == ("cartpole", 2)
    assert [each.name for each in tmp_path.iterdir()] == ["policy.npz"]


def test_a_file_that_answers_otherwise_is_not_left(
    pole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    form, path = FORMATS[".npz"], tmp_path / "policy.npz"

    def wrong(where: Path, found: Portable, about: Any) -> None:
        bias = found.plain.biases[0] + np.float32(1e-4)
        form.write(where, found._replace(plain=found.plain._replace(biases=(bias,))), about)

    monkeypatch.setitem(FORMATS, ".npz", form._replace(write=wrong))
    assert "answers differ from the policy's by " in refused(capsys, pole, path)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused_in_one_line(
    pole: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    line = refused(capsys, pole, tmp_path / "policy.pkl")
    assert line.endswith("policy.pkl: its suffix must be one of .onnx, .pt2, .npz")
    line = refused(capsys, pole, tmp_path / "nowhere" / "policy.npz")
    assert line.endswith("nowhere/policy.npz: No such file or directory")
    absent = FORMATS[".onnx"]._replace(packages=("onnx", "no_such_package"))
    monkeypatch.setitem(FORMATS, ".onnx", absent)
    line = refused(capsys, pole, tmp_path / "policy.onnx")
    assert line == "error: .onnx files need no_such_package: pip install '.[export]'"


def test_a_policy_that_does_not_tell_its_layers_is_refused() -> None:
    case = Case("gaussian")
    with pytest.raises(ValueError, match="does not tell its layers: give its Policy a `plain`"):
        portable(case.policy._replace(plain=None), case.acting, case.space)


def snippet(page: str, word: str) -> str:
    """The fenced block of a page that has this word."""
    text = (Path(export.__file__).parents[1] / page).read_text()
    (found,) = [b for b in re.findall(r"^```python\n(.*?)^```", text, re.M | re.S) if word in b]
    return str(found)


def test_the_documented_lines_load_a_run_and_act(pole: Path) -> None:
    lines = snippet("trpo/README.md", "actor(")
    assert len([line for line in lines.splitlines() if line]) == 3
    space: dict[str, Any] = {"path": pole, "observation": np.array([0.1, -0.2, 0.03, 0.5])}
    exec(lines, space)
    with trained(restored(pole), Resources()) as (runner, acting, _, _):
        d = parameters(runner.policy, acting)(space["observation"][None].astype(np.float32))
    np.testing.assert_allclose(space["action"], d[0, :1])


def test_an_actor_samples_as_in_training_unless_told_otherwise(pole: Path) -> None:
    obs = np.array([0.1, -0.2, 0.03, 0.5])
    state = load(pole / "checkpoint.pt").state
    act, again, other = (actor(pole, seed=seed) for seed in (0, 0, 1))
    drawn = np.array([act(obs) for _ in range(400)])
    np.testing.assert_array_equal(drawn[:5], [again(obs) for _ in range(5)])
    assert other(obs) != drawn[0]
    mean, std = actor(pole, greedy=True)(obs), float(state.theta[5].exp())
    assert drawn.mean() == pytest.approx(float(mean[0]), abs=4 * std / 20)
    assert drawn.std() == pytest.approx(std, rel=0.15)


def test_the_documented_lines_read_a_file_without_the_suite(pole: Path, tmp_path: Path) -> None:
    path = tmp_path / "policy.npz"
    assert export.main([str(pole), str(path)]) == 0
    lines = snippet("runners/README.md", "np.load(")
    given = "observations = np.array([[0.1, -0.2, 0.03, 0.5], [0.0, 0.0, 0.0, 0.0]], np.float32)"
    told = "import sys; print(action.tolist(), [m for m in sys.modules if m[:5] == 'torch'])"
    code = f"import numpy as np\n{given}\n{lines}\n{told}"
    ran = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    space: dict[str, Any] = {}
    exec(given, {"np": np}, space)
    action, _ = FORMATS[".npz"].read(path)(space["observations"])
    assert ran.stdout.strip().endswith("[]")
    np.testing.assert_allclose(json.loads(ran.stdout.rpartition(" []")[0]), action, rtol=1e-5)


def test_pages_name_files_that_can_be_written() -> None:
    named = re.findall(r"runners\.export \S+ (\S+)", fenced("runners/README.md"))
    assert {Path(name).suffix for name in named} == set(FORMATS)
