"""What a sweep consists of and how far each of its runs is: reads the run store, writes nothing."""

import csv
import math
import statistics
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_loader import ConfigLoader
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from runners.run import signals
from runners.run.described import Run, describe, seed_stands_alone, swept_by
from runners.settings.checks import key_of
from runners.settings.tree import resources
from runners.store.directory import RunDirectory, words
from runners.store.files import RunError
from runners.store.provenance import read
from runners.store.table import last_row
from runners.sweep.composed import Composer, remembered_references

DONE, RUNNING, WAITING = "done", "running", "waiting"
RATE_SAMPLE = 20  # finished runs that a rate is measured from


class Job(NamedTuple):
    """One run of a sweep."""

    run: Run
    steps: int  # environment steps that it plans to take

    @property
    def directory(self) -> RunDirectory:
        """Where it is kept."""
        return self.run.directory

    def steps_done(self) -> int:
        """Environment steps taken so far, at most the plan."""
        if self.run.done:
            return self.steps
        return min(self.steps, int(last_row(self.directory.metrics).get("env_steps", 0)))

    def status(self, since: float) -> str:
        """`done`, `waiting`, or what its provenance says if that was written after `since`."""
        if self.run.done:
            return DONE
        try:
            written = self.directory.provenance.stat().st_mtime
        except FileNotFoundError:
            return WAITING
        return str(self.provenance().get("status")) if written >= since else WAITING

    def provenance(self) -> dict[str, object]:
        """What its provenance.json says."""
        return read(self.directory.provenance)


def jobs(config: DictConfig, told: Callable[[int, int], None] = lambda done, of: None) -> list[Job]:
    """The runs that Hydra's basic sweeper makes of `config`, checked, in its order.

    Each configuration is composed, described and opened once, whatever its seeds: a run that
    cannot begin is found before any has begun.

    Args:
        config: of the sweep, with Hydra's own node.
        told: is called along the way with how many runs are known, and of how many.

    Raises:
        Exception: one of them cannot be composed, is refused, or occurs twice.
        KeyboardInterrupt: a signal came.
    """
    hydra = GlobalHydra.instance().hydra
    if hydra is None:
        raise RuntimeError("Hydra is not initialised")
    batch = overrides_of(hydra.config_loader, config)
    planner = Planner(Composer(hydra.config_loader, config), swept_by(config))
    found = []
    with remembered_references():
        for overrides in batch:
            if signals.exit_status():
                raise KeyboardInterrupt
            found.append(planner.job(overrides))
            told(len(found), len(batch))
    _require_distinct(found)
    return found


def overrides_of(loader: ConfigLoader, config: DictConfig) -> list[list[str]]:
    """What is said of each run of a sweep."""
    said: Any = OmegaConf.to_container(config.hydra.overrides.task)  # references stay references
    swept = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=loader)
    overrides = parser.parse_overrides([*swept, *said])
    (batch,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    return batch


class Planner:
    """Describes the runs of a sweep, one configuration after another."""

    def __init__(self, composer: Composer, swept: Collection[str]) -> None:
        """Nothing is known yet; `swept` are the settings that the experiment sweeps."""
        self._composer, self._swept = composer, swept
        self._known: dict[tuple[str, ...], Run] = {}
        self._opened: set[str] = set()

    def job(self, overrides: Sequence[str]) -> Job:
        """What these overrides start.

        Raises:
            ConfigError: as `describe` and the study's `open` do.
            RunError: its directory holds another run.
        """
        found = job_of(self._described(overrides))
        if not found.run.done:
            self._require_opens(found.run)
        return found

    def _described(self, overrides: Sequence[str]) -> Run:
        seeds = [item for item in overrides if key_of(item) == "seed"]
        others = tuple(item for item in overrides if item not in seeds)
        value = seeds[-1].partition("=")[2] if seeds else ""
        if others in self._known and value.isdecimal():
            return self._known[others].with_seed(int(value), overrides)
        cfg = self._composer.composed(overrides)
        run = describe(cfg, overrides, self._swept)
        if seed_stands_alone(cfg):
            self._known[others] = run
        return run

    def _require_opens(self, run: Run) -> None:
        """Open what the run would open, once for all its seeds, and close it."""
        if run.description["settings"] in self._opened:
            return
        with run.study.open(run.identity, resources(run.resolved)._replace(trial=True)):
            self._opened.add(run.description["settings"])


def job_of(run: Run) -> Job:
    """A run, and how many steps it takes.

    Raises:
        RunError: its directory holds another run.
    """
    run.directory.verify(run.resolved, run.identity)
    iterations, steps = run.plan.iterations, run.plan.total_steps
    most = math.inf if iterations is None else iterations * run.description["steps_per_iteration"]
    return Job(run, int(min(most, math.inf if steps is None else steps)))


def _require_distinct(found: Sequence[Job]) -> None:
    seen: dict[Path, str] = {}
    for job in found:
        path = job.directory.path
        if path in seen:
            raise RunError(f"{path.name} is in this sweep twice: {seen[path]} | {job.run.command}")
        seen[path] = job.run.command


def estimated_seconds(pending: Sequence[Job], at_once: int) -> float | None:
    """Time that the rest of these runs takes, None if one of their rates is not known yet."""
    alike = {pattern_of(job): job for job in pending}
    known = {pattern: measured_rate(job) for pattern, job in alike.items()}
    seconds = [
        (job.steps - job.steps_done()) / rate
        for job in pending
        if (rate := known[pattern_of(job)]) is not None
    ]
    return sum(seconds) / at_once if len(seconds) == len(pending) else None


def measured_rate(job: Job) -> float | None:
    """Steps per second of finished runs of the same task and protocol; None without any.

    The median over runs of the median over their iterations.
    """
    finished = [path.parent for path in job.directory.path.parent.glob(f"{pattern_of(job)}/DONE")]
    rates = [rate for path in finished[:RATE_SAMPLE] if (rate := _median_rate(path)) is not None]
    return statistics.median(rates) if rates else None


def pattern_of(job: Job) -> str:
    """The names of runs that are as fast as this one."""
    task, _, _, protocol = job.run.label
    return "-".join([*words([task]), "*", *words([protocol]), "s*"])


def _median_rate(path: Path) -> float | None:
    """None too where the file is damaged, on which nothing but an estimate depends."""
    try:
        with (path / "timing.csv").open(newline="") as file:
            return statistics.median(float(row["steps_per_second"]) for row in csv.DictReader(file))
    except (FileNotFoundError, ValueError, KeyError, TypeError, csv.Error):
        return None
