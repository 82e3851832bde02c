"""Passages of any folder: read as they are, or refused by file, row and field."""

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from raytrain.errors import UserError
from raytrain.evaluate.held_out import ROW_GROUP, HeldOut
from raytrain.index.passages import SourceRecord, label_of, list_sources, write_source
from raytrain.storage import Location
from s3server import S3Server

Rows = list[dict[str, Any]]


def lines(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


def table(path: Path, rows: Rows) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path)


def some(first: int, count: int) -> Rows:
    return [{"id": f"p{i}", "text": f"text {i}", "other": i} for i in range(first, first + count)]


def read(folder: Path | Location, to: Path, languages: list[str] | None = None) -> dict[str, dict[str, str]]:
    """Texts by language and id, through the reader of benchmarks."""
    place = folder if isinstance(folder, Location) else Location.of(str(folder))
    target = Location.of(str(to))
    found = {}
    for source in list_sources({"mine": place}, languages)[0]:
        record = write_source(source, target)
        assert SourceRecord.model_validate_json((target / source.record_path).read_text()) == record
        part = HeldOut("mine", source.language, target / source.path, 0, record.passages, 0)
        found[source.language] = part.read_passages()
    return found


def refusal(folder: Path, to: Path) -> str:
    with pytest.raises(UserError) as caught:
        read(folder, to)
    assert "\n" not in str(caught.value)
    assert not list(to.rglob("records/*"))
    return str(caught.value)


@pytest.mark.parametrize(
    "name", ["fin.jsonl", "fin.jsonl.gz", "fin/a.jsonl", "data/fin.jsonl", "finnish.jsonl", "fi.jsonl"]
)
def test_lines(tmp_path: Path, name: str) -> None:
    lines(tmp_path / "in" / name, some(0, 5))
    assert read(tmp_path / "in", tmp_path / "out") == {"fin": {f"p{i}": f"text {i}" for i in range(5)}}


def test_parquet_and_several_files_a_language(tmp_path: Path) -> None:
    table(tmp_path / "in/fin/a.parquet", some(0, 5))
    lines(tmp_path / "in/fin/b.jsonl", some(5, 5))
    table(tmp_path / "in/tel.parquet", some(3, 4))
    found = read(tmp_path / "in", tmp_path / "out")
    assert list(found) == ["fin", "tel"]
    assert list(found["fin"]) == [f"p{i}" for i in range(10)]
    assert list(read(tmp_path / "in", tmp_path / "out2", ["tel"])) == ["tel"]


@pytest.mark.parametrize("key", ["id", "_id", "docid", "doc_id"])
def test_ids_have_many_names(tmp_path: Path, key: str) -> None:
    lines(tmp_path / "in/fin.jsonl", [{key: 7, "text": "seven"}, {key: "eight", "text": "8"}])
    assert read(tmp_path / "in", tmp_path / "out") == {"fin": {"7": "seven", "eight": "8"}}


def test_webfaq_and_beir(tmp_path: Path) -> None:
    table(tmp_path / "in/deu.parquet", [{"id": "a", "question": "what?", "answer": "that"}])
    lines(tmp_path / "in/fin/corpus.jsonl", [{"_id": "b", "title": "Title", "text": "and text"}])
    lines(tmp_path / "in/fin/queries.jsonl", [{"_id": "q", "text": "which?"}])
    assert read(tmp_path / "in", tmp_path / "out") == {"deu": {"a": "that"}, "fin": {"b": "Title and text"}}
    kept = pq.read_table(tmp_path / "out/mine/fin/passages.parquet").to_pylist()
    assert kept == [{"id": "b", "text": "Title and text", "untitled": "and text"}]


def test_empty_texts_are_counted_and_rows_are_found_by_number(tmp_path: Path) -> None:
    """Over more than one row group: those that are left out leave no gap."""
    rows = [{"id": f"p{i}", "text": f"text {i}" if i % 10 else " "} for i in range(ROW_GROUP + 3_000)]
    lines(tmp_path / "in/fin.jsonl", rows)
    (source,), _ = list_sources({"mine": Location.of(str(tmp_path / "in"))}, None)
    record = write_source(source, Location.of(str(tmp_path / "out")))
    texts = [row["text"] for row in rows if row["text"].strip()]
    assert (record.passages, record.empty) == (len(texts), len(rows) - len(texts))
    groups = pq.ParquetFile(tmp_path / "out/mine/fin/passages.parquet").metadata
    assert [groups.row_group(i).num_rows for i in range(groups.num_row_groups)] == [ROW_GROUP, len(texts) - ROW_GROUP]
    part = HeldOut("mine", "fin", Location.of(str(tmp_path / "out/mine/fin")), 0, record.passages, 0)
    assert list(part.read_passages(ROW_GROUP - 2, 4).values()) == texts[ROW_GROUP - 2 : ROW_GROUP + 2]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ({"text": "x"}, "line 2 has no id: one of the columns id, _id, docid, doc_id is needed"),
        ({"id": "x"}, "line 2 has no text: one of the columns text, answer is needed"),
        ({"id": "x", "text": 3}, "line 2: text is no string"),
        ({"id": 1.5, "text": "x"}, "line 2: id is no string"),
        ({"id": "", "text": "x"}, "line 2: id is empty"),
        ({"id": "x", "text": "\ud83d"}, "line 2: text holds half a character"),
        ({"id": "x", "text": "y", "title": ["z"]}, "line 2: title is no string"),
    ],
)
def test_a_row_that_can_not_be_used_is_named(tmp_path: Path, row: dict[str, Any], why: str) -> None:
    lines(tmp_path / "in/fin.jsonl", [{"id": "good", "text": "good"}, row])
    assert refusal(tmp_path / "in", tmp_path / "out").startswith(f"{tmp_path}/in/fin.jsonl: {why}")


