"""Recall is measured against exact search, and lists are looked into as far as it takes."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded import built, embedded, opened, unit_vectors
from raytrain.index.best import Best
from raytrain.index.embeddings import Embeddings
from raytrain.index.quality import SEED, Probed, Truth, interval, measure, recalls, sample_passages, truth_of, tune

ROWS, LISTS = 3_000, 16


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Embeddings:
    ids = [f"{i}" for i in range(ROWS)]
    return embedded(tmp_path_factory.mktemp("e"), {"fin": (ids, unit_vectors(1, ROWS))}, piece_rows=700)


def best(numbers: list[list[int]]) -> Best:
    return Best(np.zeros((len(numbers), len(numbers[0])), np.float32), np.array(numbers))


def test_recall_is_the_share_of_the_exact_best() -> None:
    truth = best([[1, 2, 3, 4], [5, 6, 7, 8]])
    assert recalls(best([[4, 3, 2, 1], [8, 5, 6, 7]]), truth).tolist() == [1, 1]
    assert recalls(best([[1, 9, 2, 10], [5, 6, 7, 9]]), truth).tolist() == [0.5, 0.75]
    assert recalls(best([[-1, -1, -1, -1], [-1, -1, -1, 8]]), truth).tolist() == [0, 0.25]


def test_the_interval_is_that_of_a_mean() -> None:
    shares = np.random.default_rng(3).binomial(10, 0.9, 250) / 10
    low, high = interval(shares)
    error = shares.std(ddof=1) / np.sqrt(len(shares))
    assert (low, high) == pytest.approx((shares.mean() - 1.96 * error, shares.mean() + 1.96 * error), abs=0.2 * error)
    assert interval(np.ones(5)) == (1, 1)


@given(st.integers(1, 5_000), st.integers(1, 5_000), st.floats(0, 1))
def test_the_fewest_lists_that_do_are_found_in_a_few_tries(lists: int, needed: int, wanted: float) -> None:

    def probe(nprobe: int) -> Probed:
        recall = min(nprobe / needed, 1)
        return Probed(nprobe=nprobe, recall=recall, low=recall)

    tried = tune(probe, lists, wanted)
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
    before, reported = truth.halves()
    found = index.best(reported.vectors, 10, everywhere, quality.nprobe)
    assert quality.recall == recalls(found, reported.best).mean()  # of others than lists are tuned on
    assert quality.low <= quality.recall <= quality.high
    assert quality.tried[-1].nprobe == quality.nprobe
    assert quality.independent == (quality.tuned_on == 30)
    if quality.independent and quality.nprobe > 1:  # one list fewer does not do
        fewer = index.best(before.vectors, 10, everywhere, quality.nprobe - 1)
        assert interval(recalls(fewer, before.best))[0] < wanted
    assert recalls(index.best(truth.vectors, 10, everywhere, LISTS), truth.best).mean() == 1
    assert (quality.k, quality.questions, quality.threads) == (10, 30, 1)
    assert quality.asked == "questions"
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
    assert quality.tried[-1].recall >= max(probed.recall for probed in quality.tried) - 0.002
    assert quality.tried[-1].nprobe == quality.nprobe


def test_one_question_is_asked_for_both(tmp_path: Path, embeddings: Embeddings) -> None:
    index = opened(*built(tmp_path, embeddings, "IVF4,Flat", 1))
    quality = measure(index, truth_of(embeddings, unit_vectors(2, 1), 10, index), "questions", 10, 1.0, 1)
    assert (quality.recall, quality.questions, quality.tuned_on, quality.independent) == (1.0, 1, 1, False)


@pytest.mark.parametrize("languages", [2, 3, 4, 8])
def test_both_halves_have_questions_of_all_languages(languages: int) -> None:
    """They come in turns, a question of each language: every second one would be of half of the languages."""
    turns = np.arange(400) % languages
    truth = Truth(turns[:, None].astype(np.float32), best([[turn] for turn in turns.tolist()]))
    halves = truth.halves()
    assert [len(half.vectors) for half in halves] == [200, 200]
    for half in halves:
        assert set(half.vectors[:, 0].tolist()) == set(range(languages))
        assert np.array_equal(half.vectors[:, 0], half.best.numbers[:, 0])


def test_recall_is_not_called_independent_of_questions_that_raised_the_lists(
    tmp_path: Path, embeddings: Embeddings
) -> None:
    """The half that tunes finds all in one list, as it asks for what is at the centres; the other does not."""
    index = opened(*built(tmp_path, embeddings, f"IVF{LISTS},Flat", 1))
    assert index.shards.quantizer is not None
    centres = index.shards.quantizer.ivf.quantizer.reconstruct_n(0, LISTS)
    order = np.random.default_rng(SEED).permutation(2 * LISTS)
    asked = np.empty((2 * LISTS, 16), np.float32)
    asked[order[:LISTS]], asked[order[LISTS:]] = centres, unit_vectors(5, LISTS)
    quality = measure(index, truth_of(embeddings, asked, 1, index), "questions", 1, 0.9, 1)
    alone = [probed.nprobe for probed in quality.tried]
    assert quality.recall >= 0.9
    assert quality.independent == (quality.tuned_on == LISTS)
    assert not quality.independent
    assert quality.tuned_on == 2 * LISTS
    assert alone[-1] == quality.nprobe > min(alone)


def test_passages_are_asked_for_where_there_are_no_questions(embeddings: Embeddings) -> None:
    sample = sample_passages(embeddings, 40)
    assert sample.shape == (40, 16)
    everything = np.vstack(list(embeddings.blocks(0, ROWS, ROWS)))
    assert all((everything == row).all(axis=1).any() for row in sample)
    assert sample_passages(embeddings, 10 * ROWS).shape == (ROWS, 16)
