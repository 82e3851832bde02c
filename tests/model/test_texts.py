"""Texts as token ids: joined, padded and cut without a text lost and with little padding."""

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.model.texts import ENOUGH_TOKENS, Texts, cut_padded

TOKENS = st.lists(st.lists(st.integers(1, 99), min_size=1, max_size=9), max_size=12)


def texts(rows: list[list[int]]) -> Texts:
    return Texts.of(pa.array(rows, pa.list_(pa.int32())))


def rows_of(given: Texts) -> list[list[int]]:
    return [given.ids[a:b].tolist() for a, b in zip(given.offsets[:-1], given.offsets[1:], strict=True)]


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), max_size=60), st.integers(1, 600))
def test_every_text_comes_once_and_no_chunk_is_over_budget(lengths: list[int], tokens: int) -> None:
    chunks = cut_padded(np.array(lengths, np.int64), tokens, ENOUGH_TOKENS["cpu"])
    assert sorted(i for chunk in chunks for i in chunk.tolist()) == list(range(len(lengths)))
    for chunk in chunks:
        assert len(chunk) == 1 or max(lengths[i] for i in chunk) * len(chunk) <= tokens


@settings(deadline=None)
@given(st.lists(st.integers(1, 300), min_size=1, max_size=60), st.integers(1, 600))
def test_chunks_go_from_short_to_long_and_none_could_take_the_next_text(lengths: list[int], tokens: int) -> None:
    chunks = cut_padded(np.array(lengths, np.int64), tokens, ENOUGH_TOKENS["cpu"])
    order = [lengths[i] for chunk in chunks for i in chunk.tolist()]
    assert order == sorted(lengths)
    for chunk, after in pairwise(chunks):
        assert lengths[after[0]] * (len(chunk) + 1) > tokens


def test_texts_of_equal_length_stay_in_order() -> None:
    assert [chunk.tolist() for chunk in cut_padded(np.full(5, 10), 30, ENOUGH_TOKENS["cpu"])] == [[0, 1, 2], [3, 4]]


def test_padding_of_realistic_lengths_is_small() -> None:
    """Lengths as answers have them: the longest some thirty times the median, cut at 256."""
    rng = np.random.default_rng(1)
    lengths = np.clip(rng.lognormal(3.7, 0.8, 512), 5, 256).astype(np.int64)
    chunks = cut_padded(lengths, 1_024, ENOUGH_TOKENS["cpu"])
    padded = sum(int(lengths[chunk].max()) * len(chunk) for chunk in chunks)
    assert padded < 1.10 * lengths.sum()
    assert len(lengths) * lengths.max() > 4 * lengths.sum()  # what a plain batch would pay


@settings(deadline=None)
@given(TOKENS)
def test_texts_hold_what_a_column_holds(rows: list[list[int]]) -> None:
    held = texts(rows)
    assert rows_of(held) == rows
    assert len(held) == len(rows)
    assert held.lengths.tolist() == [len(row) for row in rows]


@settings(deadline=None)
@given(TOKENS, st.integers(0, 12), st.integers(0, 12))
def test_texts_of_a_slice_or_of_chunks_are_the_same(rows: list[list[int]], start: int, length: int) -> None:
    column = pa.chunked_array([pa.array(part, pa.list_(pa.int32())) for part in (rows[:3], rows[3:])])
    assert rows_of(Texts.of(column)) == rows
    assert rows_of(Texts.of(column.slice(start, length))) == rows[start : start + length]
    array = pa.array(rows, pa.list_(pa.int32()))
    assert rows_of(Texts.of(array.slice(start, length))) == rows[start : start + length]


@settings(deadline=None)
@given(st.lists(TOKENS, min_size=1, max_size=4), st.integers(0, 3))
def test_joined_texts_are_all_texts_in_order(parts: list[list[list[int]]], skip: int) -> None:
    """Also of slices, whose ids start in the middle."""
    sliced = [Texts.of(pa.array(part, pa.list_(pa.int32())).slice(skip)) for part in parts]
    assert rows_of(Texts.join(sliced)) == [row for part in parts for row in part[skip:]]


@settings(deadline=None)
@given(TOKENS.filter(len), st.data())
def test_padded_texts_are_the_chosen_ones_and_their_mask(rows: list[list[int]], data: st.DataObject) -> None:
    chosen = data.draw(st.lists(st.integers(0, len(rows) - 1), min_size=1, max_size=8))
    ids, mask = texts(rows).padded(np.array(chosen), 0)
    assert ids.shape == mask.shape == (len(chosen), max(len(rows[i]) for i in chosen))
    for line, kept, i in zip(ids, mask, chosen, strict=True):
        assert line[kept == 1].tolist() == rows[i]
        assert set(line[kept == 0].tolist()) <= {0}
        assert kept.tolist() == sorted(kept.tolist(), reverse=True)


@pytest.mark.parametrize("tokens", [1, 10**9])
def test_no_texts_make_no_chunks(tokens: int) -> None:
    assert cut_padded(np.zeros(0, np.int64), tokens, ENOUGH_TOKENS["cpu"]) == []
