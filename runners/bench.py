"""Speed and memory against the bare engine: `make bench`, or `python -m runners.bench --quick`.

What each number is, and how it is taken, stands in `runners.speed.measure`.
"""

import argparse
import multiprocessing
import statistics
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

from rich.console import Console
from rich.table import Table

from runners.speed.measure import (
    compare,
    composed,
    engine_rate,
    memory,
    peak_gflops,
    settle,
    split,
    start_up,
    train_rate,
)
from runners.studies.training import TRAINING

TASKS = ("inverted_pendulum", "swimmer", "hopper", "walker2d", "half_cheetah")
PAPER = ("protocol=paper", "steps_per_iteration=50000")
VINE = ("protocol=paper", "sampler=vine")  # Table 2's sizes: 10,000 branches
MODERN = ("protocol=modern",)
console = Console(highlight=False, width=110)


def side_by_side(
    work: Callable[[tuple[str, ...], int], float], overrides: tuple[str, ...], iterations: int
) -> float:
    """How many times one process's rate two processes reach together."""
    with _processes(2) as pool:
        alone = [pool.submit(work, overrides, iterations).result() for _ in range(2)]
        both = [pool.submit(work, overrides, iterations) for _ in range(2)]
        return sum(f.result() for f in both) / statistics.mean(alone)


def _processes(count: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))


def _ratios(threads: int, quick: bool) -> None:
    """Print the ratios of every task under `modern`, and of Hopper under `paper` and by vine."""
    columns = ("task", "protocol", "planned steps", "rounds")
    table = Table(*columns, "bare steps/s", "sampler / bare", "whole / bare")
    table.title = f"{threads} thread{'s' if threads > 1 else ''}"
    papers = [("hopper", "paper", PAPER, 1, 3), ("hopper", "paper, vine", VINE, 0, 1)]
    rows = [*papers, *((task, "modern", MODERN, 20, 9) for task in TASKS)]
    for task, name, protocol, warm_up, rounds in rows:
        setup = composed(f"env={task}", f"threads={threads}", *protocol)
        rounds = 1 if quick else rounds
        found = compare(setup, warm_up, rounds)
        numbers = (f"{found.bare:,.0f}", f"{found.sampler:.2f}", f"{found.whole:.2f}")
        table.add_row(task, name, f"{TRAINING.steps(setup.identity):,}", str(rounds), *numbers)
    console.print(table)


def _update(name: str, overrides: tuple[str, ...]) -> None:
    peak = peak_gflops()
    table = Table("part of one update", "ms", "GFLOP/s", "of this machine's peak")
    table.title = f"hopper, protocol={name}, one thread; peak {peak:.0f} GFLOP/s"
    for part, took, rate in split(composed("env=hopper", *overrides), 2):
        cells = (f"{rate:.0f}", f"{rate / peak:.0%}") if rate else ("", "")
        table.add_row(part, f"{took:.1f}", *cells)
    console.print(table)


def main() -> None:
    """Measure everything and print it."""
    parser = argparse.ArgumentParser(prog="python -m runners.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, and no 1M-step batch")
    quick = parser.parse_args().quick
    settle()
    for threads in (1, 2):
        _ratios(threads, quick)
    _update("paper", PAPER)
    _update("modern", MODERN)
    hopper = ("env=hopper", *MODERN)
    console.print(f"two runs at once:      {side_by_side(train_rate, hopper, 20):.2f} x one run")
    console.print(f"two bare engines:      {side_by_side(engine_rate, hopper, 20):.2f} x one")
    console.print(f"start to first result: {start_up():.1f} s")
    sizes = {"modern, 2,048 steps": hopper, "paper, 50,000 steps": ("env=hopper", *PAPER)}
    if not quick:
        large = ("steps_per_iteration=1000000", "sampler.rows=1000", "threads=2")
        sizes["paper, 1,000,000 steps"] = ("env=hopper", "protocol=paper", *large)
        sizes["paper, vine, Table 2's sizes"] = ("env=hopper", *VINE)
    for name, overrides in sizes.items():
        with _processes(1) as pool:
            console.print(
                f"peak memory, {name}: {pool.submit(memory, overrides).result():,.0f} MiB"
            )


if __name__ == "__main__":
    main()
