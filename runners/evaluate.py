"""Play whole episodes by the policy that a run has trained, or at random, and score them.

    python -m runners.evaluate results/runs/<run> [episodes=30] [greedy=true|false] [seed=0]
    python -m runners.evaluate random env=hopper [env.horizon=500] [episodes=30] [seed=0]

Prints the mean return with its interval of 95 % (Student's t over episodes) and, last, the
directory in which evaluation.json says all of it: the run's, or one of its own for random play. A
run need not be done: its newest checkpoint plays. An evaluation replaces the one before it.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Annotated, Any

from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from runners.build.opened import opened
from runners.run.asked import asked_for, ended
from runners.run.played import Evaluated, Subject, watched
from runners.run.restored import restored, trained
from runners.run.words import complain
from runners.settings import tree
from runners.settings.checks import key_of, settled
from runners.settings.errors import ConfigError, as_settings, nearest
from runners.settings.tree import Identity, Resources
from runners.store.directory import digest, words
from runners.studies.training import task
from runners.sweep.progress import say
from trpo.evaluation import at_random, uniform
from trpo.parameters import Count, Natural, Range
from trpo.policies import Policy
from trpo.simulators.protocol import Space

RANDOM = "random"
WHAT = "an evaluation"
TASK = ("env", "experiment")
"""What may choose the task that is played at random."""
ROWS = 16  # episodes of random play side by side; no number depends on it


@dataclass
class Asked:
    """The settings of every evaluation; null takes what the run has."""

    episodes: Annotated[int, Range(low=2)] = 30  # one alone has no interval
    seed: Natural | None = None  # of starts and actions, apart from all that is trained with it
    threads: Count | None = None
    workers: Natural | None = None


@dataclass
class OfRun(Asked):
    """Those of the evaluation of a run."""

    greedy: bool | None = None  # the likeliest action; null acts as in training


@dataclass
class OfRandom(Asked):
    """Those of random play."""

    results_dir: str = "results/runs"


def main(arguments: Sequence[str] | None = None) -> int:
    """Evaluate what the command line says; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help=f"the directory of a run, or {RANDOM}")
    parser.add_argument(
        "settings",
        nargs="*",
        help="key=value: episodes (30), seed (the run's, or 0), threads, workers; of a run: greedy "
        "(as in training); of random play: env, env.*, +experiment, results_dir (results/runs)",
    )
    given = parser.parse_args(arguments)
    return ended(lambda: evaluate(given.run, given.settings))


def evaluate(run: str, settings: Sequence[str]) -> None:
    """Play, write what was found, and say it.

    Raises:
        Exception: what is wrong with the run or the settings.
    """
    evaluated = of_random_play(settings) if run == RANDOM else of_run(Path(run), settings)
    evaluated.write()
    say(f"{evaluated.played.words}\n{evaluated.path}")


def of_run(path: Path, settings: Sequence[str]) -> Evaluated:
    """Play the policy of a run's newest checkpoint.

    Raises:
        ConfigError: a setting that there is not, or a run that trains no policy.
        RunError: no run, or one without a checkpoint that this code can play.
    """
    asked = asked_for(OfRun, WHAT, settings)
    run = restored(path)
    config, said = run.resolved, run.description
    with trained(run, resources(asked, config)) as (runner, acting, position, problems):
        for problem in problems:
            complain(f"warning: {problem}; this is iteration {position.iteration}")
        greedy = acting.greedy if asked.greedy is None else asked.greedy
        seed = config["seed"] if asked.seed is None else asked.seed
        played = watched(runner, acting._replace(greedy=greedy), seed, asked.episodes)
    subject = Subject(
        path.resolve().name,
        said["task"],
        said["algo"],
        said["sampler"],
        said["protocol"],
        said["experiment"],
        said["scale"],
        said["seed"],
        position.iteration,
        position.env_steps,
    )
    return Evaluated(path, subject, played, run.identity["env"])


def of_random_play(settings: Sequence[str]) -> Evaluated:
    """Play at random; the directory is named by the task.

    Raises:
        ConfigError: a setting that there is not, or a task that has no end of actions.
    """
    own = [field.name for field in fields(OfRandom)]
    choosing = [item for item in settings if key_of(item) not in own]
    for key in map(key_of, choosing):
        if key.partition(".")[0] not in TASK:
            raise ConfigError(f"{key} is no setting of random play{nearest(key, [*own, *TASK])}")
    asked = asked_for(OfRandom, WHAT, [item for item in settings if item not in choosing])
    node = composed(choosing)
    env = {"env": node["env"]}
    with opened(env, resources(asked, node), ROWS, anything) as (runner, _):
        acting = at_random(runner.simulator.space)
        played = watched(runner, acting, asked.seed or 0, asked.episodes)
    name = "-".join([*words([RANDOM, task(env)]), digest(env)])
    subject = Subject(name, task(env), RANDOM)
    return Evaluated(Path(asked.results_dir) / name, subject, played, node["env"])


def anything(identity: Identity, space: Space) -> Policy:
    """The policy of random play."""
    with as_settings("env"):
        return uniform(space)


def composed(overrides: Sequence[str]) -> dict[str, Any]:
    """The settings of a run in the task that these choose.

    Raises:
        Exception: as for a run that is trained.
    """
    tree.register()
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        cfg = compose("config", list(overrides))
    if OmegaConf.select(cfg, TASK[0]) is None:
        raise ConfigError(f"study={cfg.study} has no task to play")
    return settled(cfg)


def resources(asked: Asked, usual: Mapping[str, Any]) -> Resources:
    """What the evaluation may use: what was asked for, else what is usual."""
    threads = usual["threads"] if asked.threads is None else asked.threads
    workers = usual["workers"] if asked.workers is None else asked.workers
    return Resources(threads, workers)


if __name__ == "__main__":
    sys.exit(main())
