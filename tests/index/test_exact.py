"""Exact search: whatever the cut into shards, the hits are those of sorting all scores.

Vectors are small whole numbers, so that sums are exact in any order and many passages tie.
"""

import random
import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from embedded import finished, the_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.index import exact
from raytrain.index.backend import Vectors
from raytrain.index.best import SPARE
from raytrain.index.embeddings import Embeddings, Span
from raytrain.index.exact import QUESTIONS_AT_ONCE, Hits, search_among, search_exactly
from raytrain.index.pieces import Piece, entry_of, write_piece
from raytrain.storage import Location

Cuts = list[int]


def indexed(folder: Location, languages: dict[str, tuple[list[str], Vectors, Cuts]]) -> Embeddings:
    """Embeddings of each language, its pieces beginning at the cuts."""
    files, pieces = [], []
    for language, (ids, vectors, cuts) in languages.items():
        part = HeldOut("bench", language, folder, 0, len(ids), 0)
        for first, end in zip(cuts, [*cuts[1:], len(vectors)], strict=True):
            piece = Piece(part, first, end - first)
            names = pa.array(ids[first:end], pa.string())
            record = write_piece(piece, vectors[first:end], names, "fp32", (1, 1), folder)
            files += record.files
            pieces.append(entry_of(piece, record))
    dimension = next(iter(languages.values()))[1].shape[1]
    return Embeddings(finished(folder, "embed", files, {"dimension": dimension, "pieces": pieces}))


def search(embeddings: Embeddings, questions: Vectors, depth: int, language: str = "fin") -> list[Hits]:
    span = next(span for span in embeddings.spans if span.language == language)
    return search_exactly(embeddings, span, questions, depth)


def even_cuts(rows: int, shards: int) -> Cuts:
    return [rows * i // shards for i in range(shards)]


def whole_numbers(seed: int, rows: int, low: int = -3, high: int = 3, dimension: int = 4) -> Vectors:
    rng = np.random.default_rng(seed)
    return rng.integers(low, high, (rows, dimension), endpoint=True).astype(np.float32)


def reference(ids: list[str], passages: Vectors, questions: Vectors, depth: int) -> list[Hits]:
    """All scores, sorted by (score, id) descending."""
    return [
        sorted(zip(ids, scores.tolist(), strict=True), key=lambda hit: (hit[1], hit[0]), reverse=True)[:depth]
        for scores in questions @ passages.T
    ]


def shuffled_ids(rows: int) -> list[str]:
    """Ids whose order is neither that of the passages nor that of their numbers: p10 < p9."""
    ids = [f"p{i}" for i in range(rows)]
    random.Random(5).shuffle(ids)
    return ids


@pytest.mark.parametrize("shards", [1, 3, 8])
@pytest.mark.parametrize("depth", [1, 7, 100, 199, 200, 201, 10_000])
def test_hits_do_not_depend_on_the_cut(tmp_path: Path, shards: int, depth: int) -> None:
    ids, passages, questions = shuffled_ids(200), whole_numbers(1, 200), whole_numbers(2, 30)
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, passages, even_cuts(200, shards))})
    expected = reference(ids, passages, questions, depth)
    assert search(index, questions, depth) == expected
    assert {len(hits) for hits in expected} == {min(depth, 200)}


