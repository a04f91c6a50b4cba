"""Files that hold a policy for other programs, by their suffix."""

import json
import logging
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from trpo.portable import NAMES, Module, Portable, answer
from trpo.types import Array

About = Mapping[str, Any]
"""What a file says of its policy, as JSON."""
Answers = Callable[[Array], tuple[Array, Array]]
"""obs (B, *O) -> action (B, A), distribution (B, M)"""
EXAMPLES = 3  # observations that a policy is traced with, of which it remembers nothing


class Format(NamedTuple):
    """A kind of file."""

    write: Callable[[Path, Portable, About], None]
    read: Callable[[Path], Answers]
    packages: tuple[str, ...] = ()


def example(found: Portable) -> torch.Tensor:
    """Observations (B, *O) of the right type."""
    return torch.zeros(EXAMPLES, *found.shape, dtype=torch.uint8 if found.frames else torch.float32)


def write_npz(path: Path, found: Portable, about: About) -> None:
    """Arrays, see `trpo.portable.Portable.arrays`, and `about` as JSON."""
    np.savez(path, about=json.dumps(about), **found.arrays)  # type: ignore[arg-type]


def read_npz(path: Path) -> Answers:
    """By NumPy alone."""
    with np.load(path, allow_pickle=False) as file:
        arrays = dict(file)
    return lambda obs: answer(arrays, obs)


def program(found: Portable) -> torch.export.ExportedProgram:
    """The policy as torch's own graph, of any number of observations."""
    batch = torch.export.Dim("batch", min=1)
    with torch.no_grad():
        return torch.export.export(Module(found), (example(found),), dynamic_shapes=({0: batch},))


def write_pt2(path: Path, found: Portable, about: About) -> None:
    """A program of torch.export."""
    torch.export.save(program(found), path, extra_files={"about.json": json.dumps(about)})


def read_pt2(path: Path) -> Answers:
    """By torch alone."""
    module = torch.export.load(path).module()

    def answers(obs: Array) -> tuple[Array, Array]:
        action, distribution = module(torch.from_numpy(obs))
        return action.detach().numpy(), distribution.detach().numpy()

    return answers


def write_onnx(path: Path, found: Portable, about: About) -> None:
    """An ONNX model with its weights inside."""
    names = {"input_names": ["obs"], "output_names": [*NAMES]}
    with silence():
        made = torch.onnx.export(program(found), dynamo=True, verbose=False, **names)  # type: ignore[arg-type]
    assert made is not None
    made.model.metadata_props["about"] = json.dumps(about)
    made.save(path, external_data=False)


@contextmanager
def silence() -> Iterator[None]:
    """Within, the exporter does not tell of packages that it does not need."""
    log = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def read_onnx(path: Path) -> Answers:
    """By the evaluator that the onnx package has for reference."""
    from onnx.reference import ReferenceEvaluator

    session: Any = ReferenceEvaluator(str(path))

    def answers(obs: Array) -> tuple[Array, Array]:
        action, distribution = session.run(None, {"obs": obs})
        return action, distribution

    return answers


FORMATS: dict[str, Format] = {
    ".onnx": Format(write_onnx, read_onnx, ("onnx", "onnxscript")),
    ".pt2": Format(write_pt2, read_pt2),
    ".npz": Format(write_npz, read_npz),
}
