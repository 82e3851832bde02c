"""Passages that are no benchmark: every format is read to the same artifact, and what can't be used is named."""

import gzip
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from embedded import finished
from raytrain.artifact import describe_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import ROW_GROUP, HeldOut, held_out_of
from raytrain.index.passages import Source, SourceRecord, label_of, list_sources, write_source
from raytrain.storage import Location

Rows = Iterable[Mapping[str, Any]]
ROWS = [{"id": "a", "text": "yksi"}, {"id": "b", "text": "kaksi ä 🐟"}, {"id": "c", "text": " kolme\n"}]
TEXTS = {"a": "yksi", "b": "kaksi ä 🐟", "c": " kolme\n"}


def lines(rows: Rows) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def parquet(rows: Rows | pa.Table, **options: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows)), sink, **options)
    return sink.getvalue().to_pybytes()


def filled(folder: Location | Path, files: Mapping[str, bytes]) -> Location:
    place = folder if isinstance(folder, Location) else Location.of(str(folder))
    for path, data in files.items():
        (place / path).write_bytes(data)
    return place


@pytest.fixture
def raw(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "raw"))


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "artifact"))


def written(raw: Location, place: Location) -> dict[str, tuple[HeldOut, SourceRecord]]:
    """Writes all languages of a folder as the stage does, and opens what was written."""
    sources, _ = list_sources({"web": raw}, None)
    records = {source.language: write_source(source, place) for source in sources}
    counts = {
        language: {"questions": 0, "passages": record.passages, "left_out": 0} for language, record in records.items()
    }
    files = [record.file for record in records.values()]
    artifact = finished(place, "passages", files, {"benchmarks": {"web": counts}})
    return {part.language: (part, records[part.language]) for part in held_out_of(artifact)}


def refusal(raw: Location, place: Location) -> str:
    (source,) = list_sources({"web": raw}, None)[0]
    with pytest.raises(UserError) as caught:
        write_source(source, place)
    assert place.list() == []  # nothing that could be taken for finished
    line = str(caught.value)
    assert "\n" not in line
    return line


FORMATS = {
    "fin.jsonl": lines(ROWS),
    "fin.jsonl.gz": gzip.compress(lines(ROWS)),
    "fin.parquet": parquet(ROWS),
    "fi.parquet": parquet(ROWS, row_group_size=1),
    "finnish.jsonl": b"\xef\xbb\xbf" + lines(ROWS).replace(b"\n", b"\r\n\r\n"),
    "data/fin.jsonl": lines(ROWS),
    "fin/corpus.jsonl": lines(ROWS),
    "fin/part-0.jsonl.gz": gzip.compress(lines(ROWS)),
    "data/fin/0.parquet": parquet(ROWS),
}


@pytest.mark.parametrize("path", FORMATS)
def test_every_format_is_read(raw: Location, place: Location, path: str) -> None:
    filled(raw, {path: FORMATS[path], "README.md": b"?", "_SUCCESS": b"", "fin/_tmp.jsonl": b"?", ".x/y": b"?"})
    ((language, (part, record)),) = written(raw, place).items()
    assert language == "fin"
    assert (record.passages, record.empty) == (3, 0)
    assert record.file == describe_file(place, "web/fin/passages.parquet")
    assert list(part.read_passages().items()) == list(TEXTS.items())
    assert part.read_passages(column="untitled") == {}
    source = Source("web", "fin", ())
    assert SourceRecord.model_validate_json((place / source.record_path).read_text()) == record


def test_all_formats_at_once_in_the_order_of_their_names(raw: Location, place: Location) -> None:
    one, two, three = ([{"id": f"{n}{i}", "text": f"{n} {i}"} for i in range(3)] for n in "123")
    filled(
        raw, {"fin/2.jsonl.gz": gzip.compress(lines(two)), "fin/1.parquet": parquet(one), "fin/3.jsonl": lines(three)}
    )
    filled(raw, {"tel.jsonl": lines(one)})  # ids of another language may be the same
    found = written(raw, place)
    assert list(found["fin"][0].read_passages()) == [row["id"] for row in (*one, *two, *three)]
    assert found["tel"][0].read_passages() == {row["id"]: row["text"] for row in one}


