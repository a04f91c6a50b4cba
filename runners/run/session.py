"""One session of a run: simulators open, directory locked, provenance kept, loop running."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import torch

from runners.run import display, signals, tensorboard
from runners.run.described import Run
from runners.run.loop import Hooks, Row, StoppedError, train
from runners.run.words import complain, explain
from runners.settings.tree import resources
from runners.store.provenance import Record


def run_session(run: Run, quiet: bool) -> int:
    """Train `run` to its end or until a signal; the exit status.

    Raises:
        Exception: what stopped the run; its provenance says so too, if it had begun.
    """
    if run.resolved["tensorboard"]:
        tensorboard.require()
    signals.listen()
    torch.set_num_threads(1)
    with run.study.open(run.identity, resources(run.resolved)) as opened, run.directory:
        run.directory.claim(run.resolved, run.identity, run.description)
        reached = None
        with (
            _recorded(run) as record,
            display.live(run.plan, quiet) as show,
            tensorboard.log(run.directory.path, enabled=run.resolved["tensorboard"]) as log,
        ):

            def on_row(row: Row) -> None:
                show(row)
                log(row)

            def warn(message: str) -> None:
                record.note(message)
                complain(f"warning: {run.directory.path.name}: {message}")

            record.update(**opened.notes)
            for doubt in opened.doubts:
                warn(f"env: {doubt}")
            if record.mixes_code:
                warn(record.mixes_code)
            hooks = Hooks(on_row, record.update, warn, signals.exit_status)
            reached = train(opened.algorithm, run.plan, run.directory, hooks, run.study.columns)
        if reached:
            run.directory.finish(reached)
        return record.exit_status


@contextmanager
def _recorded(run: Run) -> Iterator[Record]:
    """A record that ends as the run does; a stop by a signal goes no further than this."""
    machine = {key: run.resolved[key] for key in ("threads", "workers", "device")}
    record = Record(run.directory.provenance, command=run.command, **machine)
    record.update()
    try:
        yield record
    except StoppedError as stopped:
        record.end("interrupted", stopped.exit_status, error=str(stopped))
    except Exception as error:
        message = explain(error, run.resolved["results_dir"])
        with suppress(OSError):  # the disk may be what is full
            record.end("failed", 1, error=message, traceback=traceback.format_exc())
        raise
    else:
        record.end("done", 0)
