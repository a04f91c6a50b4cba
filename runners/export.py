"""Write the policy that a run has trained to a file that runs without this suite.

    python -m runners.export results/runs/<run> policy.onnx       # or policy.pt2, policy.npz

The observation filter is inside: raw observations (B, *O) go in, any number at once; out come the
greedy action, as the task takes it, and the parameters of the distribution that training samples
from. Before the file is there, its answers to 1,000 observations that the policy made are compared
with the original's. A run need not be done: its newest checkpoint is written. The last line printed
is the file.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch

from runners.run.asked import ended
from runners.run.formats import FORMATS, Answers, Format
from runners.run.restored import Trained, restored, trained
from runners.run.words import complain
from runners.settings.errors import ConfigError, as_settings
from runners.settings.tree import Resources
from runners.store.files import RunError
from runners.sweep.progress import say
from trpo.evaluation import parameters
from trpo.observations import batch, images
from trpo.policies import Policy
from trpo.portable import portable
from trpo.samplers.runner import Acting, Until, fresh, seed_of
from trpo.streams import stream
from trpo.types import Array

COMPARED = 1000  # observations
CLOSE = 1e-6  # of the largest parameter of the distributions, or of 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Write what the command line says; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.export",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="the directory of a run")
    parser.add_argument("file", help=f"what is written: its suffix is one of {', '.join(FORMATS)}")
    given = parser.parse_args(arguments)
    return ended(lambda: export(Path(given.run), Path(given.file)))


def export(path: Path, file: Path) -> None:
    """Write, compare, and say what was written.

    Raises:
        Exception: what is wrong with the run or the file.
    """
    form = format_of(file)
    run = restored(path)
    with trained(run, Resources()) as found:
        for problem in found.problems:
            complain(f"warning: {problem}; this is iteration {found.position.iteration}")
        with as_settings("policy"):
            policy = portable(found.runner.policy, found.acting, found.runner.simulator.space)
        at = {name: getattr(found.position, name) for name in ("iteration", "env_steps")}
        about = {"run_id": path.resolve().name, "task": run.label.task, **at}
        draft = file.with_name(f".{file.name}.draft{file.suffix}")
        try:
            form.write(draft, policy, about)
            off = compared(found, form.read(draft))
            draft.replace(file)
        except OSError as error:
            raise RunError(f"cannot write {file}: {error.strerror or error}") from error
        finally:
            draft.unlink(missing_ok=True)
    say(f"equal to {off:.1g} on {COMPARED:,} observations; iteration {at['iteration']:,}\n{file}")


def format_of(file: Path) -> Format:
    """What a file's suffix says that it is.

    Raises:
        ConfigError: it says nothing.
        RunError: packages are missing.
    """
    if file.suffix not in FORMATS:
        raise ConfigError(f"{file}: its suffix must be one of {', '.join(FORMATS)}")
    form = FORMATS[file.suffix]
    missing = [name for name in form.packages if find_spec(name) is None]
    if missing:
        what = " and ".join(missing)
        raise RunError(f"{file.suffix} files need {what}: pip install '.[export]'")
    return form


def compared(found: Trained, answers: Answers) -> float:
    """How far answers are from the policy's at most, on observations of its own episodes.

    Numbers are relative to the largest parameter of the distributions, or to 1 if that is larger.
    The policy is computed in float64; where its own float32 is further from that than `CLOSE`, the
    file may be twice as far as that is.

    Raises:
        RunError: too far, or an action is not the one that the distribution says.
    """
    policy, acting, space = found.runner.policy, found.acting, found.runner.simulator.space
    rows = fresh(seed_of(stream(0, "export")), 1)
    (track,) = found.runner.run(rows, acting, Until(COMPARED, COMPARED))
    obs: Array = images(batch(track.obs)).numpy()
    parts = (obs[:1], obs[1:])  # any number at once
    action, d = (np.concatenate(part) for part in zip(*map(answers, parts), strict=True))
    exact = exactly(policy, acting, obs)
    scale = max(1.0, np.abs(exact).max())
    off, own = (np.abs(x - exact).max() / scale for x in (d, parameters(policy, acting)(obs)))
    still = 0 * policy.distribution.noise(np.random.default_rng(0), len(obs))
    expected = space.actions.clip(policy.distribution.sample(d, still))
    same = np.array_equal(action, expected.astype(action.dtype))
    if not (same and off <= max(CLOSE, 2 * own)):
        raise RunError(f"the file's answers differ from the policy's by {off:.2g}: nothing written")
    return float(off)


def exactly(policy: Policy, acting: Acting, obs: Array) -> Array:
    """Distribution parameters (B, M) in float64, of what is seen of raw observations (B, *O)."""
    theta = torch.as_tensor(acting.theta).double().requires_grad_()  # so that torch computes it
    seen = torch.from_numpy(acting.see(obs))
    x = seen.double() if seen.is_floating_point() else seen
    found: Array = policy.network.at(theta)(x).detach().numpy()
    return found


if __name__ == "__main__":
    sys.exit(main())
