"""The pieces in which passages are embedded: which rows each holds, how one is kept, and which are done.

A piece counts only by its own record, written after it; what is to be done is the plan less the records.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from raytrain.artifact import File, Record, write_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.backend import Vectors
from raytrain.index.config import Dtype
from raytrain.parquet import write_parquet
from raytrain.storage import Location, sha256_file

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
        return f"records/{self.name}.json"


class PieceRecord(Record):
    """What was embedded: vectors and ids, both in files of ``rows`` rows; tokens, and those with padding."""

    vectors: File
    ids: File
    rows: int
    dimension: int
    tokens: int
    padded_tokens: int


def plan_pieces(parts: Sequence[HeldOut], piece_rows: int) -> list[Piece]:
    """Cuts the passages of each language into as few pieces of at most ``piece_rows`` as can be, of equal size."""
    return list(_cut(parts, piece_rows))


def _cut(parts: Sequence[HeldOut], piece_rows: int) -> Iterator[Piece]:
    for part in parts:
        pieces = -(-part.passages // piece_rows)  # 0 without passages
        bounds = [part.passages * i // pieces for i in range(pieces + 1)] if pieces else []
        yield from (Piece(part, start, end - start) for start, end in pairwise(bounds))


def write_piece(
    piece: Piece, vectors: Vectors, ids: pa.Array, dtype: Dtype, tokens: tuple[int, int], folder: Location
) -> PieceRecord:
    """Writes vectors (rows, dimension) as .npy, ids (rows,) as Parquet and, last, the record.

    ``tokens`` are those of the texts, without and with padding. Raises UserError if a vector is not finite, or there
    is not one for each row.
    """
    with np.errstate(over="ignore"):  # what half precision can't hold is told below
        stored = vectors.astype(NUMPY[dtype])
    if not np.isfinite(stored).all():
        raise UserError(f"embed: the model gives vectors that are no numbers ({dtype}) for {piece.name}")
    if not len(vectors) == len(ids) == piece.rows:
        raise UserError(f"embed: {piece.name}: {len(vectors)} vectors and {len(ids)} ids of {piece.rows} passages")
    record = PieceRecord(
        vectors=write_file(array_bytes(stored), folder, f"{piece.name}.npy"),
        ids=write_parquet(pa.table({"id": ids}), folder, f"{piece.name}.ids.parquet"),
        rows=piece.rows,
        dimension=vectors.shape[1],
        tokens=tokens[0],
        padded_tokens=tokens[1],
    )
    (folder / piece.record_path).write_bytes(record.model_dump_json().encode())
    return record


def array_bytes(array: np.ndarray) -> bytes:
    """An array as the bytes of an .npy file."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def read_records(pieces: Sequence[Piece], folder: Location) -> dict[str, PieceRecord]:
    """Records of the pieces that are done, by name: those whose files are there and have the size they should have."""
    there = {info.path: info.size for info in folder.list()}
    found = {}
    for piece in pieces:
        if piece.record_path in there:
            record = PieceRecord.model_validate(json.loads((folder / piece.record_path).read_text()))
            if all(there.get(file.path) == file.size for file in (record.vectors, record.ids)):
                found[piece.name] = record
    return found


def intact(pieces: Sequence[Piece], folder: Location) -> dict[str, PieceRecord]:
    """Records of the pieces whose files hold the bytes that were written. Reads them all; deletes other records."""
    found = read_records(pieces, folder)
    for piece in pieces:
        record = found.get(piece.name)
        if record and any(sha256_file(folder / file.path) != file.sha256 for file in (record.vectors, record.ids)):
            (folder / piece.record_path).delete()
            del found[piece.name]
    return found
