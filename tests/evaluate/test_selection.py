"""SelectP: predictions and F1 as the official scorer of TyDi QA has them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.errors import UserError
from raytrain.evaluate.selection import (
    NAMES,
    NONE,
    Prediction,
    Selected,
    averages,
    best_f1,
    predictions_of,
    predictions_text,
    scores_text,
)

CANDIDATES = {"7": ["7#0", "7#1", "7#2"], "8": ["7#0", "7#1", "7#2"], "-9": ["-9#0"], "10": []}
RELEVANT = {"7": {"7#1": 1, "7#2": 1}, "-9": {"-9#0": 1}}


def prediction(score: float, answered: bool, right: bool, index: int = 0) -> Prediction:
    return Prediction("q", index, score, answered, right)


def test_the_best_candidate_is_predicted_for_every_question_also_one_without_an_answer() -> None:
    ranked = {"7": [("7#2", 3.5), ("7#0", 1.0)], "8": [("7#0", 2.0)]}
    assert predictions_of(CANDIDATES, RELEVANT, ranked) == [
        Prediction("7", 2, 3.5, True, True),
        Prediction("8", 0, 2.0, False, False),
        Prediction("-9", NONE, 0.0, True, False),  # the system found nothing
        Prediction("10", NONE, 0.0, False, False),
    ]


def test_a_passage_of_another_article_is_refused() -> None:
    with pytest.raises(UserError, match="passage 7#0 was ranked for question -9, and is none of its candidates"):
        predictions_of(CANDIDATES, RELEVANT, {"-9": [("7#0", 1.0)]})


def test_the_lines_have_the_official_shape() -> None:
    lines = predictions_text("swa", [Prediction("-2226525965842375672", 2, 13.5, True, True)]).splitlines()
    assert [json.loads(line) for line in lines] == [
        {
            "example_id": -2226525965842375672,  # a number, as in the official file
            "language": "swahili",
            "passage_answer_index": 2,
            "passage_answer_score": 13.5,
            "minimal_answer": {"start_byte_offset": -1, "end_byte_offset": -1},
            "minimal_answer_score": 0.0,
            "yes_no_answer": "NONE",
        }
    ]
    assert len(NAMES) == 11


@pytest.mark.parametrize(("name", "official"), [("row3", "row3"), ("007", "007"), ("-0", "-0"), ("0", 0), ("²", "²")])
def test_an_id_that_is_no_number_stays_as_it_is(name: str, official: object) -> None:
    (line,) = predictions_text("fin", [Prediction(name, 0, 1.0, True, True)]).splitlines()
    assert json.loads(line)["example_id"] == official


def test_f1_by_hand() -> None:
    found = best_f1(
        [
            prediction(0.9, True, True),
            prediction(0.8, False, False),
            prediction(0.7, True, True),
            prediction(0.6, True, False),
            prediction(0.5, False, False),
        ]
    )
    assert found == Selected(pytest.approx(2 / 3), pytest.approx(2 / 3), pytest.approx(2 / 3), 0.7, 5, 3)


def test_equal_scores_are_above_the_threshold_together() -> None:
    found = best_f1([prediction(1.0, True, True), prediction(1.0, False, False), prediction(1.0, True, False)])
    assert (found.precision, found.recall) == (pytest.approx(1 / 3), 0.5)


def test_where_nothing_is_right_or_asked_all_is_0() -> None:
    assert best_f1([]) == Selected(0.0, 0.0, 0.0, 0.0, 0, 0)
    assert best_f1([prediction(1.0, False, False)]) == Selected(0.0, 0.0, 0.0, 0.0, 1, 0)
    assert best_f1([prediction(0.0, True, False, NONE)]) == Selected(0.0, 0.0, 0.0, 0.0, 1, 1)


PREDICTIONS = st.lists(
    st.tuples(
        st.sampled_from([-1.0, 0.0, 0.25, 0.5, 1.0]), st.booleans(), st.booleans(), st.sampled_from([-1, 0, 3])
    ).map(lambda drawn: prediction(drawn[0], drawn[1], drawn[1] and drawn[2] and drawn[3] >= 0, drawn[3])),
    max_size=12,
)


@given(PREDICTIONS)
def test_f1_is_the_best_over_all_thresholds(predictions: list[Prediction]) -> None:
    def f1(threshold: float) -> float:
        kept = [p for p in predictions if p.score >= threshold]
        right, predicted = sum(p.right for p in kept), sum(p.index >= 0 for p in kept)
        answered = sum(p.answered for p in predictions)
        return 2 * right / (predicted + answered) if right else 0.0

    found = best_f1(predictions)
    assert found.f1 == pytest.approx(max((f1(p.score) for p in predictions), default=0.0))
    if found.f1:
        assert f1(found.threshold) == pytest.approx(found.f1)
    assert found == best_f1(predictions[::-1])


def test_both_averages_and_that_of_the_scorer_is_without_english() -> None:
    languages = {lang: Selected(f1, f1, f1, 0.0, 1, 1) for lang, f1 in {"eng": 0.9, "fin": 0.3, "swa": 0.0}.items()}
    found = averages(languages)
    assert found["all"]["f1"] == pytest.approx(0.4)
    assert found["all without eng"]["f1"] == pytest.approx(0.15)
    assert averages({"eng": languages["eng"]}).keys() == {"all"}
    told = json.loads(scores_text(languages))
    assert told["task"] == "TyDiQA-SelectP"
    assert told["averages"] == found
    assert told["languages"]["fin"]["f1"] == 0.3
