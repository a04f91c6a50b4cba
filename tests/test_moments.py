"""Running moments against NumPy on everything that was seen, and the observation filter."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trpo.moments import Moments, empty, merge, observation_filter

RNG = np.random.default_rng(0)


def seen(*batches: np.ndarray) -> Moments:
    """The moments of these batches, one after another."""
    found = empty(batches[0].shape[1:])
    for batch in batches:
        found = merge(found, batch)
    return found


@given(
    sizes=st.lists(st.integers(1, 30), min_size=1, max_size=6),
    shape=st.sampled_from([(), (3,), (2, 2)]),
    offset=st.floats(-1e4, 1e4),
)
def test_moments_are_those_of_all_batches_together(
    sizes: list[int], shape: tuple[int, ...], offset: float
) -> None:
    rng = np.random.default_rng(sum(sizes))
    batches = [offset + rng.standard_normal((size, *shape)) for size in sizes]
    together, found = np.concatenate(batches), seen(*batches)
    assert found.count == len(together)
    assert found.mean == pytest.approx(together.mean(0), rel=1e-12, abs=1e-12)
    if len(together) > 1:
        assert found.std == pytest.approx(together.std(0), rel=1e-6)


def test_large_offsets_in_single_precision_lose_nothing() -> None:
    batches = [(1e4 + RNG.standard_normal((1000, 2))).astype(np.float32) for _ in range(5)]
    assert seen(*batches).std == pytest.approx(
        np.concatenate(batches).std(0, dtype=float), rel=1e-9
    )


def test_order_of_batches_does_not_matter() -> None:
    a, b = RNG.standard_normal((7, 3)), 5 + RNG.standard_normal((20, 3))
    assert seen(a, b).mean == pytest.approx(seen(b, a).mean)
    assert seen(a, b).squares == pytest.approx(seen(b, a).squares)


def test_nothing_and_constants_have_the_scale_one() -> None:
    assert np.array_equal(empty((2,)).std, np.ones(2))
    assert np.array_equal(seen(np.full((5, 2), 3.0)).std, np.ones(2))
    assert seen(np.full((5, 2), 3.0)).mean == pytest.approx(np.full(2, 3.0))


def test_merging_changes_neither_side() -> None:
    batch = RNG.standard_normal((5, 2))
    before, kept = seen(batch), batch.copy()
    mean, squares = before.mean.copy(), before.squares.copy()
    merge(before, batch + 10)
    assert np.array_equal(before.mean, mean)
    assert np.array_equal(before.squares, squares)
    assert np.array_equal(batch, kept)


def test_filter_gives_mean_zero_and_deviation_one_to_what_was_seen() -> None:
    batch = (3 + 2 * RNG.standard_normal((500, 3))).astype(np.float32)
    x = observation_filter(seen(batch), 10.0)(batch)
    assert x.dtype == np.float32
    assert x.mean(0) == pytest.approx(np.zeros(3), abs=1e-5)
    assert x.std(0) == pytest.approx(np.ones(3), abs=1e-5)


def test_filter_clips_and_leaves_its_input_alone() -> None:
    see = observation_filter(seen(np.array([[-1.0], [1.0]])), 2.0)
    obs = np.array([[-9.0], [-1.5], [0.5], [9.0]], np.float32)
    assert see(obs).ravel().tolist() == [-2.0, -1.5, 0.5, 2.0]
    assert obs.ravel().tolist() == [-9.0, -1.5, 0.5, 9.0]


def test_no_clip_means_no_filter() -> None:
    obs = RNG.standard_normal((4, 2)).astype(np.float32)
    assert np.array_equal(observation_filter(seen(100 * obs + 7), 0.0)(obs), obs)
