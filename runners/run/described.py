"""A run before anything of it is opened: what it is, how long, where it is kept."""

import re
import shlex
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

from omegaconf import DictConfig, OmegaConf

from runners.run.loop import Plan
from runners.settings import checks
from runners.settings.options import GROUPS
from runners.settings.tree import NUMBERS, SESSION, Identity
from runners.store.directory import Config, RunDirectory, digest, flattened, run_id
from runners.studies.all import STUDIES
from runners.studies.study import Label, Study

OWN = ("experiment", "scale", "seed", *SESSION)
"""What may be said of a run without departing from its experiment."""


class Run(NamedTuple):
    """A checked configuration and the run directory that it names: plain data."""

    resolved: Config
    identity: Identity
    study: Study
    plan: Plan
    directory: RunDirectory
    overrides: tuple[str, ...]  # of the command line, which start this run alone
    swept: tuple[str, ...]  # settings that the experiment itself sweeps
    description: Config  # run.json

    @property
    def done(self) -> bool:
        """Whether the run has finished all that is planned now."""
        reached = self.directory.reached()
        return reached is not None and self.plan.fraction(reached) == 1

    @property
    def label(self) -> Label:
        """How the run is called."""
        return self.study.label(self.identity)

    @property
    def command(self) -> str:
        """What starts this run alone."""
        return shlex.join(["python", "-m", "runners.train", *self.overrides])

    def with_seed(self, seed: int, overrides: Sequence[str]) -> Self:
        """The same run with another seed, which `overrides` start; see `seed_stands_alone`."""
        resolved, identity = ({**node, "seed": seed} for node in (self.resolved, self.identity))
        path = self.directory.path.parent / run_id(self.label, seed, identity)
        said = {**self.description, "seed": seed, "overrides": lasting(overrides)}
        return self._replace(
            resolved=resolved,
            identity=identity,
            plan=self.plan._replace(seed=seed),
            directory=RunDirectory(path),
            overrides=tuple(overrides),
            description=said,
        )


def describe(cfg: DictConfig, overrides: Sequence[str], swept: Iterable[str] = ()) -> Run:
    """Check `cfg` and name its run.

    Args:
        cfg: as Hydra composed it.
        overrides: what was said on the command line, or by a sweep for this run.
        swept: the settings that the experiment itself sweeps.

    Raises:
        ConfigError: a setting makes no sense, fits no run or is read by nothing.
    """
    checks.require_whole(overrides)
    node = checks.settled(cfg)
    study = STUDIES[cfg.study]
    unread = set(study.unread(node))
    identity = checks.identity(node, unread)
    study.check(identity)
    label = study.label(identity)
    checks.require_read(cfg, node, unread, overrides, ", ".join(filter(None, label)))
    config = {**node, "numbers": NUMBERS}
    often = cfg.checkpoint_every, cfg.keep_checkpoints
    plan = Plan(cfg.seed, cfg.iterations, cfg.total_steps, *often)
    directory = RunDirectory(Path(cfg.results_dir) / run_id(label, cfg.seed, identity))
    asked = tuple(overrides), tuple(swept)
    said = _description(node, study, identity, *asked)
    return Run(config, identity, study, plan, directory, *asked, said)


def _description(
    node: dict[str, Any],
    study: Study,
    identity: Identity,
    overrides: Sequence[str],
    swept: Collection[str],
) -> Config:
    """What run.json says; see `runners.store.directory`."""
    alone, usual = lasting(overrides), {*OWN, *swept}
    departures = [item for item in alone if checks.key_of(item) not in usual]
    rest = dict(identity)
    del rest["seed"]
    return {
        "study": node["study"],
        "experiment": node["experiment"],
        "scale": node["scale"]["name"],
        **study.label(identity)._asdict(),
        "seed": node["seed"],
        "step_size": study.step_size(identity),
        "settings": digest(rest),
        "overrides": alone,
        "departures": departures if node["experiment"] else [],
        "swept": values_of(swept, node),
        "total_steps": node["total_steps"],
        "iterations": node["iterations"],
        "steps_per_iteration": study.steps(identity),
        "numbers": NUMBERS,
    }


def lasting(overrides: Iterable[str]) -> list[str]:
    """Those that say what a run is, not how it is run this time."""
    return [item for item in overrides if checks.key_of(item) not in SESSION]


def seed_stands_alone(cfg: DictConfig) -> bool:
    """Whether no other setting refers to the seed, so that it can be changed by itself."""
    raw = str(OmegaConf.to_container(cfg, resolve=False))
    return re.search(r"\$\{[^'\"]*\bseed\b", raw) is None


def values_of(swept: Iterable[str], node: Config) -> Config:
    """What this run has of the settings that its experiment sweeps, by their full names.

    Not the groups and the seed: what was chosen there, a run is called by.
    """
    settings = dict(flattened(node))
    names = set(swept) - {*GROUPS, "seed"}
    return {
        key: settings[key]
        for key in sorted(settings)
        if any(f"{key}.".startswith(f"{name}.") for name in names)
    }


def swept_by(config: DictConfig) -> set[str]:
    """What the experiment of a configuration with Hydra's node sweeps by itself."""
    return set(map(str, OmegaConf.select(config, "hydra.sweeper.params") or {}))
