"""Writing files so that a crash at any moment leaves the old content or the new, never a mix."""

import os
from pathlib import Path


class RunError(Exception):
    """A run cannot start or go on; the message is one line, meant for the user."""


def write_atomically(
    path: Path, data: bytes, reserve: Path | None = None, durable: bool = True
) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename, fsync of the directory.

    Args:
        path: the file to write.
        data: all of its content.
        reserve: where what was at `path` is kept, if anywhere.
        durable: whether the content must survive a power failure (fsync takes milliseconds).

    Raises:
        OSError: the disk is full or not writable; `path` and `reserve` are as they were.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if reserve and path.exists():
        path.replace(reserve)
    temporary.replace(path)
    if durable:
        sync_directory(path.parent)


def overwrite(path: Path, data: bytes) -> None:
    """Replace the content of `path` in the blocks that it has: the last resort on a full disk.

    Not atomic: for what may be lost, where nothing at all would be worse.
    """
    with path.open("r+b") as file:
        file.write(data)
        file.truncate()


def sync_directory(path: Path) -> None:
    """Make renames within this directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
