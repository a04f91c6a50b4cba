"""Commands that begin where their modules are loaded already, which alone takes seconds.

A process that has loaded them forks for each command: the command's own code, in a process of its
own, with its own output and status. Tests of how commands begin and are stopped start them anew.
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
from importlib import import_module
from pathlib import Path

LOADED = ("runners.reproduce", "runners.train")


class Warm:
    """The process that forks."""

    def __init__(self, environment: dict[str, str], cwd: Path) -> None:
        """What it runs in; it starts with the first command."""
        self._environment, self._cwd = environment, cwd
        self._process: subprocess.Popen[str] | None = None

    def run(self, module: str, arguments: tuple[str, ...], timeout: float) -> tuple[int, str, str]:
        """`python -m module arguments`: exit status, stdout and stderr."""
        process = self._process = self._process or self._started()
        assert process.stdin
        assert process.stdout
        with tempfile.TemporaryDirectory() as folder:
            out, err = (str(Path(folder, name)) for name in ("out", "err"))
            print(json.dumps([module, arguments, out, err]), file=process.stdin, flush=True)
            if not select.select([process.stdout], [], [], timeout)[0]:
                self._killed()
                raise subprocess.TimeoutExpired(
                    [module, *arguments], timeout, Path(err).read_text()
                )
            status = int(process.stdout.readline())
            return status, Path(out).read_text(), Path(err).read_text()

    def _started(self) -> subprocess.Popen[str]:
        atexit.register(self._killed)
        return subprocess.Popen(
            [sys.executable, "-c", "import warm; warm.serve()"],
            env=self._environment,
            cwd=self._cwd,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def _killed(self) -> None:
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
    for line in sys.stdin:
        module, arguments, *files = json.loads(line)
        child = os.fork()
        if not child:
            return become(module, arguments, files)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def become(module: str, arguments: list[str], files: list[str]) -> None:
    """Be the process of `python -m module arguments`, with stdout and stderr in these files."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    written = [os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) for file in files]
    for number, opened in enumerate((nothing, *written)):
        os.dup2(opened, number)
        os.close(opened)
    sys.modules.pop(module, None)  # so that it is loaded as the main one
    sys.argv[1:] = arguments
    runpy.run_module(module, run_name="__main__", alter_sys=True)
