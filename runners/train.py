"""Train one run, or with `-m` a sweep of them: `python -m runners.train algo=trpo env=hopper`."""

import os
import sys

import hydra
from omegaconf import DictConfig

from runners.run import signals
from runners.run.job import job
from runners.run.words import FULL_ERROR, complain
from runners.settings.mistakes import explain
from runners.settings.tree import register
from runners.sweep.launched import find_plugins


@hydra.main(version_base="1.3", config_path="../conf", config_name="config")
def task(cfg: DictConfig) -> None:
    """Run one job of Hydra's; in a sweep, the parent tells how it went."""
    job(cfg)


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
        sys.exit(signals.exit_status() or 130)


if __name__ == "__main__":
    main()
