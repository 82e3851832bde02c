"""Chunks: each text once, within the budget, and the same number on every rank."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytrain.model.texts import cut_packed, cut_padded
from raytrain.train.chunks import ALL, agree, fitting, padded_tokens

LENGTHS = st.lists(st.integers(1, 300), max_size=60).map(lambda lengths: np.array(lengths, np.int64))


@given(LENGTHS, st.integers(1, 2_000))
def test_every_text_once_within_the_tokens(lengths: np.ndarray, tokens: int) -> None:
    chunks = cut_padded(lengths, tokens, 100)
    assert sorted(np.concatenate([*chunks, np.zeros(0, np.int64)]).tolist()) == list(range(len(lengths)))
    for chunk, padded in zip(chunks, padded_tokens(lengths, chunks), strict=True):
        assert padded == len(chunk) * max(lengths[chunk])
        assert padded <= tokens or len(chunk) == 1


@given(LENGTHS, st.integers(1, 2_000))
def test_without_padding_every_text_once_in_few_chunks(lengths: np.ndarray, tokens: int) -> None:
    chunks = cut_packed(lengths, tokens)
    assert np.concatenate([*chunks, np.zeros(0, np.int64)]).tolist() == np.argsort(lengths, kind="stable").tolist()
    sizes = [int(lengths[chunk].sum()) for chunk in chunks]
    assert all(size <= tokens or len(chunk) == 1 for size, chunk in zip(sizes, chunks, strict=True))
    assert all(a + lengths[chunk[0]] > tokens for a, chunk in zip(sizes, chunks[1:], strict=False))


@given(st.lists(st.lists(st.integers(1, 50), max_size=6), min_size=1, max_size=4), st.integers(0, 200))
def test_ranks_agree_on_the_number_and_on_what_is_kept(sizes: list[list[int]], kept_tokens: int) -> None:
    own = [[np.array([i]) for i in range(len(rank))] for rank in sizes]
    fits = [fitting(np.array(rank, np.int64), kept_tokens) for rank in sizes]
    numbers = [len(rank) for rank in sizes]
    agreed = [agree(rank, numbers, fits) for rank in own]
    assert len({(len(chunks), chunks.kept) for chunks in agreed}) == 1
    for chunks, rank in zip(agreed, sizes, strict=True):
        assert len(chunks) == max(1, *numbers)
        assert [len(c) for c in chunks.texts] == [0] * chunks.idle + [1] * len(rank)
        assert 0 <= chunks.kept <= len(chunks)
        assert chunks.recomputed + chunks.kept == len(chunks)
        held = sum(rank[max(chunks.recomputed - chunks.idle, 0) :])
        assert held <= kept_tokens


def test_all_is_kept_where_all_fits_and_nothing_where_nothing_does() -> None:
    sizes = np.array([10, 10, 10])
    assert fitting(sizes, 30) == ALL
    assert fitting(sizes, 29) == 2
    assert fitting(sizes, 9) == 0
    assert fitting(np.zeros(0, np.int64), 0) == ALL  # a rank without texts holds up nobody
    chunks = agree([np.array([0])], [1, 3], [ALL, 2])
    assert (chunks.idle, chunks.kept, chunks.recomputed) == (2, 2, 1)
