"""One run from its configuration to its exit status, and what the user is told on the way."""

import os
import traceback
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from omegaconf import DictConfig
from rich.console import Console

from runners.run import signals
from runners.run.described import Run, describe
from runners.run.session import run_session
from runners.run.words import FULL_ERROR, complain, explain


def execute(cfg: DictConfig, overrides: Sequence[str], swept: Iterable[str], quiet: bool) -> int:
    """Train what a configuration describes, see `runners.run.described.describe`, and as below."""
    return _told(partial(describe, cfg, overrides, swept), str(cfg.results_dir), quiet)


def execute_run(run: Run, quiet: bool) -> int:
    """Train one run, go on with it, or find it done; the exit status.

    Whatever goes wrong becomes one line on stderr. `quiet` leaves out all that is not wrong.
    """
    return _told(lambda: run, run.resolved["results_dir"], quiet)


def _told(described: Callable[[], Run], results_dir: str, quiet: bool) -> int:
    output = Console(markup=False, highlight=False, soft_wrap=True, quiet=quiet)
    try:
        run = described()
        status = signals.exit_status()
        if run.done:
            run.directory.verify(run.resolved, run.identity)
            output.print("already done")
        elif not status:
            status = run_session(run, quiet)
    except Exception as error:
        complain(f"error: {explain(error, results_dir)}")
        if os.environ.get(FULL_ERROR) == "1":
            traceback.print_exc()
        return 1
    output.print(run.directory.path)
    return status
