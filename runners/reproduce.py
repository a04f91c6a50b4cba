"""Run every experiment of the paper at one scale: `python -m runners.reproduce --scale demo`.

All their runs go through one pool of workers, a run on each core and the longest first, so that
none waits for the end of another experiment. What is done already is not run again.
"""

import argparse
import sys
from collections.abc import Sequence

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from joblib import Parallel, cpu_count, delayed

from runners.run import signals
from runners.run.execute import complain, execute
from runners.settings import tree as config
from runners.sweep.jobs import Job, jobs
from runners.sweep.progress import Monitor, plan, say, summary

MARK = "# Part of make reproduce."
SCALES = ("smoke", "demo", "desk", "paper")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan and run what is left of it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m runners.reproduce", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="demo", help="default: %(default)s")
    parser.add_argument("settings", nargs="*", help="key=value, for every run")
    chosen = parser.parse_args(arguments)
    try:
        experiments = planned([f"scale={chosen.scale}", *chosen.settings])
    except Exception as error:
        complain(f"error: {config.explain(error)}")
        return 1
    for name, runs in experiments.items():
        say(f"{name}: {len(runs)} runs, {len(runs) - len(unfinished(runs))} done already")
    every = [job for runs in experiments.values() for job in runs]
    if unfinished(every):
        say(plan(every, cpu_count()))
        run(every)
    failed = [name for name, runs in experiments.items() if unfinished(runs)]
    if failed:
        complain(f"error: not all runs are done of: {', '.join(failed)}")
    return signals.exit_status() or int(bool(failed))


def planned(settings: Sequence[str]) -> dict[str, list[Job]]:
    """The runs of each experiment that is marked as part of this, in alphabetical order."""
    config.register()
    files = sorted((config.CONF / "experiment").glob("*.yaml"))
    names = [file.stem for file in files if MARK in file.read_text()]
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        return {name: _jobs([f"+experiment={name}", *settings]) for name in names}


def _jobs(overrides: list[str]) -> list[Job]:
    hydra = GlobalHydra.instance().hydra
    if hydra is None:
        raise RuntimeError("Hydra is not initialised")
    return jobs(
        hydra.compose_config("config", overrides, RunMode.MULTIRUN, with_log_configuration=False)
    )


def unfinished(runs: Sequence[Job]) -> list[Job]:
    """Those that are not done, the longest first."""
    return sorted((job for job in runs if not job.directory.done), key=lambda job: -job.steps)


def run(every: Sequence[Job]) -> None:
    """Run what is left of these, showing how it goes; a failed run does not stop the others."""
    signals.listen()
    monitor = Monitor(every)
    tasks = [delayed(execute)(j.run.config, j.command, quiet=True) for j in unfinished(every)]
    try:
        Parallel(n_jobs=cpu_count(), batch_size=1)(tasks)
    except Exception as error:  # a worker process died
        complain(f"error: {config.explain(error)}")
    finally:
        monitor.stop()
        say(summary(every, monitor.began))


if __name__ == "__main__":
    sys.exit(main())
