"""Stacks of frames that are kept once, against stacks that are kept whole."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from trpo.observations import Films, Vectors, arrays, batch, images, joined, reals
from trpo.types import Array, Stacks


def watched(rng: np.random.Generator, over: Array, depth: int) -> Array:
    """The stacks (n, S, 1, 2) that are seen of episodes that end so; the first is under way."""
    stack = rng.integers(0, 256, (depth, 1, 2), dtype=np.uint8)
    seen = []
    for ended in over:
        seen.append(stack)
        frame = rng.integers(0, 256, (1, 2), dtype=np.uint8)
        stack = np.stack([frame] * depth) if ended else np.concatenate([stack[1:], frame[None]])
    return np.stack(seen)


@given(over=st.lists(st.booleans(), min_size=1, max_size=30), depth=st.integers(1, 5))
def test_films_give_back_every_stack(over: list[bool], depth: int) -> None:
    ended = np.array(over)
    seen = watched(np.random.default_rng(0), ended, depth)
    found = Films().whole(Films().part(seen), seen[0], ended)
    assert isinstance(found, Stacks)
    np.testing.assert_array_equal(found.images(), seen)
    assert len(found) == len(seen)
    assert len(found.frames) == len(seen) + depth - 1


def film(seed: int, steps: int) -> tuple[Stacks, Array]:
    over = np.arange(steps) % 7 == 6
    seen = watched(np.random.default_rng(seed), over, 4)
    found = Films().whole(Films().part(seen), seen[0], over)
    assert isinstance(found, Stacks)
    return found, seen


def test_stacks_are_cut_chosen_and_joined_as_arrays_are() -> None:
    (one, seen), (other, more) = film(0, 10), film(1, 15)
    both, whole = joined([one, other]), np.concatenate([seen, more])
    assert isinstance(both, Stacks)
    np.testing.assert_array_equal(both.images(), whole)
    np.testing.assert_array_equal(both[::3].images(), whole[::3])
    order = np.random.default_rng(2).permutation(25)
    np.testing.assert_array_equal(both[order].images(), whole[order])
    np.testing.assert_array_equal(both[torch.from_numpy(order)].images(), whole[order])
    parts = both.tensor_split((4, 20))
    assert [len(part) for part in parts] == [4, 16, 5]
    np.testing.assert_array_equal(torch.cat([part.images() for part in parts]), whole)
    np.testing.assert_array_equal(both.to("cpu").images(), whole)


def test_vectors_are_kept_as_they_are() -> None:
    seen = np.random.default_rng(0).normal(size=(5, 3))
    parts = Vectors().part(Vectors().seen(seen))
    assert parts.dtype == np.float32
    np.testing.assert_array_equal(Vectors().whole(parts, parts[0], np.zeros(5, bool)), parts)
    np.testing.assert_array_equal(joined([parts, parts]), np.concatenate([parts, parts]))


def test_what_an_update_reads_is_not_copied() -> None:
    vectors, (stacks, _) = np.zeros((4, 2), np.float32), film(0, 5)
    assert np.shares_memory(arrays(batch(vectors)), vectors)
    assert arrays(batch(stacks)) is stacks
    np.testing.assert_array_equal(images(batch(vectors)), vectors)
    assert reals(stacks).size == 0
    assert reals(vectors) is vectors


@pytest.mark.parametrize(("kept", "filtered"), [(Vectors(), True), (Films(), False)])
def test_frames_are_not_filtered(kept: Vectors | Films, filtered: bool) -> None:
    assert kept.filtered == filtered
