"""Cleaning: texts are put into one form, and what is no question with its answer is named."""

from typing import Any
from unicodedata import is_normalized

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.clean import clean
from raytrain.corpus.config import Clean

LISTS = {
    "positives": pa.list_(pa.string()),
    "negatives": pa.list_(pa.string()),
    "positive_scores": pa.list_(pa.float32()),
    "negative_scores": pa.list_(pa.float32()),
}
SCHEMA = pa.schema(
    [(name, pa.string()) for name in ("id", "question", "answer")] + list(LISTS.items()) + [("language", pa.string())]
)
QUESTION = "How long does delivery take?"
ANSWER = "Your order usually arrives within three working days."
ANY = Clean(min_question_chars=0, min_answer_chars=0)


def table(*rows: dict[str, Any]) -> pa.Table:
    """Rows in which only what matters is said."""
    full = {"id": "1", "question": QUESTION, "answer": ANSWER, "language": "eng", **dict.fromkeys(LISTS)}
    return pa.Table.from_pylist([full | row for row in rows], SCHEMA)


def cleaned(text: str, rules: Clean = ANY) -> str:
    """A text as it is in all places where one can be."""
    rows, _ = clean(table({"question": text, "answer": text, "negatives": ["x", text]}), rules)
    (row,) = rows.to_pylist()
    assert row["question"] == row["answer"] == [*row["negatives"], ""][1]
    return str(row["question"])


def reason(rules: Clean | None = None, **row: Any) -> str | None:
    _, reasons = clean(table(row), rules or Clean())
    return str(reasons[0]) if reasons[0].is_valid else None


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("Q: What is it?", "What is it?"),
        ("q:What is it?", "What is it?"),
        ("A: Q: question : Answer：Yes", "Yes"),
        ("Q\u00a0: Yes", "Yes"),
        ("“Q: What is it?”", "What is it?"),
        ("A: “Yes”", "Yes"),
        ("Qatar: a country", "Qatar: a country"),
        ("FAQ: yes", "FAQ: yes"),
        ("See Q: below", "See Q: below"),
        ('"Yes"', "Yes"),
        ("'Yes'", "Yes"),
        ("„Ja“", "Ja"),
        ("”Kyllä”", "Kyllä"),
        ("« Oui »", "Oui"),
        ("»Ja«", "Ja"),
        ("「はい」", "はい"),
        ("『はい』", "はい"),
        ("“‘Yes’”", "Yes"),
        ("“Yes” or “no”", "“Yes” or “no”"),
        ("'Don't'", "'Don't'"),
        ("“Yes”, he said", "“Yes”, he said"),
        ('"', '"'),
        ('""', ""),
    ],
)
def test_prefixes_and_quotes_around_a_text_go(text: str, clear: str) -> None:
    assert cleaned(text) == clear


@pytest.mark.parametrize(
    ("text", "clear"),
    [
        ("Hello 😀 there", "Hello there"),
        ("Hello 😀🎉 🎉there", "Hello there"),
        ("Hello😀there", "Hello there"),
        ("Hello 😀.", "Hello."),
        ("😀 Hello\n🎉 there 🎉\r\nyou", "Hello\nthere\r\nyou"),
        ("One  two 😀", "One  two"),
        ("a 👨\u200d👩\u200d👧\u200d👦 b", "a b"),  # a family joined by ZWJ
        ("a 👩\u200d❤\ufe0f\u200d👨 b", "a b"),
        ("a 👨\u200d⚕ b", "a b"),  # joined to what is no emoji by itself
        ("a ❤\u200d🔥 b", "a b"),
        ("a 👍🏽 b", "a b"),
        ("a ☝🏽 b", "a b"),
        ("a 🇫🇮🇸🇪 b", "a b"),
        ("a 🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f b", "a b"),  # England, in tags
        ("a ❤\ufe0f b", "a b"),
        ("❤ stays, as do © ® ™ ✔ ↔ ▶", "❤ stays, as do © ® ™ ✔ ↔ ▶"),
        ("1\ufe0f\u20e3 first, #1 * 2", "1 first, #1 * 2"),
        ("can😀\u0303on", "cañon"),
        ("😀", ""),
        ("क्\u200dष and می\u200cخواهم", "क्\u200dष and می\u200cخواهم"),
        ("क्\u200dष 😀 می\u200cخواهم", "क्\u200dष می\u200cخواهم"),
        ("葛\U000e0100城", "葛\U000e0100城"),  # an ideograph's variant
    ],
)
def test_emoji_go_and_leave_one_blank(text: str, clear: str) -> None:
    assert cleaned(text) == clear


