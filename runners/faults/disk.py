"""Small disks of their own for stores, which can be filled or made read-only."""

import errno
import shutil
import subprocess
from pathlib import Path

SIZE = "64m"
BALLAST = "ballast"


def mount(folder: Path) -> str | None:
    """Mount a small disk on a new folder; why that is not possible here, or None."""
    folder.mkdir()
    if shutil.which("mount") is None:
        return "there is no mount"
    return _mounted(["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder)])


def unmount(folder: Path) -> None:
    """Undo `mount`, where anything is mounted."""
    if folder.is_mount():
        _mounted(["umount", str(folder)])


def protect(folder: Path) -> None:
    """Let nothing be written to the disk."""
    _require(_mounted(["mount", "-o", "remount,ro", str(folder)]))


def release(folder: Path) -> None:
    """Let it be written to again."""
    _require(_mounted(["mount", "-o", "remount,rw", str(folder)]))


def fill(folder: Path) -> None:
    """Write to the disk until it is full."""
    with (folder / BALLAST).open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12):
            try:
                while True:
                    file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise


def empty(folder: Path) -> None:
    """Take away what filled it."""
    (folder / BALLAST).unlink(missing_ok=True)


def _mounted(command: list[str]) -> str | None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return " ".join(done.stderr.split()) or "mount failed" if done.returncode else None


def _require(problem: str | None) -> None:
    if problem:
        raise RuntimeError(problem)
