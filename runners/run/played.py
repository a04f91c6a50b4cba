"""An evaluation: episodes that are played while the user watches, and what is written of them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from runners.run import display
from runners.settings.tree import NUMBERS
from runners.store.directory import RunDirectory
from runners.store.files import RunError, write_atomically
from runners.store.provenance import commit, now
from trpo.evaluation import Episode, Score, play, score
from trpo.samplers.runner import Acting, Runner, seed_of
from trpo.streams import stream


class Played(NamedTuple):
    """Episodes, and how they were played."""

    greedy: bool
    seed: int
    horizon: int  # the task's time limit, in steps
    episodes: list[Episode]

    @property
    def returns(self) -> Score:
        """Of the episodes' returns."""
        return score(np.array([episode.returned for episode in self.episodes]))

    @property
    def content(self) -> dict[str, Any]:
        """What evaluation.json says of them."""
        returned, lengths, truncated = zip(*self.episodes, strict=True)
        return {
            "greedy": self.greedy,
            "evaluation_seed": self.seed,
            "episodes": len(self.episodes),
            "horizon": self.horizon,
            **{f"return_{name}": value for name, value in self.returns._asdict().items()},
            "length_mean": sum(lengths) / len(lengths),
            "truncated": sum(truncated),
            "returns": returned,
            "lengths": lengths,
        }

    @property
    def words(self) -> str:
        """What is printed of them."""
        mean, low, high, _ = self.returns
        content = self.content
        return (
            f"return {mean:,.2f} [{low:,.2f}, {high:,.2f}]: mean of {content['episodes']:,} "
            f"{'greedy ' if self.greedy else ''}episodes, 95 % interval\n"
            f"length {content['length_mean']:,.1f} steps; "
            f"{content['truncated']:,} ended by the time limit"
        )


def watched(runner: Runner, acting: Acting, seed: int, count: int) -> Played:
    """Play so many episodes, showing how it goes."""
    played = Played(acting.greedy, seed, runner.simulator.space.horizon, [])
    with display.line() as show:
        show(0.0, f"{count:,} episodes")
        for episode in play(runner, acting, seed_of(stream(seed, "evaluate")), count):
            played.episodes.append(episode)
            done = len(played.episodes)
            show(done / count, f"episode {done:,}  return {episode.returned:,.1f}")
    return played


class Subject(NamedTuple):
    """Who played, in the words of run.json; only a run has all of them."""

    run_id: str
    task: str
    method_algo: str
    sampler: str = ""
    protocol: str = ""
    experiment: str | None = None
    scale: str | None = None
    seed: int | None = None
    iteration: int | None = None
    env_steps: int | None = None


class Evaluated(NamedTuple):
    """An evaluation and the directory that it belongs to."""

    path: Path
    subject: Subject
    played: Played
    env: Mapping[str, Any]  # the task's settings

    def write(self) -> None:
        """Write evaluation.json.

        Raises:
            RunError: it cannot be written.
        """
        code = {"numbers": NUMBERS, "commit": commit(), "written": now()}
        said = {**self.subject._asdict(), **self.played.content, "env": self.env, **code}
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            data = (json.dumps(said, indent=2) + "\n").encode()
            write_atomically(RunDirectory(self.path).evaluation, data)
        except OSError as error:
            raise RunError(f"cannot write to {self.path}: {error.strerror}") from error
