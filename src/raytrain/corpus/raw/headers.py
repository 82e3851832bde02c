"""What a file says of its rows before they are read: the names of its columns, and the rows of each row group."""

from contextlib import nullcontext
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import pyarrow.parquet as pq

from raytrain.corpus.raw.checking import BadLine
from raytrain.corpus.raw.hub import HubFile, hub_errors
from raytrain.corpus.raw.json_lines import json_batches, opened_lines
from raytrain.errors import UserError
from raytrain.parquet import open_parquet
from raytrain.storage import Location

FIRST_LINES = 100  # of a JSONL file: a column may be absent where it would be null

Format = Literal["parquet", "jsonl"]


@dataclass(frozen=True)
class Header:
    """Columns of a file; of Parquet the rows of each row group, of an empty JSONL file neither."""

    columns: tuple[str, ...]
    row_groups: tuple[int, ...] = ()


@lru_cache(maxsize=65_536)  # a study asks for every arm; a file whose content is replaced has another version
def header_of(file: Location | HubFile, kind: Format, version: str) -> Header:
    """The header of a file: one or two small reads. Raises UserError that names a broken one."""
    return _parquet_header(file) if kind == "parquet" else _jsonl_header(file)


def _parquet_header(file: Location | HubFile) -> Header:
    if isinstance(file, Location):
        opened = open_parquet(file)
    else:
        with hub_errors(file.uri):
            opened = pq.ParquetFile(file.open_input())
    footer = opened.metadata
    groups = tuple(footer.row_group(number).num_rows for number in range(footer.num_row_groups))
    return Header(tuple(opened.schema_arrow.names), groups)


def _jsonl_header(file: Location | HubFile) -> Header:
    storage = hub_errors(file.uri) if isinstance(file, HubFile) else nullcontext()
    with storage, opened_lines(file.open_input(), file.uri) as lines:
        rows = next((rows for _, rows in json_batches(lines, FIRST_LINES)), [])
    columns = dict.fromkeys(name for row in rows if not isinstance(row, BadLine) for name in row)
    if rows and not columns:
        raise UserError(f"{file.uri}: none of its first {len(rows)} lines is a JSON object with fields")
    return Header(tuple(columns))