def test_questions_of_a_beir_folder_are_left_alone(raw: Location, place: Location) -> None:
    questions = lines([{"_id": "q", "text": "mikä?"}])
    for name, data in {"queries.jsonl": questions, "queries.jsonl.gz": gzip.compress(questions)}.items():
        filled(raw, {f"fin/{name}": data, name: data})
    corpus = lines([{"_id": "a", "title": "Otsikko", "text": "yksi"}, {"_id": "b", "title": "", "text": "kaksi"}])
    filled(raw, {"fin/corpus.jsonl": corpus, "fin/qrels/test.tsv": b"q\ta\t1\n"})
    part, _ = written(raw, place)["fin"]
    assert part.read_passages() == {"a": "Otsikko yksi", "b": "kaksi"}
    assert list(list_sources({"web": raw}, None)[1]) == ["web/fin/corpus.jsonl"]


def test_a_title_comes_before_its_text_which_is_kept_alone_too(raw: Location, place: Location) -> None:
    rows = [
        {"id": "a", "title": "Otsikko", "text": "yksi"},
        {"id": "b", "title": "", "text": "kaksi"},
        {"id": "c", "title": None, "text": "kolme"},
        {"id": "d", "title": "Vain otsikko", "text": ""},
        {"id": "e", "title": " ", "text": " "},
    ]
    for name, data in {"fin.jsonl": lines(rows), "tel.parquet": parquet(rows)}.items():
        filled(raw, {name: data})
    for part, record in written(raw, place).values():
        assert part.read_passages() == {"a": "Otsikko yksi", "b": "kaksi", "c": "kolme", "d": "Vain otsikko"}
        assert part.read_passages(column="untitled") == {"a": "yksi"}
        assert (record.passages, record.empty) == (4, 1)


@pytest.mark.parametrize("key", ["id", "_id", "docid", "doc_id"])
@pytest.mark.parametrize("text", ["text", "answer"])
def test_names_of_columns(raw: Location, place: Location, key: str, text: str) -> None:
    """What WebFAQ has beside them is left alone."""
    rows = [
        {key: f"{i}", text: f"vastaus {i}", "question": "mikä?", "url": b"\xff".hex(), "scores": [1]} for i in (1, 2)
    ]
    filled(raw, {"fin.jsonl": lines(rows), "tel.parquet": parquet(rows)})
    for part, _ in written(raw, place).values():
        assert part.read_passages() == {"1": "vastaus 1", "2": "vastaus 2"}


def test_the_first_name_that_has_something_counts(raw: Location, place: Location) -> None:
    rows = [
        {"id": None, "_id": "a", "docid": "x", "text": None, "answer": "yksi"},
        {"id": "b", "_id": "x", "docid": None, "text": "kaksi", "answer": "x"},
    ]
    filled(raw, {"fin.jsonl": lines(rows), "tel.parquet": parquet(rows)})
    for part, _ in written(raw, place).values():
        assert part.read_passages() == {"a": "yksi", "b": "kaksi"}


def test_whole_numbers_are_ids(raw: Location, place: Location) -> None:
    rows = [{"id": number, "text": f"{number}"} for number in (0, -1, 2**40)]
    filled(raw, {"fin.jsonl": lines(rows), "tel.parquet": parquet(rows)})
    for part, _ in written(raw, place).values():
        assert part.read_passages() == {"0": "0", "-1": "-1", str(2**40): str(2**40)}


def test_other_kinds_of_text_in_parquet(raw: Location, place: Location) -> None:
    texts = pa.array(["yksi", "yksi", "kaksi"])
    table = pa.table({"id": pa.array([1, 2, 3], pa.uint8()), "text": texts.dictionary_encode()})
    large = pa.table({"id": pa.array(["1", "2", "3"], pa.large_string()), "text": texts.cast(pa.large_string())})
    filled(raw, {"fin.parquet": parquet(table), "tel.parquet": parquet(large)})
    for part, _ in written(raw, place).values():
        assert part.read_passages() == {"1": "yksi", "2": "yksi", "3": "kaksi"}


