"""What a sweep's launcher says of itself: how many runs it has at once, and where they are."""

from collections.abc import Callable
from typing import NamedTuple

import joblib
from omegaconf import DictConfig


class Kind(NamedTuple):
    """Launchers that have the same setting."""

    setting: str
    at_once: Callable[[DictConfig], float]  # runs, at most
    here: bool  # whether the process that started the sweep has to pass signals on to them


def _cores(launcher: DictConfig) -> float:
    """Tasks for which a Ray of this machine has the cores; one that is joined has its own."""
    if launcher.ray.init.get("address"):
        return float("inf")
    cores = launcher.ray.init.get("num_cpus") or joblib.cpu_count()
    return float(cores // (launcher.ray.remote.get("num_cpus") or 1))


KINDS = (
    Kind("n_jobs", lambda launcher: joblib.effective_n_jobs(launcher.n_jobs), here=True),
    Kind("array_parallelism", lambda launcher: launcher.array_parallelism, here=False),
    Kind("ray", _cores, here=False),
)
ONE_BY_ONE = Kind("", lambda launcher: 1, here=True)


def kind(launcher: DictConfig) -> Kind:
    """What `launcher`, Hydra's node, is one of; without any of the settings, one run at a time."""
    return next((each for each in KINDS if each.setting in launcher), ONE_BY_ONE)


def at_once(launcher: DictConfig, runs: int) -> int:
    """How many of so many runs go on at once, at most."""
    return max(1, int(min(kind(launcher).at_once(launcher), runs)))
