"""Run every experiment of the paper at one scale: `python -m runners.reproduce --scale demo`.

What is done already is not run again, so a second call takes seconds.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Sequence
from types import FrameType

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from rich.console import Console

from runners import config
from runners.sweeps import Job, jobs

MARK = "# Part of make reproduce."
SCALES = ("smoke", "demo", "desk", "paper")
STOPPED = (130, 143)  # exit statuses of a sweep that a signal ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan and run what is left of it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m runners.reproduce", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="demo", help="default: %(default)s")
    parser.add_argument("settings", nargs="*", help="key=value, for every run")
    chosen = parser.parse_args(arguments)
    settings = [f"scale={chosen.scale}", *chosen.settings]
    console = Console(highlight=False, markup=False, soft_wrap=True)
    left = []
    for name in experiments():
        runs = planned(name, settings)
        done = sum(job.directory.done for job in runs)
        console.print(f"{name}: {len(runs)} runs, {done} done already")
        left += [name] if done < len(runs) else []
    failed = []
    for name in left:
        console.print(f"\n{name}")
        status = run(name, settings)
        if status in STOPPED:
            return status
        failed += [name] if status else []
    if failed:
        console.print(f"not all runs are done of: {', '.join(failed)}")
    return int(bool(failed))


def experiments() -> list[str]:
    """The experiments that are marked as part of this, in alphabetical order."""
    files = sorted((config.CONF / "experiment").glob("*.yaml"))
    return [file.stem for file in files if MARK in file.read_text()]


def planned(name: str, settings: Sequence[str]) -> list[Job]:
    """The runs of one experiment."""
    config.register()
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        hydra = GlobalHydra.instance().hydra
        if hydra is None:
            raise RuntimeError("Hydra is not initialised")
        overrides = [f"+experiment={name}", *settings]
        return jobs(
            hydra.compose_config(
                "config", overrides, RunMode.MULTIRUN, with_log_configuration=False
            )
        )


def run(name: str, settings: Sequence[str]) -> int:
    """Run one experiment, a run on each core; the exit status."""
    command = [sys.executable, "-m", "runners.train", "-m", f"+experiment={name}", *settings]
    with subprocess.Popen([*command, "hydra/launcher=joblib"]) as sweep:

        def pass_on(number: int, frame: FrameType | None) -> None:
            sweep.send_signal(number)

        signal.signal(signal.SIGTERM, pass_on)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        return sweep.wait()


if __name__ == "__main__":
    sys.exit(main())
