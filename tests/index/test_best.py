"""The best of several shards is the best of all: by (score, id) descending, however they are cut."""

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.index.backend import Ints, Vectors
from raytrain.index.best import NONE, SPARE, Best, Fetched, in_order, keep_best, no_hits, with_shard


def names(numbers: Ints) -> list[str]:
    """Ids whose order is not that of the numbers."""
    return [str((number * 7) % 1_000 // 10) + str(number) for number in numbers.tolist()]


def fetch_from(scores: Vectors, first: int):  # type: ignore[no-untyped-def]
    """A shard that knows all its scores, and gives the highest in an order of its own."""

    def fetch(chosen: Ints, count: int, least: Vectors) -> Fetched:
        mine = scores[chosen]
        order = np.argsort(-mine, axis=1, kind="stable")[:, :count]
        found = np.take_along_axis(mine, order, 1)
        others = found[:, -1] if count < scores.shape[1] else np.full(len(chosen), NONE)
        return Fetched(found, order + first, others)

    return fetch


@st.composite
def cases(draw: st.DrawFn) -> tuple[Vectors, list[int], int]:
    rows, questions = draw(st.integers(1, 40)), draw(st.integers(1, 3))
    number = st.integers(-3, draw(st.integers(-3, 3)))
    scores = draw(st.lists(st.lists(number, min_size=rows, max_size=rows), min_size=questions, max_size=questions))
    cuts = sorted(draw(st.sets(st.integers(1, rows - 1), max_size=7))) if rows > 1 else []
    return np.array(scores, np.float32), [0, *cuts, rows], draw(st.integers(1, rows + 2))


@settings(max_examples=200)
@given(cases())
def test_any_scores_and_cuts(case: tuple[Vectors, list[int], int]) -> None:
    scores, cuts, depth = case
    best = no_hits(len(scores))
    for first, stop in pairwise(cuts):
        best = with_shard(best, fetch_from(scores[:, first:stop], first), stop - first, depth, names)
    best = in_order(best, names)
    for row, found in zip(scores, best.numbers, strict=True):
        expected = sorted(range(len(row)), key=lambda i: (row[i], names(np.array([i]))[0]), reverse=True)[:depth]
        assert found.tolist() == expected


def test_a_tie_longer_than_what_is_fetched_is_seen_whole() -> None:
    rows, depth = 40 * SPARE, 5
    scores = np.ones((2, rows), np.float32)
    best = in_order(with_shard(no_hits(2), fetch_from(scores, 0), rows, depth, names), names)
    expected = sorted(range(rows), key=lambda i: names(np.array([i]))[0], reverse=True)[:depth]
    assert best.numbers.tolist() == [expected, expected]


def test_the_highest_scores_are_kept() -> None:
    """Trap: a merge made for distances keeps the lowest."""
    found = Best(np.array([[1, -3, 5, 2]], np.float32), np.array([[0, 1, 2, 3]]))
    kept = keep_best(found, 2, names)
    assert kept.scores.tolist() == [[5, 2]]
    assert kept.numbers.tolist() == [[2, 3]]


def test_places_without_a_hit_come_last_and_need_no_id() -> None:
    found = Best(np.array([[NONE, -5, NONE]], np.float32), np.array([[-1, 4, -1]]))
    kept = in_order(keep_best(found, 2, names), names)
    assert kept.numbers.tolist() == [[4, -1]]
