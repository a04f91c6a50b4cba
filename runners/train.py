"""Train one run, or with `-m` a sweep of them: `python -m runners.train algo=trpo env=hopper`."""

import os
import sys
from pathlib import Path

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.plugins import Plugins
from hydra.types import RunMode
from omegaconf import DictConfig

from runners.run.execute import execute
from runners.run.words import FULL_ERROR, complain
from runners.settings.mistakes import explain
from runners.settings.tree import register

PLUGINS = Path(__file__).parent / "plugins"
"""Where Hydra finds how a sweep is run."""


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def task(cfg: DictConfig) -> None:
    """Run one job of Hydra's; in a sweep, the parent tells how it went."""
    job = HydraConfig.get()
    sweeping = job.mode == RunMode.MULTIRUN
    swept = set(map(str, job.sweeper.params or {}))
    status = execute(cfg, list(job.overrides.task), swept, quiet=sweeping)
    if not sweeping:
        sys.exit(status)


def main() -> None:
    """Compose and run what the command line says; errors are one line.

    Hydra raises instead of printing where HYDRA_FULL_ERROR is set; whether the user wanted
    tracebacks is kept aside.
    """
    os.environ[FULL_ERROR] = os.environ.get("HYDRA_FULL_ERROR", "0")
    os.environ["HYDRA_FULL_ERROR"] = "1"
    try:
        register()
        find_plugins()
        task()
    except Exception as error:
        if os.environ[FULL_ERROR] == "1":
            raise
        complain(f"error: {explain(error)}")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


def find_plugins() -> None:
    """Let Hydra find ours, and forget a plugin of the same name where that is installed."""
    sys.path.append(str(PLUGINS))
    Plugins.instance()
    launchers = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    launchers.pop("joblib.yaml", None)


if __name__ == "__main__":
    main()
