"""One run from its configuration to its exit status, and what the user is told on the way."""

import errno
import os
import shlex
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, cast

from omegaconf import DictConfig, OmegaConf
from rich.console import Console

from runners.run import signals
from runners.settings import tree as config
from runners.store.directory import Config, RunDirectory, run_id
from runners.store.files import RunError

FULL_ERROR = "TRPO_FULL_ERROR"  # environment variable: "1" shows tracebacks
UNWRITABLE = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EFBIG}
    | {errno.ENOTDIR, errno.EEXIST}
)


class Run(NamedTuple):
    """A checked configuration and the run directory that it names."""

    config: DictConfig
    resolved: Config
    identity: Config
    directory: RunDirectory


def describe(cfg: DictConfig) -> Run:
    """Check `cfg` and name its run.

    Raises:
        config.ConfigError: a setting makes no sense.
    """
    config.validate(cfg)
    identity = config.identity(cfg)
    resolved = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
    return Run(cfg, resolved, identity, RunDirectory(Path(cfg.results_dir) / run_id(identity)))


def command(overrides: Sequence[str]) -> str:
    """What starts one run with these overrides."""
    return shlex.join(["python", "-m", "runners.train", *overrides])


def execute(cfg: DictConfig, by: str, quiet: bool) -> int:
    """Train one run, go on with it, or find it done; the exit status.

    Whatever goes wrong becomes one line on stderr. `quiet` leaves out all that is not wrong;
    `by` is the command that would start this run alone.
    """
    output = Console(markup=False, highlight=False, soft_wrap=True, quiet=quiet)
    try:
        run = describe(cfg)
        status = signals.exit_status()
        if run.directory.done:
            run.directory.verify(run.resolved, run.identity)
            output.print("already done")
        elif not status:
            from runners.run.session import run_session  # takes seconds: torch, simulators

            status = run_session(run, by, quiet)
    except Exception as error:
        complain(f"error: {explain(error, str(cfg.results_dir))}")
        if os.environ.get(FULL_ERROR) == "1":
            traceback.print_exc()
        return 1
    output.print(run.directory.path)
    return status


def complain(message: str) -> None:
    """Write one line to stderr, unwrapped."""
    Console(stderr=True, markup=False, highlight=False, soft_wrap=True).print(message)


def explain(error: Exception, results_dir: str) -> str:
    """One line about what went wrong, naming the setting if it is the disk."""
    if isinstance(error, OSError) and error.errno in UNWRITABLE:
        where = f" ({error.filename})" if error.filename else ""
        return f"cannot write to results_dir={results_dir}: {error.strerror}{where}"
    kind = "" if isinstance(error, RunError | config.ConfigError) else f"{type(error).__name__}: "
    return " ".join(f"{kind}{error}".split())