@pytest.mark.parametrize("shards", [1, 3, 8])
def test_a_tie_longer_than_what_is_fetched_at_once_is_seen_whole(tmp_path: Path, shards: int) -> None:
    """All of one score: the highest ids must come, which no shard gives by itself."""
    rows, depth = 40 * SPARE, 5
    ids, passages = shuffled_ids(rows), np.ones((rows, 2), np.float32)
    passages[rows // 2] = 2  # one that is better, so that the boundary is inside the tie
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, passages, even_cuts(rows, shards))})
    (hits,) = search(index, np.ones((1, 2), np.float32), depth)
    others = sorted((set(ids) - {ids[rows // 2]}), reverse=True)[: depth - 1]
    assert hits == [(ids[rows // 2], 4.0), *((passage, 2.0) for passage in others)]


@pytest.mark.parametrize("boundary", range(1, SPARE + 4))
def test_duplicates_at_the_boundary_of_the_depth(tmp_path: Path, boundary: int) -> None:
    """Passages embedded alike, beginning just before, at and after the last place that is asked for."""
    depth, rows = 6, 60
    scores = np.array([100 - i for i in range(boundary)] + [50] * 20 + [10] * (rows - 20 - boundary), np.float32)
    ids = shuffled_ids(rows)
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, scores[:, None], even_cuts(rows, 3))})
    question = np.ones((1, 1), np.float32)
    assert search(index, question, depth) == reference(ids, scores[:, None], question, depth)


def test_trap_4_the_merge_keeps_the_highest_inner_products(tmp_path: Path) -> None:
    """A merge made for distances keeps the lowest; one that fills up with zeros would beat what is below them."""
    ids, passages = ["a", "b", "c", "d"], np.array([[-3], [2], [-1], [5]], np.float32)
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, passages, [0, 1, 2, 3])})
    questions = np.array([[1], [-1]], np.float32)
    up, down = search(index, questions, 3)
    assert up == [("d", 5.0), ("b", 2.0), ("c", -1.0)]
    assert down == [("a", 3.0), ("c", 1.0), ("b", -2.0)]
    below_zero = search(index, np.array([[0]], np.float32), 4)[0]
    assert below_zero == [("d", 0.0), ("c", 0.0), ("b", 0.0), ("a", 0.0)]


def test_all_scores_below_zero(tmp_path: Path) -> None:
    ids, passages = shuffled_ids(50), whole_numbers(3, 50, low=1, high=4)
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, passages, even_cuts(50, 3))})
    questions = -whole_numbers(4, 20, low=1, high=4)
    found = search(index, questions, 9)
    assert found == reference(ids, passages, questions, 9)
    assert max(score for hits in found for _, score in hits) < 0


@st.composite
def cases(draw: st.DrawFn) -> tuple[list[str], Vectors, Vectors, Cuts, int]:
    rows, dimension = draw(st.integers(1, 30)), draw(st.integers(1, 3))
    ids = draw(st.lists(st.text(st.characters(codec="utf-8"), min_size=1), min_size=rows, max_size=rows, unique=True))
    number = st.integers(-2, 2)
    passages = draw(st.lists(st.lists(number, min_size=dimension, max_size=dimension), min_size=rows, max_size=rows))
    questions = draw(st.lists(st.lists(number, min_size=dimension, max_size=dimension), min_size=1, max_size=4))
    cuts = sorted(draw(st.sets(st.integers(1, rows - 1), max_size=5))) if rows > 1 else []
    depth = draw(st.integers(1, rows + 3))
    return ids, np.array(passages, np.float32), np.array(questions, np.float32), [0, *cuts], depth


@settings(max_examples=60)
@given(cases())
@example((["a\0", "a", "\0", "a\0\0"], np.ones((4, 1), np.float32), np.ones((1, 1), np.float32), [0, 2], 3))
@example((["\U0001f600", "\uffff", "é", "e\u0301"], np.ones((4, 1), np.float32), np.ones((1, 1), np.float32), [0], 4))
def test_any_vectors_ids_and_cuts(case: tuple[list[str], Vectors, Vectors, Cuts, int]) -> None:
    ids, passages, questions, cuts, depth = case
    with tempfile.TemporaryDirectory() as temp:
        folder = Location.of(temp)
        index = indexed(folder, {"fin": (ids, passages, cuts)})
        assert search(index, questions, depth) == reference(ids, passages, questions, depth)


def test_more_questions_than_are_asked_at_once(tmp_path: Path) -> None:
    ids, passages = shuffled_ids(40), whole_numbers(6, 40)
    questions = whole_numbers(7, 2 * QUESTIONS_AT_ONCE + 1)
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (ids, passages, even_cuts(40, 2))})
    assert search(index, questions, 3) == reference(ids, passages, questions, 3)


