"""What a pair is: the columns of the prepared corpus, and the rules that its fields pass."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

PAIRS = pa.schema(
    [
        ("id", pa.string()),
        ("origin", pa.string()),
        ("url", pa.string()),
        ("question", pa.string()),
        ("answer", pa.string()),
        ("positives", pa.list_(pa.string())),  # further passages that answer, after `answer`; null if there are none
        ("negatives", pa.list_(pa.string())),  # passages that don't; null if there are none
        ("positive_scores", pa.list_(pa.float32())),  # of `answer` and then of `positives`; null if unknown
        ("negative_scores", pa.list_(pa.float32())),  # of `negatives`; null if unknown
        ("extra", pa.string()),  # the columns we don't know, as one JSON object
    ]
)
QUARANTINE = pa.schema([("file", pa.string()), ("row", pa.int64()), ("reason", pa.string()), ("text", pa.string())])

LANGUAGE = pa.field("language", pa.string())  # the label: a language, or two where the answer is in another
LABELLED_PAIRS = PAIRS.append(LANGUAGE)
LABELLED_QUARANTINE = QUARANTINE.append(LANGUAGE)
UNDETERMINED = "und"  # ISO 639-3 for what has no language: a bad row that does not say its own


@dataclass(frozen=True)
class Checked:
    """Rows of one batch: good ones in the schema LABELLED_PAIRS, bad ones in the schema LABELLED_QUARANTINE."""

    good: pa.Table
    bad: pa.Table


@dataclass(frozen=True)
class Text:
    """A field as text, and what is wrong with it: missing, mistyped, undecodable or empty."""

    value: str
    reason: str | None


def pair_id(question: str, answer: str) -> str:
    """WebFAQ's id of a pair: md5 of "question answer"."""
    return hashlib.md5(f"{question} {answer}".encode(), usedforsecurity=False).hexdigest()


def text_of(value: Any) -> Text:
    """A field as text, stripped of white space at both ends; bytes are taken for UTF-8."""
    if value is None:
        return Text("", "missing")
    if isinstance(value, bytes):
        try:
            value = value.decode("utf-8")
        except UnicodeDecodeError:
            return Text("", "undecodable")
    if not isinstance(value, str):
        return Text("", "mistyped")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can spell and no text can hold
        return Text("", "undecodable")
    value = value.strip()
    return Text(value, None if value else "empty")


def given_id(value: Any) -> str:
    """The id that a row has, as text; empty if it has none."""
    is_number = isinstance(value, int) and not isinstance(value, bool)
    return str(value) if is_number else text_of(value).value


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True, allow_nan=False)


def extra_of(row: Mapping[str, Any], known: frozenset[str]) -> str | None:
    """The columns of a row but the ``known`` and the null ones, as one JSON object; None if there are none."""
    extra = {_plain(name): _plain(value) for name, value in row.items() if name not in known and value is not None}
    return _ENCODER.encode(extra) if extra else None


def _plain(value: Any) -> Any:
    """What JSON and UTF-8 have a word for: NaN becomes null, and broken text is spelt out."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "backslashreplace").decode()
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
    return _plain(str(value))
