"""Writing files so that a crash at any moment leaves the old content or the new, never a mix."""

import os
from pathlib import Path


class RunError(Exception):
    """A run cannot start or go on; the message is one line, meant for the user."""


def write_atomically(path: Path, data: bytes, reserve: Path | None = None) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename, fsync of the directory.

    What was at `path` is kept as `reserve`, if one is named.

    Raises:
        OSError: the disk is full or not writable; `path` and `reserve` are as they were.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with temporary.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    if reserve and path.exists():
        path.replace(reserve)
    temporary.replace(path)
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames within this directory durable."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
