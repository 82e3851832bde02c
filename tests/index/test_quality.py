"""Recall is measured against exact search, and lists are looked into as far as it takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded import built, embedded, opened, unit_vectors
from raytrain.index.best import Best
from raytrain.index.embeddings import Embeddings
from raytrain.index.quality import measure, recall_of, sample_passages, truth_of, tune

ROWS, LISTS = 3_000, 16


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Embeddings:
    ids = [f"{i}" for i in range(ROWS)]
    return embedded(tmp_path_factory.mktemp("e"), {"fin": (ids, unit_vectors(1, ROWS))}, piece_rows=700)


def best(numbers: list[list[int]]) -> Best:
    return Best(np.zeros((len(numbers), len(numbers[0])), np.float32), np.array(numbers))


def test_recall_is_the_share_of_the_exact_best() -> None:
    truth = best([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert recall_of(best([[4, 3, 2, 1], [8, 5, 6, 7]]), truth) == 1
    assert recall_of(best([[1, 9, 2, 10], [5, 6, 7, 9]]), truth) == (0.5 + 0.75) / 2
    assert recall_of(best([[-1, -1, -1, -1], [-1, -1, -1, 8]]), truth) == (0 + 0.25) / 2


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.floats(0, 1))
def test_the_fewest_lists_that_do_are_found_in_a_few_tries(lists: int, needed: int, wanted: float) -> None:
    tried = tune(lambda nprobe: min(nprobe / needed, 1), lists, wanted)
    taken = tried[-1]
    assert len(tried) < 30
    assert 1 <= taken.nprobe <= lists
    if taken.recall >= wanted:
        least = max(
            1, next(n for n in range(max(1, int(wanted * needed) - 2), lists + 1) if min(n / needed, 1) >= wanted)
        )
        assert taken.nprobe <= least + 1 + least // 8
    else:
        assert taken.recall >= min(lists / needed, 1) - 0.002


@pytest.mark.parametrize("wanted", [0.5, 0.9, 1.0])
def test_lists_are_looked_into_until_recall_is_reached(tmp_path: Path, embeddings: Embeddings, wanted: float) -> None:
    index = opened(*built(tmp_path, embeddings, f"IVF{LISTS},Flat", 3))
    truth = truth_of(embeddings, unit_vectors(2, 60), 10, index)
    quality = measure(index, truth, "questions", 10, wanted, 1)
    assert quality.recall >= wanted
    assert quality.nprobe is not None
    everywhere = index.description.ranges(None)
    if quality.nprobe > 1:
        fewer = index.best(truth.vectors, 10, everywhere, quality.nprobe - 1)
        assert recall_of(fewer, truth.best) < wanted
    assert recall_of(index.best(truth.vectors, 10, everywhere, LISTS), truth.best) == 1
    assert (quality.k, quality.questions, quality.asked, quality.threads) == (10, 60, "questions", 1)
    assert quality.ms_a_question > 0
    assert quality.questions_a_second > 0


def test_an_exact_index_misses_nothing(tmp_path: Path, embeddings: Embeddings) -> None:
    index = opened(*built(tmp_path, embeddings, "Flat", 3))
    quality = measure(index, truth_of(embeddings, unit_vectors(2, 30), 10, index), "questions", 10, None, 1)
    assert (quality.recall, quality.nprobe, quality.tried) == (1.0, None, [])


def test_codes_that_lose_much_are_told_to(tmp_path: Path, embeddings: Embeddings) -> None:
    index = opened(*built(tmp_path, embeddings, "IVF4,PQ2", 1))
    quality = measure(index, truth_of(embeddings, unit_vectors(2, 30), 10, index), "questions", 10, 0.99, 1)
    assert quality.recall < 0.9
    assert quality.recall >= max(probed.recall for probed in quality.tried) - 0.002


def test_passages_are_asked_for_where_there_are_no_questions(embeddings: Embeddings) -> None:
    sample = sample_passages(embeddings, 40)
    assert sample.shape == (40, 16)
    everything = np.vstack(list(embeddings.blocks(0, ROWS, ROWS)))
    assert all((everything == row).all(axis=1).any() for row in sample)
    assert sample_passages(embeddings, 10 * ROWS).shape == (ROWS, 16)
