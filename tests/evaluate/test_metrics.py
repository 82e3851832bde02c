"""The metrics, against the plainest way to say them."""

from math import log2

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.evaluate.metrics import DEPTH, METRICS, Hits, score

NAMES = [f"p{i}" for i in range(150)]


def hits(*names: str) -> Hits:
    return [(name, -float(place)) for place, name in enumerate(names)]


def plainly(grades: dict[str, int], order: list[str]) -> dict[str, float]:
    def gain(gains: list[int]) -> float:
        return sum(g / log2(place + 1) for place, g in enumerate(gains[:10], 1))

    ideal = gain(sorted(grades.values(), reverse=True))
    wanted = {name for name, grade in grades.items() if grade > 0}
    places = [place for place, name in enumerate(order, 1) if name in wanted]

    def first(cut: int) -> float:
        return 1 / places[0] if places and places[0] <= cut else 0.0

    def share(cut: int) -> float:
        return sum(place <= cut for place in places) / len(wanted) if wanted else 0.0

    return {
        "nDCG@10": gain([grades.get(name, 0) for name in order]) / ideal if ideal else 0.0,
        "MRR@10": first(10),
        "MRR@100": first(100),
        "Recall@10": share(10),
        "Recall@100": share(100),
        "Recall@1000": share(1000),
    }


@settings(deadline=None)
@given(
    st.lists(st.sampled_from(NAMES), unique=True, max_size=len(NAMES)),
    st.dictionaries(st.sampled_from(NAMES), st.integers(0, 3), min_size=1, max_size=12),
    st.booleans(),
)
def test_the_metrics_are_what_their_names_say(order: list[str], grades: dict[str, int], tied: bool) -> None:
    ranked = [(name, 0.5) for name in order] if tied else hits(*order)
    assert score({"q": grades}, {"q": ranked})["q"] == pytest.approx(plainly(grades, order))


def test_graded_gains_are_linear() -> None:
    found = score({"q": {"a": 1, "b": 3}}, {"q": hits("a", "x", "b")})["q"]
    assert found["nDCG@10"] == pytest.approx((1 + 3 / log2(4)) / (3 + 1 / log2(3)))
    assert (found["MRR@100"], found["Recall@100"]) == (1.0, 1.0)


def test_each_metric_has_its_cut() -> None:
    names = [f"n{i:04d}" for i in range(1, 1102)]
    places = (1, 10, 11, 100, 101, 1000, 1001)
    relevant = {f"q{place}": {names[place - 1]: 1} for place in places}
    found = score(relevant, {query: hits(*names) for query in relevant})
    by_metric = {metric: [found[query][metric] for query in relevant] for metric in METRICS}
    assert by_metric["nDCG@10"] == pytest.approx([1, 1 / log2(11), 0, 0, 0, 0, 0])
    assert by_metric["MRR@10"] == pytest.approx([1, 1 / 10, 0, 0, 0, 0, 0])
    assert by_metric["MRR@100"] == pytest.approx([1, 1 / 10, 1 / 11, 1 / 100, 0, 0, 0])
    assert by_metric["Recall@10"] == [1, 1, 0, 0, 0, 0, 0]
    assert by_metric["Recall@100"] == [1, 1, 1, 1, 0, 0, 0]
    assert by_metric["Recall@1000"] == [1, 1, 1, 1, 1, 1, 0]
    assert DEPTH == 1000


def test_some_metrics_alone_have_the_same_values() -> None:
    relevant = {"q": {NAMES[4]: 1, NAMES[60]: 1}, "missing": {"p": 1}}
    run = {"q": hits(*NAMES)}
    every = score(relevant, run)
    for metric in METRICS:
        assert score(relevant, run, [metric]) == {query: {metric: every[query][metric]} for query in relevant}


def test_a_passage_that_is_hit_twice_counts_once_and_where_it_comes_first() -> None:
    found = score({"q": {"a": 1, "b": 1}}, {"q": hits("x", "a", "a", "a")})["q"]
    assert (found["MRR@10"], found["Recall@10"]) == (0.5, 0.5)


def test_a_question_without_hits_counts_0_and_is_not_left_out() -> None:
    relevant = {"found": {"p": 1}, "empty": {"p": 1}, "absent": {"p": 1}, "unjudged": {}, "hopeless": {"p": 0}}
    run = {"found": hits("p"), "empty": [], "unasked": hits("p"), "unjudged": hits("p"), "hopeless": hits("p")}
    nothing = dict.fromkeys(METRICS, 0.0)
    assert score(relevant, run) == dict.fromkeys(relevant, nothing) | {"found": dict.fromkeys(METRICS, 1.0)}


def test_no_question_and_no_run_at_all() -> None:
    assert score({}, {}) == {}
    assert score({}, {"q": hits("p")}) == {}
    assert score({"q": {"p": 1}}, {}) == {"q": dict.fromkeys(METRICS, 0.0)}


@pytest.mark.parametrize("value", [0.0, 1.0, 1.0 + 2**-40, 1e30, -5.0])
def test_scores_that_float32_cannot_tell_apart_count_in_the_order_given(value: float) -> None:
    """trec_eval alone would sort them by id again."""
    same = [("a", value), ("b", value)]
    assert score({"q": {"a": 1}}, {"q": same})["q"]["MRR@100"] == 1.0
    assert score({"q": {"b": 1}}, {"q": same})["q"]["MRR@100"] == 0.5


def test_a_passage_named_as_its_question_is_kept() -> None:
    assert score({"1": {"1": 1}}, {"1": hits("1", "2")})["1"] == dict.fromkeys(METRICS, 1.0)
    assert score({"1": {"2": 1}}, {"1": hits("1", "2")})["1"]["MRR@100"] == 0.5


def test_any_text_is_an_id() -> None:
    """C ends a text at NUL, and has no words for half a surrogate pair."""
    odd = {"\x00": {"p\x00x": 1}, "\x00\x00": {"\ud800": 1}, "": {"": 1}}
    run = {"\x00": hits("p\x00y", "p\x00x"), "\x00\x00": hits("a", "b", "\ud800"), "": hits("")}
    assert [each["MRR@100"] for each in score(odd, run).values()] == pytest.approx([1 / 2, 1 / 3, 1])
