"""The check of rows: every pair is either good or quarantined with its file, its number and a reason."""

import hashlib
import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.pairs import LABELLED_PAIRS, LABELLED_QUARANTINE, Checked, pair_id
from raytrain.corpus.raw.checking import BadLine, check_rows

GOOD = {"question": "Why?", "answer": "Because."}


def check(rows: list[Any], file: str = "here", first: int = 0, shape: Any = "pairs", labels: Any = ("eng",)) -> Checked:
    return check_rows(rows, range(first, first + len(rows)), file=file, shape=shape, labels=labels)


def reason_of(**fields: Any) -> str | None:
    """Why a row is bad, or None if it is good."""
    checked = check([GOOD | fields])
    assert checked.good.num_rows + checked.bad.num_rows == 1
    return checked.bad.column("reason")[0].as_py() if checked.bad.num_rows else None


def good(**fields: Any) -> dict[str, Any]:
    checked = check([GOOD | fields])
    assert checked.bad.num_rows == 0
    return dict(checked.good.to_pylist()[0])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "missing"),
        ("", "empty"),
        (" \t\n\r ", "empty"),
        ("\u00a0\u3000", "empty"),
        (7, "mistyped"),
        (0, "mistyped"),
        (False, "mistyped"),
        (["a"], "mistyped"),
        ({"text": "a"}, "mistyped"),
        (b"\xff\xfe", "undecodable"),
        (b"", "empty"),
    ],
)
@pytest.mark.parametrize("field", ["question", "answer"])
def test_a_bad_field_has_a_reason(field: str, value: object, reason: str) -> None:
    assert reason_of(**{field: value}) == f"{reason}_{field}"


@pytest.mark.parametrize("field", ["question", "answer"])
def test_an_absent_field_is_missing(field: str) -> None:
    row = {name: text for name, text in GOOD.items() if name != field}
    assert check([row]).bad.column("reason").to_pylist() == [f"missing_{field}"]


def test_the_question_is_blamed_first() -> None:
    assert reason_of(question=None, answer=None) == "missing_question"


def test_a_bad_row_is_named_with_file_number_and_text() -> None:
    checked = check([GOOD, GOOD | {"answer": None, "url": "u"}, GOOD], "s3://b/eng.parquet", 40)
    (bad,) = checked.bad.to_pylist()
    assert (bad["file"], bad["row"], bad["reason"]) == ("s3://b/eng.parquet", 41, "missing_answer")
    assert "Why?" in bad["text"]
    assert (checked.good.schema, checked.bad.schema) == (LABELLED_PAIRS, LABELLED_QUARANTINE)


def test_a_huge_bad_row_is_cut() -> None:
    (text,) = check([{"question": "x" * 10_000}]).bad.column("text").to_pylist()
    assert len(text) == 500


def test_no_rows_give_empty_tables() -> None:
    checked = check([])
    assert (checked.good.schema, checked.bad.schema) == (LABELLED_PAIRS, LABELLED_QUARANTINE)
    assert checked.good.num_rows == checked.bad.num_rows == 0


def test_text_is_stripped_and_utf_8_bytes_are_text() -> None:
    row = good(question="  Why?\n", answer="Weil schön.".encode())
    assert (row["question"], row["answer"]) == ("Why?", "Weil schön.")


def test_an_id_that_is_missing_is_the_md5_of_both_texts() -> None:
    expected = hashlib.md5(b"Why? Because.", usedforsecurity=False).hexdigest()
    assert [good(id=given)["id"] for given in (None, "", "  ")] == [expected] * 3
    assert good()["id"] == pair_id("Why?", "Because.") == expected
    assert good(question=" Why? ")["id"] == expected  # of the text that is kept


def test_an_id_that_is_there_stays() -> None:
    assert good(id="abc")["id"] == "abc"


def test_an_id_that_is_a_number_is_not_lost() -> None:
    row = good(id=7)
    assert row["id"] == "7" or json.loads(row["extra"] or "{}").get("id") == 7


