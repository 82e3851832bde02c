"""Reading raw pairs: whatever comes, a row is good or quarantined, and a broken file is named."""

import gzip
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.corpus.raw.reading import BATCH, read_unit
from raytrain.corpus.raw.sources import list_units
from raytrain.errors import UserError
from raytrain.storage import Location

LAYOUTS = ["eng.parquet", "eng/part-0.parquet", "eng.jsonl", "eng.jsonl.gz", "eng/part-0.jsonl.gz"]
ROWS: list[dict[str, Any]] = [
    {"id": "1", "origin": "o", "url": "u", "question": "a?", "answer": "a", "topic": "x"},
    {"id": "2", "origin": "o", "url": None, "question": "b?", "answer": "", "topic": None},
    {"id": None, "origin": None, "url": "v", "question": "  c?", "answer": "c\n", "topic": "y"},
    {"id": "4", "origin": "o", "url": "w", "question": None, "answer": "d", "topic": "z"},
]


def write(place: Path, rows: list[dict[str, Any]]) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    if place.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(rows), place, row_group_size=1_000)
    else:
        data = b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)
        place.write_bytes(gzip.compress(data) if place.suffix == ".gz" else data)


def read(source: Path | str) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Good and bad rows of everything in a source."""
    good, bad = [], []
    for unit in list_units([str(source)], Location.of):
        for checked in read_unit(unit):
            good += checked.good.to_pylist()
            bad += checked.bad.to_pylist()
    return good, bad


def refusal(source: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(source)
    line = str(caught.value)
    assert "\n" not in line
    return line


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_gives_the_same_rows(tmp_path: Path, layout: str) -> None:
    write(tmp_path / layout, ROWS)
    good, bad = read(tmp_path)
    assert [(row["question"], row["answer"], row["extra"]) for row in good] == [
        ("a?", "a", '{"topic": "x"}'),
        ("c?", "c", '{"topic": "y"}'),
    ]
    assert [row["id"] for row in good] == ["1", hashlib.md5(b"c? c", usedforsecurity=False).hexdigest()]
    assert [(row["file"], row["row"], row["reason"]) for row in bad] == [
        (str(tmp_path / layout), 1, "empty_answer"),
        (str(tmp_path / layout), 3, "missing_question"),
    ]


@pytest.mark.parametrize("layout", LAYOUTS)
def test_rows_are_numbered_on_over_batches(tmp_path: Path, layout: str) -> None:
    rows = [{"question": f"{i}?", "answer": "" if i % 1_000 == 7 else "a"} for i in range(2 * BATCH["pairs"] + 5)]
    write(tmp_path / layout, rows)
    good, bad = read(tmp_path)
    assert [row["row"] for row in bad] == [i for i in range(len(rows)) if i % 1_000 == 7]
    assert [row["question"] for row in good] == [row["question"] for row in rows if row["answer"]]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"question": pa.array([], pa.string()), "answer": pa.array([], pa.string())}), tmp_path / "eng.parquet"
    )
    (tmp_path / "deu.jsonl").write_bytes(b"")
    (tmp_path / "fin.jsonl.gz").write_bytes(gzip.compress(b""))
    assert read(tmp_path) == ([], [])


def bytes_as_text(*values: bytes) -> pa.Array:
    """A column of text that holds just these bytes, as a careless writer makes it."""
    raw = pa.array(list(values), pa.binary())
    return pa.Array.from_buffers(pa.string(), len(raw), raw.buffers())


def test_invalid_utf_8_in_parquet_spoils_its_row_alone(tmp_path: Path) -> None:
    questions = bytes_as_text(b"a?", b"caf\xe9?", "schön?".encode())
    pq.write_table(pa.table({"question": questions, "answer": ["a", "b", "c"]}), tmp_path / "eng.parquet")
    good, bad = read(tmp_path)
    assert [row["question"] for row in good] == ["a?", "schön?"]
    assert [(row["file"], row["row"], row["reason"]) for row in bad] == [
        (f"{tmp_path}/eng.parquet", 1, "undecodable_question")
    ]
    assert "caf\\xe9" in bad[0]["text"]


def test_invalid_utf_8_in_other_columns_spoils_no_more_than_its_row(tmp_path: Path) -> None:
    column = pa.ListArray.from_arrays(pa.array([0, 1, 2, 3]), bytes_as_text(b"a", b"\xff", b"c"))
    table = pa.table({"question": ["a?", "b?", "c?"], "answer": ["a", "b", "c"], "topic": column})
    pq.write_table(table, tmp_path / "eng.parquet")
    good, bad = read(tmp_path)
    assert len(good) + len(bad) == 3
    assert {"a?", "c?"} <= {row["question"] for row in good}


def test_invalid_utf_8_in_a_category_column_names_the_file(tmp_path: Path) -> None:
    """Arrow decodes the categories of a whole batch at once: there is no row to keep apart."""
    column = pa.DictionaryArray.from_arrays(pa.array([0, 1, 2]), bytes_as_text(b"a", b"\xff", b"c"))
    table = pa.table({"question": ["a?", "b?", "c?"], "answer": ["a", "b", "c"], "topic": column})
    pq.write_table(table, tmp_path / "eng.parquet")
    assert f"{tmp_path}/eng.parquet: broken Parquet: Invalid UTF8" in refusal(tmp_path)


def test_categories_are_read_as_text(tmp_path: Path) -> None:
    answers = pa.array(["a", "b", "a"]).dictionary_encode()
    pq.write_table(pa.table({"question": ["a?", "b?", "c?"], "answer": answers}), tmp_path / "eng.parquet")
    assert [row["answer"] for row in read(tmp_path)[0]] == ["a", "b", "a"]


@pytest.mark.parametrize("name", ["eng.jsonl", "eng.jsonl.gz"])
def test_invalid_utf_8_in_jsonl_spoils_its_row_alone(tmp_path: Path, name: str) -> None:
    lines = [b'{"question": "a?", "answer": "a"}', b'{"question": "caf\xe9?", "answer": "b"}']
    lines += ['{"question": "schön?", "answer": "c"}'.encode(), b"\xff", b'{"question": "d?", "answer": "d"}']
    data = b"\n".join(lines)
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    good, bad = read(tmp_path)
    assert [row["question"] for row in good] == ["a?", "schön?", "d?"]
    assert [(row["file"], row["row"]) for row in bad] == [(f"{tmp_path}/{name}", 1), (f"{tmp_path}/{name}", 3)]
    assert all("undecodable" in row["reason"] for row in bad)
    assert "caf\\xe9" in bad[0]["text"]


@pytest.mark.parametrize(
    "line",
    [rb'{"question": "a \ud83d", "answer": "b"}', b'{"question": "\xed\xa0\xbd", "answer": "b"}'],
    ids=["escaped", "raw"],
)
def test_half_a_surrogate_pair_in_jsonl_spoils_its_row_alone(tmp_path: Path, line: bytes) -> None:
    """What is left of an emoji that somebody cut by UTF-16 units; the web is full of them."""
    (tmp_path / "eng.jsonl").write_bytes(b'{"question": "a?", "answer": "a"}\n' + line + b"\n")
    good, bad = read(tmp_path)
    assert [row["question"] for row in good] == ["a?"]
    assert [(row["row"], row["reason"]) for row in bad] == [(1, "undecodable_question")]


def test_lines_may_end_as_they_like(tmp_path: Path) -> None:
    row = b'{"question": "a?", "answer": "a"}'
    (tmp_path / "eng.jsonl").write_bytes(b"\xef\xbb\xbf" + row + b"\r\n\r\n  \n" + row)
    assert len(read(tmp_path)[0]) == 2


def test_a_row_after_empty_lines_is_found_by_its_number(tmp_path: Path) -> None:
    """The number in the quarantine leads to the line; so does the one in an error."""
    (tmp_path / "eng.jsonl").write_bytes(b'{"question": "a?", "answer": "a"}\n\n\n{"question": "", "answer": "b"}\n')
    assert [row["row"] for row in read(tmp_path)[1]] == [3]


@pytest.mark.parametrize(
    ("second", "reason"),
    [
        (b'{"question": "b', "not_json"),
        (b'{"question": "b?", "answer": "b"}}', "not_json"),
        (b"[" * 100_000 + b"]" * 100_000, "not_json"),
        (b"[1]", "not_object"),
        (b"3", "not_object"),
        (b"null", "not_object"),
    ],
    ids=range(6),
)
def test_a_line_that_is_no_row_is_a_bad_row(tmp_path: Path, second: bytes, reason: str) -> None:
    row = b'{"question": "a?", "answer": "a"}'
    (tmp_path / "eng.jsonl").write_bytes(b"\n".join([row, second, row]))
    good, bad = read(tmp_path)
    assert len(good) == 2
    assert [(found["row"], found["reason"], found["language"]) for found in bad] == [(1, reason, "eng")]
    assert second.decode()[:100] in bad[0]["text"]


@pytest.mark.parametrize("before", [b"", b"\n", b"  \n\n"])
def test_jsonl_without_a_column_is_named_with_those_it_has(tmp_path: Path, before: bytes) -> None:
    (tmp_path / "eng.jsonl").write_bytes(before + b'{"question": "a?", "reply": "a"}\n')
    assert refusal(tmp_path).startswith(f"{tmp_path}/eng.jsonl: no rows that can be read: it has question, reply, ")


def many(count: int) -> list[dict[str, Any]]:
    """Rows that compress badly, so that a cut or a flip hits data."""
    return [{"question": hashlib.sha256(b"%d" % i).hexdigest(), "answer": "a"} for i in range(count)]


@pytest.mark.parametrize("share", [0.02, 0.5, 0.999])
def test_a_truncated_gzip_is_named(tmp_path: Path, share: float) -> None:
    place = tmp_path / "eng.jsonl.gz"
    write(place, many(500))
    os.truncate(place, int(place.stat().st_size * share))
    assert refusal(tmp_path).startswith(f"{place}: broken or truncated gzip")


@pytest.mark.parametrize("share", [0.0, 0.001, 0.3, 0.6, 1.0])
def test_a_damaged_gzip_is_named(tmp_path: Path, share: float) -> None:
    place = tmp_path / "eng.jsonl.gz"
    write(place, many(500))
    data = bytearray(place.read_bytes())
    start = int(share * (len(data) - 8))
    data[start : start + 8] = b"\xff" * 8
    place.write_bytes(data)
    assert f"{place}: " in refusal(tmp_path)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_truncated_parquet_file_is_named(tmp_path: Path, share: float) -> None:
    place = tmp_path / "eng.parquet"
    write(place, many(500))
    os.truncate(place, int(place.stat().st_size * share))
    assert refusal(tmp_path).startswith(f"{place}: broken or truncated Parquet")


def test_a_parquet_file_with_damaged_data_is_named(tmp_path: Path) -> None:
    place = tmp_path / "eng.parquet"
    pq.write_table(pa.Table.from_pylist(many(500)), place, compression="zstd", use_dictionary=False)
    data = bytearray(place.read_bytes())
    data[200:260] = bytes(60)
    place.write_bytes(data)
    assert refusal(tmp_path).startswith(f"{place}: broken Parquet")


def test_columns_of_the_same_name_are_refused_with_the_file(tmp_path: Path) -> None:
    twice = pa.Table.from_arrays([pa.array(["a"])] * 3, ["question", "answer", "answer"])
    pq.write_table(twice, tmp_path / "eng.parquet")
    assert f"{tmp_path}/eng.parquet" in refusal(tmp_path)


VALUES = st.none() | st.text(max_size=4) | st.text(" \n", max_size=2) | st.integers(0, 3) | st.booleans()
SOME = st.lists(st.fixed_dictionaries({"question": VALUES, "answer": VALUES}), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(SOME, st.sampled_from(["eng.jsonl", "eng.jsonl.gz"]))
def test_what_goes_in_comes_out_good_or_bad(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, Any]], name: str
) -> None:
    folder = tmp_path_factory.getbasetemp() / f"rows-{name}"
    write(folder / name, rows)
    good, bad = read(folder)
    assert len(good) + len(bad) == len(rows)
    numbers = {row["row"] for row in bad}
    kept = [row for number, row in enumerate(rows) if number not in numbers]
    assert [(row["question"], row["answer"]) for row in good] == [
        (row["question"].strip(), row["answer"].strip()) for row in kept
    ]
    for number in numbers:
        assert not all(isinstance(value, str) and value.strip() for value in rows[number].values())


def test_the_embedded_corpus_has_no_bad_rows() -> None:
    (unit,) = (unit for unit in list_units(["demo:cldr"], Location.of) if unit.labels == ("fin",))
    counts = [(checked.good.num_rows, checked.bad.num_rows) for checked in read_unit(unit)]
    assert sum(good for good, _ in counts) > 1_000
    assert sum(bad for _, bad in counts) == 0


@pytest.mark.parametrize("name", ["eng.parquet", "eng.jsonl.gz"])
def test_training_rows_keep_their_passages(tmp_path: Path, name: str) -> None:
    rows = [{"query": f"{i}?", "pos": ["a", "b"], "neg": ["c"], "neg_scores": [0.5]} for i in range(1_500)]
    rows[1_234]["neg_scores"] = [0.5, 0.25]
    write(tmp_path / name, rows)
    good, bad = read(tmp_path)
    assert [(row["question"], row["positives"], row["negative_scores"]) for row in good] == [
        (f"{i}?", ["b"], [0.5]) for i in range(1_500) if i != 1_234
    ]
    assert [(row["row"], row["reason"]) for row in bad] == [(1_234, "mismatched_neg_scores")]


@pytest.mark.parametrize("name", ["deu-eng.parquet", "deu-eng.jsonl"])
def test_a_bitext_is_read_both_ways(tmp_path: Path, name: str) -> None:
    text = {"question1": "Warum?", "answer1": "Darum.", "question2": "Why?", "answer2": "Because."}
    write(tmp_path / name, [text, text | {"question1": None}])
    good, bad = read(tmp_path)
    assert [row["language"] for row in good] == ["deu-eng", "eng-deu", "eng-deu"]
    assert [(row["row"], row["reason"], row["language"]) for row in bad] == [(1, "missing_question1", "deu-eng")]


def test_row_groups_are_read_apart_and_numbered_together(tmp_path: Path) -> None:
    write(tmp_path / "eng.parquet", [{"question": f"{i}?", "answer": "a" if i % 700 else " "} for i in range(2_500)])
    (unit,) = list_units([str(tmp_path)], Location.of)

    def rows(row_groups: range | None) -> tuple[list[str], list[int]]:
        parts = list(read_unit(unit, row_groups))
        good = [text for part in parts for text in part.good.column("question").to_pylist()]
        return good, [number for part in parts for number in part.bad.column("row").to_pylist()]

    assert rows(None) == ([f"{i}?" for i in range(2_500) if i % 700], [0, 700, 1_400, 2_100])
    assert rows(range(1, 3)) == ([f"{i}?" for i in range(1_000, 2_500) if i % 700], [1_400, 2_100])
    assert rows(range(2, 2)) == ([], [])


def test_only_parquet_has_row_groups(tmp_path: Path) -> None:
    write(tmp_path / "eng.jsonl", ROWS)
    (unit,) = list_units([str(tmp_path)], Location.of)
    with pytest.raises(ValueError, match="which has no row groups"):
        next(read_unit(unit, range(1)))
