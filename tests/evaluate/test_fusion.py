"""Reciprocal rank fusion: the paper's sum, in an order that depends on nothing else."""

from collections.abc import Mapping
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.evaluate.fusion import K, reciprocal_rank_fusion
from raytrain.evaluate.metrics import Hits

RANKINGS = st.lists(st.integers(0, 40), unique=True, max_size=30).map(
    lambda ids: [(f"p{i}", float(-place)) for place, i in enumerate(ids)]
)


def runs() -> st.SearchStrategy[list[dict[str, Hits]]]:
    return st.lists(st.dictionaries(st.sampled_from(["a", "b"]), RANKINGS), min_size=1, max_size=4)


def plain(found: Mapping[str, Hits]) -> dict[str, list[str]]:
    return {question: [passage for passage, _ in hits] for question, hits in found.items()}


def test_the_sum_is_that_of_the_paper() -> None:
    words, vectors = [("x", 9.0), ("y", 8.0)], [("y", 0.3), ("z", 0.2), ("x", 0.1)]
    (fused,) = reciprocal_rank_fusion([{"q": words}, {"q": vectors}]).values()
    assert K == 60
    expected = {"y": 1 / 62 + 1 / 61, "x": 1 / 61 + 1 / 63, "z": 1 / 62}
    assert [passage for passage, _ in fused] == ["y", "x", "z"]
    assert dict(fused) == pytest.approx(expected, rel=1e-6)


def test_ties_go_by_id_descending() -> None:
    """Each is first in one run and second in the other; 10 before 9 as text."""
    one, other = [("p9", 2.0), ("p10", 1.0)], [("p10", 2.0), ("p9", 1.0)]
    assert plain(reciprocal_rank_fusion([{"q": one}, {"q": other}])) == {"q": ["p9", "p10"]}


def test_a_question_that_one_run_lacks_keeps_the_others_hits() -> None:
    found = reciprocal_rank_fusion([{"q": [("x", 1.0)]}, {"r": []}])
    assert plain(found) == {"q": ["x"], "r": []}


@given(st.dictionaries(st.sampled_from(["a", "b"]), RANKINGS), st.integers(1, 3))
def test_a_run_fused_with_itself_keeps_its_order(run: dict[str, Hits], times: int) -> None:
    assert plain(reciprocal_rank_fusion([run] * times)) == plain(run)


@given(runs(), st.randoms())
def test_the_order_of_the_runs_does_not_matter(some: list[dict[str, Hits]], random: Random) -> None:
    shuffled = random.sample(some, len(some))
    assert reciprocal_rank_fusion(some) == reciprocal_rank_fusion(shuffled)


@given(runs(), st.integers(1, 50))
def test_hits_are_sorted_cut_and_each_passage_once(some: list[dict[str, Hits]], depth: int) -> None:
    whole = reciprocal_rank_fusion(some)
    for question, hits in reciprocal_rank_fusion(some, depth).items():
        assert hits == whole[question][:depth]
        assert hits == sorted(hits, key=lambda hit: (hit[1], hit[0]), reverse=True)
        named = {passage for run in some for passage, _ in run.get(question, [])}
        assert {passage for passage, _ in whole[question]} == named
        assert len(whole[question]) == len(named)


@given(runs(), st.floats(1e-3, 1e3))
def test_raw_scores_play_no_part(some: list[dict[str, Hits]], factor: float) -> None:
    scaled = [{q: [(p, factor * s) for p, s in hits] for q, hits in run.items()} for run in some]
    assert reciprocal_rank_fusion(some) == reciprocal_rank_fusion(scaled)