def test_columns_we_do_not_know_are_kept_as_json() -> None:
    row = good(topic="Überall", scores=[1, 2.5], details={"b": 1, "a": None}, nothing=None, url="u", origin="o")
    assert json.loads(row["extra"]) == {"topic": "Überall", "scores": [1, 2.5], "details": {"b": 1, "a": None}}
    assert (row["url"], row["origin"]) == ("u", "o")
    assert good()["extra"] is None
    assert good(a=1, b=2)["extra"] == good(b=2, a=1)["extra"]


def test_what_is_kept_as_json_is_json() -> None:
    """A missing number of a Parquet file is NaN, which JSON has no word for."""
    assert json.loads(good(score=float("nan"), other=1)["extra"], parse_constant=pytest.fail)["other"] == 1


LONE = "broken \ud83d emoji"  # half of a surrogate pair: JSON can say it, UTF-8 can not


@pytest.mark.parametrize("field", ["question", "answer"])
def test_half_a_surrogate_pair_in_a_text_is_undecodable(field: str) -> None:
    assert reason_of(**{field: LONE}) == f"undecodable_{field}"
    assert reason_of(**{field: LONE, "id": "1"}) == f"undecodable_{field}"


@pytest.mark.parametrize("field", ["id", "url", "origin", "topic"])
def test_half_a_surrogate_pair_elsewhere_does_not_stop_the_reading(field: str) -> None:
    checked = check([GOOD | {field: LONE}])
    assert checked.good.num_rows + checked.bad.num_rows == 1


VALUES = st.one_of(
    st.none(),
    st.text(max_size=6),
    st.text(" \t\n", max_size=3),
    st.binary(max_size=4),
    st.integers(-5, 5),
    st.booleans(),
    st.lists(st.integers(), max_size=2),
)
ROWS = st.lists(
    st.dictionaries(st.sampled_from(["id", "origin", "url", "question", "answer", "topic"]), VALUES, max_size=6),
    max_size=8,
)


@settings(deadline=None)
@given(ROWS, st.integers(0, 10**9))
def test_every_row_is_good_or_bad_and_never_both(rows: list[dict[str, Any]], first: int) -> None:
    checked = check(rows, "here", first)
    assert checked.good.num_rows + checked.bad.num_rows == len(rows)
    assert set(checked.bad.column("row").to_pylist()) <= set(range(first, first + len(rows)))
    assert checked.bad.column("row").to_pylist() == sorted(set(checked.bad.column("row").to_pylist()))
    for row in checked.good.to_pylist():
        assert row["id"]
        assert row["question"] == row["question"].strip() != ""
        assert row["answer"] == row["answer"].strip() != ""
    for table in (checked.good, checked.bad):
        table.validate(full=True)


# Training rows and mined negatives.


def trained(**fields: Any) -> dict[str, Any]:
    checked = check([{"query": "Why?", "pos": ["Because."]} | fields], shape="training", labels=("fin",))
    assert checked.bad.num_rows == 0, checked.bad.to_pylist()
    return dict(checked.good.to_pylist()[0])


def refused(**fields: Any) -> str:
    checked = check([{"query": "Why?", "pos": ["Because."]} | fields], shape="training", labels=("fin",))
    ((reason, language),) = [(bad["reason"], bad["language"]) for bad in checked.bad.to_pylist()]
    assert language == "fin"
    return str(reason)


SCORES = ("positives", "negatives", "positive_scores", "negative_scores")


def test_a_training_row_keeps_its_passages_and_scores() -> None:
    row = trained(
        pos=[" a ", "b"], neg=["c", "d", "e"], pos_scores=[9, 8.5], neg_scores=[1.5, None, -2], prompt="p", origin="o"
    )
    assert (row["question"], row["answer"], row["positives"], row["negatives"]) == ("Why?", "a", ["b"], ["c", "d", "e"])
    assert (row["positive_scores"], row["negative_scores"]) == ([9, 8.5], [1.5, None, -2])
    assert (row["id"], row["origin"], row["extra"]) == (pair_id("Why?", "a"), "o", '{"prompt": "p"}')
    assert row["language"] == "fin"


