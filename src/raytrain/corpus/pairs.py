"""What a pair is: the columns of the prepared corpus, and the check that every row passes."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from raytrain.errors import UserError

REQUIRED = ("question", "answer")
KNOWN = ("id", "origin", "url", *REQUIRED)

PAIRS = pa.schema(
    [
        ("id", pa.string()),
        ("origin", pa.string()),
        ("url", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("extra", pa.string()),  # the columns we don't know, as one JSON object
    ]
)
QUARANTINE = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])


@dataclass(frozen=True)
class Checked:
    """Rows of one batch: good ones in the schema PAIRS, bad ones in the schema QUARANTINE."""

    good: pa.Table
    bad: pa.Table


def pair_id(question: str, answer: str) -> str:
    """WebFAQ's id of a pair: md5 of "question answer"."""
    return hashlib.md5(f"{question} {answer}".encode(), usedforsecurity=False).hexdigest()


def require_columns(names: Sequence[str], file: str) -> None:
    """Raises UserError if a file lacks a column that every pair needs, or has two of a name."""
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise UserError(f"{file}: column {twice[0]!r} is there twice")
    for column in REQUIRED:
        if column not in names:
            raise UserError(f"{file}: no column {column!r}: it has {', '.join(names) or 'none'}")


def check_rows(rows: Sequence[Mapping[str, Any]], file: str, first_row: int) -> Checked:
    """Sorts rows into good and bad ones. ``first_row`` is the number of the first in ``file``, from 0.

    A row is bad if its question or answer is missing, not text, not UTF-8, or empty.
    """
    good: list[dict[str, Any]] = []
    bad: list[dict[str, Any]] = []
    for number, row in enumerate(rows, first_row):
        fields = {name: _text(row.get(name)) for name in KNOWN}
        reason = next((f"{fields[name].reason}_{name}" for name in REQUIRED if fields[name].reason), None)
        if reason:
            bad.append({"file": file, "row": number, "reason": reason, "text": repr(dict(row))[:500]})
            continue
        extra = {name: value for name, value in row.items() if name not in KNOWN and value is not None}
        question, answer = fields["question"].value, fields["answer"].value
        good.append(
            {
                "id": fields["id"].value or _number(row.get("id")) or pair_id(question, answer),
                "origin": fields["origin"].value,
                "url": fields["url"].value,
                "question": question,
                "answer": answer,
                "extra": _json(extra) if extra else None,
            }
        )
    return Checked(pa.Table.from_pylist(good, PAIRS), pa.Table.from_pylist(bad, QUARANTINE))


@dataclass(frozen=True)
class _Text:
    value: str
    reason: str | None


def _text(value: Any) -> _Text:
    """A field as text, or what is wrong with it: missing, mistyped, undecodable, empty."""
    if value is None:
        return _Text("", "missing")
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            return _Text("", "undecodable")
    if not isinstance(value, str):
        return _Text("", "mistyped")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and no text can hold
        return _Text("", "undecodable")
    value = value.strip()
    return _Text(value, None if value else "empty")


def _number(value: Any) -> str:
    """An id that is a number, as text."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else ""


def _json(columns: Mapping[str, Any]) -> str:
    """Columns as one JSON object, whatever they hold."""
    return json.dumps(_plain(columns), ensure_ascii=False, sort_keys=True, allow_nan=False)


def _plain(value: Any) -> Any:
    """What JSON and UTF-8 have a word for: NaN becomes null, and broken text is spelt out."""
    if isinstance(value, Mapping):
        return {_plain(str(key)): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, bytes):
        return value.decode("utf-8", "backslashreplace")
    if value is None or isinstance(value, bool | int):
        return value
    return str(value).encode("utf-8", "backslashreplace").decode()


def python_rows(table: pa.Table) -> list[dict[str, Any]]:
    """The rows of a table; text that is no UTF-8 comes as bytes, so that it can be told apart row by row."""
    columns = {}
    for name in table.column_names:
        column = table.column(name)
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            raw = pc.cast(column, pa.large_binary()).to_pylist()
            columns[name] = [_decoded(value) for value in raw]
        else:
            columns[name] = _python_values(column)
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def _python_values(column: pa.ChunkedArray) -> list[Any]:
    try:
        return list(column.to_pylist())
    except UnicodeDecodeError:  # text inside lists and structs: one bad row must not cost the others
        return [_python_value(scalar) for scalar in column]


def _python_value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except UnicodeDecodeError:
        return "(not UTF-8)"


def _decoded(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode("utf-8")
    except UnicodeDecodeError:
        return value
