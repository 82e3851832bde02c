"""Passages that are no benchmark: folders of Parquet or JSONL, read a batch at a time and kept as benchmarks' are."""

import hashlib
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raytrain.artifact import File, Record, upload_file
from raytrain.corpus.raw.sources import SourceFile, folder_files
from raytrain.corpus.raw.tables import python_rows
from raytrain.errors import UserError, one_line
from raytrain.evaluate.held_out import ROW_GROUP
from raytrain.evaluate.json_lines import id_of, json_rows, text_of
from raytrain.languages import to_iso639_3
from raytrain.parquet import open_parquet
from raytrain.records import RECORDS, write_record
from raytrain.storage import Location

IDS = ("id", "_id", "docid", "doc_id")
TEXTS = ("text", "answer")  # what WebFAQ calls it, last
SCHEMA = pa.schema([("id", pa.string()), ("text", pa.string()), ("untitled", pa.string())])

Row = tuple[str, str, str | None]  # id, text with its title, and the text alone where there is a title


@dataclass(frozen=True)
class Source:
    """The files of one language of one source, in order. ``label`` is the source's short name."""

    label: str
    language: str
    files: tuple[Location, ...]

    @property
    def path(self) -> str:
        """Where its passages lie in the artifact."""
        return f"{self.label}/{self.language}"

    @property
    def record_path(self) -> str:
        """Where its record lies until the artifact is finished."""
        return f"{RECORDS}/{self.path}.json"


class SourceRecord(Record):
    """What was written: the passages, and how many there were and were empty."""

    file: File
    passages: int
    empty: int

    @property
    def files(self) -> tuple[File, ...]:
        """The one file."""
        return (self.file,)


def label_of(source: str) -> str:
    """A short name for files and tables: ``s3://bucket/a/web pages/`` → ``web_pages``."""
    last = source.rstrip("/").rsplit("/", 1)[-1]
    label = re.sub(r"[^A-Za-z0-9._-]+", "_", last).strip("._-")
    return "passages" if label in ("", RECORDS) else label


def list_sources(
    folders: Mapping[str, Location], languages: Iterable[str] | None
) -> tuple[list[Source], dict[str, str]]:
    """The languages of some folders by their labels, in order; and the version of each file, which tells its content.

    Files of languages that are not wanted are in neither. Raises UserError for a folder without passages, a language
    named in two ways, or a wanted one that is not there.
    """
    wanted = None if languages is None else set(languages)
    found, versions = list[Source](), dict[str, str]()
    for label, folder in folders.items():
        files = [file for file in folder_files(folder) if not re.search(r"(^|/)queries\.jsonl(\.gz)?$", file.path)]
        if not files:
            raise UserError(
                f"index.passages: {folder.uri} holds no {{lang}}.parquet or {{lang}}.jsonl[.gz], nor {{lang}}/ of such"
            )
        found += _by_language(label, folder, files)
        kept = [file for file in files if wanted is None or to_iso639_3(file.language) in wanted]
        versions |= {f"{label}/{file.path}": file.version for file in kept}
    if wanted is not None:
        there = {source.language for source in found}
        missing = sorted(wanted - there)
        if missing:
            raise UserError(
                f"index.languages: there are no passages of {', '.join(missing)}; of {', '.join(sorted(there))}"
            )
        found = [source for source in found if source.language in wanted]
    return found, versions


def _by_language(label: str, folder: Location, files: list[SourceFile]) -> list[Source]:
    spellings, grouped = dict[str, str](), dict[str, list[Location]]()
    for file in files:
        try:
            language = to_iso639_3(file.language)
        except UserError as error:
            raise UserError(f"index.passages: {file.file.uri}: the name says the language, and {error}") from error
        other = spellings.setdefault(language, file.spelling)
        if other != file.spelling:
            raise UserError(
                f"index.passages: {folder.uri}: {other} and {file.spelling} are both {language}: leave one out"
            )
        assert isinstance(file.file, Location)
        grouped.setdefault(language, []).append(file.file)
    return [Source(label, language, tuple(grouped[language])) for language in sorted(grouped)]


