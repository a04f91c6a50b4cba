"""Work cut into chunks and jobs: nothing is left out, and the order is that of the rows."""

import torch
from bits import threads

from trpo.chunks import CHUNK, FEW, beside, chunks, each_span, joined, total
from trpo.types import Map

ROWS = torch.arange(2 * CHUNK + 7)


def test_chunks_are_all_rows_in_order_and_none_is_too_long() -> None:
    cut = chunks(ROWS, CHUNK)
    assert torch.equal(torch.cat(cut), ROWS)
    assert [len(chunk) for chunk in cut] == [CHUNK, CHUNK, 7]
    assert [len(chunk) for chunk in chunks(ROWS[:CHUNK], CHUNK)] == [CHUNK]


def test_spans_are_those_of_the_chunks() -> None:
    with threads(2) as pmap:
        for spread in (map, pmap):
            found = each_span(spread, len(ROWS), lambda *span: ROWS[slice(*span)])
            assert all(map(torch.equal, found, chunks(ROWS, CHUNK)))


def test_sums_and_rows_of_chunks_come_in_order() -> None:
    with threads(2) as pmap:
        assert (
            total(pmap, lambda x, y: x.sum() * y, chunks(ROWS, CHUNK), [0, 0, 1]) == ROWS[-7:].sum()
        )
        assert torch.equal(joined(pmap, lambda x: 2 * x, chunks(ROWS, CHUNK)), 2 * ROWS)


def test_jobs_on_few_rows_are_one_threads_each_and_on_many_rows_spread() -> None:
    def job(given: Map) -> Map:
        return given

    with threads(2) as pmap:
        for chunk in (64, CHUNK):
            assert list(beside(pmap, FEW * chunk, chunk, job, job)) == [map, map]
            assert list(beside(pmap, FEW * chunk + 1, chunk, job, job)) == [pmap, pmap]
