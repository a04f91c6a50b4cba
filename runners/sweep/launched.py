"""Runs as jobs of a launcher of Hydra's: those of a sweep, or of several experiments at once."""

import sys
from collections.abc import Sequence
from pathlib import Path

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.config_store import ConfigStore
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.plugins.launcher import Launcher
from hydra.types import HydraContext, RunMode
from omegaconf import DictConfig

from runners.run import signals
from runners.run.job import job
from runners.run.words import complain
from runners.settings import tree
from runners.settings.mistakes import explain
from runners.sweep import launchers
from runners.sweep.jobs import Job
from runners.sweep.progress import monitored, plan, say, unfinished

PLUGINS = Path(__file__).parents[1] / "plugins"
"""Where Hydra finds how a sweep of ours is run."""


def find_plugins() -> None:
    """Let Hydra find ours, and forget a plugin of the same name where that is installed."""
    if str(PLUGINS) not in sys.path:
        sys.path.append(str(PLUGINS))
    Plugins.instance()
    known = ConfigStore.instance().repo.get("hydra", {}).get("launcher", {})
    known.pop("joblib.yaml", None)


def launch(launcher: Launcher, config: DictConfig, every: Sequence[Job]) -> None:
    """Have a launcher run what is left of these, showing how it goes.

    Args:
        launcher: that of `config`, set up.
        config: with Hydra's own node.
        every: all runs, those that are done too; the first ones begin first.

    Raises:
        SystemExit: Ctrl-C, which jobs on other machines do not hear.
    """
    left = unfinished(every)
    with monitored(every):
        try:
            if run_planned := getattr(launcher, "run_planned", None):  # ours
                run_planned([job.run for job in left])
                return
            for ended in launcher.launch([list(job.run.overrides) for job in left], 0):
                _ = ended.return_value  # raises what stopped the job
        except KeyboardInterrupt:
            sys.exit(signals.exit_status() or 130)
        except Exception as error:  # a job died, or could not be started
            complain(f"error: {explain(error)}")


def run(every: Sequence[Job], settings: Sequence[str]) -> None:
    """Run what is left of these by the launcher that the settings choose.

    Args:
        every: all runs; the first ones begin first.
        settings: of the command line, hydra/launcher=... among them.
    """
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        if hydra is None:
            raise RuntimeError("Hydra is not initialised")
        chosen = [*settings, f"hydra.mode={RunMode.MULTIRUN.name}"]
        config = hydra.compose_config("config", chosen, RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=context, task_function=job, config=config
        )
        if launchers.kind(config.hydra.launcher).here:
            signals.listen()
        say(plan(every, launchers.at_once(config.hydra.launcher, len(every))))
        launch(launcher, config, every)
