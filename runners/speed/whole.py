"""What `make bench` measures of whole processes: their rate, their memory, and how they begin."""

import os
import subprocess
import sys
import tempfile
import time
from functools import partial

import torch

from runners.build.algorithms import optimisation
from runners.speed.measure import composed, nothing, opened_parts, seconds, warmed
from runners.store.provenance import peak_rss_mib
from runners.studies.training import TRAINING
from trpo.moments import observation_filter
from trpo.streams import stream


def settle() -> None:
    """One torch thread and no gradients in this process, as in a run."""
    torch.set_num_threads(1)


def train_rate(overrides: tuple[str, ...], iterations: int) -> float:
    """Steps/s of a run in this process."""
    settle()
    with TRAINING.open(*composed(*overrides)) as opening:
        state, run = warmed(opening.algorithm, 1)
        began, steps = time.perf_counter(), 0.0
        for i in range(2, iterations + 2):
            state, info = run.step(stream(0, "step", i), state)
            steps += info.steps
        return steps / (time.perf_counter() - began)


def engine_rate(overrides: tuple[str, ...], iterations: int) -> float:
    """Steps/s of the limit in this process, on one iteration's steps again and again."""
    settle()
    with opened_parts(composed(*overrides)) as (part, recorded, _, limit):
        state = optimisation(part).init(stream(0, "init"))
        see = observation_filter(state.seen, part.filter_clip)
        segments, steps = recorded(stream(0, "step", 1), state.theta, see, None, nothing)
        took = seconds(lambda: limit(segments * iterations, map))
        return iterations * steps / took


def memory(overrides: tuple[str, ...]) -> float:
    """Peak memory in MiB of this process after one iteration."""
    settle()
    with TRAINING.open(*composed(*overrides)) as opening:
        warmed(opening.algorithm, 1)
    return peak_rss_mib()


def start_up() -> tuple[float, float]:
    """Seconds from the command line to the end of a one-iteration run of 16 steps.

    First with nothing compiled before, then with all of it.
    """
    with tempfile.TemporaryDirectory() as folder:
        settings = ["protocol=modern", "env=hopper", "iterations=1", "steps_per_iteration=16"]
        command = [sys.executable, "-m", "runners.train", *settings]
        compiled = {**os.environ, "NUMBA_CACHE_DIR": f"{folder}/compiled"}

        def once(name: str) -> float:
            run = [*command, f"results_dir={folder}/{name}"]
            work = partial(subprocess.run, run, check=True, capture_output=True, env=compiled)
            return seconds(work)

        return once("cold"), once("warm")
