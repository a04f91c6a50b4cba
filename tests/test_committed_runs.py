"""The committed runs are those that their commands make today: id, settings, numbers.

Those of an earlier version of the numbers are made by the code of their time alone, and are named.
"""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir
from test_cli import train

from analysis import load, tidy
from runners.run.described import Run, describe
from runners.settings.tree import CONF, NUMBERS, register
from runners.sweep.composed import remembered_references

pytestmark = pytest.mark.process
RESULTS = Path(__file__).parents[1] / "results"
RUNS = sorted((RESULTS / "data").glob("*.runs.csv"))
FIRST = 10  # of its 50 iterations: a shorter run is the beginning of a longer one
SAID = ("experiment", "scale", "algo", "sampler", "protocol", "seed", "step_size", "settings")


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"), remembered_references():
        yield


def again(runs: pd.DataFrame) -> Iterator[tuple[Any, Any]]:
    """Each committed run, and what its overrides describe; seeds share it, as in a sweep."""
    known: dict[tuple[str, ...], Run] = {}
    for run in runs.replace({float("nan"): None}).itertuples():
        overrides = shlex.split(run.overrides)
        others = tuple(item for item in overrides if item != f"seed={run.seed}")
        if others not in known:
            known[others] = describe(compose("config", list(overrides)), overrides)
        yield run, known[others].with_seed(run.seed, overrides)


def committed(path: Path) -> pd.DataFrame:
    """The runs of a file, with the version of their numbers; the theory has no sampler."""
    words = {"sampler": "string", "protocol": "string"}
    runs = pd.read_csv(path, dtype=words).fillna(dict.fromkeys(words, ""))
    return runs if "numbers" in runs else runs.assign(numbers=1)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_the_command_of_a_committed_run_makes_that_run(path: Path) -> None:
    runs = committed(path)
    for run, found in again(runs[runs.numbers == NUMBERS]):
        assert found.directory.path.name == run.run_id
        assert {name: found.description[name] for name in SAID} == {
            name: getattr(run, name) for name in SAID
        }


def test_runs_of_earlier_numbers_are_whole_experiments_and_named() -> None:
    notes = (RESULTS / "NOTES.md").read_text()
    for path in RUNS:
        runs = committed(path)
        assert runs.numbers.nunique() == 1
        if (runs.numbers != NUMBERS).any():
            assert f"`{path.name}`: numbers {runs.numbers.iloc[0]}" in notes


def test_a_committed_run_trained_again_gives_its_numbers(tmp_path: Path) -> None:
    """To the last digit with the same CPU and versions; its first iterations to 1e-4 elsewhere."""
    runs = pd.read_csv(RESULTS / "data" / "figure4_cartpole__desk.runs.csv")
    (run,) = runs[(runs.algo == "cem") & (runs.seed == 0)].itertuples()
    shorter = *shlex.split(run.overrides), f"iterations={FIRST}", f"results_dir={tmp_path}"
    status, out, err = train(*shorter)
    assert status == 0, err
    again = load.runs(tmp_path).runs.set_index("iteration")
    committed = tidy.read(RESULTS / "data" / "figure4_cartpole__desk.csv")
    committed = committed[committed.run_id == Path(out[-1]).name].set_index("iteration")[:FIRST]
    assert len(committed) == FIRST
    measured = [name for name in load.METRICS if name in committed]
    found, kept = again.loc[committed.index, measured], committed[measured]
    alike = [tuple(frame[["cpu", "versions"]].iloc[0]) for frame in (again, committed)]
    if alike[0] == alike[1]:
        digits = [frame.map(lambda x: format(x, ".7g")) for frame in (found, kept)]
        pd.testing.assert_frame_equal(*digits)
    else:
        pd.testing.assert_frame_equal(found[:5], kept[:5], rtol=1e-4, check_dtype=False)