def many(count: int) -> tuple[list[dict[str, Any]], dict[str, str]]:
    """Passages, some of them empty, and those that are not."""
    rows = [{"id": f"p{i}", "text": " \n" if i % 7 == 3 or 2_000 < i < 2_100 else f"passage {i}"} for i in range(count)]
    return rows, {row["id"]: row["text"] for row in rows if row["text"].strip()}


@pytest.mark.parametrize("path", ["fin.parquet", "fin.jsonl.gz"])
@pytest.mark.parametrize("count", [10_000, 30_000])
def test_passages_are_found_by_their_numbers(raw: Location, place: Location, path: str, count: int) -> None:
    """The reader counts on row groups that are full, whatever was left out."""
    rows, kept = many(count)
    filled(raw, {path: parquet(rows, row_group_size=3_000) if path == "fin.parquet" else gzip.compress(lines(rows))})
    part, record = written(raw, place)["fin"]
    assert (record.passages, record.empty) == (len(kept), count - len(kept))
    meta = pq.ParquetFile((place / record.file.path).local_path).metadata
    groups = [meta.row_group(number).num_rows for number in range(meta.num_row_groups)]
    assert len(groups) > 1
    assert set(groups[:-1]) == {ROW_GROUP}
    assert part.read_passage_ids() == list(kept)
    assert list(part.read_passages().items()) == list(kept.items())
    for first, number in ((0, 5), (ROW_GROUP - 2, 4), (ROW_GROUP, 1), (len(kept) - 3, 3)):
        assert list(part.read_passages(first, number).items()) == list(kept.items())[first : first + number]
    some = [list(kept)[number] for number in (len(kept) - 1, 0, ROW_GROUP, ROW_GROUP - 1)]
    assert part.read_texts([*some, "none"]) == {name: kept[name] for name in some}


@pytest.mark.parametrize("count", [ROW_GROUP - 1, ROW_GROUP, ROW_GROUP + 1, 2 * ROW_GROUP])
def test_as_many_as_a_row_group_holds(raw: Location, place: Location, count: int) -> None:
    filled(raw, {"fin.jsonl": lines({"id": i, "text": "x"} for i in range(count))})
    part, record = written(raw, place)["fin"]
    assert record.passages == count
    assert list(part.read_passages()) == [str(i) for i in range(count)]


def test_a_language_of_empty_passages_and_one_of_none(raw: Location, place: Location) -> None:
    filled(raw, {"fin.jsonl": lines([{"id": 1, "text": ""}]), "tel.jsonl": b"\n", "tam.parquet": parquet(ROWS[:1])})
    nothing = parquet(pa.table({"id": pa.array([], pa.string()), "text": pa.array([], pa.string())}))
    filled(raw, {"deu.parquet": nothing})
    found = written(raw, place)
    counts = {language: (record.passages, record.empty) for language, (_, record) in found.items()}
    assert counts == {"deu": (0, 0), "fin": (0, 1), "tam": (1, 0), "tel": (0, 0)}
    for part, record in found.values():
        assert len(part.read_passages()) == len(part.read_passage_ids()) == record.passages


def test_the_same_passages_make_the_same_bytes(raw: Location, place: Location, tmp_path: Path) -> None:
    """Wherever the rows are cut."""
    rows, _ = many(9_000)
    filled(raw, {"fin.parquet": parquet(rows, row_group_size=1_000)})
    other = filled(tmp_path / "other", {"fi/0.jsonl": lines(rows[:4_000]), "fi/1.jsonl": lines(rows[4_000:])})
    first = written(raw, place)["fin"][1]
    assert written(other, Location.of(str(tmp_path / "again")))["fin"][1] == first


