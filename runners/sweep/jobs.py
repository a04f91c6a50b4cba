"""What a sweep consists of and how far each of its runs is: reads the run store, writes nothing."""

import copy
import csv
import math
import statistics
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra._internal.hydra import Hydra
from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, open_dict

from runners.run.described import Run, describe, swept_by
from runners.settings.checks import key_of
from runners.store.directory import RunDirectory, words
from runners.store.files import RunError
from runners.store.provenance import read
from runners.store.table import last_row

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
            return "done"
        try:
            written = self.directory.provenance.stat().st_mtime
        except FileNotFoundError:
            return "waiting"
        return str(self.provenance().get("status")) if written >= since else "waiting"

    def provenance(self) -> dict[str, object]:
        """What its provenance.json says."""
        return read(self.directory.provenance)


def jobs(config: DictConfig) -> list[Job]:
    """The runs that Hydra's basic sweeper makes of `config`, checked, in its order.

    Raises:
        Exception: one of them cannot be composed, is refused, or occurs twice.
    """
    hydra = GlobalHydra.instance().hydra
    if hydra is None:
        raise RuntimeError("Hydra is not initialised")
    params = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=hydra.config_loader)
    overrides = parser.parse_overrides([*params, *config.hydra.overrides.task])
    (batch,) = BasicSweeper.split_arguments(overrides, max_batch_size=None)
    swept, composed = swept_by(config), _composed(hydra, config, batch)
    found = [job(cfg, each, swept) for cfg, each in zip(composed, batch, strict=True)]
    _require_distinct(found)
    return found


def _composed(
    hydra: Hydra, config: DictConfig, batch: Sequence[Sequence[str]]
) -> Iterator[DictConfig]:
    """Each job's configuration; jobs that differ in the seed alone are composed once."""
    known: dict[tuple[str, ...], DictConfig] = {}
    for job in batch:
        seeds = [item for item in job if key_of(item) == "seed"]
        others = tuple(item for item in job if item not in seeds)
        if others not in known:
            known[others] = hydra.config_loader.load_sweep_config(config, list(job))
            with open_dict(known[others]):
                del known[others]["hydra"]
        cfg = copy.deepcopy(known[others])
        for seed in seeds:
            cfg.seed = seed.partition("=")[2]  # a typed node: made an integer, or refused
        yield cfg


def job(cfg: DictConfig, overrides: Sequence[str], swept: Collection[str]) -> Job:
    """What `cfg` describes, see `describe`, and how many steps that takes.

    Raises:
        ConfigError: as `describe` does.
        RunError: its directory holds another run.
    """
    run = describe(cfg, overrides, swept)
    run.directory.verify(run.resolved, run.identity)
    each = run.study.steps(run.identity)
    by_iterations = math.inf if cfg.iterations is None else cfg.iterations * each
    by_steps = math.inf if cfg.total_steps is None else cfg.total_steps
    return Job(run, int(min(by_iterations, by_steps)))


def _require_distinct(found: Sequence[Job]) -> None:
    seen: dict[Path, str] = {}
    for job in found:
        path = job.directory.path
        if path in seen:
            raise RunError(f"{path.name} is in this sweep twice: {seen[path]} | {job.run.command}")
        seen[path] = job.run.command


def measured_rate(job: Job) -> float | None:
    """Steps per second of finished runs of the same task and protocol; None without any.

    The median over runs of the median over their iterations.
    """
    task, _, _, protocol = job.run.label
    pattern = "-".join([*words([task]), "*", *words([protocol]), "s*"]) + "/DONE"
    finished = [path.parent for path in job.directory.path.parent.glob(pattern)]
    rates = [rate for path in finished[:RATE_SAMPLE] if (rate := _median_rate(path)) is not None]
    return statistics.median(rates) if rates else None


def _median_rate(path: Path) -> float | None:
    try:
        with (path / "timing.csv").open(newline="") as file:
            rates = [float(row["steps_per_second"]) for row in csv.DictReader(file)]
    except FileNotFoundError:
        return None
    return statistics.median(rates) if rates else None


def estimated_seconds(pending: Sequence[Job], at_once: int) -> float | None:
    """Time that the rest of these runs takes, None if one of their rates is not known yet."""
    seconds = [
        (job.steps - job.steps_done()) / rate
        for job in pending
        if (rate := measured_rate(job)) is not None
    ]
    return sum(seconds) / at_once if len(seconds) == len(pending) else None
