"""What a sweep's launcher says of itself: how many runs it has at once, and where they are."""

from collections.abc import Callable
from typing import NamedTuple

import joblib
from omegaconf import DictConfig

from runners.settings.errors import ConfigError


class Kind(NamedTuple):
    """Launchers that have the same setting."""

    setting: str
    at_once: Callable[[DictConfig], float]  # runs, at most
    here: bool  # whether the process that started the sweep has to pass signals on to them


def _slots(launcher: DictConfig) -> float:
    """Processes of this machine, counted as joblib counts."""
    if not isinstance(launcher.n_jobs, int) or not launcher.n_jobs:
        raise ConfigError(
            f"hydra.launcher.n_jobs must be a number of runs, or -1 for one a core, not "
            f"{launcher.n_jobs}"
        )
    return float(joblib.effective_n_jobs(launcher.n_jobs))


def _cores(launcher: DictConfig) -> float:
    """Tasks for which a Ray of this machine has the cores; one that is joined has its own."""
    if launcher.ray.init.get("address"):
        return float("inf")
    cores = launcher.ray.init.get("num_cpus") or joblib.cpu_count()
    return float(cores // (launcher.ray.remote.get("num_cpus") or 1))


KINDS = (
    Kind("n_jobs", _slots, here=True),
    Kind("array_parallelism", lambda launcher: launcher.array_parallelism, here=False),
    Kind("ray", _cores, here=False),
)
ONE_BY_ONE = Kind("", lambda launcher: 1, here=True)


def kind(launcher: DictConfig) -> Kind:
    """What `launcher`, Hydra's node, is one of; without any of the settings, one run at a time."""
    return next((each for each in KINDS if each.setting in launcher), ONE_BY_ONE)


def at_once(launcher: DictConfig, runs: int) -> int:
    """How many of so many runs go on at once, at most.

    Raises:
        ConfigError: the launcher's setting makes no sense.
    """
    return max(1, int(min(kind(launcher).at_once(launcher), runs)))
