"""What our configuration has in the rows of the paper's Tables 2 and 3, at `scale=paper`.

`python -m runners.paper_settings` writes it as results/data/configuration.csv, which `analysis`
shows beside the paper's values. Nothing is trained.
"""

import argparse
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
from hydra import compose, initialize_config_dir

from runners.build.opened import opened
from runners.run.described import Run, describe
from runners.run.words import complain
from runners.settings import tree
from runners.settings.mistakes import explain
from runners.settings.tree import Resources
from runners.sweep.progress import say
from trpo.observations import width
from trpo.policies import box
from trpo.simulators.protocol import Space


class Both(NamedTuple):
    """A column of a table: the runs by single path and by vine, their task and their policy."""

    single_path: Run
    vine: Run
    space: Space
    parameters: int


Value = Callable[[Both], int | float]


def shared(of: Callable[[Run], Any]) -> Value:
    """What both runs have.

    Raises:
        ValueError: they differ in it.
    """

    def value(both: Both) -> Any:
        found = {of(both.single_path), of(both.vine)}
        if len(found) > 1:
            raise ValueError(f"single path and vine differ: {sorted(found)}")
        return found.pop()

    return value


def steps(run: Run) -> int:
    """Simulator steps that an iteration is planned to take."""
    return run.study.steps(run.identity)


def vines(setting: str) -> Value:
    """A setting of the vine."""
    return lambda both: int(both.vine.identity["sampler"][setting])


EVERYWHERE: Mapping[str, Value] = {
    "policy_params": lambda both: both.parameters,
    "single_path_steps_per_iteration": lambda both: steps(both.single_path),
    "vine_steps_per_iteration": lambda both: steps(both.vine),
    "iterations": shared(lambda run: run.plan.iterations),
    "max_kl": shared(lambda run: run.description["step_size"]),
    "discount": shared(lambda run: run.identity["gamma"]),
    "vine_rollouts_per_state": vines("branches"),
}
"""Rows of both tables."""
LOCOMOTION: Mapping[str, Value] = {
    "state_dim": lambda both: width(both.space.obs),
    "action_dim": lambda both: box(both.space).dimensions,
    "hidden_units": shared(lambda run: units(run.identity["policy"]["hidden"])),
    "vine_rollout_length": vines("branch_length"),
    "vine_q_values_per_batch": vines("states"),
    "vine_trunks": vines("trunks"),
    "vine_trunk_length": vines("trunk_length"),
    "single_path_paths": lambda both: int(both.single_path.identity["sampler"]["rows"]),
    "single_path_length": lambda both: both.space.horizon,
}
"""Rows of Table 2 alone."""


def units(hidden: Sequence[int]) -> int:
    """The units of the only hidden layer that the paper's networks for locomotion have."""
    (found,) = hidden
    return found


class Column(NamedTuple):
    """A column of a table, the experiment that it is of, and its rows."""

    table: str
    name: str
    experiment: str
    rows: Mapping[str, Value]


COLUMNS = (
    *(
        Column("table2", task, f"figure4_{task}", {**EVERYWHERE, **LOCOMOTION})
        for task in ("swimmer", "hopper", "walker")
    ),
    Column("table3", "all_games", "table1", EVERYWHERE),
)


def configuration() -> pd.DataFrame:
    """Every value that our configuration has: `table`, `column`, `row`, `value`."""
    tree.register()
    with initialize_config_dir(str(tree.CONF), version_base="1.3"):
        found = [
            (column.table, column.name, row, str(value))
            for column in COLUMNS
            for row, value in values(column)
        ]
    return pd.DataFrame(found, columns=["table", "column", "row", "value"])


def values(column: Column) -> Iterator[tuple[str, int | float]]:
    """The rows of a column, each with its value."""
    single_path, vine = (described(column.experiment, algo) for algo in ("trpo", "trpo_vine"))
    with opened(single_path.identity, Resources(), rows=1) as shop:
        runner = shop.runner
        both = Both(single_path, vine, runner.simulator.space, runner.policy.network.size)
        yield from ((row, value(both)) for row, value in column.rows.items())


def described(experiment: str, algo: str) -> Run:
    """An experiment's run by an algorithm, at the scale of the paper."""
    overrides = [f"+experiment={experiment}", f"algo={algo}", "scale=paper"]
    return describe(compose("config", overrides), overrides)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the file; the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m runners.paper_settings",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    usual = Path("results/data/configuration.csv")
    parser.add_argument("--out", type=Path, default=usual, help="default: %(default)s")
    given = parser.parse_args(arguments)
    try:
        found = configuration()
        given.out.parent.mkdir(parents=True, exist_ok=True)
        found.to_csv(given.out, index=False, lineterminator="\n")
    except Exception as error:
        complain(f"error: {explain(error)}")
        return 1
    say(str(given.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())
