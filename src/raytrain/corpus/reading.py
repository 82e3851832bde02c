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
from raytrain.corpus.sources import Unit, open_parquet
from raytrain.errors import UserError

BATCH = 4_096


def read_unit(unit: Unit) -> Iterator[Checked]:
    """The rows of a unit, checked, in batches of at most a few thousand.

    Raises UserError that names the file if it is broken, truncated or lacks a column.
    """
    readers: dict[str, Callable[[Unit], Iterator[list[Any]]]]
    readers = {"parquet": _parquet, "jsonl": _jsonl, "cldr": _cldr, "hub": _hub}
    reader = readers[unit.kind]
    name = unit.location.uri if unit.location else unit.name
    first = 0
    for rows in reader(unit):
        yield check_rows(rows, name, first)
        first += len(rows)


def _parquet(unit: Unit) -> Iterator[list[dict[str, Any]]]:
    assert unit.location is not None
    file = open_parquet(unit.location)
    try:
        for batch in file.iter_batches(BATCH):
            yield python_rows(pa.Table.from_batches([batch]))
    except (pa.ArrowInvalid, OSError) as error:
        raise UserError(f"{unit.location.uri}: broken Parquet: {' '.join(str(error).split())[:300]}") from error


def _jsonl(unit: Unit) -> Iterator[list[Mapping[str, Any]]]:
    assert unit.location is not None
    name = unit.location.uri
    with unit.location.open_input() as raw:
        try:
            if name.endswith(".gz"):
                with gzip.open(raw) as lines:
                    yield from _batches(_json_rows(lines, name))
            else:
                yield from _batches(_json_rows(io.BufferedReader(raw), name))
        except (EOFError, gzip.BadGzipFile, zlib.error) as error:
            raise UserError(f"{name}: broken or truncated gzip: {error}") from error


def _json_rows(lines: Iterable[bytes], name: str) -> Iterator[Mapping[str, Any]]:
    for number, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except UnicodeDecodeError:
            # One bad byte spoils one row, not the file: the row is quarantined as undecodable.
            yield {"question": line, "answer": line}
            continue
        except ValueError as error:
            raise UserError(f"{name}: line {number + 1} is no JSON: {error}") from error
        if not isinstance(row, dict):
            raise UserError(f"{name}: line {number + 1} is no JSON object")
        if number == 0:
            require_columns(list(row), name)
        yield row


def _cldr(unit: Unit) -> Iterator[list[Mapping[str, Any]]]:
    from raytrain.corpus import cldr

    return _batches(asdict(pair) for pair in cldr.pairs(unit.language))


def _hub(unit: Unit) -> Iterator[list[dict[str, Any]]]:
    import datasets

    name, config = unit.name.rsplit("/", 1)
    splits = datasets.get_dataset_split_names(name, config, revision=unit.revision)
    split = next((s for s in ("default", "train") if s in splits), splits[0])
    stream = datasets.load_dataset(name, config, revision=unit.revision, split=split, streaming=True)
    if stream.column_names is not None:
        require_columns(stream.column_names, unit.name)
    for table in stream.with_format("arrow").iter(batch_size=BATCH):
        yield python_rows(table if isinstance(table, pa.Table) else pa.table(table))


def _batches(rows: Iterable[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    batch: list[Mapping[str, Any]] = []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch
