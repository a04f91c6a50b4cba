"""Speed and memory: `make bench`, or `python -m runners.bench --quick`.

Speed is a ratio to a compiled loop around MuJoCo's own step, or to a loop of Atari's emulators, on
the same steps and threads. What each number is, and how it is taken, stands in
`runners.speed.measure`, `runners.speed.whole` and `runners.speed.games`. The whole benchmark is
written to results/tables/bench.csv and bench.md; --quick writes nothing.
"""

import argparse
import multiprocessing
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from math import isnan
from typing import NamedTuple

import pandas as pd
from rich.console import Console

from runners.speed import games
from runners.speed.measure import compare, composed, peak_gflops, split
from runners.speed.whole import engine_rate, memory, settle, start_up, train_rate
from runners.store.code import ROOT
from runners.store.provenance import cpu_model

TABLES = ROOT / "results" / "tables"
PAPER = ("protocol=paper", "steps_per_iteration=50000")
VINE = ("protocol=paper", "sampler=vine")  # Table 2's sizes: 10,000 branches
MODERN = ("protocol=modern",)
console = Console(highlight=False, width=110)


class Case(NamedTuple):
    """A training run whose speed is measured."""

    task: str
    protocol: str
    overrides: tuple[str, ...]
    warm_up: int = 20  # iterations before
    rounds: int = 9


CASES = (
    *(Case(task, "modern", MODERN) for task in ("hopper", "walker2d", "half_cheetah", "swimmer")),
    Case("inverted_pendulum", "modern", MODERN, 60),  # until it stands, as in most of a run
    *(Case(task, "modern", MODERN, 5, 5) for task in ("ant", "humanoid")),
    Case("hopper", "paper", PAPER, 1, 3),
    Case("hopper", "paper, vine", VINE, 0, 1),
)


GAMES = ("beam_rider", "breakout", "enduro", "pong", "qbert", "seaquest", "space_invaders")
ATARI = ("env=atari", "env.game=pong", "protocol=paper")
"""Whole iterations of 100,000 steps (Table 3)."""


class Measured(NamedTuple):
    """One number of the benchmark."""

    what: str
    task: str
    protocol: str
    threads: int
    rounds: int
    value: float


def ratios(case: Case, threads: int, quick: bool) -> Iterator[Measured]:
    """The limit's rate, and what sampler and whole run reach of it."""
    setup = composed(f"env={case.task}", f"threads={threads}", *case.overrides)
    rounds = 1 if quick else case.rounds
    found = compare(setup, case.warm_up, rounds)
    for name, value in zip(WHOLE, found, strict=True):
        yield Measured(name, case.task, case.protocol, threads, rounds, value)


def update(protocol: str, overrides: tuple[str, ...], threads: int) -> Iterator[Measured]:
    """The parts of one update on Hopper, in milliseconds and GFLOP/s."""
    setup = composed("env=hopper", f"threads={threads}", *overrides)
    for part, took, rate in split(setup, 2):
        yield Measured(f"{part}, ms", "hopper", protocol, threads, 25, took)
        if rate:
            yield Measured(f"{part}, GFLOP/s", "hopper", protocol, threads, 25, rate)


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


def whole_runs(quick: bool) -> Iterator[Measured]:
    """Two runs at once, start-up and memory."""
    hopper = ("env=hopper", *MODERN)
    both, limits = (side_by_side(work, hopper, 20) for work in (train_rate, engine_rate))
    yield Measured("two runs at once / one", "hopper", "modern", 1, 2, both)
    yield Measured("two limits at once / one", "hopper", "modern", 1, 2, limits)
    cold, warm = start_up()
    yield Measured("start to first result, nothing compiled, s", "hopper", "modern", 1, 1, cold)
    yield Measured("start to first result, s", "hopper", "modern", 1, 1, warm)
    large = ("protocol=paper", "steps_per_iteration=1000000", "sampler.rows=1000")
    sizes = [("modern", MODERN, 1), ("paper", PAPER, 1)]
    if not quick:
        sizes += [("paper, 1M steps", large, 2), ("paper, vine", VINE, 1)]
    for name, overrides, threads in sizes:
        with _processes(1) as pool:
            run = ("env=hopper", f"threads={threads}", *overrides)
            peak = pool.submit(memory, run).result()
        yield Measured("peak memory, MiB", "hopper", name, threads, 1, peak)


