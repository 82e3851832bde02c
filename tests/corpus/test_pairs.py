"""What a pair is: every row is either good or quarantined with its file, its number and a reason."""

import hashlib
import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.pairs import PAIRS, QUARANTINE, check_rows, pair_id, python_rows, require_columns
from raytrain.errors import UserError

GOOD = {"question": "Why?", "answer": "Because."}


def reason_of(**fields: Any) -> str | None:
    """Why a row is bad, or None if it is good."""
    checked = check_rows([GOOD | fields], "here", 0)
    assert checked.good.num_rows + checked.bad.num_rows == 1
    return checked.bad.column("reason")[0].as_py() if checked.bad.num_rows else None


def good(**fields: Any) -> dict[str, Any]:
    checked = check_rows([GOOD | fields], "here", 0)
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
    assert check_rows([row], "here", 0).bad.column("reason").to_pylist() == [f"missing_{field}"]


def test_the_question_is_blamed_first() -> None:
    assert reason_of(question=None, answer=None) == "missing_question"


def test_a_bad_row_is_named_with_file_number_and_text() -> None:
    checked = check_rows([GOOD, GOOD | {"answer": None, "url": "u"}, GOOD], "s3://b/eng.parquet", 40)
    (bad,) = checked.bad.to_pylist()
    assert (bad["file"], bad["row"], bad["reason"]) == ("s3://b/eng.parquet", 41, "missing_answer")
    assert "Why?" in bad["text"]
    assert (checked.good.schema, checked.bad.schema) == (PAIRS, QUARANTINE)


def test_a_huge_bad_row_is_cut() -> None:
    (text,) = check_rows([{"question": "x" * 10_000}], "here", 0).bad.column("text").to_pylist()
    assert len(text) == 500


def test_no_rows_give_empty_tables() -> None:
    checked = check_rows([], "here", 0)
    assert (checked.good.schema, checked.bad.schema) == (PAIRS, QUARANTINE)
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
    checked = check_rows([GOOD | {field: LONE}], "here", 0)
    assert checked.good.num_rows + checked.bad.num_rows == 1


def test_columns_that_every_pair_needs() -> None:
    require_columns(["answer", "question", "more"], "here")
    with pytest.raises(UserError, match=r"^f\.parquet: no column 'answer': it has question, url$"):
        require_columns(["question", "url"], "f.parquet")
    with pytest.raises(UserError, match=r"^f\.parquet: no column 'question': it has none$"):
        require_columns([], "f.parquet")


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
    checked = check_rows(rows, "here", first)
    assert checked.good.num_rows + checked.bad.num_rows == len(rows)
    assert set(checked.bad.column("row").to_pylist()) <= set(range(first, first + len(rows)))
    assert checked.bad.column("row").to_pylist() == sorted(set(checked.bad.column("row").to_pylist()))
    for row in checked.good.to_pylist():
        assert row["id"]
        assert row["question"] == row["question"].strip() != ""
        assert row["answer"] == row["answer"].strip() != ""
    for table in (checked.good, checked.bad):
        table.validate(full=True)


def undecodable(kind: pa.DataType, *values: bytes) -> pa.Array:
    """A column of text that holds just these bytes, as a careless writer makes it."""
    raw = pa.array(list(values), pa.large_binary() if pa.types.is_large_string(kind) else pa.binary())
    return pa.Array.from_buffers(kind, len(raw), raw.buffers())


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_text_that_is_no_utf_8_comes_as_bytes(kind: pa.DataType) -> None:
    rows = python_rows(pa.table({"a": undecodable(kind, b"ok", b"\xff", b""), "n": [1, None, 3]}))
    assert rows == [{"a": "ok", "n": 1}, {"a": b"\xff", "n": None}, {"a": "", "n": 3}]


def test_text_that_is_no_utf_8_inside_other_columns_comes_too() -> None:
    """Categories (as pandas writes them) and lists hold text as well."""
    text = undecodable(pa.string(), b"ok", b"\xff", b"")
    table = pa.table(
        {
            "category": pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), text),
            "list": pa.ListArray.from_arrays(pa.array([0, 1, 2, 3]), text),
        }
    )
    rows = python_rows(table)
    assert [row["category"] for row in rows] == ["ok", b"\xff", ""]
    assert [rows[0]["list"], rows[2]["list"]] == [["ok"], [""]]


def test_rows_of_a_table_in_chunks_and_of_none() -> None:
    chunked = pa.table({"a": pa.chunked_array([["x"], [None, "y"]])})
    assert python_rows(chunked) == [{"a": "x"}, {"a": None}, {"a": "y"}]
    assert python_rows(chunked.slice(3)) == []