def test_on_s3(s3: Any) -> None:
    root = Location.of(f"s3://{s3.bucket()}/x")
    rows, kept = many(10_000)
    raw = root / "raw"
    filled(raw, {"fin/0.parquet": parquet(rows), "tel.jsonl.gz": gzip.compress(lines(rows)), "tam.jsonl": lines(ROWS)})
    found = written(raw, root / "passages")
    assert found["fin"][0].read_passages() == found["tel"][0].read_passages() == kept
    assert found["fin"][0].read_passages(ROW_GROUP - 1, 2) == dict(list(kept.items())[ROW_GROUP - 1 : ROW_GROUP + 1])
    assert found["tam"][0].read_passages() == TEXTS
    assert found["fin"][1].file == describe_file(root / "passages", "web/fin/passages.parquet")


GOOD = {"id": "a", "text": "yksi"}
NO_ID = " has no id: one of the columns id, _id, docid, doc_id is needed"
NO_TEXT = " has no text: one of the columns text, answer is needed"
HALF = json.loads('"ab\\ud83d"')


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "kaksi"}, NO_ID),
        ({"id": None, "text": "kaksi"}, NO_ID),
        ({"id": "b"}, NO_TEXT),
        ({"id": "b", "text": None, "title": "Otsikko"}, NO_TEXT),
        ({"id": "", "text": "kaksi"}, ": id is empty"),
        ({"_id": True, "text": "kaksi"}, ": _id is no whole number"),
        ({"doc_id": 1.5, "text": "kaksi"}, ": doc_id is no string"),
        ({"id": "b", "text": 2}, ": text is no string"),
        ({"id": "b", "answer": ["kaksi"]}, ": answer is no string"),
        ({"id": "b", "text": "kaksi", "title": 1}, ": title is no string"),
        ({"id": HALF, "text": "kaksi"}, ": id holds half a character (a lone surrogate) at 2"),
        ({"id": "b", "text": HALF}, ": text holds half a character (a lone surrogate) at 2"),
        ({"id": "b", "text": "kaksi", "title": HALF}, ": title holds half a character (a lone surrogate) at 2"),
    ],
)
def test_a_row_that_cannot_be_used_is_named(raw: Location, place: Location, row: dict[str, Any], message: str) -> None:
    filled(raw, {"fin.jsonl": b"\n" + lines([GOOD, row])})
    assert refusal(raw, place) == f"{raw.uri}/fin.jsonl: line 3{message}"
    if HALF in row.values():
        return  # Parquet has none
    (raw / "fin.jsonl").delete()
    rows = [row] * 3  # of one kind
    table = pa.Table.from_pylist(rows)
    filled(raw, {"fin.parquet": parquet(table)})
    assert refusal(raw, place) == f"{raw.uri}/fin.parquet: row 1{message}"


@pytest.mark.parametrize("key", ["id", "text", "answer", "title"])
def test_text_in_parquet_that_is_no_utf_8_is_named(raw: Location, place: Location, key: str) -> None:
    count = ROW_GROUP + 2
    other = {"id": "text", "title": "text"}.get(key, key)
    columns: dict[str, list[bytes]] = {"id": [b"%d" % i for i in range(count)], other: [b"x"] * count}
    columns.setdefault(key, [b"x"] * count)[-1] = b"a\xff"
    table = pa.table({name: pa.array(values, pa.binary()).view(pa.string()) for name, values in columns.items()})
    filled(raw, {"fin.parquet": parquet(table, use_dictionary=False, write_statistics=False)})
    assert refusal(raw, place) == f"{raw.uri}/fin.parquet: row {count}: {key} is no UTF-8"


def test_parquet_without_a_column_that_is_needed(raw: Location, place: Location) -> None:
    for columns, message in (
        ({"text": ["x"]}, NO_ID),
        ({"url": ["x"]}, NO_ID),
        ({"id": ["x"], "title": ["x"]}, NO_TEXT),
    ):
        filled(raw, {"fin.parquet": parquet(pa.table(columns))})
        assert refusal(raw, place) == f"{raw.uri}/fin.parquet: row 1{message}"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        (b'{"id": "b", "text": "kak', " is broken JSON: "),
        (b"[]", " is no JSON object"),
        (b'{"id": "b", "text": "\xff"}', " is no UTF-8: "),
    ],
)
def test_a_line_that_is_no_json_is_named(raw: Location, place: Location, line: bytes, message: str) -> None:
    filled(raw, {"fin.jsonl": lines([GOOD]) + line})
    assert refusal(raw, place).startswith(f"{raw.uri}/fin.jsonl: line 2{message}")


