"""Eight tiny runs, started by some launcher, and what they leave."""

import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from runners.store.provenance import read

ROOT = Path(__file__).parents[2]
RUNS = 8
TINY = (
    *("env=cartpole", "env.horizon=100", "iterations=60", "steps_per_iteration=2000"),
    *("checkpoint_every=1000", f"seed=range({RUNS})"),
)
"""Checkpointed where they are asked to stop, and nowhere else."""


class Sweep(NamedTuple):
    """A command that can be given again."""

    launcher: tuple[str, ...]  # settings
    results: Path
    environment: Mapping[str, str]
    python: str = sys.executable

    def start(self) -> subprocess.Popen[str]:
        """Give the command; what it prints is added to a file beside its results."""
        settings = (*TINY, *self.launcher, f"results_dir={self.results}")
        with self.results.with_suffix(".log").open("a") as log:
            return subprocess.Popen(
                [self.python, "-m", "runners.train", "-m", *settings],
                cwd=ROOT,
                stdout=log,
                stderr=log,
                text=True,
                env=self.environment,
            )

    def finish(self, seconds: float) -> None:
        """Give the command, and require that it ends well within so many seconds."""
        status = self.start().wait(timeout=seconds)
        assert status == 0, f"exit status {status}: see {self.results.with_suffix('.log')}"

    def metrics(self) -> dict[str, bytes]:
        """The metrics of each run by the name of its directory."""
        return {file.parent.name: file.read_bytes() for file in self.results.glob("*/metrics.csv")}

    def running(self, rows: int) -> list[str]:
        """The runs that have so many rows, and are not done."""
        done = {file.parent.name for file in self.results.glob("*/DONE")}
        found = self.metrics()
        return [name for name in found if found[name].count(b"\n") > rows and name not in done]

    def provenance(self, run: str) -> dict[str, Any]:
        """What provenance.json of a run says."""
        return read(self.results / run / "provenance.json")

    def begun_again(self, run: str) -> bool:
        """Whether a second session of a run is going on or over."""
        return bool(self.provenance(run).get("sessions"))
