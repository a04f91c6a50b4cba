"""How Hydra runs a sweep of ours: a sweeper that plans it first, and launchers for one machine.

Hydra takes plugins from modules below `hydra_plugins` alone, wherever on the path such a folder is.
"""

import sys
from collections.abc import Sequence
from typing import Any

from hydra._internal.core_plugins.basic_launcher import BasicLauncher
from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
from hydra.core.config_store import ConfigStore
from hydra.core.utils import JobReturn
from hydra.plugins.launcher import Launcher

from runners.run import signals
from runners.run.described import Run
from runners.run.execute import execute_run
from runners.settings.mistakes import explain
from runners.sweep import launchers
from runners.sweep.jobs import jobs
from runners.sweep.launched import launch
from runners.sweep.pool import run_all
from runners.sweep.progress import plan, planning, say, unfinished


class Sweeper(BasicSweeper):
    """Hydra's basic sweeper, but that all runs are checked before the first one begins."""

    def sweep(self, arguments: list[str]) -> Any:
        """Refuse what is misconfigured, print the plan, run what is not done, tell how it went.

        Raises:
            SystemExit: always; its status is zero only if every run is done.
        """
        assert self.config is not None and self.launcher is not None
        if launchers.kind(self.config.hydra.launcher).here:
            signals.listen()
        try:
            with planning() as told:
                planned = jobs(self.config, told)
            at_once = launchers.at_once(self.config.hydra.launcher, len(planned))
        except Exception as error:
            sys.exit(f"error: {explain(error)}")
        say(plan(planned, at_once))
        if unfinished(planned):
            launch(self.launcher, self.config, planned)
        say(self.config.results_dir)
        sys.exit(signals.exit_status() or int(bool(unfinished(planned))))


class InTurn(BasicLauncher):
    """`hydra/launcher=basic`: one run after another, in this process.

    Hydra's own would compose each run of the plan again, even after Ctrl-C.
    """

    def run_planned(self, runs: Sequence[Run]) -> None:
        """Run these; their directories tell how each of them went."""
        for run in runs:
            if signals.exit_status():
                return
            execute_run(run, quiet=True)


class Local(Launcher):
    """`hydra/launcher=joblib`: so many runs at a time on this machine."""

    def __init__(self, n_jobs: int) -> None:
        """`n_jobs` at a time; -1 is one a core."""
        self._n_jobs = n_jobs

    def setup(self, **given: Any) -> None:
        """Need nothing of Hydra's."""

    def run_planned(self, runs: Sequence[Run]) -> None:
        """Run these; their directories tell how each of them went."""
        run_all(runs, self._n_jobs)

    def launch(
        self, job_overrides: Sequence[Sequence[str]], initial_job_idx: int
    ) -> Sequence[JobReturn]:
        """Refuse runs that another sweeper has not planned.

        Raises:
            RuntimeError: always.
        """
        raise RuntimeError("hydra/launcher=joblib runs what was planned: leave hydra/sweeper out")


ConfigStore.instance().store(
    group="hydra/launcher", name="basic", node={"_target_": f"{__name__}.{InTurn.__name__}"}
)
