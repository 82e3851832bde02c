"""BEIR folders: corpus.jsonl[.gz], queries.jsonl[.gz] and qrels/test.tsv; and reading JSON lines of any kind."""

import gzip
import io
import json
import re
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from raytrain.errors import UserError, one_line
from raytrain.evaluate.benchmark import Retrieval, chosen
from raytrain.languages import to_iso639_3
from raytrain.storage import Location, storage_errors

BUFFER = 2**22  # bytes of a file that are read at once; on an object store each read is a request

Row = dict[str, Any]


def identity(folder: Location) -> Mapping[str, str]:
    """The version of every file of a BEIR folder. Raises UserError if it holds no corpus."""
    found = {info.path: f"{info.size}-{info.version}" for info in folder.list()}
    _folders(folder, list(found))
    return found


def load(name: str, languages: list[str] | None, folder: Location) -> list[Retrieval]:
    """The languages of a BEIR folder: it is one, which ``languages`` must name, or has a folder for each.

    Raises UserError for a broken file, a language that is not there, or one in which no question has an answer.
    """
    paths = [info.path for info in folder.list()]
    folders = _folders(folder, paths)
    if "" in folders:
        if languages is None or len(languages) != 1:
            raise UserError(f"evaluate: {name} is one BEIR folder: name its one language in evaluate.languages")
        return [_read(folder, paths, languages[0])]
    named: dict[str, str] = {}
    for part in folders:
        try:
            language = to_iso639_3(part)
        except UserError as error:
            raise UserError(f"evaluate: {(folder / part).uri}: the name says the language, and {error}") from error
        if language in named:
            raise UserError(f"evaluate: {folder.uri}: {named[language]}/ and {part}/ are both {language}")
        named[language] = part
    found = []
    for language in chosen(name, languages, set(named)):
        inside = f"{named[language]}/"
        below = [path.removeprefix(inside) for path in paths if path.startswith(inside)]
        found.append(_read(folder / named[language], below, language))
    return found


def _folders(folder: Location, paths: list[str]) -> list[str]:
    """The names of the folders with a corpus; "" is the folder itself."""
    matches = [re.fullmatch(r"(?:([^/]+)/)?corpus\.jsonl(?:\.gz)?", path) for path in paths]
    names = dict.fromkeys(match[1] or "" for match in matches if match)
    if not names:
        raise UserError(f"evaluate: {folder.uri} holds no corpus.jsonl[.gz], nor folders {{lang}}/corpus.jsonl[.gz]")
    return list(names)


def _read(folder: Location, paths: list[str], language: str) -> Retrieval:
    passages = _texts(_packed_or_not(folder, paths, "corpus.jsonl"))
    queries = _texts(_packed_or_not(folder, paths, "queries.jsonl"))
    place = folder / "qrels/test.tsv"
    relevant = _judgements(place, queries, passages)
    asked = {key: text for key, text in queries.items() if any(s > 0 for s in relevant.get(key, {}).values())}
    if not asked:
        raise UserError(f"{place.uri}: no question has a relevant passage")
    judged = {key: relevant[key] for key in asked}
    return Retrieval(language, asked, passages, judged, len(queries) - len(asked))


def _packed_or_not(folder: Location, paths: list[str], name: str) -> Location:
    there = [found for found in (name, f"{name}.gz") if found in paths]
    if len(there) > 1:
        raise UserError(f"evaluate: {folder.uri} holds {name} and {name}.gz: leave one out")
    return folder / (there[0] if there else name)


def _texts(place: Location) -> dict[str, str]:
    """Texts by id; a title goes before its text."""
    texts: dict[str, str] = {}
    for number, row in json_rows(place):
        where = f"{place.uri}: line {number}"
        key, text = id_of(row, "_id", where), text_of(row, "text", where)
        if key in texts:
            raise UserError(f"{where}: _id {key} is there twice")
        title = text_of(row, "title", where) if row.get("title") else ""
        texts[key] = f"{title} {text}".strip() if title else text
    return texts


def _judgements(place: Location, queries: Mapping[str, str], passages: Mapping[str, str]) -> dict[str, dict[str, int]]:
    relevant: dict[str, dict[str, int]] = {}
    for number, line in enumerate(io.StringIO(place.read_text()), 1):
        row = line.rstrip("\r\n").split("\t")
        if row == [""] or (number == 1 and row[0] == "query-id"):
            continue
        try:
            query, passage, score = row[0], row[1], _whole(row[2])
        except (IndexError, ValueError) as error:
            raise UserError(f"{place.uri}: line {number} is no query-id, corpus-id, score") from error
        if query not in queries or passage not in passages:
            unknown = f"question {query}" if query not in queries else f"passage {passage}"
            raise UserError(f"{place.uri}: line {number} names {unknown}, which is not there")
        relevant.setdefault(query, {})[passage] = score
    return relevant


def _whole(text: str) -> int:
    """A grade; WebFAQ writes 1.0. Raises ValueError for one that is no whole number."""
    grade = float(text)
    if not grade.is_integer():
        raise ValueError(f"{text} is no whole number")
    return int(grade)


@contextmanager
def opened(place: Location) -> Iterator[io.BufferedIOBase]:
    """The bytes of a file, unpacked where its name ends in .gz, as they are read.

    Raises UserError that names the file when it is missing, can't be read or is a broken gzip.
    """
    with storage_errors(place.uri, "read"):
        raw: Any  # a small file is read at once: see Location.open_input
        raw = io.BytesIO(place.read_bytes()) if place.size() < BUFFER else place.open_input()
        with raw, io.BufferedReader(raw, BUFFER) as packed:
            if not place.name.endswith(".gz"):
                yield packed
                return
            try:
                with gzip.open(packed) as unpacked:
                    yield unpacked
            except (EOFError, gzip.BadGzipFile, zlib.error) as error:
                raise UserError(f"{place.uri}: ends in the middle, or is no gzip: {one_line(error)}") from error


def json_rows(place: Location) -> Iterator[tuple[int, Row]]:
    """The objects of a file of JSON lines, one at a time, with the numbers of their lines from 1; empty lines are none.

    Raises UserError that names file and line.
    """
    with opened(place) as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                row = json_value(line, f"{place.uri}: line {number}")
                if not isinstance(row, dict):
                    raise UserError(f"{place.uri}: line {number} is no JSON object")
                yield number, row


def json_value(data: bytes, where: str) -> Any:
    """What JSON in UTF-8 says. Raises UserError that begins with ``where``."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is no UTF-8: {one_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is broken JSON: {one_line(error)}") from error


def field(row: Mapping[str, Any], key: str, kind: type, where: str) -> Any:
    """A field of the given type. Raises UserError that begins with ``where`` and names a wrong or missing one."""
    value = row.get(key)
    if value is None:
        raise UserError(f"{where} has no {key}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{where}: {key} is no {_NAMES[kind]}")
    return value


_NAMES = {str: "string", int: "whole number", list: "list", dict: "object"}


def text_of(row: Mapping[str, Any], key: str, where: str) -> str:
    r"""A text; JSON can hold half a character, as in "\ud83d", which no file or tokenizer takes. Raises UserError."""
    text: str = field(row, key, str, where)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: {key} holds half a character (a lone surrogate) at {error.start}") from error
    return text


def id_of(row: Mapping[str, Any], key: str, where: str) -> str:
    """An id, a text or a whole number. Raises UserError."""
    if isinstance(row.get(key), int):
        return str(field(row, key, int, where))
    name = text_of(row, key, where)
    if not name:
        raise UserError(f"{where}: {key} is empty")
    return name