def write_source(source: Source, folder: Location) -> SourceRecord:
    """Reads one language through and writes its passages and, last, its record. No more than a row group is in memory,
    and eight bytes of each id.

    Raises UserError that names file, row and field if one can't be used, and for an id that is there twice.
    """
    taken, keys = 0, list[np.ndarray]()

    def kept() -> Iterator[Row]:
        nonlocal taken
        for row in _rows(source):
            taken += 1
            if row[1].strip():
                yield row

    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "passages.parquet"
        with pq.ParquetWriter(
            local, SCHEMA, compression="zstd", use_dictionary=False, write_statistics=False
        ) as writer:
            read = kept()
            # A passage is found by its number: every row group but the last is full.
            while rows := list(islice(read, ROW_GROUP)):
                ids, texts, untitled = zip(*rows, strict=True)
                keys.append(np.array([_key(name) for name in ids], np.uint64))
                arrays = [pa.array(column, pa.string()) for column in (ids, texts, untitled)]
                writer.write_table(pa.Table.from_arrays(arrays, schema=SCHEMA))
        _refuse_twice(source, local, np.concatenate(keys) if keys else np.zeros(0, np.uint64))
        passages = pq.ParquetFile(local).metadata.num_rows
        file = upload_file(local, folder, f"{source.path}/passages.parquet")
    record = SourceRecord(file=file, passages=passages, empty=taken - passages)
    write_record(folder, source.record_path, record)
    return record


def _key(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest())


def _refuse_twice(source: Source, local: Path, keys: np.ndarray) -> None:
    """Raises UserError for an id that is there twice; ids are read again only where two have one hash."""
    unique, counts = np.unique(keys, return_counts=True)
    twice = set(unique[counts > 1].tolist())
    if not twice:
        return
    seen = dict[str, int]()
    at = 0
    for batch in pq.ParquetFile(local).iter_batches(columns=["id"]):
        for number, name in enumerate(batch.column("id").to_pylist(), at):
            if _key(name) in twice and name in seen:
                names = ", ".join(file.uri for file in source.files[:3])
                raise UserError(
                    f"index.passages: {source.language}: id {name!r} is there twice, as passage {seen[name]:,} and "
                    f"{number:,} of {names}{' …' if len(source.files) > 3 else ''}"
                )
            if _key(name) in twice:
                seen[name] = number
        at += batch.num_rows


def _rows(source: Source) -> Iterator[Row]:
    for file in source.files:
        numbered = _parquet_rows(file) if file.name.endswith(".parquet") else json_rows(file)
        word = "row" if file.name.endswith(".parquet") else "line"
        for number, row in numbered:
            yield _row(row, f"{file.uri}: {word} {number}")


def _parquet_rows(place: Location) -> Iterator[tuple[int, dict[str, Any]]]:
    """Rows with their numbers from 1, of the columns that count."""
    file = open_parquet(place)
    columns = [name for name in file.schema_arrow.names if name in (*IDS, *TEXTS, "title")]
    number = 0
    try:
        for batch in file.iter_batches(ROW_GROUP, columns=columns):
            for row in python_rows(pa.Table.from_batches([batch])):
                number += 1
                yield number, row
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{place.uri}: broken Parquet: {one_line(error)}") from error


def _row(row: Mapping[str, Any], where: str) -> Row:
    name = next((key for key in IDS if row.get(key) is not None), None)
    if name is None:
        raise UserError(f"{where} has no id: one of the columns {', '.join(IDS)} is needed")
    text = next((key for key in TEXTS if row.get(key) is not None), None)
    if text is None:
        raise UserError(f"{where} has no text: one of the columns {', '.join(TEXTS)} is needed")
    for key in (name, text, "title"):
        if isinstance(row.get(key), bytes):
            raise UserError(f"{where}: {key} is no UTF-8")
    body = text_of(row, text, where)
    title = text_of(row, "title", where) if row.get("title") else ""
    return id_of(row, name, where), f"{title} {body}".strip() if title else body, body if title and body else None