def test_broken_parquet_is_named(raw: Location, place: Location) -> None:
    rows, _ = many(10_000)
    whole = parquet(rows, compression="zstd", use_dictionary=False)
    damaged = bytearray(whole)
    damaged[100:5_000] = bytes(4_900)
    for data, message in (
        (whole[:-9], "broken or truncated Parquet: "),
        (b"", "broken or truncated Parquet: "),
        (bytes(damaged), "broken Parquet: "),
    ):
        filled(raw, {"fin.parquet": data})
        assert refusal(raw, place).startswith(f"{raw.uri}/fin.parquet: {message}")


def test_broken_gzip_is_named(raw: Location, place: Location) -> None:
    whole = gzip.compress(lines(many(10_000)[0]))
    for data in (whole[:-9], whole[: len(whole) // 2], lines(ROWS), whole[:100] + b"?" * 100 + whole[200:]):
        filled(raw, {"fin.jsonl.gz": data})
        line = refusal(raw, place)
        assert line.startswith(f"{raw.uri}/fin.jsonl.gz: ")
        assert "ends in the middle, or is no gzip: " in line


def test_a_file_that_is_gone_is_named(raw: Location, place: Location) -> None:
    filled(raw, {"fin.jsonl": lines(ROWS), "tel.parquet": parquet(ROWS)})
    for source in list_sources({"web": raw}, None)[0]:
        source.files[0].delete()
        with pytest.raises(UserError) as caught:
            write_source(source, place)
        assert source.files[0].uri in str(caught.value)


def test_an_id_that_is_there_twice_is_named(raw: Location, place: Location) -> None:
    """Empty passages are not counted, since they are left out; their ids may be anything that is one."""
    rows = [{"id": "a", "text": ""}, {"id": "a", "text": "yksi"}, {"id": "b", "text": "kaksi"}]
    filled(raw, {"fin.jsonl": lines(rows)})
    assert written(raw, place)["fin"][1].passages == 2
    place.delete_tree()
    filled(raw, {"fin.jsonl": lines([*rows, {"id": "a", "text": "kolme"}])})
    line = refusal(raw, place)
    assert line == f"index.passages: fin: id 'a' is there twice, as passage 0 and 2 of {raw.uri}/fin.jsonl"
    place.delete_tree()
    filled(raw, {"fin.jsonl": lines([{"id": 7, "text": "yksi"}, {"id": "7", "text": "yksi"}])})
    assert "id '7' is there twice, as passage 0 and 1 of" in refusal(raw, place)


def test_an_id_that_is_there_twice_in_two_files_is_named(raw: Location, place: Location) -> None:
    first = [{"id": f"p{i}", "text": "x"} for i in range(ROW_GROUP + 10)]
    filled(raw, {"fin/0.jsonl": lines(first), "fin/1.parquet": parquet([{"id": "p5", "text": "y"}])})
    uris = f"{raw.uri}/fin/0.jsonl, {raw.uri}/fin/1.parquet"
    assert refusal(raw, place) == f"index.passages: fin: id 'p5' is there twice, as passage 5 and 8,202 of {uris}"
    filled(raw, {f"fin/{number}.jsonl": lines([{"id": number, "text": "x"}]) for number in (2, 3)})
    line = refusal(raw, place)
    assert line.endswith(f"as passage 5 and 8,202 of {uris}, {raw.uri}/fin/2.jsonl …")


@pytest.mark.parametrize(
    ("files", "spellings"),
    [
        (("fi.jsonl", "fin.jsonl"), "fi.jsonl and fin.jsonl"),
        (("fin.jsonl", "fin.parquet"), "fin.jsonl and fin.parquet"),
        (("fi/0.jsonl", "fin/1.jsonl"), "fi/ and fin/"),
        (("fin/0.jsonl", "finnish.jsonl.gz"), "fin/ and finnish.jsonl.gz"),
    ],
)
def test_two_spellings_of_one_language(raw: Location, files: tuple[str, ...], spellings: str) -> None:
    filled(raw, dict.fromkeys(files, b""))
    with pytest.raises(UserError) as caught:
        list_sources({"web": raw}, None)
    assert str(caught.value) == f"index.passages: {raw.uri}: {spellings} are both fin: leave one out"


@pytest.mark.parametrize("path", ["corpus.jsonl", "quenya-ish/0.parquet"])
def test_a_name_that_is_no_language(raw: Location, path: str) -> None:
    filled(raw, {path: lines(ROWS)})
    with pytest.raises(UserError) as caught:
        list_sources({"web": raw}, None)
    language = path.split("/")[0].removesuffix(".jsonl")
    line = f"index.passages: {raw.uri}/{path}: the name says the language, and {language!r} is no language: "
    assert str(caught.value).startswith(line)


def test_files_too_deep(raw: Location) -> None:
    filled(raw, {"a/fin/0.jsonl": lines(ROWS)})
    with pytest.raises(UserError) as caught:
        list_sources({"web": raw}, None)
    assert str(caught.value) == f"{raw.uri}/a/fin/0.jsonl: files this deep are not read: move them to {{lang}}/"


@pytest.mark.parametrize("path", [None, "README.md", "fin/queries.jsonl", "fin.csv"])
def test_a_folder_without_passages(raw: Location, path: str | None) -> None:
    """Or none at all."""
    filled(raw, {path: b"x"} if path else {})
    with pytest.raises(UserError) as caught:
        list_sources({"web": raw}, None)
    assert str(caught.value) == (
        f"index.passages: {raw.uri} holds no {{lang}}.parquet or {{lang}}.jsonl[.gz], nor {{lang}}/ of such"
    )


def test_languages_are_chosen_of_all_folders(raw: Location, tmp_path: Path) -> None:
    filled(raw, {"fin.jsonl": b"", "tel.jsonl": b"", "deu/0.jsonl": b""})
    other = filled(tmp_path / "other", {"fi.parquet": b"", "tam.parquet": b""})
    folders = {"web": raw, "other": other}

    def names(languages: list[str] | None) -> list[str]:
        return [source.path for source in list_sources(folders, languages)[0]]

    assert names(None) == ["web/deu", "web/fin", "web/tel", "other/fin", "other/tam"]
    assert names(["tam", "fin"]) == ["web/fin", "other/fin", "other/tam"]
    with pytest.raises(UserError) as caught:
        names(["swe", "fin", "ben"])
    assert str(caught.value) == "index.languages: there are no passages of ben, swe; of deu, fin, tam, tel"


def test_a_version_tells_that_a_file_was_replaced(raw: Location) -> None:
    filled(raw, {"fin.jsonl": lines(ROWS), "tel/0.jsonl": lines(ROWS)})
    before = list_sources({"web": raw}, None)[1]
    assert set(before) == {"web/fin.jsonl", "web/tel/0.jsonl"}
    tel = {"web/tel/0.jsonl": before["web/tel/0.jsonl"]}
    assert list_sources({"web": raw}, ["tel"])[1] == tel  # others may change: nothing is built again
    filled(raw, {"fin.jsonl": lines(reversed(ROWS))})
    after = list_sources({"web": raw}, None)[1]
    assert {path for path in before if before[path] != after[path]} == {"web/fin.jsonl"}


@pytest.mark.parametrize(
    ("source", "label"),
    [
        ("s3://bucket/a/web pages/", "web_pages"),
        ("/data/web-1.0", "web-1.0"),
        ("s3://bucket", "bucket"),
        ("../.hidden", "hidden"),
        ("/data/żółć", "passages"),
        ("/", "passages"),
        ("/data/records", "passages"),  # where the records lie is deleted in the end
        ("/data/_records/", "passages"),
    ],
)
def test_labels(source: str, label: str) -> None:
    assert label_of(source) == label
