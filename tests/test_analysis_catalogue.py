"""What was run, and the commands that run it again."""

from pathlib import Path

import pandas as pd
from analysis_runs import runs_frame, write_run

from analysis import catalogue, load


def test_overview_counts_how_runs_ended() -> None:
    """A run that went on to a larger scale counts at both."""
    frame = runs_frame({("trpo_single_path", 0.01): [[1.0, 2.0], [2.0], [3.0], [4.0]]})
    ends = {0: "done", 1: "failed", 2: "running", 3: "failed"}
    frame = frame.assign(status=frame.seed.map(ends), commit="abc", wall_seconds=1800.0)
    larger = frame[frame.seed == 0].assign(scale="desk")
    [demo, desk] = catalogue.overview(pd.concat([frame, larger])).itertuples()
    assert (demo.runs, demo.failed, demo.unfinished, demo.hours) == (4, 2, 1, 2.0)
    assert (demo.env_steps, demo.commits) == (500, "abc")
    assert (desk.scale, desk.runs, desk.failed, desk.unfinished) == ("desk", 1, 0, 0)


def test_a_command_stands_for_the_runs_that_differ_in_their_seed(tmp_path: Path) -> None:
    for seed in (1, 2, 5):
        write_run(tmp_path, [1.0], seed=seed)
    write_run(tmp_path, [1.0], algo="cem", step_size=None, departures=["policy.hidden=[8, 8]"])
    write_run(tmp_path, [1.0], algo="tnpg", overrides=[])
    start = "python -m runners.train +experiment=modern scale=demo env=hopper"
    assert catalogue.commands(load.runs(tmp_path).runs).to_numpy().tolist() == [
        ["Hopper", "TRPO, single path", "δ = 0.01", "1–2, 5", "1", f"`{start} algo=trpo seed=1`"],
        ["Hopper", "CEM", "–", "0", "1", f"`{start} algo=cem 'policy.hidden=[8, 8]' seed=0`"],
    ]
