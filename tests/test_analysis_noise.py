"""How noisy gradients are, against numbers worked out by hand."""

import numpy as np
import pandas as pd
import pytest
from analysis_runs import variance_frame

from analysis import noise

HALF = np.log(0.5)


def test_noise_is_the_variance_over_the_squared_gradient_of_the_largest_batch() -> None:
    frame = variance_frame(seeds=1).query("sampler == 'single_path'")
    frame["gradient_square"] = [9.0, 2.0, 7.0, 5.0]  # sizes 1 and 4 at stage 0, then at stage 15
    each = noise.noise(frame)
    assert each.noise.tolist() == [10 / 2, 2.5 / 2, 10 / 5, 2.5 / 5]
    assert each["size"].tolist() == [0, 1, 0, 1]


def test_the_largest_batch_is_known_by_its_samples_not_by_its_turn() -> None:
    frame = variance_frame(seeds=1).query("sampler == 'vine' and trained == 0")
    frame["gradient_square"] = [4.0, 2.0]
    assert noise.noise(frame.iloc[::-1]).noise.tolist() == [0.5, 0.125]


@pytest.mark.parametrize("square", [0.0, -1.0])
def test_without_a_positive_square_there_is_no_noise(square: float) -> None:
    frame = variance_frame(seeds=1)
    frame.loc[frame.sampler == "single_path", "gradient_square"] = square
    each = noise.noise(frame)
    assert each[each.sampler == "single_path"].noise.isna().all()
    assert each[each.sampler != "single_path"].noise.notna().all()


def test_lines_are_geometric_means_over_runs() -> None:
    """Seeds 0 to 2 have 5, 10 and 20 at the smallest size: 10 and a factor of 2 for the spread."""
    lines = noise.lines(variance_frame()).query("trained == 0 and sampler == 'single_path'")
    assert lines.noise.to_numpy() == pytest.approx([10.0, 2.5])
    assert lines.q_samples.to_numpy() == pytest.approx([100, 400])
    assert lines.estimate_steps.to_numpy() == pytest.approx([100, 400])
    factor = 2 ** (4.302653 / 3**0.5)  # t of 2 degrees of freedom
    assert lines.low.to_numpy() == pytest.approx([10 / factor, 2.5 / factor])
    assert lines.high.to_numpy() == pytest.approx([10 * factor, 2.5 * factor])
    assert lines.n.tolist() == [3, 3]


def test_ratios_compare_a_q_sample_with_a_q_sample_and_a_step_with_a_step() -> None:
    """A Q sample of the vine takes five steps, so that its lead of ten is one of two per step."""
    ratios = {
        (sampler, unit): np.exp(noise.log_ratios(variance_frame(), sampler, unit).to_numpy())
        for sampler in noise.COMPARED
        for unit in noise.UNITS
    }
    assert ratios["single_path", "q_samples"] == pytest.approx(np.full((3, 2), 10.0))
    assert ratios["single_path", "estimate_steps"] == pytest.approx(np.full((3, 2), 2.0))
    assert ratios["vine_independent", "q_samples"] == pytest.approx(np.full((3, 2), 4.0))
    assert ratios["vine_independent", "estimate_steps"] == pytest.approx(np.full((3, 2), 4.0))


def test_seeds_are_compared_at_the_same_policy() -> None:
    """Noise doubles from seed to seed, yet the ratio within each is the same."""
    table = noise.compare(variance_frame()).query("sampler == 'single_path'")
    assert table.unit.tolist() == ["q_samples", "q_samples", "estimate_steps", "estimate_steps"]
    for column in ("ratio", "low", "high"):
        assert table[column].to_numpy() == pytest.approx([10.0, 10.0, 2.0, 2.0])
    assert table[["n", "seeds", "silent"]].to_numpy().tolist() == [[3, 3, 0]] * 4


def test_seeds_without_both_samplers_or_a_signal_are_left_out_and_counted() -> None:
    frame = variance_frame()
    of = (frame.sampler == "single_path") & (frame.trained == 15)
    frame.loc[of & (frame.seed == 0), "gradient_square"] = -1.0
    frame = frame[~((frame.sampler == "vine") & (frame.seed == 1))]
    table = noise.compare(frame).query("unit == 'q_samples' and sampler == 'single_path'")
    assert table[["trained", "n", "seeds", "silent"]].to_numpy().tolist() == [
        [0, 2, 3, 0],
        [15, 1, 3, 1],
    ]
    assert table.ratio.to_numpy() == pytest.approx([10.0, 10.0])
    assert np.isnan(table.low.iloc[1])
    assert np.exp(noise.overall(frame, "single_path", "q_samples")) == pytest.approx([10.0])


def test_the_ratio_of_a_run_is_a_geometric_mean_over_sizes_and_stages() -> None:
    """Ratios 10, 10 at one stage and 10, 40 at the other: √(10 · 20)."""
    frame = variance_frame(seeds=1)
    one = (frame.sampler == "single_path") & (frame.trained == 15) & (frame.q_samples == 400)
    frame.loc[one, "gradient_variance"] *= 4
    assert np.exp(noise.overall(frame, "single_path", "q_samples")) == pytest.approx([200**0.5])


@pytest.mark.parametrize("status", ["running", "failed"])
def test_runs_that_did_not_finish_measure_nothing(status: str) -> None:
    frame = variance_frame(status=status)
    assert noise.lines(frame).empty
    assert noise.compare(frame).empty
    assert len(noise.overall(frame, "single_path", "q_samples")) == 0


def test_data_without_measurements_are_empty() -> None:
    frame = variance_frame().drop(columns=list(noise.MEASURED))
    assert noise.lines(frame).empty
    assert noise.compare(frame).empty


def test_a_sampler_alone_is_compared_with_nothing() -> None:
    frame = variance_frame().query("sampler == 'single_path'")
    assert len(noise.lines(frame)) == 4
    table = noise.compare(frame)
    assert table.ratio.isna().all()
    assert (table.n == 0).all()
    assert isinstance(table, pd.DataFrame)
