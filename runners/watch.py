"""Film an episode of the policy that a run has trained.

    python -m runners.watch results/runs/<run> [seed=0] [greedy=true|false] [size=480] [seconds=60]
    python -m runners.watch results/runs/<run> every=10

The first episode that `python -m runners.evaluate` plays with the same seed becomes watch.mp4 and
watch.gif in the run's directory, 30 pictures a second of simulated time; no screen is needed. A run
need not be done: its newest checkpoint plays. With every=10, those checkpoints of every tenth
iteration play that were kept while training (keep_checkpoints=10), side by side: strip.mp4 and
strip.gif. The last line printed is the directory.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from runners.build.opened import staged
from runners.run import display, film, opengl, video
from runners.run.asked import asked_for, ended
from runners.run.described import Run
from runners.run.film import Take
from runners.run.restored import player, restored, trained
from runners.run.words import complain
from runners.settings.errors import ConfigError
from runners.settings.tree import Resources
from runners.store.checkpoint import load
from runners.sweep.progress import say
from trpo.parameters import Count, Natural, Positive, Range
from trpo.samplers.runner import Acting
from trpo.types import Array


@dataclass
class Asked:
    """The settings of a film; null takes what the run has."""

    seed: Natural | None = None  # of start and actions, as of an evaluation
    greedy: bool | None = None  # the likeliest action; null acts as in training
    size: Annotated[int, Range(64, 2160)] = 480  # height in pixels; of a strip's panels half
    seconds: Positive = 60.0  # of simulated time, at most
    every: Count | None = None  # film the kept checkpoints of every so many iterations

    @property
    def name(self) -> str:
        """Of the files."""
        return "watch" if self.every is None else "strip"

    @property
    def height(self) -> int:
        """Of an episode, in pixels."""
        return self.size if self.every is None else self.size // 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Film what the command line says; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.watch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("run", help="the directory of a run")
    parser.add_argument(
        "settings",
        nargs="*",
        help="key=value: seed (the run's), greedy (as in training), size (480: pixels), seconds "
        "(60: of simulated time, at most), every (a strip of kept checkpoints)",
    )
    given = parser.parse_args(arguments)
    return ended(lambda: watch(Path(given.run), given.settings))


def watch(path: Path, settings: Sequence[str]) -> None:
    """Play, draw and write, and say what was written.

    Raises:
        Exception: what is wrong with the run, the settings or the machine.
    """
    asked = asked_for(Asked, "a film", settings)
    run = restored(path)
    video.require()
    opengl.choose()
    takes = episodes(run, asked)
    with ExitStack() as opening, display.line() as show:
        stages = [opening.enter_context(staged(run.identity, asked.height)) for _ in takes]
        step = stages[0].scene.seconds
        lasting = step * max(len(take.track.rewards) for take in takes.values())
        drawn = {
            name: film.pictures(stage, take, asked.seconds)
            for stage, (name, take) in zip(stages, takes.items(), strict=True)
        }
        pictures = next(iter(drawn.values())) if asked.every is None else film.strip(drawn)
        count = len(film.moments(round(lasting / step), step, asked.seconds))
        files = video.write(path / asked.name, shown(pictures, count, show))
    for who, take in takes.items():
        say(f"{who}: return {take.told.returned:,.2f} in {take.told.length:,} steps")
    cut = f", of which the first {asked.seconds:g} s" if lasting > asked.seconds else ""
    say(f"{lasting:,.1f} s{cut} in {' and '.join(file.name for file in files)}")
    say(str(path))


def episodes(run: Run, asked: Asked) -> dict[str, Take]:
    """What is filmed: an episode of each policy, by the policy's name.

    Raises:
        ConfigError: the run trains no policy, or has kept no such checkpoints.
        RunError: it has no checkpoint that can be used.
    """
    seed = run.plan.seed if asked.seed is None else asked.seed

    def by(acting: Acting) -> Acting:
        return acting._replace(greedy=acting.greedy if asked.greedy is None else asked.greedy)

    if asked.every is None:
        with trained(run, Resources()) as (runner, acting, position, problems):
            name = f"iteration {position.iteration:,}"
            for problem in problems:
                complain(f"warning: {problem}; this is {name}")
            return {name: film.played(runner, by(acting), seed)}
    kept = {at: path for at, path in run.directory.all_kept().items() if at % asked.every == 0}
    if not kept:
        hint = f"train with keep_checkpoints={asked.every}"
        raise ConfigError(
            f"every={asked.every}: no checkpoint of such an iteration was kept: {hint}"
        )
    with player(run, Resources()) as found:
        return {
            f"iteration {at:,}": film.played(found.runner, by(found.acting(load(path).state)), seed)
            for at, path in kept.items()
        }


def shown(pictures: Iterator[Array], count: int, show: display.Show) -> Iterator[Array]:
    """The pictures, while the user sees how many are drawn."""
    for number, picture in enumerate(pictures, 1):
        yield picture
        show(number / count, f"picture {number:,} of {count:,}")


if __name__ == "__main__":
    sys.exit(main())