def test_text_that_is_no_utf8_in_parquet(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    bad = pa.array([b"good", b"\xff\xfe"], pa.binary()).view(pa.string())
    pq.write_table(pa.table({"id": ["a", "b"], "text": bad}), tmp_path / "in/fin.parquet")
    assert f"{tmp_path}/in/fin.parquet: row 2: text is no UTF-8" in refusal(tmp_path / "in", tmp_path / "out")


def test_broken_files_are_named(tmp_path: Path) -> None:
    lines(tmp_path / "a/fin.jsonl.gz", some(0, 500))
    whole = (tmp_path / "a/fin.jsonl.gz").read_bytes()
    (tmp_path / "a/fin.jsonl.gz").write_bytes(whole[:-20])
    assert "fin.jsonl.gz: ends in the middle" in refusal(tmp_path / "a", tmp_path / "out")
    table(tmp_path / "b/fin.parquet", some(0, 500))
    (tmp_path / "b/fin.parquet").write_bytes((tmp_path / "b/fin.parquet").read_bytes()[:-9])
    assert "fin.parquet: broken or truncated Parquet" in refusal(tmp_path / "b", tmp_path / "out")
    (tmp_path / "c").mkdir()
    (tmp_path / "c/fin.jsonl").write_bytes(b'{"id": "a", "text": "b"}\n{"id": \n')
    assert "fin.jsonl: line 2 is broken JSON" in refusal(tmp_path / "c", tmp_path / "out")


def test_an_id_given_twice_is_named_wherever_it_is(tmp_path: Path) -> None:
    lines(tmp_path / "in/fin/a.jsonl", some(0, 9_000))
    lines(tmp_path / "in/fin/b.jsonl", some(8_999, 2))
    line = refusal(tmp_path / "in", tmp_path / "out")
    assert "fin: id 'p8999' is there twice, as passage 8,999 and 9,000 of" in line
    assert "fin/a.jsonl" in line


def test_folders_that_can_not_be_read(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert "holds no {lang}.parquet" in refusal(tmp_path / "empty", tmp_path / "out")
    lines(tmp_path / "two/fin.jsonl", some(0, 1))
    lines(tmp_path / "two/finnish.jsonl", some(1, 1))
    assert "fin.jsonl and finnish.jsonl are both fin: leave one out" in refusal(tmp_path / "two", tmp_path / "out")
    lines(tmp_path / "what/quenya-ish.jsonl", some(0, 1))
    assert "the name says the language, and" in refusal(tmp_path / "what", tmp_path / "out")
    lines(tmp_path / "deep/a/b/fin.jsonl", some(0, 1))
    assert "this deep are not read" in refusal(tmp_path / "deep", tmp_path / "out")
    lines(tmp_path / "one/fin.jsonl", some(0, 1))
    with pytest.raises(UserError, match=r"there are no passages of swe; of fin"):
        list_sources({"mine": Location.of(str(tmp_path / "one"))}, ["swe", "fin"])


def test_a_prefix_of_s3(tmp_path: Path, s3: S3Server) -> None:
    place = Location.of(f"s3://{s3.bucket()}/passages")
    (place / "fin.jsonl").write_bytes(b'{"id": "a", "text": "b"}\n')
    assert read(place, tmp_path / "out") == {"fin": {"a": "b"}}
    assert list(list_sources({"mine": place}, None)[1]) == ["mine/fin.jsonl"]


@pytest.mark.parametrize(
    ("source", "label"),
    [("s3://bucket/a/web pages/", "web_pages"), ("/data/wiki", "wiki"), ("s3://bucket", "bucket"), ("/", "passages")],
)
def test_labels(source: str, label: str) -> None:
    assert label_of(source) == label
