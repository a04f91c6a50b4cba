"""A batch of what rows did: its episodes, and what the next batch is handed."""

from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_rows import track_of

from trpo.samplers.runner import Track
from trpo.samplers.tape import Carried, episodes, nothing, taped

rewards = st.floats(-100, 100)
step = st.tuples(rewards, st.booleans())
row = st.tuples(st.lists(step, min_size=1, max_size=30), rewards, st.integers(0, 50))
"""The rewards of a row's steps and whether an episode ended with each; what came before them."""

Row = tuple[list[tuple[float, bool]], float, int]
Told = tuple[list[float], list[int], float, int]


def counted(steps: Sequence[tuple[float, bool]], total: float, age: int) -> Told:
    """Returns and lengths of the episodes that end, then of the one under way, step by step."""
    returns, lengths = [], []
    for reward, ended in steps:
        total, age = total + reward, age + 1
        if ended:
            returns.append(total)
            lengths.append(age)
            total, age = 0.0, 0
    return returns, lengths, total, age


def track(steps: Sequence[tuple[float, bool]]) -> Track:
    """A track of these steps."""
    gained, over = zip(*steps, strict=True)
    return track_of(np.array(gained), over)


@given(row)
def test_episodes_are_counted_as_by_a_loop(row: Row) -> None:
    steps, *before = row
    found, expected = episodes(track(steps), *before), counted(steps, *before)
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, abs=1e-9)
    assert found[1].tolist() == expected[1]
    assert found[3] == expected[3]


@given(st.lists(row, min_size=1, max_size=5), st.booleans())
def test_a_batch_has_the_episodes_of_its_rows_and_hands_on_those_under_way(
    rows: list[Row], go_on: bool
) -> None:
    steps, totals, ages = zip(*rows, strict=True)
    made = [track(each)._replace(snapshot=n) for n, each in enumerate(steps)]
    made = [with_what_followed(each) for each in made]
    before = Carried([None] * len(rows), np.array(totals), np.array(ages))
    found = taped(made, before, go_on)
    expected = [counted(*each) for each in rows]
    assert found.returns == pytest.approx([x for each in expected for x in each[0]], abs=1e-9)
    assert found.lengths.tolist() == [x for each in expected for x in each[1]]
    assert (found.carried is not None) == go_on
    if found.carried:
        assert found.carried.snapshots == [*range(len(rows))]
        assert found.carried.returns == pytest.approx([x[2] for x in expected], abs=1e-9)
        assert found.carried.lengths.tolist() == [x[3] for x in expected]
    assert found.rows.tolist() == [*np.cumsum([0, *map(len, steps)])[:-1]]
    over = np.concatenate([each.over for each in made])
    last = np.isin(np.arange(len(over)), [*found.rows[1:] - 1, len(over) - 1])
    terminal = np.concatenate([each.terminal for each in made])
    assert np.array_equal(found.rollout.ended, over | last)
    assert np.array_equal(found.rollout.cut, (over | last) & ~terminal)
    assert np.array_equal(found.batch_end, last & ~over)
    assert len(found.rollout.cut_obs) == found.rollout.cut.sum()


def with_what_followed(track: Track) -> Track:
    """The track with an observation after each of its cuts."""
    cut = track.truncated.copy()
    cut[-1] |= not track.terminal[-1]
    return track._replace(after=np.zeros((cut.sum(), 1), np.float32))


def test_failed_steps_are_counted() -> None:
    failed = track([(1.0, True)] * 5)._replace(failed=np.array([0, 1, 0, 1, 1], bool))
    found = taped([with_what_followed(failed)] * 2, nothing(2), go_on=False)
    assert (found.unstable, found.steps) == (6, 10)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", ["rewards", "obs", "after"])
def test_what_is_not_finite_is_refused(name: str, value: float) -> None:
    good = with_what_followed(track([(1.0, False)] * 5))
    spoilt = np.array(getattr(good, name))
    spoilt[-1] = value
    what = "rewards" if name == "rewards" else "observations"
    with pytest.raises(FloatingPointError, match=f"{what} are not finite"):
        taped([good, good._replace(**{name: spoilt})], nothing(2), go_on=True)
