"""Reading raw pairs, a batch at a time: rows with the name of their file and their number in it."""

import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict
from typing import Any

import pyarrow as pa

from raytrain.corpus.pairs import Checked, check_rows, python_rows, require_columns
from raytrain.corpus.sources import Unit, hub_split
from raytrain.errors import UserError, one_line
from raytrain.parquet import open_parquet

BATCH = 4_096


Numbered = tuple[int, list[Mapping[str, Any]]]  # the number of the first row in its file, and the rows


def read_unit(unit: Unit) -> Iterator[Checked]:
    """The rows of a unit, checked, in batches of at most a few thousand.

    Raises UserError that names the file if it is broken, truncated or lacks a column.
    """
    readers: dict[str, Callable[[Unit], Iterator[Numbered]]]
    readers = {"parquet": _parquet, "jsonl": _jsonl, "cldr": _cldr, "hub": _hub}
    name = unit.location.uri if unit.location else unit.name
    for number, (first, rows) in enumerate(readers[unit.kind](unit)):
        if number == 0:
            require_columns(list(dict.fromkeys(key for row in rows for key in row)), name)
        yield check_rows(rows, name, first)


def _parquet(unit: Unit) -> Iterator[Numbered]:
    assert unit.location is not None
    file = open_parquet(unit.location)
    require_columns(file.schema_arrow.names, unit.location.uri)
    try:
        tables = (pa.Table.from_batches([batch]) for batch in file.iter_batches(BATCH))
        yield from _numbered(python_rows(table) for table in tables)
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{unit.location.uri}: broken Parquet: {one_line(error)}") from error


def _jsonl(unit: Unit) -> Iterator[Numbered]:
    assert unit.location is not None
    name = unit.location.uri
    with unit.location.open_input() as raw:
        try:
            if name.endswith(".gz"):
                with gzip.open(raw) as lines:
                    yield from _json_rows(lines, name)
            else:
                yield from _json_rows(io.BufferedReader(raw), name)
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{name}: broken or truncated gzip: {error}") from error


def _json_rows(lines: Iterable[bytes], name: str) -> Iterator[Numbered]:
    """Rows with the numbers of their lines; empty lines end a batch, so that numbers stay right."""
    first, batch = 0, list[Mapping[str, Any]]()
    for number, line in enumerate(lines):
        if line.strip():
            batch.append(_json_row(line, f"{name}: line {number + 1}"))
        if batch and (len(batch) == BATCH or not line.strip()):
            yield first, batch
            batch = []
        if not batch:
            first = number + 1
    if batch:
        yield first, batch


def _json_row(line: bytes, where: str) -> Mapping[str, Any]:
    try:
        row = json.loads(line)
    except UnicodeDecodeError:
        # One bad byte spoils one row, not the file: the row is quarantined as undecodable.
        return {"question": line, "answer": line}
    except (ValueError, RecursionError) as error:
        raise UserError(f"{where} is no JSON: {one_line(error)}") from error
    if not isinstance(row, dict):
        raise UserError(f"{where} is no JSON object")
    return row


def _cldr(unit: Unit) -> Iterator[Numbered]:
    from raytrain.corpus import cldr

    yield from _numbered([[asdict(pair) for pair in cldr.pairs(unit.language)]])


def _hub(unit: Unit) -> Iterator[Numbered]:
    import datasets

    name, config = unit.name.rsplit("/", 1)
    try:
        split = hub_split(unit)
        stream = datasets.load_dataset(name, config, revision=unit.revision, split=split, streaming=True)
        tables = stream.with_format("arrow").iter(batch_size=BATCH)
        yield from _numbered(python_rows(table if isinstance(table, pa.Table) else pa.table(table)) for table in tables)
    except UserError:
        raise
    except Exception as error:  # the library raises a dozen kinds; all mean that the data can't be had
        raise UserError(f"{unit.name}: can't be read: {one_line(error)}") from error


def _numbered(batches: Iterable[list[Any]]) -> Iterator[Numbered]:
    first = 0
    for rows in batches:
        if rows:
            yield first, rows
        first += len(rows)
