"""The optional TensorBoard log of a run, in `tensorboard/` of its directory."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from runners.files import RunError
from runners.loop import Row


@contextmanager
def log(path: Path, enabled: bool) -> Iterator[Callable[[Row], None]]:
    """What writes each row to TensorBoard, against the environment steps; nothing if disabled.

    Raises:
        RunError: the package is not installed.
    """
    if not enabled:
        yield lambda row: None
        return
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        raise RunError("tensorboard=true needs the extra: pip install '.[tensorboard]'") from None
    with SummaryWriter(str(path / "tensorboard")) as writer:

        def write(row: Row) -> None:
            for name, value in (row.metrics | row.timing).items():
                if value is not None:
                    writer.add_scalar(name, value, row.position.env_steps)

        yield write
