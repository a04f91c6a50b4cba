"""The optional TensorBoard log of a run, in `tensorboard/` of its directory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from runners.run.loop import Row
from runners.store.files import RunError


def require() -> None:
    """Raise RunError unless the package is installed."""
    if find_spec("tensorboard") is None:
        raise RunError("tensorboard=true needs the extra: pip install '.[tensorboard]'")


@contextmanager
def log(path: Path, enabled: bool) -> Iterator[Callable[[Row], None]]:
    """What writes each row to TensorBoard, against the environment steps; nothing if disabled.

    What an earlier session wrote of iterations that are run again is dropped.
    """
    if not enabled:
        yield lambda row: None
        return
    from torch.utils.tensorboard import SummaryWriter

    writers: list[SummaryWriter] = []

    def write(row: Row) -> None:
        step = row.position.env_steps
        if not writers:
            writers.append(SummaryWriter(str(path / "tensorboard"), purge_step=step))
        for name, value in (row.metrics | row.timing).items():
            if value is not None:
                writers[0].add_scalar(name, value, step)

    try:
        yield write
    finally:
        for writer in writers:
            writer.close()
