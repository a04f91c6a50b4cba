"""The committed runs are those that their commands make today: id, settings, label, step size."""

import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from runners.run.described import describe
from runners.settings.tree import CONF, register

RESULTS = Path(__file__).parents[1] / "results"
RUNS = sorted((RESULTS / "data").glob("*.runs.csv"))
SAID = ("experiment", "scale", "algo", "sampler", "protocol", "seed", "step_size", "settings")


@pytest.fixture(autouse=True, scope="module")
def composer() -> Iterator[None]:
    """Hydra knows our schema and directory."""
    register()
    with initialize_config_dir(config_dir=str(CONF), version_base="1.3"):
        yield


def again(runs: pd.DataFrame) -> Iterator[tuple[Any, Any]]:
    """Each committed run, and what its overrides describe; seeds share a composition."""
    known: dict[tuple[str, ...], Any] = {}
    for run in runs.replace({float("nan"): None}).itertuples():
        overrides = shlex.split(run.overrides)
        others = tuple(item for item in overrides if item != f"seed={run.seed}")
        if others not in known:
            known[others] = compose("config", list(others))
        cfg = known[others].copy()
        cfg.seed = run.seed
        yield run, describe(cfg, overrides)


@pytest.mark.parametrize("path", RUNS, ids=lambda path: path.name)
def test_the_command_of_a_committed_run_makes_that_run(path: Path) -> None:
    for run, found in again(pd.read_csv(path)):
        assert found.directory.path.name == run.run_id
        assert {name: found.description[name] for name in SAID} == {
            name: getattr(run, name) for name in SAID
        }


def test_every_run_that_changed_its_id_is_in_the_map() -> None:
    ids = pd.read_csv(RESULTS / "run_ids.csv")
    kept = pd.concat(pd.read_csv(path) for path in RUNS).run_id
    assert ids.old.is_unique
    assert ids.new.is_unique
    assert set(ids.new) <= set(kept)
    assert set(ids.old).isdisjoint(kept)
