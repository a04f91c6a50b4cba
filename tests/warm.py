"""Commands that begin where their modules are loaded already, which alone takes seconds.

A process that has loaded them forks for each command: the command's own code, in a process of its
own, with its own output and status. Tests of how commands begin and are asked to stop start them
anew.
"""

import atexit
import json
import os
import runpy
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path

LOADED = ("runners.reproduce", "runners.train", "hydra._internal.hydra", "cma")


class Begun:
    """A command that runs, or has ended."""

    def __init__(self, warm: "Warm", folder: str) -> None:
        """It is told its process by `warm`, and writes into this folder."""
        self._warm, self._folder = warm, folder
        self.pid = int(warm.told())

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._warm.tells(0)

    def end(self, timeout: float) -> tuple[int, str, str]:
        """Wait for its end: exit status, stdout and stderr."""
        out, err = (Path(self._folder, name) for name in ("out", "err"))
        if not self._warm.tells(timeout):
            raise subprocess.TimeoutExpired(str(self.pid), timeout, err.read_text())
        return int(self._warm.told()), out.read_text(), err.read_text()


class Warm:
    """The process that forks, for one command after another."""

    def __init__(self, environment: dict[str, str], cwd: Path) -> None:
        """What it runs in; it starts with the first command."""
        self._environment, self._cwd = environment, cwd
        self._process: subprocess.Popen[bytes] | None = None

    @contextmanager
    def begun(self, module: str, arguments: tuple[str, ...]) -> Iterator[Begun]:
        """`python -m module arguments`, which has to end within."""
        process = self._process = self._process or self._started()
        assert process.stdin
        with tempfile.TemporaryDirectory() as folder:
            process.stdin.write(f"{json.dumps([module, arguments, folder])}\n".encode())
            try:
                yield Begun(self, folder)
            except BaseException:
                self.kill()
                raise

    def run(self, module: str, arguments: tuple[str, ...], timeout: float) -> tuple[int, str, str]:
        """`python -m module arguments`: exit status, stdout and stderr."""
        with self.begun(module, arguments) as command:
            return command.end(timeout)

    def tells(self, timeout: float) -> bool:
        """Whether it says something within so many seconds."""
        assert self._process
        return bool(select.select([self._process.stdout], [], [], timeout)[0])

    def told(self) -> bytes:
        """What it says next."""
        assert self._process
        assert self._process.stdout
        return self._process.stdout.readline()

    def _started(self) -> subprocess.Popen[bytes]:
        atexit.register(self.kill)
        return subprocess.Popen(
            [sys.executable, "-c", "import warm; warm.serve()"],
            env=self._environment,
            cwd=self._cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,  # what is said stays in the pipe, where `tells` looks, until it is read
            start_new_session=True,
        )

    def kill(self) -> None:
        """End it and what it runs."""
        process, self._process = self._process, None
        if process:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()


def serve() -> None:
    """Load what commands need, then run one after another, told by lines of JSON."""
    from runners.run import opengl

    opengl.choose()  # before anything imports MuJoCo
    for name in LOADED:
        import_module(name)
    import numpy as np

    from trpo.estimators import monte_carlo

    nothing = np.zeros(0)
    monte_carlo(nothing, nothing.astype(bool), nothing, 0.5)  # loads what compiled code needs
    for line in sys.stdin:
        module, arguments, folder = json.loads(line)
        child = os.fork()
        if not child:
            return become(module, arguments, folder)
        say(child)
        _, status = os.waitpid(child, 0)
        say(os.waitstatus_to_exitcode(status))


def say(number: int) -> None:
    """Tell the process that started this one."""
    sys.stdout.write(f"{number}\n")
    sys.stdout.flush()


def become(module: str, arguments: list[str], folder: str) -> None:
    """Be the process of `python -m module arguments`, with stdout and stderr in this folder."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    files = [Path(folder, name) for name in ("out", "err")]
    written = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for file in files]
    for number, opened in enumerate((nothing, *written)):
        os.dup2(opened, number)
        os.close(opened)
    sys.modules.pop(module, None)  # so that it is loaded as the main one
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