def test_what_a_training_row_need_not_have_is_null() -> None:
    bare = trained()
    assert [bare[name] for name in SCORES] == [None] * 4
    empty: dict[str, Any] = {"neg": [], "pos_scores": [], "neg_scores": []}
    assert trained(**empty) == trained(neg=None, pos_scores=None, neg_scores=None) == trained(pos="Because.") == bare
    assert trained(neg="no", neg_scores=0.5)["negatives"] == ["no"]
    assert trained(neg=["no"], neg_scores=[None])["negative_scores"] is None


@pytest.mark.parametrize(
    "fields",
    [
        {"positive": "a", "negatives": ["b", "c"], "scores": [2, 1]},
        {"positive": ["a"], "negative": ["b", "c"], "negative_scores": [2, 1]},
        {"positives": ["a"], "negatives": [{"text": "b", "score": 2}, {"text": "c", "score": 1}]},
        {"positives": [{"passage": "a"}], "negatives": [{"answer": "b", "score": 2}, {"text": "c", "score": 1.0}]},
    ],
)
def test_mined_negatives_are_training_rows(fields: dict[str, Any]) -> None:
    (row,) = check([{"query": "Why?"} | fields], shape="training").good.to_pylist()
    assert [row[name] for name in ("answer", *SCORES)] == ["a", None, ["b", "c"], None, [2, 1]]
    assert row["extra"] is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"query": " "}, "empty_query"),
        ({"query": None}, "missing_query"),
        ({"pos": None}, "missing_pos"),
        ({"pos": []}, "missing_pos"),
        ({"pos": ["a", ""]}, "empty_pos"),
        ({"pos": [7]}, "mistyped_pos"),
        ({"neg": ["a", None]}, "missing_neg"),
        ({"neg": [["a"]]}, "mistyped_neg"),
        ({"neg": [b"\xff"]}, "undecodable_neg"),
        ({"neg": [{"score": 1}]}, "missing_neg"),
        ({"neg": [{"text": "a", "score": "1"}]}, "mistyped_neg"),
        ({"pos_scores": [1, 2]}, "mismatched_pos_scores"),
        ({"neg": ["a"], "neg_scores": [1, 2]}, "mismatched_neg_scores"),
        ({"neg_scores": [1]}, "mismatched_neg_scores"),
        ({"neg": ["a"], "scores": [1, 2]}, "mismatched_scores"),
        ({"pos_scores": ["1"]}, "mistyped_pos_scores"),
        ({"pos_scores": [True]}, "mistyped_pos_scores"),
        ({"pos_scores": {"a": 1}}, "mistyped_pos_scores"),
        ({"pos_scores": [float("nan")]}, "nonfinite_pos_scores"),
        ({"pos_scores": [float("-inf")]}, "nonfinite_pos_scores"),
        ({"pos_scores": [10**400]}, "nonfinite_pos_scores"),
        ({"pos_scores": [1e39]}, "nonfinite_pos_scores"),
    ],
)
def test_a_bad_training_row_has_a_reason(fields: dict[str, Any], reason: str) -> None:
    assert refused(**fields) == reason


NUMBERS = st.none() | st.integers(-3, 3) | st.floats() | st.text(max_size=1)
PASSAGES = st.none() | st.text(max_size=2) | st.lists(st.none() | st.text(max_size=2), max_size=3)
TRAINING = st.fixed_dictionaries(
    {"query": st.text(max_size=2), "pos": PASSAGES},
    optional={
        "neg": PASSAGES,
        "pos_scores": st.lists(NUMBERS, max_size=3),
        "neg_scores": st.lists(NUMBERS, max_size=3),
    },
)


