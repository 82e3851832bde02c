"""Rows handed from one phase to the next: Arrow files with a record batch a partition, so that a task of the next
phase reads its partition out of many files and nothing else. Files appear whole, so one that is there is finished.
"""

import io
import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.errors import UserError, one_line
from raytrain.storage import Location

Ints = npt.NDArray[np.int64]
_INDEX = b"raytrain.partitions"


@dataclass(frozen=True)
class Partition:
    """A label's share of the rows: those whose key or hash begins with certain bits."""

    label: str
    number: int

    @property
    def name(self) -> str:
        """The same as text, for files and indices."""
        return f"{self.label}.{self.number:05d}"


def top_bits(values: npt.NDArray[np.uint64], partitions: int) -> Ints:
    """The partition of each 64-bit value, where ``partitions`` (a power of two) cut their range evenly. Shape (n,)."""
    bits = partitions.bit_length() - 1
    if not bits:
        return np.zeros(len(values), np.int64)
    return (values >> np.uint64(64 - bits)).astype(np.int64)


def write_partitioned(table: pa.Table, names: Sequence[str], which: Ints, place: Location) -> dict[str, int]:
    """Writes rows as one file, those of a partition together and in their order; gives the rows of each.

    ``which`` has shape (rows,) and says for each row the index of its partition in ``names``. Partitions without
    rows are left out.
    """
    order = np.argsort(which, kind="stable")
    sorted_table = table.take(pa.array(order)).combine_chunks()
    found, starts = np.unique(which[order], return_index=True)
    bounds = list(pairwise([*starts.tolist(), table.num_rows]))
    rows = {names[i]: end - start for i, (start, end) in zip(found.tolist(), bounds, strict=True)}
    buffer = io.BytesIO()
    schema = table.schema.with_metadata({_INDEX: json.dumps(rows)})
    with pa.ipc.new_file(buffer, schema, options=pa.ipc.IpcWriteOptions(compression="lz4")) as writer:
        for start, end in bounds:
            writer.write_table(sorted_table.slice(start, end - start))
    place.write_bytes(buffer.getvalue())
    return rows


@dataclass(frozen=True)
class Found:
    """The rows of a partition in one file; ``first`` is the number of the first in that file."""

    table: pa.Table
    first: int


def read_partitions(place: Location, names: Iterable[str], columns: Sequence[str]) -> list[Found]:
    """The rows of some partitions in a file, in the order of the file. Raises UserError for a damaged file."""
    wanted = set(names)
    found, first = [], 0
    with _opened(place) as reader:
        for number, (name, rows) in enumerate(_index_of(reader).items()):
            if name in wanted:
                batch = reader.get_batch(number).select(list(columns))
                found.append(Found(pa.Table.from_batches([batch]), first))
            first += rows
    return found


def gather(places: Iterable[Location], name: str, columns: Sequence[str], schema: pa.Schema) -> pa.Table:
    """The rows of one partition in many files, file by file. ``schema`` is what a partition without rows has."""
    tables = [found.table for place in places for found in read_partitions(place, [name], columns)]
    empty = pa.schema([schema.field(column) for column in columns]).empty_table()
    return pa.concat_tables([empty, *(table.replace_schema_metadata() for table in tables)])


def partitions_in(place: Location) -> dict[str, int]:
    """The partitions of a file, in order, with the rows of each. Raises UserError for a damaged file."""
    with _opened(place) as reader:
        return _index_of(reader)


@contextmanager
def _opened(place: Location) -> Iterator[pa.ipc.RecordBatchFileReader]:
    """A file to read from; what goes wrong inside is told with the folder to delete if the file is damaged."""
    try:
        with place.open_input() as source:
            yield pa.ipc.open_file(source)
    except (pa.ArrowException, OSError, KeyError, ValueError) as error:
        raise UserError(
            f"cannot read {place.uri}: {one_line(error)}; run again, and if it is damaged, delete the folder "
            f"{place.uri.rsplit('/', 2)[0]} before"
        ) from error


def _index_of(reader: pa.ipc.RecordBatchFileReader) -> dict[str, int]:
    return dict(json.loads(reader.schema.metadata[_INDEX]))
