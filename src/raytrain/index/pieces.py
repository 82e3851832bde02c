"""The pieces in which passages are embedded: which rows each holds, and how one is kept."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from raytrain.artifact import File, Record
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.backend import Vectors
from raytrain.index.config import Dtype
from raytrain.parquet import parquet_bytes
from raytrain.records import RECORDS, write_by_content, write_record
from raytrain.storage import Location

NUMPY = {"fp32": np.float32, "fp16": np.float16}


@dataclass(frozen=True)
class Piece:
    """Passages ``first`` to ``first + rows`` of one language of one benchmark or source."""

    part: HeldOut
    first: int
    rows: int

    @property
    def name(self) -> str:
        """Its own in the artifact."""
        return f"{self.part.benchmark}/{self.part.language}/{self.first:010d}"

    @property
    def record_path(self) -> str:
        """Where its record lies until the artifact is finished."""
        return f"{RECORDS}/{self.name}.json"


class PieceRecord(Record):
    """What was embedded: vectors and ids, both in files of ``rows`` rows; tokens, and those with padding; how long a
    worker took to read and embed it."""

    vectors: File
    ids: File
    rows: int
    dimension: int
    tokens: int
    padded_tokens: int
    seconds: float = 0.0  # in records made before this was noted

    @property
    def files(self) -> tuple[File, ...]:
        """Vectors and ids."""
        return self.vectors, self.ids


def plan_pieces(parts: Sequence[HeldOut], piece_rows: int) -> list[Piece]:
    """Cuts the passages of each language into as few pieces of at most ``piece_rows`` as can be, of equal size."""
    return list(_cut(parts, piece_rows))


def _cut(parts: Sequence[HeldOut], piece_rows: int) -> Iterator[Piece]:
    for part in parts:
        pieces = -(-part.passages // piece_rows)  # 0 without passages
        bounds = [part.passages * i // pieces for i in range(pieces + 1)] if pieces else []
        yield from (Piece(part, start, end - start) for start, end in pairwise(bounds))


def write_piece(
    piece: Piece,
    vectors: Vectors,
    ids: pa.Array,
    dtype: Dtype,
    tokens: tuple[int, int],
    folder: Location,
    seconds: float = 0.0,
) -> PieceRecord:
    """Writes vectors (rows, dimension) as .npy, ids (rows,) as Parquet and, last, the record.

    ``tokens`` are those of the texts, without and with padding; ``seconds`` it took to embed them. Raises UserError if
    a vector is not finite, or there is not one for each row.
    """
    with np.errstate(over="ignore"):  # what half precision can't hold is told below
        stored = vectors.astype(NUMPY[dtype])
    if not np.isfinite(stored).all():
        raise UserError(f"embed: the model gives vectors that are no numbers ({dtype}) for {piece.name}")
    if not len(vectors) == len(ids) == piece.rows:
        raise UserError(f"embed: {piece.name}: {len(vectors)} vectors and {len(ids)} ids of {piece.rows} passages")
    names = pa.table({"id": ids})
    record = PieceRecord(
        vectors=write_by_content(array_bytes(stored), folder, f"{piece.name}-{{sha}}.npy"),
        ids=write_by_content(parquet_bytes([names], names.schema), folder, f"{piece.name}-{{sha}}.ids.parquet"),
        rows=piece.rows,
        dimension=vectors.shape[1],
        tokens=tokens[0],
        padded_tokens=tokens[1],
        seconds=round(seconds, 3),
    )
    write_record(folder, piece.record_path, record)
    return record


def array_bytes(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def records_of(pieces: Sequence[Piece]) -> dict[str, str]:
    """Where the records of some pieces lie, by name: for ``raytrain.records``."""
    return {piece.name: piece.record_path for piece in pieces}


def entry_of(piece: Piece, record: PieceRecord) -> dict[str, str | int]:
    """What a manifest says of a piece: a ``StoredPiece`` but for its place among all rows."""
    return {
        "name": piece.name,
        "benchmark": piece.part.benchmark,
        "language": piece.part.language,
        "number": piece.first,
        "rows": piece.rows,
        "vectors": record.vectors.path,
        "ids": record.ids.path,
    }
