"""One session of a run: simulators open, directory locked, provenance kept, loop running."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from runners.build.opened import build
from runners.run import display, signals, tensorboard
from runners.run.execute import Run, complain, explain
from runners.run.loop import Hooks, Plan, Row, StoppedError, train
from runners.store.provenance import Record


def run_session(run: Run, command: str, quiet: bool) -> int:
    """Train `run` to its end or until a signal; the exit status.

    `command` is what would start this run alone.

    Raises:
        Exception: what stopped the run; its provenance says so too, if it had begun.
    """
    if run.config.tensorboard:
        tensorboard.require()
    signals.listen()
    torch.set_num_threads(1)
    cfg = run.config
    plan = Plan(cfg.seed, cfg.iterations, cfg.total_steps, cfg.checkpoint_every)
    with build(cfg) as experiment, run.directory:
        run.directory.claim(run.resolved, run.identity)
        with (
            _recorded(run, command) as record,
            display.live(plan, quiet) as show,
            tensorboard.log(run.directory.path, enabled=cfg.tensorboard) as log,
        ):

            def on_row(row: Row) -> None:
                show(row)
                log(row)

            def warn(message: str) -> None:
                record.note(message)
                complain(f"warning: {run.directory.path.name}: {message}")

            if experiment.note:
                record.update(algorithm=experiment.note)
            if record.mixes_code:
                warn(record.mixes_code)
            hooks = Hooks(on_row, record.update, warn, signals.exit_status)
            train(experiment.algorithm, plan, run.directory, hooks)
        return record.exit_status


@contextmanager
def _recorded(run: Run, command: str) -> Iterator[Record]:
    """A record that ends as the run does; a stop by a signal goes no further than this."""
    machine = {key: run.resolved[key] for key in ("threads", "workers", "device")}
    record = Record(run.directory.provenance, command=command, **machine)
    record.update()
    try:
        yield record
    except StoppedError as stopped:
        record.end("interrupted", stopped.exit_status, error=str(stopped))
    except Exception as error:
        message = explain(error, str(run.config.results_dir))
        with suppress(OSError):  # the disk may be what is full
            record.end("failed", 1, error=message, traceback=traceback.format_exc())
        raise
    else:
        record.end("done", 0)
        run.directory.finish()
