"""Finished embeddings: the vectors and ids of all passages, numbered through, read piece by piece."""

import io
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raytrain.artifact import Artifact, File, Record, read_file
from raytrain.index.backend import Ints, Vectors


@dataclass(frozen=True)
class StoredPiece:
    """Rows ``first`` to ``first + rows`` of all, which are those from ``number`` on of their language.

    ``vectors`` and ``ids`` are the paths of its files.
    """

    name: str
    benchmark: str
    language: str
    first: int
    number: int
    rows: int
    vectors: str
    ids: str


class Span(Record):
    """The rows of one language of one benchmark or source: ``first`` up to ``stop``."""

    benchmark: str
    language: str
    first: int
    stop: int


class Embeddings:
    """What the stage ``embed`` leaves. It can be pickled; vectors are read when asked for, and checked each time."""

    def __init__(self, artifact: Artifact) -> None:
        self.artifact = artifact
        self.dimension: int = artifact.manifest.summary["dimension"]
        pieces, first = [], 0
        for entry in artifact.manifest.summary["pieces"]:
            pieces.append(StoredPiece(first=first, **entry))
            first += entry["rows"]
        self.pieces: list[StoredPiece] = pieces
        self.rows = first

    @property
    def spans(self) -> list[Span]:
        """Each language of each benchmark, in the order of the rows."""
        found: dict[tuple[str, str], Span] = {}
        for piece in self.pieces:
            key, stop = (piece.benchmark, piece.language), piece.first + piece.rows
            first = found[key].first if key in found else piece.first
            found[key] = Span(benchmark=piece.benchmark, language=piece.language, first=first, stop=stop)
        return list(found.values())

    def read(self, piece: StoredPiece) -> Vectors:
        """The vectors of a piece, fp32 (rows, dimension). Raises UserError that names a damaged file."""
        data = read_file(self.artifact.location, self._files[piece.vectors])
        vectors: Vectors = np.load(io.BytesIO(data), allow_pickle=False).astype(np.float32, copy=False)
        return vectors

    def read_ids(self, piece: StoredPiece) -> pa.ChunkedArray:
        """The ids of a piece (rows,). Raises UserError that names a damaged file."""
        data = read_file(self.artifact.location, self._files[piece.ids])
        return pq.read_table(pa.BufferReader(data)).column("id")

    def pieces_of(self, first: int, stop: int) -> list[StoredPiece]:
        """Those that hold a row from ``first`` up to ``stop``."""
        starts = [piece.first for piece in self.pieces]
        return self.pieces[bisect_right(starts, first) - 1 : bisect_right(starts, stop - 1)] if first < stop else []

    def take(self, rows: Ints) -> Vectors:
        """The vectors of some rows, which rise: fp32 (len(rows), dimension). One piece is in memory at a time."""
        found = np.empty((len(rows), self.dimension), np.float32)
        for piece in self.pieces:
            here = slice(*np.searchsorted(rows, [piece.first, piece.first + piece.rows]))
            if here.start < here.stop:
                found[here] = self.read(piece)[rows[here] - piece.first]
        return found

    def blocks(self, first: int, stop: int, rows: int) -> Iterator[Vectors]:
        """The vectors of rows ``first`` up to ``stop``, in order, in blocks of ``rows`` (the last may be shorter)."""
        held, waiting = list[Vectors](), 0
        for piece in self.pieces_of(first, stop):
            part = self.read(piece)[max(first - piece.first, 0) : stop - piece.first]
            while waiting + len(part) >= rows:
                held.append(part[: rows - waiting])
                part, waiting = part[rows - waiting :], 0
                yield held[0] if len(held) == 1 else np.concatenate(held)
                held.clear()
            if len(part):
                held.append(part)
                waiting += len(part)
        if held:
            yield np.concatenate(held)

    def ids(self, first: int, stop: int) -> pa.ChunkedArray:
        """The ids of rows ``first`` up to ``stop``, in order."""
        found = [
            self.read_ids(piece).slice(max(first - piece.first, 0), stop - max(first, piece.first))
            for piece in self.pieces_of(first, stop)
        ]
        return pa.chunked_array([chunk for part in found for chunk in part.chunks], pa.string())

    @cached_property
    def _files(self) -> dict[str, File]:
        return {file.path: file for file in self.artifact.manifest.files}
