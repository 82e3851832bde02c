"""Parquet files of artifacts and sources: written whole, opened and read with errors that name the file."""

import io
from collections.abc import Iterable, Sequence
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq
from tenacity import retry, retry_if_exception, stop_after_attempt, wait_exponential, wait_random

from raytrain.artifact import File, write_file
from raytrain.errors import DamagedError, one_line
from raytrain.storage import Location, passing

OPEN_FILES = 64  # each takes about 0.7 MB, for its footer tells of 128 row groups


def write_parquet(table: pa.Table, folder: Location, path: str, row_group_rows: int = 65_536) -> File:
    """Writes a table as Parquet (zstd); the same rows give the same bytes."""
    return write_file(parquet_bytes([table], table.schema, row_group_rows), folder, path)


def write_row_groups(
    tables: Iterable[pa.Table], schema: pa.Schema, folder: Location, path: str, row_group_rows: int = 65_536
) -> File:
    """As ``write_parquet``, of tables that are made one after the other, each of whole row groups but the last."""
    return write_file(parquet_bytes(tables, schema, row_group_rows), folder, path)


def parquet_bytes(tables: Iterable[pa.Table], schema: pa.Schema, row_group_rows: int = 65_536) -> bytes:
    """What ``write_row_groups`` writes, as bytes.

    Without statistics and dictionaries: nobody filters by value, texts are all different, and footers are read
    far more often than written.
    """
    buffer = io.BytesIO()
    with pq.ParquetWriter(buffer, schema, compression="zstd", use_dictionary=False, write_statistics=False) as writer:
        for table in tables:
            writer.write_table(table, row_group_rows)
    return buffer.getvalue()


def open_parquet(location: Location) -> pq.ParquetFile:
    """A Parquet file, its footer read. Raises UserError that names a broken or truncated one."""
    try:
        return pq.ParquetFile(location.open_input())
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(f"{location.uri}: broken or truncated Parquet: {one_line(error)}") from error


def read_parquet(location: Location) -> pa.Table:
    """A whole Parquet file. Raises UserError that names a missing, broken or truncated one."""
    try:
        return pq.read_table(pa.BufferReader(location.read_bytes()))
    except (pa.ArrowException, OSError) as error:
        raise DamagedError(f"{location.uri}: broken or truncated Parquet: {one_line(error)}") from error


def read_row_groups(location: Location, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    """Row groups of a Parquet file, in the order given; the file stays open for the next call.

    A slow read is waited for, a failing one repeated, and an object store that is away waited for. Raises
    FileMissingError if the file is gone, and UserError that names it if it is broken or can't be read.
    """
    return location.patiently("read", lambda: _read(location, groups, columns))


def _may_be_read_later(error: BaseException) -> bool:
    return isinstance(error, OSError) and not isinstance(error, FileNotFoundError) and passing(error) is None


# Bad bytes of a disk, and a file that is being replaced, are over soon. Location waits for storage that is away.
@retry(
    retry=retry_if_exception(_may_be_read_later),
    wait=wait_exponential(multiplier=0.1, exp_base=4) + wait_random(0, 0.2),
    stop=stop_after_attempt(4),
    reraise=True,
)
def _read(location: Location, groups: Sequence[int], columns: Sequence[str]) -> pa.Table:
    try:
        # One thread a task: all CPUs have tasks. Reads from an object store overlap none the less.
        return _opened(location).read_row_groups(groups, columns=list(columns), use_threads=False)
    except (pa.ArrowInvalid, pa.ArrowKeyError, IndexError) as error:
        raise DamagedError(f"{location.uri}: broken or truncated Parquet: {one_line(error)}") from error
    except OSError as error:
        if "decompression failed" in str(error):  # pyarrow tells damage and a lost connection alike
            raise DamagedError(f"{location.uri}: damaged Parquet: {one_line(error)}") from error
        _opened.cache_clear()  # a broken connection stays with its file
        raise


@lru_cache(maxsize=OPEN_FILES)
def _opened(location: Location) -> pq.ParquetFile:
    # Not open_parquet: what fails here may pass the next time, so it must stay an OSError.
    return pq.ParquetFile(location.filesystem.open_input_file(location.path), pre_buffer=not location.is_local)
