"""Exact search over embeddings, some pieces in memory at a time: what quality is reported from."""

from collections.abc import Iterator, Sequence

import numpy as np

from raytrain.errors import UserError
from raytrain.index.backend import Vectors
from raytrain.index.best import Best, IdsOf, in_order, no_hits, with_shard
from raytrain.index.embeddings import Embeddings, Span
from raytrain.index.matrix import Matrix, longest_of

QUESTIONS_AT_ONCE = 1_024
ROWS_AT_ONCE = 65_536

Hits = list[tuple[str, float]]


def search_exactly(embeddings: Embeddings, span: Span, questions: Vectors, depth: int) -> list[Hits]:
    """The best passages of one language for each question, with their inner products.

    ``questions`` (n, d); gives n lists of min(depth, passages) hits by (score, id) descending, as trec_eval sorts. The
    same for any cut into pieces. Raises UserError for a piece whose bytes are not those of the manifest, or questions
    that are no numbers.
    """
    _check_numbers(questions)
    ids = embeddings.ids(span.first, span.stop).to_pylist()

    def ids_of(numbers: np.ndarray) -> list[str]:
        return [ids[number] for number in (numbers - span.first).tolist()]

    best = best_of_span(embeddings, span.first, span.stop, questions, depth, ids_of)
    return [
        list(zip(ids_of(numbers), scores.tolist(), strict=True))
        for scores, numbers in zip(best.scores, best.numbers, strict=True)
    ]


def search_among(
    embeddings: Embeddings, span: Span, questions: Vectors, candidates: Sequence[Sequence[str]], depth: int
) -> list[Hits]:
    """As ``search_exactly``, with passages of its own for each question, all in the span: n lists of ids."""
    _check_numbers(questions)
    numbers = {name: number for number, name in enumerate(embeddings.ids(span.first, span.stop).to_pylist())}
    rows = np.array([numbers[name] for some in candidates for name in some], np.int64)
    asked = np.repeat(np.arange(len(candidates)), [len(some) for some in candidates])
    scores = np.empty(len(rows), np.float32)
    for matrix in _matrices(embeddings, span.first, span.stop):
        first = matrix.first - span.first
        inside = np.flatnonzero((rows >= first) & (rows < first + len(matrix)))
        scores[inside] = matrix.exactly(questions, asked[inside], rows[inside] - first)
    found = iter(scores.tolist())
    return [
        sorted(((name, next(found)) for name in some), key=lambda hit: (hit[1], hit[0]), reverse=True)[:depth]
        for some in candidates
    ]


def _check_numbers(questions: Vectors) -> None:
    if not np.isfinite(questions).all():
        raise UserError("the model gives vectors that are no numbers for questions: its weights or its precision fail")


def best_of_span(embeddings: Embeddings, first: int, stop: int, questions: Vectors, depth: int, ids_of: IdsOf) -> Best:
    """The ``depth`` best of rows ``first`` up to ``stop``, ties by id; each vector is read once."""
    starts = range(0, len(questions), QUESTIONS_AT_ONCE)
    batches = [questions[start : start + QUESTIONS_AT_ONCE] for start in starts]
    found = [no_hits(len(batch)) for batch in batches]
    for matrix in _matrices(embeddings, first, stop):
        found = [_with_matrix(best, matrix, batch, depth, ids_of) for best, batch in zip(found, batches, strict=True)]
    if not found:
        return no_hits(0)
    whole = Best(np.vstack([best.scores for best in found]), np.vstack([best.numbers for best in found]))
    return in_order(whole, ids_of)


def _with_matrix(best: Best, matrix: Matrix, questions: Vectors, depth: int, ids_of: IdsOf) -> Best:
    return with_shard(
        best, lambda chosen, count, least: matrix.fetch(questions, chosen, count, least), len(matrix), depth, ids_of
    )


def _matrices(embeddings: Embeddings, first: int, stop: int) -> Iterator[Matrix]:
    for block in embeddings.blocks(first, stop, ROWS_AT_ONCE):
        yield Matrix(block, first, longest_of(block))
        first += len(block)
