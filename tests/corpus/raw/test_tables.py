"""Whole batches checked: whatever way a batch takes, it comes out as row by row."""

import json
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.pairs import Checked
from raytrain.corpus.raw.checking import check_rows
from raytrain.corpus.raw.tables import check_dicts, check_table, python_rows

PAIRS: dict[str, Any] = {"file": "here", "shape": "pairs", "labels": ("eng",)}


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


def same(one: Checked, other: Checked) -> bool:
    return bool(one.good.equals(other.good) and one.bad.equals(other.bad))


TEXT = st.text(max_size=4) | st.text(" \t\x1c\x85\u3000\u200b", max_size=2) | st.sampled_from(["a", "a ", "\u2028b"])
EXTRA = {
    "topic": st.none() | TEXT,
    "score": st.none() | st.floats(),
    "details": st.none() | st.fixed_dictionaries({"b": st.lists(TEXT, max_size=2), "a": st.none() | st.integers(0, 9)}),
}
COLUMNS = {name: st.none() | TEXT for name in ("id", "origin", "url", "question", "answer")} | EXTRA
TYPES: dict[str, pa.DataType] = {"score": pa.float64()} | {
    "details": pa.struct([("b", pa.list_(pa.string())), ("a", pa.int64())])
}


@settings(deadline=None)
@given(st.data())
def test_a_table_of_plain_text_comes_out_as_row_by_row(data: st.DataObject) -> None:
    """To the byte, extra columns too."""
    names = data.draw(st.permutations(sorted(COLUMNS)))
    names = [name for name in names if name in ("question", "answer") or data.draw(st.booleans())]
    row = st.tuples(*(COLUMNS[name] for name in names))
    rows = [dict(zip(names, values, strict=True)) for values in data.draw(st.lists(row, min_size=1, max_size=6))]
    kinds = st.sampled_from([pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
    schema = pa.schema([(name, TYPES.get(name) or data.draw(kinds)) for name in names])
    table = pa.Table.from_pylist(rows, schema)
    numbers = range(7, 7 + len(rows))
    assert same(check_table(table, numbers, **PAIRS), check_rows(python_rows(table), numbers, **PAIRS))
    assert same(check_dicts(rows, numbers, **PAIRS), check_rows(rows, numbers, **PAIRS))


SPOILT = st.none() | st.text(max_size=2) | st.sampled_from(["\ud83d", " x"]) | st.integers(0, 3) | st.booleans()


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(["id", "url", "question", "answer", "topic"]), SPOILT), max_size=6))
def test_dicts_of_anything_come_out_as_row_by_row(rows: list[dict[str, Any]]) -> None:
    assert same(check_dicts(rows, range(len(rows)), **PAIRS), check_rows(rows, range(len(rows)), **PAIRS))


@settings(deadline=None)
@given(st.lists(st.tuples(st.binary(max_size=3), st.binary(max_size=3), st.binary(max_size=2)), min_size=1, max_size=6))
def test_a_table_of_any_bytes_comes_out_as_row_by_row(rows: list[tuple[bytes, bytes, bytes]]) -> None:
    columns = [undecodable(pa.string(), *values) for values in zip(*rows, strict=True)]
    table = pa.table(dict(zip(("question", "answer", "topic"), columns, strict=True)))
    expected = check_rows(python_rows(table), range(len(rows)), **PAIRS)
    assert same(check_table(table, range(len(rows)), **PAIRS), expected)


def test_ids_that_are_numbers_stay() -> None:
    table = pa.table({"id": [7, None], "question": ["a?", "b?"], "answer": ["a", "b"]})
    checked = check_table(table, range(2), **PAIRS)
    assert same(checked, check_rows(python_rows(table), range(2), **PAIRS))
    assert checked.good.column("id").to_pylist()[0] == "7"


def test_a_column_of_nulls_only_is_missing() -> None:
    table = pa.table({"question": ["a?"], "answer": pa.nulls(1), "url": pa.nulls(1)})
    assert check_table(table, [3], **PAIRS).bad.select(["row", "reason"]).to_pylist() == [
        {"row": 3, "reason": "missing_answer"}
    ]


def test_extra_columns_are_one_json_object_with_sorted_keys() -> None:
    table = pa.table({"question": ["a?"], "topic": ["\u00dcber"], "answer": ["a"], "score": [0.5], "none": pa.nulls(1)})
    (extra,) = check_table(table, [0], **PAIRS).good.column("extra").to_pylist()
    assert extra == json.dumps({"score": 0.5, "topic": "\u00dcber"}, ensure_ascii=False)


def test_training_rows_and_bitexts_of_a_table() -> None:
    training = pa.table({"query": ["a?"], "pos": [["a"]], "neg": [["b", "c"]], "neg_scores": [[0.5, None]]})
    (row,) = check_table(training, [0], file="here", shape="training", labels=("fin",)).good.to_pylist()
    assert (row["negatives"], row["negative_scores"]) == (["b", "c"], [0.5, None])
    texts = pa.table({"question1": ["a?"], "answer1": ["a"], "question2": ["b?"], "answer2": ["b"]})
    good = check_table(texts, [0], file="here", shape="bitext", labels=("deu-eng", "eng-deu")).good
    assert good.column("answer").to_pylist() == ["b", "a"]
