"""A run as its directory tells it: what it is, and the policy that it has trained so far."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import DictConfig, OmegaConf

from runners.build.opened import Player
from runners.run.described import Run, describe
from runners.run.words import complain
from runners.settings.errors import ConfigError, nearest
from runners.settings.mistakes import explain
from runners.settings.options import GROUPS
from runners.settings.tree import NUMBERS, TREES, Resources
from runners.store.checkpoint import Position, newest
from runners.store.directory import RunDirectory
from runners.store.files import RunError
from trpo.evaluation import alone
from trpo.samplers.runner import Acting, Runner
from trpo.streams import stream
from trpo.types import Array


class Trained(NamedTuple):
    """A run's policy, with the task open that it was trained in."""

    runner: Runner
    acting: Acting  # the parameters and the frozen observation filter, acting as in training
    position: Position  # how far the run was
    problems: list[str]  # with a newer checkpoint


def restored(path: Path) -> Run:
    """The run of a directory, described by what is said there.

    Raises:
        RunError: the directory is of no run, or of one that this code would not make.
    """
    directory = RunDirectory(path)
    if not directory.config.exists():
        raise RunError(f"{path} is no run: it has no {directory.config.name}")
    node = dict(directory.configuration())
    numbers = node.pop("numbers", None)
    if numbers != NUMBERS:
        raise RunError(f"{path} is of numbers={numbers}, and this code makes {NUMBERS}: train anew")
    try:
        run = describe(typed(node), ())
        said = json.loads(directory.description.read_bytes())
    except Exception as error:
        raise RunError(f"{path} is not as this code makes runs: {explain(error)}") from error
    directory.verify(run.resolved, run.identity)
    return run._replace(directory=directory, description=said)


def typed(node: dict[str, Any]) -> DictConfig:
    """A resolved configuration in the trees of settings that it was composed in.

    What is missing gets its default, so that it shows as a difference.

    Raises:
        ConfigError: there is no such study.
        OmegaConfBaseException: a setting is unknown, or of another type.
    """
    study = str(node.get("study"))
    if study not in TREES:
        raise ConfigError(f"study={study} is unknown{nearest(study, TREES)}")
    tree = OmegaConf.structured(TREES[study])
    for group in filter(node.__contains__, GROUPS):
        name = node[group]["name"]
        if name in GROUPS[group]:
            tree[group] = OmegaConf.structured(GROUPS[group][name].schema(name))
    found = OmegaConf.merge(tree, node)
    assert isinstance(found, DictConfig)
    return found


@contextmanager
def trained(run: Run, resources: Resources) -> Iterator[Trained]:
    """Open the run's task, with the policy of its newest checkpoint that can be used.

    Raises:
        RunError: there is no such checkpoint.
        ConfigError: runs of this kind train no policy.
    """
    path = run.directory.path
    saved, problems = newest(run.directory.checkpoint)
    if saved is None:
        why = f" that can be used: {'; '.join(problems)}" if problems else " yet"
        raise RunError(f"{path} has no checkpoint{why}")
    with player(run, resources) as found:
        yield Trained(found.runner, found.acting(saved.state), saved.position, problems)


@contextmanager
def player(run: Run, resources: Resources) -> Iterator[Player]:
    """Open the run's task, with what plays its policies.

    Raises:
        ConfigError: runs of this kind train no policy.
    """
    with run.study.open(run.identity, resources) as opened:
        if opened.player is None:
            what = f"study={run.resolved['study']} trains no policy that could be played"
            raise ConfigError(f"{run.directory.path}: {what}, study=training does")
        yield opened.player


def actor(
    path: str | Path, *, greedy: bool | None = None, seed: int = 0
) -> Callable[[Array], Array]:
    """What a run's newest policy does: raw observation (*O) -> action (A,) as the task takes it.

    Args:
        path: the run's directory.
        greedy: whether to take the likeliest action; None acts as in training.
        seed: of the actions' noise.

    Raises:
        Exception: as `restored` and `trained`.
    """
    with trained(restored(Path(path)), Resources()) as (runner, acting, position, problems):
        for problem in problems:
            complain(f"warning: {problem}; this is iteration {position.iteration}")
        how = acting._replace(greedy=acting.greedy if greedy is None else greedy)
        return alone(runner.policy, how, runner.simulator.space, stream(seed, "act"))
