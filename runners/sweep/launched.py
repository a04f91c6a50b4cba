"""The runs of several experiments as jobs of one launcher of Hydra's."""

import sys
from collections.abc import Sequence

from hydra import initialize_config_dir
from hydra._internal.callbacks import Callbacks
from hydra.core.global_hydra import GlobalHydra
from hydra.core.plugins import Plugins
from hydra.types import HydraContext, RunMode

from runners.run import signals
from runners.run.job import job
from runners.run.words import complain
from runners.settings import tree
from runners.settings.mistakes import explain
from runners.sweep import launchers
from runners.sweep.jobs import Job
from runners.sweep.progress import Monitor, plan, say, summary


def run(every: Sequence[Job], left: Sequence[Job], settings: Sequence[str]) -> None:
    """Run those that are `left` of these, in their order, showing how it goes.

    Args:
        every: all runs, those that are done too.
        left: those that are not.
        settings: of the command line; hydra/launcher=... among them chooses what starts the jobs.

    Raises:
        SystemExit: Ctrl-C, which jobs on other machines do not hear.
    """
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        if hydra is None:
            raise RuntimeError("Hydra is not initialised")
        chosen = [*settings, f"hydra.mode={RunMode.MULTIRUN.name}"]
        config = hydra.compose_config("config", chosen, RunMode.MULTIRUN)
        context = HydraContext(config_loader=hydra.config_loader, callbacks=Callbacks(config))
        say(plan(every, launchers.at_once(config.hydra.launcher, len(left))))
        if launchers.kind(config.hydra.launcher).here:
            signals.listen()
        monitor = Monitor(every)
        try:
            launcher = Plugins.instance().instantiate_launcher(
                hydra_context=context, task_function=job, config=config
            )
            for ended in launcher.launch([list(j.run.overrides) for j in left], 0):
                _ = ended.return_value  # raises what stopped the job
        except KeyboardInterrupt:
            sys.exit(130)
        except Exception as error:  # a job died, or could not be started
            complain(f"error: {explain(error)}")
        finally:
            monitor.stop()
            say(summary(every, monitor.began))