def atari(quick: bool) -> Iterator[Measured]:
    """Each game on one thread, then processes and a whole iteration on Pong."""
    rounds = 1 if quick else 5
    for game in GAMES:
        limit, *ratios = games.shares(game, rounds)
        yield Measured("limit, steps/s", game, "paper", 1, rounds, limit)
        for name, value in zip(("simulator / limit", "sampler / limit"), ratios, strict=True):
            yield Measured(name, game, "paper", 1, rounds, value)
    both = games.side_by_side("pong", rounds)
    yield Measured("two workers / one", "pong", "paper", 2, rounds, both)
    small = ("steps_per_iteration=10_000",) if quick else ()
    rate, memory = whole_iterations(("threads=2", "workers=2", *ATARI, *small))
    yield Measured("whole, steps/s", "pong", "paper", 2, 1, rate)
    yield Measured("peak memory of all processes, MiB", "pong", "paper", 2, 1, memory)


def whole_iterations(overrides: tuple[str, ...]) -> tuple[float, float]:
    """Steps/s and memory of a run in a process of its own."""
    with _processes(1) as pool:
        return pool.submit(games.iterations, composed(*overrides), 1).result()


def measured(quick: bool) -> Iterator[Measured]:
    """Everything, one by one."""
    for case in CASES:
        for threads in (1, 2):
            yield from ratios(case, threads, quick)
    for name, overrides in {"modern": MODERN, "paper": PAPER}.items():
        for threads in (1, 2):
            yield from update(name, overrides, threads)
    yield Measured("peak of one thread, GFLOP/s", "", "", 1, 10, peak_gflops())
    yield from whole_runs(quick)
    yield from atari(quick)


RATIOS = {
    "limit, steps/s": "{:,.0f}",
    "simulator / limit": "{:.2f}",
    "sampler / limit": "{:.2f}",
    "whole / limit": "{:.2f}",
    "whole, steps/s": "{:,.0f}",
}
"""What is measured of a case, and how it is written; no case has all of it."""
WHOLE = ("limit, steps/s", "sampler / limit", "whole / limit", "whole, steps/s")
"""What is measured of a whole iteration."""


def written(value: float, form: str) -> str:
    """A number, and nothing where there is none."""
    return "" if isnan(value) else form.format(value)


def page(found: pd.DataFrame, machine: str, date: str) -> str:
    """The benchmark as Markdown."""
    case = ["task", "protocol", "threads"]
    missing = [name for name in RATIOS if name not in set(found.what)]
    speeds = found[found.what.isin(RATIOS)]
    wide = speeds.pivot_table("value", [*case, "rounds"], "what", sort=False).reset_index()
    wide[missing] = float("nan")
    lines = [
        f"Measured by `make bench` on {date}; {machine}. Ratios are to a compiled loop around",
        "MuJoCo's own step, or to a loop of the emulators' `act`, on the same steps and threads;",
        "medians over rounds.",
        "",
        f"| {' | '.join([*case, 'rounds', *RATIOS])} |",
        "|---" * (len(case) + 1 + len(RATIOS)) + "|",
    ]
    for _, row in wide.iterrows():
        numbers = (
            "" if isnan(row[name]) else form.format(row[name]) for name, form in RATIOS.items()
        )
        lines.append(
            f"| {' | '.join([*(str(row[name]) for name in [*case, 'rounds']), *numbers])} |"
        )
    lines += ["", "| what | protocol | threads | value |", "|---|---|---|---|"]
    lines += [
        f"| {row.what} | {row.protocol} | {row.threads} | {row.value:,.4g} |"
        for row in found.drop(speeds.index).itertuples()
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure everything, print it, and write it unless in a hurry."""
    parser = argparse.ArgumentParser(prog="python -m runners.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="one round, and no 1M-step batch")
    quick = parser.parse_args().quick
    settle()
    found = []
    for number in measured(quick):
        found.append(number)
        said = f"{number.task} {number.protocol}, {number.threads} thread(s)"
        console.print(f"{said:40} {number.what:45} {number.value:>12,.4g}")
    table, date = pd.DataFrame(found), datetime.now(UTC).date().isoformat()
    console.print("\n" + page(table, cpu_model(), date))
    if not quick:
        table.assign(machine=cpu_model(), date=date).to_csv(TABLES / "bench.csv", index=False)
        (TABLES / "bench.md").write_text(page(table, cpu_model(), date), encoding="utf-8")


if __name__ == "__main__":
    main()
