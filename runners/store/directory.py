"""The run store: one locked directory a run, named by what makes the run what it is.

* `run.json`: what the run is called, the overrides that start it, what it has of the settings that
  its experiment sweeps, and how long it is to be
* `config.yaml`: the resolved configuration
* `provenance.json`: which code on which machine, when, and how it ended
* `metrics.csv`: one row an iteration, the same bytes whenever and wherever it runs
* `timing.csv`: one row an iteration, wall-clock columns
* `checkpoint.pt`: where to go on from (`checkpoint.prev.pt`: the one before)
* `checkpoints/000010.pt`: those that stay, by iteration, where `keep_checkpoints` asks for any
* `DONE`: how far the finished run went; written last
* `evaluation.json`: what its policy scored when it was last evaluated, if it was
* `watch.mp4`, `watch.gif`: an episode of its policy, if it was watched; `strip.mp4`, `strip.gif`:
  the same episode by the checkpoints that stay
"""

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

from filelock import BaseFileLock, FileLock, Timeout
from omegaconf import OmegaConf

from runners.store.checkpoint import Position
from runners.store.files import RunError, write_atomically
from runners.store.table import checksum, last_row

Config = Mapping[str, Any]


def run_id(names: Sequence[str], seed: int, identity: Config) -> str:
    """`{task}-{algo}-{sampler}-{protocol}-s{seed}-{hash}`, the hash of the whole identity."""
    return "-".join([*words(names), f"s{seed}", digest(identity)])


def digest(settings: Config) -> str:
    """Eight hexadecimal digits that tell settings apart."""
    canonical = json.dumps(settings, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(canonical.encode()).hexdigest()[:8]


def words(names: Sequence[str]) -> list[str]:
    """The names as parts of a file's name; empty ones are left out."""
    return [re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_") for name in names if name]


class RunDirectory:
    """One run's files, for this process alone while the context is open."""

    def __init__(self, path: Path) -> None:
        """Name the files; nothing is created before the context is entered."""
        self.path = path
        self.config = path / "config.yaml"
        self.description = path / "run.json"
        self.provenance = path / "provenance.json"
        self.metrics = path / "metrics.csv"
        self.timing = path / "timing.csv"
        self.checkpoint = path / "checkpoint.pt"
        self.evaluation = path / "evaluation.json"
        self._done = path / "DONE"
        self._lock: BaseFileLock | None = None

    def kept(self, iteration: int) -> Path:
        """Where the checkpoint of an iteration stays."""
        return self.path / "checkpoints" / f"{iteration:06d}.pt"

    def all_kept(self) -> dict[int, Path]:
        """The checkpoints that stay, by iteration, the first one first."""
        found = self.kept(0).parent.glob("*[0-9].pt")
        return {int(path.stem): path for path in sorted(found)}

    def reached(self) -> Position | None:
        """How far the run went when it last finished; None if it has not, or its rows changed.

        Raises:
            RunError: DONE is not what was written.
        """
        try:
            content = json.loads(self._done.read_bytes())
            found = Position(int(content["iteration"]), int(content["env_steps"]))
            written = content.get("metrics_crc32")  # some were finished before it
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            raise RunError(f"{self._done} is damaged: delete it to go on with the run") from error
        whole = last_row(self.metrics).get("iteration") == str(found.iteration)
        same = whole and written in (None, checksum(self.metrics))
        return found if same else None

    def __enter__(self) -> Self:
        """Create the directory if need be and lock it.

        Raises:
            RunError: another process has it.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        self._lock = FileLock(self.path / ".lock", timeout=0)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunError(f"{self.path} is being run by another process") from None
        return self

    def __exit__(self, *error: object) -> None:
        """Unlock."""
        assert self._lock
        self._lock.release()

    def claim(self, config: Config, identity: Config, description: Config) -> None:
        """Begin: write what the run is, or make sure that the one there is the same run.

        A run that is to go on further than before is no longer done, and is described anew.

        Raises:
            RunError: the directory is of another run.
        """
        self.verify(config, identity)
        self._done.unlink(missing_ok=True)
        write_atomically(self.description, (json.dumps(description, indent=2) + "\n").encode())
        if not self.config.exists():
            text = OmegaConf.to_yaml(OmegaConf.create(dict(config)))
            write_atomically(self.config, text.encode())

    def verify(self, config: Config, identity: Config) -> None:
        """Make sure that the directory, if there is one, is of this run.

        Raises:
            RunError: it is of another run; the message names the first settings that differ.
        """
        if not self.config.exists():
            return
        differing = list(differences(self.configuration(), config, identity))
        if differing:
            shown = ", ".join(differing[:3]) + (", ..." if len(differing) > 3 else "")
            raise RunError(f"{self.path} holds another run, differing in: {shown}")

    def configuration(self) -> Any:
        """What config.yaml says.

        Raises:
            RunError: it cannot be read.
        """
        try:
            return OmegaConf.to_container(OmegaConf.load(self.config))
        except Exception as error:
            raise RunError(f"{self.config} cannot be read: {type(error).__name__}") from error

    def finish(self, reached: Position) -> None:
        """Mark the run as done, the last thing that happens to its directory."""
        content = {"iteration": reached.iteration, "env_steps": reached.env_steps}
        if reached.metrics_sum is not None:
            content["metrics_crc32"] = reached.metrics_sum
        write_atomically(self._done, (json.dumps(content) + "\n").encode())


def differences(there: Any, config: Config, identity: Config) -> Iterator[str]:
    """Settings of the run in the directory that are not those of this `config`'s identity.

    Settings outside of the identity (threads, paths) may differ; unknown ones may not.
    """
    old, new, named = dict(flattened(there)), dict(flattened(config)), dict(flattened(identity))
    for key in sorted(named.keys() | (old.keys() - new.keys())):
        if key not in old or key not in named or old[key] != named[key]:
            yield f"{key} ({old.get(key, 'missing')} there, {named.get(key, 'missing')} here)"


def flattened(tree: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """The settings of a tree by their full names."""
    if isinstance(tree, Mapping):
        for key, value in tree.items():
            yield from flattened(value, f"{prefix}.{key}" if prefix else str(key))
    else:
        yield prefix, tree