def test_normal_form_c() -> None:
    assert cleaned("Cafe\u0301 ka\u0308se") == "Café käse"
    assert cleaned("Cafe\u0301 😀", Clean(nfc=False)) == "Cafe\u0301"
    assert cleaned("Q: Cafe\u0301 😀", Clean(strip=False)) == "Q: Café 😀"
    assert cleaned("Q: Cafe\u0301 😀", Clean(strip=False, nfc=False)) == "Q: Cafe\u0301 😀"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({}, None),
        ({"question": "Q: 😀"}, "question_empty"),
        ({"answer": "« »"}, "answer_empty"),
        ({"question": "😀", "answer": "😀"}, "question_empty"),
        ({"question": "How long?"}, "question_short"),
        ({"question": "How long ?"}, None),  # ten characters
        ({"question": "Q: How long?"}, "question_short"),  # nine that count
        ({"answer": "x" * 29}, "answer_short"),
        ({"answer": "x" * 30}, None),
        ({"question": "How?", "answer": "x"}, "question_short"),
        ({"answer": "\n".join(["line"] * 10)}, None),
        ({"answer": "\n".join(["line"] * 11)}, "answer_long"),
        ({"answer": "\n".join(["line?"] * 11)}, "answer_long"),
        *(({"answer": ANSWER + mark}, "answer_asks") for mark in "?？؟՞፧⁇‽"),
        ({"answer": ANSWER + ";"}, None),
        ({"answer": ANSWER + ";", "language": "ell"}, "answer_asks"),
        ({"answer": ANSWER + "\u037e", "language": "ell"}, "answer_asks"),
        ({"answer": ANSWER + ";", "language": "eng-ell"}, "answer_asks"),
        ({"answer": ANSWER + ";", "language": "ell-eng"}, None),
    ],
)
def test_the_first_reason_that_applies(row: dict[str, Any], why: str | None) -> None:
    assert reason(**row) == why


def test_empty_texts_are_named_whatever_the_lengths_allow() -> None:
    assert reason(ANY, question="😀") == "question_empty"
    assert reason(ANY, answer="😀") == "answer_empty"
    assert reason(ANY, question="?", answer="x") is None


def test_a_question_in_the_answer_may_be_allowed() -> None:
    assert reason(Clean(question_in_answer=True), answer=ANSWER + "?") is None
    some = Clean(languages={"eng": {"question_in_answer": True}})
    assert [reason(some, answer=ANSWER + "?", language=language) for language in ("eng", "deu")] == [
        None,
        "answer_asks",
    ]


def test_lengths_of_a_language() -> None:
    rules = Clean(languages={"jpn": {"min_question_chars": 3, "min_answer_chars": 5}, "deu": {"max_answer_lines": 1}})
    rows = table(
        {"language": "jpn", "question": "何時？", "answer": "九時です。"},
        {"language": "zho", "question": "几点？", "answer": "九点。"},
        {"language": "deu", "answer": ANSWER + "\n" + ANSWER},
        {"language": "jpn", "question": "何？", "answer": "九時です。"},
    )
    assert clean(rows, rules)[1].to_pylist() == [None, "question_short", "answer_long", "question_short"]


def test_the_rules_of_a_bitext_are_its_own_then_those_of_its_languages() -> None:
    texts = {"question": "何時？", "answer": "At nine."}
    apart = {"jpn": {"min_question_chars": 3, "min_answer_chars": 99}, "eng": {"min_answer_chars": 8}}
    assert reason(Clean(languages=apart), language="jpn-eng", **texts) is None
    own = {"jpn-eng": {"min_question_chars": 4}}
    assert reason(Clean(languages=apart | own), language="jpn-eng", **texts) == "question_short"
    assert reason(Clean(languages=apart | {"jpn-eng": {"min_answer_chars": 9}}), language="jpn-eng", **texts) == (
        "answer_short"
    )