@settings(deadline=None)
@given(st.lists(TRAINING, max_size=6))
def test_scores_are_as_many_as_passages(rows: list[dict[str, Any]]) -> None:
    checked = check(rows, shape="training")
    assert checked.good.num_rows + checked.bad.num_rows == len(rows)
    for row in checked.good.to_pylist():
        passages = {"positive": [row["answer"], *(row["positives"] or [])], "negative": row["negatives"] or []}
        for kind, texts in passages.items():
            assert all(text.strip() for text in texts)
            assert row[f"{kind}_scores"] is None or len(row[f"{kind}_scores"]) == len(texts)


# Bitexts.

BITEXT = {"question1": "Warum?", "answer1": "Darum.", "question2": "Why?", "answer2": "Because."}
BOTH = ("deu-eng", "eng-deu")


def test_a_bitext_is_two_pairs() -> None:
    row = BITEXT | {"origin": "o", "labse_similarity": 0.9, "details": {"urls": ["u", "v"]}}
    good = check([row], shape="bitext", labels=BOTH).good.to_pylist()
    assert [(pair["language"], pair["question"], pair["answer"]) for pair in good] == [
        ("deu-eng", "Warum?", "Because."),
        ("eng-deu", "Why?", "Darum."),
    ]
    assert [json.loads(pair["extra"]) for pair in good] == [
        {"labse_similarity": 0.9, "details": {"urls": ["u", "v"]}}
    ] * 2
    assert [pair["id"] for pair in good] == [
        f"{pair_id('Warum?', 'Because.')}-deu-eng",
        f"{pair_id('Why?', 'Darum.')}-eng-deu",
    ]
    assert {pair["origin"] for pair in good} == {"o"}


@pytest.mark.parametrize("given", [{"id": "x"}, {"pair_id": "x"}])
def test_the_pairs_of_a_bitext_have_ids_of_their_own(given: dict[str, str]) -> None:
    good = check([BITEXT | given], shape="bitext", labels=BOTH).good
    assert good.column("id").to_pylist() == ["x-deu-eng", "x-eng-deu"]


def test_each_pair_of_a_bitext_is_good_or_bad_by_itself() -> None:
    checked = check([BITEXT, BITEXT | {"answer2": " "}], first=5, shape="bitext", labels=BOTH)
    assert checked.good.column("language").to_pylist() == ["deu-eng", "eng-deu", "eng-deu"]
    (bad,) = checked.bad.to_pylist()
    assert (bad["row"], bad["reason"], bad["language"]) == (6, "empty_answer2", "deu-eng")


def test_a_row_may_say_its_languages() -> None:
    rows: list[Any] = [BITEXT | {"language1": "de", "language2": "eng"}]
    assert check(rows, shape="bitext", labels=()).good.column("language").to_pylist() == list(BOTH)
    assert check(rows, shape="bitext", labels=()).good.column("extra").to_pylist() == [None, None]


@pytest.mark.parametrize(
    ("languages", "reason"),
    [
        ({}, "missing_language1"),
        ({"language1": "deu", "language2": ""}, "empty_language2"),
        ({"language1": "deu", "language2": "elvish"}, "unknown_languages"),
        ({"language1": "deu", "language2": "de"}, "unknown_languages"),
        ({"language1": "deu", "language2": 3}, "mistyped_language2"),
    ],
)
def test_a_bitext_of_unknown_languages_is_two_bad_pairs(languages: dict[str, Any], reason: str) -> None:
    checked = check([BITEXT | languages], shape="bitext", labels=())
    assert checked.good.num_rows == 0
    assert [(bad["reason"], bad["language"]) for bad in checked.bad.to_pylist()] == [(reason, "und")] * 2


@pytest.mark.parametrize(("labels", "language"), [(("fin",), "fin"), (BOTH, "und"), ((), "und")])
def test_a_line_that_is_no_row_is_one_bad_pair(labels: tuple[str, ...], language: str) -> None:
    checked = check([BadLine("not_json", b"caf\xe9")], first=3, shape="bitext", labels=labels)
    assert checked.bad.to_pylist() == [
        {"file": "here", "row": 3, "reason": "not_json", "text": "b'caf\\xe9'", "language": language}
    ]
