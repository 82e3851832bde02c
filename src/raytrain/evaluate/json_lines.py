"""Lines of text or JSON as benchmarks keep them, packed or not, whose errors name file, line and field."""

import gzip
import io
import json
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from raytrain.errors import UserError, one_line
from raytrain.storage import Location, storage_errors

BUFFER = 2**22  # bytes of a file that are read at once; on an object store each read is a request

Row = dict[str, Any]


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


def text_lines(place: Location) -> Iterator[tuple[int, str]]:
    """The lines of a file of UTF-8 with their numbers from 1, without what ends them; empty lines are none.

    Raises UserError that names file and line.
    """
    for number, text in enumerate(all_lines(place), 1):
        if text.strip():
            yield number, text


def all_lines(place: Location) -> Iterator[str]:
    """As ``text_lines``, with the empty ones."""
    with opened(place) as lines:
        for number, line in enumerate(lines, 1):
            try:
                yield line.decode("utf-8-sig" if number == 1 else "utf-8").rstrip("\r\n")
            except UnicodeDecodeError as error:
                raise UserError(f"{place.uri}: line {number} is no UTF-8: {one_line(error)}") from error


def json_value(data: bytes, where: str) -> Any:
    """What JSON in UTF-8 says. Raises UserError that begins with ``where``."""
    try:
        return json.loads(data.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise UserError(f"{where} is no UTF-8: {one_line(error)}") from error
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is broken JSON: {one_line(error)}") from error


def field_of(row: Mapping[str, Any], key: str, kind: type | tuple[type, ...], where: str) -> Any:
    """A field of the given type. Raises UserError that begins with ``where`` and names a wrong or missing one."""
    value = row.get(key)
    if value is None:
        raise UserError(f"{where} has no {key}")
    if not isinstance(value, kind) or isinstance(value, bool):
        raise UserError(f"{where}: {key} is no {_NAMES[kind]}")
    return value


_NAMES: dict[Any, str] = {str: "string", int: "whole number", list: "list", dict: "object", (int, float): "number"}


def text_of(row: Mapping[str, Any], key: str, where: str) -> str:
    r"""A text; JSON can hold half a character, as in "\ud83d", which no file or tokenizer takes. Raises UserError."""
    text: str = field_of(row, key, str, where)
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UserError(f"{where}: {key} holds half a character (a lone surrogate) at {error.start}") from error
    return text


def id_of(row: Mapping[str, Any], key: str, where: str) -> str:
    """An id, a text or a whole number. Raises UserError."""
    if isinstance(row.get(key), int):
        return str(field_of(row, key, int, where))
    name = text_of(row, key, where)
    if not name:
        raise UserError(f"{where}: {key} is empty")
    return name
