"""Rows of JSONL files of the web: a line that is no row is a bad row, and a file that ends too early is named."""

import gzip
import io
import json
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from raytrain.corpus.raw.checking import BadLine, Row
from raytrain.errors import UserError
from raytrain.storage import storage_errors

READ_AHEAD = 1 << 20  # bytes a request to an object store

Numbered = tuple[list[int], list[Row]]  # rows with the numbers of their lines, from 0


@contextmanager
def opened_lines(raw: Any, uri: str) -> Iterator[Iterable[bytes]]:
    """The lines of an open file, which is closed at the end.

    Raises UserError that names ``uri`` if what is read inside is broken or truncated gzip, or storage fails.
    """
    with storage_errors(uri, "read"), io.BufferedReader(raw, READ_AHEAD) as buffered:
        if not uri.endswith(".gz"):
            yield buffered
            return
        try:
            with gzip.open(buffered) as lines:
                yield lines
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{uri}: broken or truncated gzip: {error}") from error


def json_batches(lines: Iterable[bytes], size: int) -> Iterator[Numbered]:
    """Rows in batches of ``size``; empty lines are none, but count as lines."""
    numbers, rows = list[int](), list[Row]()
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        numbers.append(number)
        rows.append(_row(line))
        if len(rows) == size:
            yield numbers, rows
            numbers, rows = [], []
    if rows:
        yield numbers, rows


def _row(line: bytes) -> Row:
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        return BadLine("undecodable_line", line)
    except (ValueError, RecursionError):
        return BadLine("not_json", line)
    return row if isinstance(row, dict) else BadLine("not_object", line)