def test_no_question_at_all(tmp_path: Path) -> None:
    folder = Location.of(str(tmp_path))
    index = indexed(folder, {"fin": (["a", "b"], whole_numbers(8, 2), [0, 1])})
    assert search(index, np.empty((0, 4), np.float32), 3) == []


def test_a_language_is_searched_alone(tmp_path: Path) -> None:
    small, large = np.array([[1], [2]], np.float32), np.array([[10], [20]], np.float32)
    index = indexed(Location.of(str(tmp_path)), {"fin": (["1", "2"], small, [0, 1]), "tel": (["1", "3"], large, [0])})
    question = np.ones((1, 1), np.float32)
    assert search(index, question, 9) == [[("2", 2.0), ("1", 1.0)]]
    assert search(index, question, 9, "tel") == [[("3", 20.0), ("1", 10.0)]]


def test_a_language_without_passages_has_no_hits(tmp_path: Path) -> None:
    index = indexed(Location.of(str(tmp_path)), {"fin": (["1"], whole_numbers(9, 1), [0])})
    assert search_exactly(index, Span(benchmark="bench", language="tel", first=0, stop=0), whole_numbers(9, 3), 5) == [
        [],
        [],
        [],
    ]


def test_a_damaged_piece_is_refused_and_named(tmp_path: Path) -> None:
    index = indexed(Location.of(str(tmp_path)), {"fin": (shuffled_ids(9), whole_numbers(10, 9), [0, 3, 6])})
    damaged = the_file(index.artifact.location, "bench/fin/0000000003-*.npy")
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1  # in a vector: the file still loads
    damaged.write_bytes(bytes(data))
    with pytest.raises(UserError) as caught:
        search(index, whole_numbers(11, 1), 2)
    assert f"{damaged.uri}: damaged" in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["0000000006-*.npy", "0000000006-*.ids.parquet"])
def test_a_lost_file_is_named(tmp_path: Path, name: str) -> None:
    index = indexed(Location.of(str(tmp_path)), {"fin": (shuffled_ids(9), whole_numbers(10, 9), [0, 3, 6])})
    lost = the_file(index.artifact.location, f"bench/fin/{name}")
    lost.delete()
    with pytest.raises(UserError, match=lost.name):
        search(index, whole_numbers(11, 1), 2)


@pytest.mark.parametrize("shards", [1, 3])
def test_among_candidates_the_hits_are_those_of_all_passages_without_the_others(
    tmp_path: Path, shards: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scores and ties alike: whole numbers make many."""
    monkeypatch.setattr(exact, "ROWS_AT_ONCE", 7)
    ids = [f"p{number}" for number in range(40)]
    passages, questions = whole_numbers(1, 40), whole_numbers(2, 6)
    other = whole_numbers(3, 10)
    embeddings = indexed(
        Location.of(str(tmp_path)),
        {"eng": ([f"e{n}" for n in range(10)], other, [0]), "fin": (ids, passages, even_cuts(40, shards))},
    )
    rng = np.random.default_rng(4)
    candidates = [rng.permutation(ids)[:n].tolist() for n in (0, 1, 5, 12, 40, 3)]
    span = next(span for span in embeddings.spans if span.language == "fin")
    whole = search(embeddings, questions, 40)
    assert search_among(embeddings, span, questions, candidates, 10) == [
        [hit for hit in hits if hit[0] in own][:10] for hits, own in zip(whole, candidates, strict=True)
    ]


def test_questions_that_are_no_numbers_are_refused_and_not_scored_zero(tmp_path: Path) -> None:
    ids, passages = ["a", "b"], whole_numbers(1, 2)
    embeddings = indexed(Location.of(str(tmp_path)), {"fin": (ids, passages, [0])})
    questions = whole_numbers(2, 3)
    questions[1, 2] = np.nan
    with pytest.raises(UserError, match="vectors that are no numbers"):
        search(embeddings, questions, 2)
    with pytest.raises(UserError, match="vectors that are no numbers"):
        search_among(embeddings, embeddings.spans[0], questions, [ids] * 3, 2)
