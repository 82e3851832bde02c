"""Exact search and its score, against the plainest way to say them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.evaluate import ranking
from raytrain.evaluate.ranking import DEPTH, rank, reciprocal_ranks

VECTOR = st.lists(st.integers(-1, 2), min_size=2, max_size=2)  # few scores, many ties
IDS = st.text("ab19äß中😀", min_size=1, max_size=3)


def vectors(rows: list[list[int]]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(len(rows), 2)


def brute(query: list[int], passages: dict[str, list[int]]) -> list[tuple[str, float]]:
    scored = [(float(sum(a * b for a, b in zip(query, p, strict=True))), name) for name, p in passages.items()]
    return [(name, score) for score, name in sorted(scored, reverse=True)]


@settings(deadline=None)
@given(
    st.lists(VECTOR, min_size=1, max_size=5),
    st.dictionaries(IDS, VECTOR, min_size=1, max_size=30),
    st.integers(1, 40),
)
def test_the_order_is_that_of_brute_force_with_ties_by_id_descending(
    queries: list[list[int]], passages: dict[str, list[int]], depth: int
) -> None:
    ranked = rank(vectors(queries), vectors(list(passages.values())), list(passages), depth)
    assert ranked == [brute(query, passages)[:depth] for query in queries]


def test_more_questions_than_a_block_keep_their_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking, "SCORES_AT_ONCE", 7 * 10)
    n = 23
    passages = vectors([[i, 1] for i in range(7)])
    queries = vectors([[1 if i % 2 else -1, 0] for i in range(n)])
    ranked = rank(queries, passages, [f"p{i}" for i in range(7)], depth=1)
    assert [hits[0][0] for hits in ranked] == ["p6" if i % 2 else "p0" for i in range(n)]


def test_a_hundred_passages_are_given_or_all_there_are() -> None:
    passages = vectors([[i, 0] for i in range(150)])
    ids = [f"p{i:03d}" for i in range(150)]
    (hits,) = rank(vectors([[1, 0]]), passages, ids)
    assert [name for name, _ in hits] == ids[:49:-1]
    assert len(hits) == DEPTH == 100
    assert len(rank(vectors([[1, 0]]), passages[:9], ids[:9])[0]) == 9
    assert rank(vectors([]), passages, ids) == []


def hits(*names: str) -> list[tuple[str, float]]:
    return [(name, -float(place)) for place, name in enumerate(names)]


@settings(deadline=None)
@given(
    st.permutations([f"p{i}" for i in range(8)]),
    st.dictionaries(st.sampled_from([f"p{i}" for i in range(10)]), st.integers(0, 2), min_size=1),
)
def test_a_reciprocal_rank_is_one_over_the_first_relevant_place(order: list[str], grades: dict[str, int]) -> None:
    places = [place for place, name in enumerate(order, 1) if grades.get(name, 0) > 0]
    expected = 1 / places[0] if places else 0.0
    assert reciprocal_ranks({"q": grades}, {"q": hits(*order)})["q"] == pytest.approx(expected)


def test_a_place_below_the_hundredth_counts_nothing() -> None:
    names = [f"p{i}" for i in range(150)]
    run = {f"q{place}": hits(*names) for place in (1, 100, 101, 150)}
    relevant = {f"q{place}": {names[place - 1]: 1} for place in (1, 100, 101, 150)}
    scores = reciprocal_ranks(relevant, run)
    assert scores == pytest.approx({"q1": 1.0, "q100": 0.01, "q101": 0.0, "q150": 0.0})


def test_a_question_without_hits_counts_0_and_is_not_left_out() -> None:
    relevant = {"found": {"p": 1}, "empty": {"p": 1}, "absent": {"p": 1}}
    scores = reciprocal_ranks(relevant, {"found": hits("p"), "empty": [], "unasked": hits("p")})
    assert scores == {"found": 1.0, "empty": 0.0, "absent": 0.0}


def test_no_question_at_all() -> None:
    assert reciprocal_ranks({}, {}) == {}


def test_equal_scores_count_in_the_order_of_the_ranking() -> None:
    """trec_eval alone would sort equal scores by id again."""
    same = [("a", 1.0), ("b", 1.0)]
    assert reciprocal_ranks({"q": {"a": 1}}, {"q": same}) == {"q": 1.0}
    assert reciprocal_ranks({"q": {"b": 1}}, {"q": same}) == {"q": 0.5}


def test_several_relevant_passages_count_by_the_best() -> None:
    assert reciprocal_ranks({"q": {"c": 1, "b": 2}}, {"q": hits("a", "b", "c")}) == {"q": 0.5}
