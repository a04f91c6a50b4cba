"""Where a run's numbers come from: which code, on which machine, when, and how it ended."""

import json
import os
import platform
import resource
import socket
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from runners.store import code
from runners.store.code import ROOT
from runners.store.files import overwrite, write_atomically

PACKAGES = (
    *("numpy", "scipy", "torch", "numba", "mujoco", "gymnasium", "ale-py", "cma"),
    *("hydra-core", "omegaconf", "joblib"),
)


class Record:
    """provenance.json of one run, from `begin` over `update` to `end`; earlier sessions stay."""

    def __init__(self, path: Path, **settings: Any) -> None:
        """Begin a session with these `settings`; the first `update` writes it."""
        reset_peak_rss()
        self._path = path
        self._began = time.monotonic()
        earlier = read(path)
        self._wall_before = float(earlier.get("wall_seconds", 0.0))
        self._content: dict[str, Any] = {
            "status": "running",
            "error": None,
            "exit_status": None,
            **describe_machine(),
            "code": code.present(),
            **settings,
            "start": now(),
            "end": None,
            "warnings": [],
            "traceback": None,
            "sessions": [*earlier.pop("sessions", []), _summary(earlier)] if earlier else [],
        }

    def update(self, **changes: Any) -> None:
        """Write the record as of now, with these entries changed.

        Raises:
            OSError: the disk is full; the record on it is as it was.
        """
        write_atomically(self._path, self._text(changes), durable=False)

    def note(self, warning: str) -> None:
        """Add a warning that the user was shown."""
        self.update(warnings=[*self._content["warnings"], warning])

    def end(self, status: str, exit_status: int, **why: str) -> None:
        """Write how the run ended, with its `error` and `traceback` if it failed.

        Raises:
            OSError: not even the blocks that the record already has could be written.
        """
        text = self._text({"status": status, "exit_status": exit_status, "end": now(), **why})
        try:
            write_atomically(self._path, text)
        except OSError:
            overwrite(self._path, text)

    def _text(self, changes: dict[str, Any]) -> bytes:
        self._content |= changes
        self._content["wall_seconds"] = self._wall_before + time.monotonic() - self._began
        self._content["peak_rss_mib"] = peak_rss_mib()
        return (json.dumps(self._content, indent=2) + "\n").encode()

    @property
    def mixes_code(self) -> str | None:
        """A warning if the run was begun with other code, by its content where that is known."""
        if not self._content["sessions"]:
            return None
        first = self._content["sessions"][0]
        begun, now = first.get("git_sha"), self._content["git_sha"]
        if first.get("code") is None:
            return None if begun in (None, now) else f"begun at commit {begun}, going on at {now}"
        other = code.differing(first["code"], self._content["code"])
        if not other:
            return None
        where = f" (at commit {begun}; now {now})" if begun != now else " (uncommitted changes)"
        return f"begun with other code of {', '.join(other)} than it goes on with{where}"

    @property
    def exit_status(self) -> int:
        """What the process should exit with."""
        return int(self._content["exit_status"])


def read(path: Path) -> dict[str, Any]:
    """What a provenance.json says, {} if there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return content


def describe_machine() -> dict[str, Any]:
    """The code and the machine of this process."""
    status = _git("status", "--porcelain")
    return {
        "git_sha": commit(),
        "git_dirty": None if status is None else bool(status),
        "packages": {name: _version(name) for name in PACKAGES},
        "python": platform.python_version(),
        "os": platform.platform(),
        "cpu": cpu_model(),
        "cores": os.cpu_count(),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def cpu_model() -> str:
    """The processor's name, as the operating system gives it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def reset_peak_rss() -> None:
    """Forget what a worker's earlier runs held, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_rss_mib() -> float:
    """The most memory that this process has held at once since `reset_peak_rss`, in MiB.

    A process begins with what the one that started it had held, where the system does not forget.
    """
    with suppress(OSError, StopIteration):
        lines = Path("/proc/self/status").read_text().splitlines()
        peak = next(line for line in lines if line.startswith("VmHWM"))
        return int(peak.split()[1]) / 1024
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 2**20


def _summary(session: dict[str, Any]) -> dict[str, Any]:
    names = ("start", "end", "status", "error", "git_sha", "code")
    return {key: session.get(key) for key in names}


def commit() -> str | None:
    """The commit of the code, None where nobody knows."""
    return _git("rev-parse", "HEAD")


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=10,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()


@cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def now() -> str:
    """The time of day in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")
