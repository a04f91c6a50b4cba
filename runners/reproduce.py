"""Run every experiment of the paper at one scale: `python -m runners.reproduce --scale demo`.

All their runs go through one pool of workers, the longest first, so that none waits for the end of
another experiment: a run on each core, or more threads to each where there are fewer runs than
cores. What is done already is not run again.
"""

import argparse
import sys
from collections.abc import Sequence

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.types import RunMode
from joblib import cpu_count
from omegaconf import OmegaConf

from runners.run import signals
from runners.run.described import Run
from runners.run.words import complain
from runners.settings import tree
from runners.settings.mistakes import explain
from runners.sweep import launched
from runners.sweep.composed import remembered_references
from runners.sweep.jobs import Job, jobs
from runners.sweep.pool import run_all
from runners.sweep.progress import monitored, plan, planning, say, unfinished

SCALES = ("smoke", "demo", "desk", "paper")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the plan and run what is left of it; the exit status."""
    parser = argparse.ArgumentParser(prog="python -m runners.reproduce", description=__doc__)
    parser.add_argument("--scale", choices=SCALES, default="demo", help="default: %(default)s")
    parser.add_argument(
        "--launcher", help="Hydra's that starts the runs: slurm, ray_cluster; default: this machine"
    )
    parser.add_argument("settings", nargs="*", help="key=value, for every run")
    chosen = parser.parse_args(arguments)
    settings = [f"scale={chosen.scale}", *chosen.settings]
    if chosen.launcher:
        settings.append(f"hydra/launcher={chosen.launcher}")
    try:
        experiments = planned(settings)
    except Exception as error:
        complain(f"error: {explain(error)}")
        return 1
    for name, runs in experiments.items():
        say(f"{name}: {len(runs)} runs, {len(runs) - len(unfinished(runs))} done already")
    every = [job for runs in experiments.values() for job in runs]
    left = unfinished(every)
    if left and chosen.launcher:
        launched.run(sorted(every, key=lambda job: -job.steps), settings)
    elif left:
        threads = shared([job.run.resolved["threads"] for job in left], cpu_count())
        say(plan(every, cpu_count() // threads))
        run(every, threads)
    failed = [name for name, runs in experiments.items() if unfinished(runs)]
    if failed:
        complain(f"error: not all runs are done of: {', '.join(failed)}")
    return signals.exit_status() or int(bool(failed))


def planned(settings: Sequence[str]) -> dict[str, list[Job]]:
    """The runs of each experiment that conf/reproduce.yaml lists, in its order."""
    tree.register()
    launched.find_plugins()
    names = OmegaConf.select(OmegaConf.load(tree.CONF / "reproduce.yaml"), "experiments")
    with initialize_config_dir(str(tree.CONF), version_base="1.3"), remembered_references():
        return {name: _jobs([f"+experiment={name}", *settings]) for name in names}


def _jobs(overrides: list[str]) -> list[Job]:
    hydra = GlobalHydra.instance().hydra
    if hydra is None:
        raise RuntimeError("Hydra is not initialised")
    config = hydra.compose_config(
        "config", overrides, RunMode.MULTIRUN, with_log_configuration=False
    )
    with planning() as told:
        return jobs(config, told)


def shared(asked: Sequence[int], cores: int) -> int:
    """Threads of each of these runs: what the largest asks for, or its share of idle cores.

    Two runs on a thread each do more than one on two, so that threads come after runs.
    """
    return min(max(*asked, cores // len(asked), 1), cores)


def run(every: Sequence[Job], threads: int) -> None:
    """Run what is left of these, showing how it goes; a failed run does not stop the others."""
    left = sorted(unfinished(every), key=lambda job: -job.steps)
    with monitored(every):
        run_all([_on(threads, job.run) for job in left], cpu_count() // threads)


def _on(threads: int, run: Run) -> Run:
    """The run with so many threads, which change none of its numbers."""
    return run._replace(resolved={**run.resolved, "threads": threads})


if __name__ == "__main__":
    sys.exit(main())
