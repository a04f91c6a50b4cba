"""What one job of Hydra's does, whichever launcher started it."""

import sys

from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from runners.run import signals
from runners.run.execute import execute


def job(cfg: DictConfig) -> None:
    """Do the run that `cfg` describes; in a sweep, the parent tells how it went."""
    hydra = HydraConfig.get()
    sweeping = hydra.mode == RunMode.MULTIRUN
    swept = set(map(str, hydra.sweeper.params or {}))
    status = execute(cfg, list(hydra.overrides.task), swept, quiet=sweeping)
    if not sweeping:
        sys.exit(status)
    signals.hand_back()
