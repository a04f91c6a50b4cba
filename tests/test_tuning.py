"""The natural gradient's penalties in the configuration are those that the tuning chose."""

from pathlib import Path

import pandas as pd
import pytest
from hydra import compose, initialize_config_dir

from analysis import tidy
from analysis.chapters import tuning
from runners.settings import tree as config

DATA = Path(__file__).parents[1] / "results" / "data"
TUNED = sorted(path for path in DATA.glob("tuning_*__desk.csv"))


def test_cartpole_and_swimmer_were_tuned() -> None:
    assert {path.name for path in TUNED} >= {
        "tuning_cartpole__desk.csv",
        "tuning_swimmer__desk.csv",
    }


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_figure4_runs_with_the_penalty_that_was_chosen(path: Path) -> None:
    (choice,) = tuning.chosen(tidy.read(path), "desk").itertuples()
    config.register()
    with initialize_config_dir(str(config.CONF), version_base="1.3"):
        overrides = [
            f"+experiment={choice.experiment.replace('tuning_', 'figure4_')}",
            "algo=natural_gradient",
        ]
        cfg = compose("config", [*overrides, "scale=desk"])
    assert cfg.algo.penalty == pytest.approx(choice.step_size)
    assert choice.tried > 2


@pytest.mark.parametrize("path", TUNED, ids=lambda path: path.stem)
def test_no_seed_that_tuned_is_reported(path: Path) -> None:
    figure = path.with_name(path.name.replace("tuning_", "figure4_"))
    if not figure.exists():
        pytest.skip("not reported yet")
    tuned, reported = (pd.read_csv(p.with_suffix(".runs.csv")).seed for p in (path, figure))
    assert not set(tuned) & set(reported)
