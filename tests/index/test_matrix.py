"""Scores of exact search are of question and passage alone: no batch, cut or thread changes a bit of them."""

import numpy as np
import pytest

from embedded import unit_vectors
from raytrain.index.backend import Ints, Vectors, faiss_module
from raytrain.index.best import in_order, no_hits, with_shard
from raytrain.index.matrix import Matrix, longest_of


def names(numbers: Ints) -> list[str]:
    return [f"{number:09d}" for number in numbers.tolist()]


def found(vectors: Vectors, questions: Vectors, depth: int, cut: int, batch: int) -> tuple[list, list]:
    scores, numbers = [], []
    for start in range(0, len(questions), batch):
        some = questions[start : start + batch]
        best = no_hits(len(some))
        for first in range(0, len(vectors), cut):
            matrix = Matrix(np.ascontiguousarray(vectors[first : first + cut]), first, longest_of(vectors))
            fetch = lambda chosen, count, least, m=matrix, q=some: m.fetch(q, chosen, count, least)  # noqa: E731
            best = with_shard(best, fetch, len(matrix), depth, names)
        best = in_order(best, names)
        scores += best.scores.tolist()
        numbers += best.numbers.tolist()
    return scores, numbers


@pytest.mark.parametrize("length", [1.0, 40.0])
def test_hits_and_scores_are_those_of_sorting_all_in_double_precision(length: float) -> None:
    vectors, questions = length * unit_vectors(1, 3_000, 96), unit_vectors(2, 60, 96)
    vectors[1_500:1_600] = vectors[:100]  # equal ones, far apart
    scores, numbers = found(vectors, questions, 30, 3_000, 60)
    exact = (questions.astype(np.float64) @ vectors.astype(np.float64).T).astype(np.float32)
    for row, best, expected in zip(exact, numbers, scores, strict=True):
        order = sorted(range(len(row)), key=lambda i: (row[i], i), reverse=True)[:30]
        assert best == order
        assert expected == row[order].tolist()


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("cut", "batch"), [(3_000, 1), (1_000, 60), (375, 7), (131, 23)])
def test_cut_batch_and_threads_change_nothing(cut: int, batch: int, threads: int) -> None:
    faiss = faiss_module()
    before = faiss.omp_get_max_threads()
    vectors, questions = unit_vectors(3, 3_000, 96, clusters=20), unit_vectors(4, 60, 96, clusters=20)
    try:
        expected = found(vectors, questions, 20, 3_000, 60)
        faiss.omp_set_num_threads(threads)
        assert found(vectors, questions, 20, cut, batch) == expected
    finally:
        faiss.omp_set_num_threads(before)


def test_rough_scores_are_not_the_rounded_ones() -> None:
    """What is guarded against is there: a product of matrices rounds on the way, in an order of its own."""
    vectors, questions = unit_vectors(3, 3_000, 96, clusters=20), unit_vectors(4, 60, 96, clusters=20)
    faiss = faiss_module()
    rough = faiss.knn(questions, vectors, 20, metric=faiss.METRIC_INNER_PRODUCT)[0]
    assert (rough != np.array(found(vectors, questions, 20, 3_000, 60)[0], np.float32)).any()


def test_between_two_numbers() -> None:
    vectors = unit_vectors(5, 10, 4)
    part = Matrix(vectors, 100, 1.0).between(103, 106)
    assert (part.first, len(part)) == (103, 3)
    np.testing.assert_array_equal(part.vectors, vectors[3:6])
    assert len(Matrix(vectors, 100, 1.0).between(0, 1_000)) == 10
