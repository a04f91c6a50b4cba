"""Random streams are named by what they are for."""

from itertools import product

import numpy as np

from trpo.streams import stream

KEYS = list(product((0, 1, 2**40), ("init", "step", "other"), (0, 1, 1000)))


def test_a_stream_is_the_same_whenever_and_in_whatever_order_it_is_asked_for() -> None:
    forwards = {key: stream(*key).bytes(32) for key in KEYS}
    backwards = {key: stream(*key).bytes(32) for key in reversed(KEYS)}
    assert forwards == backwards


def test_every_seed_purpose_and_index_has_a_stream_of_its_own() -> None:
    assert len({stream(*key).bytes(32) for key in KEYS}) == len(KEYS)


def test_the_first_numbers_of_a_stream_are_fixed_for_ever() -> None:
    assert stream(0, "step", 3).integers(1000, size=4).tolist() == [960, 61, 384, 646]


def test_streams_are_not_correlated() -> None:
    draws = np.stack([stream(*key).standard_normal(10_000) for key in KEYS])
    correlations = np.corrcoef(draws) - np.eye(len(KEYS))
    assert abs(correlations).max() < 5 / 100  # five standard deviations of 1/√10,000
    assert abs(draws.mean(1)).max() < 5 / 100


def test_drawing_from_one_stream_leaves_another_alone() -> None:
    one, other = stream(0, "step", 1), stream(0, "step", 1)
    stream(0, "step", 2).standard_normal(100)
    np.random.default_rng(0).standard_normal(100)
    assert one.bytes(16) == other.bytes(16)
