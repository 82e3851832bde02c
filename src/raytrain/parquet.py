"""Parquet files of artifacts and sources: written whole, opened with errors that name the file."""

import io

import pyarrow as pa
import pyarrow.parquet as pq

from raytrain.artifact import File, write_file
from raytrain.errors import UserError, one_line
from raytrain.storage import Location


def write_parquet(table: pa.Table, folder: Location, path: str, row_group_rows: int = 65_536) -> File:
    """Writes a table as Parquet (zstd); the same rows give the same bytes."""
    buffer = io.BytesIO()
    pq.write_table(table, buffer, row_group_size=row_group_rows, compression="zstd")
    return write_file(buffer.getvalue(), folder, path)


def open_parquet(location: Location) -> pq.ParquetFile:
    """A Parquet file, its footer read. Raises UserError that names a broken or truncated one."""
    try:
        return pq.ParquetFile(location.open_input())
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{location.uri}: broken or truncated Parquet: {one_line(error)}") from error


def read_parquet(location: Location) -> pa.Table:
    """A whole Parquet file. Raises UserError that names a missing, broken or truncated one."""
    try:
        return pq.read_table(pa.BufferReader(location.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise UserError(f"{location.uri}: broken or truncated Parquet: {one_line(error)}") from error
