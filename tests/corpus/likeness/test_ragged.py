"""Ragged rows: flat arrays against lists of lists."""

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.likeness.ragged import Hashes, Ints, alike, blocks, offsets_of, padded, ranges, take

LISTS = st.lists(st.lists(st.integers(0, 2**64 - 1), max_size=9), max_size=12)
COUNTS = st.lists(st.integers(0, 50), max_size=30)


def flat(rows: list[list[int]]) -> tuple[Hashes, Ints]:
    values = [value for row in rows for value in row]
    return np.array(values, np.uint64), offsets_of(np.array([len(row) for row in rows], np.int64))


@given(LISTS, st.data())
def test_rows_taken_are_those_rows(rows: list[list[int]], data: st.DataObject) -> None:
    which = data.draw(st.lists(st.sampled_from(range(len(rows))), max_size=20)) if rows else []
    values, offsets = take(*flat(rows), np.array(which, np.int64))
    assert [values[a:b].tolist() for a, b in pairwise(offsets)] == [rows[i] for i in which]


@given(st.lists(st.tuples(st.integers(-50, 50), st.integers(0, 9)), max_size=20))
def test_ranges_follow_each_other(spans: list[tuple[int, int]]) -> None:
    starts, counts = np.array(spans, np.int64).reshape(-1, 2).T
    assert ranges(starts, counts).tolist() == [i for start, count in spans for i in range(start, start + count)]


@given(COUNTS, st.integers(1, 100))
def test_blocks_cover_all_rows_and_are_no_larger_than_they_must(counts: list[int], most: int) -> None:
    parts = list(blocks(offsets_of(np.array(counts, np.int64)), most))
    assert [row for first, end in parts for row in range(first, end)] == list(range(len(counts)))
    assert all(sum(counts[first:end]) <= most or end - first == 1 for first, end in parts)


@given(COUNTS, st.integers(1, 200))
def test_rows_of_alike_length_come_once_and_fit_their_matrix(counts: list[int], cells: int) -> None:
    parts = [part.tolist() for part in alike(np.array(counts, np.int64), cells)]
    assert sorted(row for part in parts for row in part) == list(range(len(counts)))
    assert all(len(part) * max(counts[row] for row in part) <= cells or len(part) == 1 for part in parts)


@given(LISTS)
def test_a_padded_row_is_the_row_and_then_the_greatest_number(rows: list[list[int]]) -> None:
    values, offsets = flat(rows)
    matrix = padded(values, offsets[:-1], np.diff(offsets))
    width = max((len(row) for row in rows), default=0)
    assert matrix.tolist() == [[*row, *[2**64 - 1] * (width - len(row))] for row in rows]