def test_further_passages_that_become_empty_go_with_their_scores() -> None:
    rows = table(
        {"positives": ["A: one", "😀", "two"], "positive_scores": [0.5, 1.0, 2.0, 3.0]},
        {"negatives": ["😀", "no"], "negative_scores": [4.0, 5.0]},
        {"positives": ["😀"], "positive_scores": [6.0, 7.0], "negatives": ["“”"], "negative_scores": [8.0]},
        {"positives": ["😀", "three"], "negatives": ["😀", "four"]},
        {},
    )
    kept, reasons = clean(rows, Clean())
    assert reasons.null_count == 5
    assert [[row[name] for name in LISTS] for row in kept.to_pylist()] == [
        [["one", "two"], None, [0.5, 1.0, 3.0], None],
        [None, ["no"], None, [5.0]],
        [None, None, [6.0], None],
        [["three"], ["four"], None, None],
        [None, None, None, None],
    ]


def test_other_columns_and_the_schema_stay() -> None:
    rows = table({"id": "Q: 7", "question": "Q: " + QUESTION})
    kept, _ = clean(rows, Clean())
    assert kept.schema == rows.schema
    assert kept.column("id").to_pylist() == ["Q: 7"]


@pytest.mark.parametrize("rules", [Clean(), Clean(nfc=False, strip=False)])
def test_no_rows(rules: Clean) -> None:
    kept, reasons = clean(SCHEMA.empty_table(), rules)
    assert (kept.num_rows, len(reasons)) == (0, 0)
    assert kept.schema == SCHEMA


PIECES = [
    "Q:",
    "a :",
    "Answer：",
    "queſtion:",
    *"\"'“”„«»「」‘’",
    "😀",
    "❤",
    "\ufe0f",
    "\u200d",
    "🏽",
    "🇫",
    "\u20e3",
    "1",
    "#",
]
PIECES += [
    " ",
    "\n",
    "\r",
    "\u00a0",
    "\u2028",
    "\x1f",
    "e",
    "\u0301",
    "क्",
    "\U000e0067",
    "?",
    ";",
    "\u037e",
    ".",
    "word",
]
TEXT = st.lists(st.sampled_from(PIECES) | st.characters(codec="utf-8"), max_size=12).map("".join)
ROW = st.fixed_dictionaries(
    {"question": TEXT, "answer": TEXT, "language": st.sampled_from(["eng", "ell", "deu-eng"])},
    optional={"positives": st.lists(TEXT, max_size=3), "negatives": st.lists(TEXT, max_size=3)},
)


def scored(row: dict[str, Any]) -> dict[str, Any]:
    """A row with scores that name their texts by their place."""
    return row | {
        "positive_scores": [float(place) for place in range(len(row.get("positives", [])) + 1)],
        "negative_scores": [float(place) for place in range(len(row["negatives"]))] if "negatives" in row else None,
    }


RULES = st.builds(Clean, nfc=st.booleans(), strip=st.booleans(), min_question_chars=st.sampled_from([0, 3]))


@given(st.lists(ROW, max_size=6), RULES)
def test_cleaning_twice_is_cleaning_once(rows: list[dict[str, Any]], rules: Clean) -> None:
    once, reasons = clean(table(*map(scored, rows)), rules)
    twice, again = clean(once, rules)
    assert twice.equals(once)
    assert again.equals(reasons)


@given(st.lists(ROW, max_size=6), RULES, st.integers(0, 6))
def test_rows_are_cleaned_alone(rows: list[dict[str, Any]], rules: Clean, cut: int) -> None:
    whole = table(*map(scored, rows))
    kept, reasons = clean(whole, rules)
    parts = [clean(part, rules) for part in (whole.slice(0, cut), whole.slice(cut))]
    assert pa.concat_tables([part for part, _ in parts]).equals(kept)
    assert pa.concat_arrays([part for _, part in parts]).equals(reasons)


@given(st.lists(ROW, min_size=1, max_size=6))
def test_what_a_clean_text_is(rows: list[dict[str, Any]]) -> None:
    for row in clean(table(*map(scored, rows)), Clean())[0].to_pylist():
        texts = [row["question"], row["answer"], *(row["positives"] or []), *(row["negatives"] or [])]
        assert all(is_normalized("NFC", text) and text == text.strip() and "😀" not in text for text in texts)
        assert row["positives"] != []
        assert len(row["positive_scores"]) == len(row["positives"] or []) + 1
        assert len(row["negative_scores"] or []) == len(row["negatives"] or [])
        assert "" not in (row["positives"] or []) + (row["negatives"] or [])


@given(TEXT)
def test_words_and_digits_stay(text: str) -> None:
    framed = f"5 {text} x"
    assert [c for c in cleaned(framed, Clean(nfc=False)) if c in "0123456789word"] == [
        c for c in framed if c in "0123456789word"
    ]
