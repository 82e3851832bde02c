"""The shards of an index: which rows each holds, how one is built, and which are done.

A shard counts only by its own record, written after it; what is to be done is the plan less the records.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from raytrain.artifact import File, Record, upload_file
from raytrain.errors import UserError
from raytrain.index.backend import Vectors, faiss_module
from raytrain.index.embeddings import Embeddings
from raytrain.index.matrix import longest_of
from raytrain.index.quantizer import Quantizer
from raytrain.parquet import write_parquet
from raytrain.storage import Location, sha256_file

# Vectors are added in blocks that begin at multiples of this in any cut: which list a vector goes to is chosen by
# matrix products, whose last bits depend on the shape of the block.
BLOCK = 4_096
CANARIES = 16
TOLERANCE = 1e-3  # of the inner product of a vector with itself
LARGEST = np.finfo(np.float32).max / 2  # less is what faiss gives for no hit


@dataclass(frozen=True)
class Shard:
    """Rows ``first`` to ``first + rows`` of all."""

    number: int
    first: int
    rows: int

    @property
    def path(self) -> str:
        """Where it lies in the artifact."""
        return f"shards/{self.number:05d}.faiss"

    @property
    def ids_path(self) -> str:
        """Where the ids of its passages lie, in the order of the rows."""
        return f"shards/{self.number:05d}.ids.parquet"

    @property
    def record_path(self) -> str:
        """Where its record lies until the artifact is finished."""
        return f"records/{self.number:05d}.json"


class ShardRecord(Record):
    """What was built. ``quantizer`` is the hash of the file whose centroids it needs, "" for an exact one.

    ``longest`` is the length of its longest vector.
    """

    shard: File
    ids: File
    first: int
    rows: int
    quantizer: str
    longest: float


def plan_shards(rows: int, shard_rows: int) -> list[Shard]:
    """Cuts all rows into as few shards of at most ``shard_rows`` as can be, of about equal size.

    Shards begin at multiples of ``BLOCK``, or of ``shard_rows`` where that is less.
    """
    if 0 < rows <= shard_rows:
        return [Shard(0, 0, rows)]
    step = min(BLOCK, shard_rows)
    blocks, most = -(-rows // step), shard_rows // step
    shards = -(-blocks // most)
    bounds = [min(blocks * i // shards * step, rows) for i in range(shards + 1)] if shards else []
    return [Shard(number, start, stop - start) for number, (start, stop) in enumerate(pairwise(bounds))]


def build_shard(
    shard: Shard, embeddings: Embeddings, quantizer: Quantizer | None, folder: Location, threads: int
) -> ShardRecord:
    """Builds a shard from embeddings and writes it, its ids and, last, its record. Without a quantizer it is exact.

    Raises UserError if what was written can't be read back whole, or does not find its own passages.
    """
    faiss = faiss_module(threads)
    index = faiss.clone_index(quantizer.index) if quantizer else faiss.IndexFlatIP(embeddings.dimension)
    longest = 0.0
    for block in embeddings.blocks(shard.first, shard.first + shard.rows, BLOCK):
        index.add(block)
        longest = max(longest, longest_of(block))
    ids = embeddings.ids(shard.first, shard.first + shard.rows)
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "shard.faiss"
        faiss.write_index(_without_centroids(faiss, index) if quantizer else index, str(local))
        del index
        _check(shard, local, quantizer, embeddings, len(ids))
        files = upload_file(local, folder, shard.path), write_parquet(pa.table({"id": ids}), folder, shard.ids_path)
    record = ShardRecord(
        shard=files[0],
        ids=files[1],
        first=shard.first,
        rows=shard.rows,
        quantizer=quantizer.file.sha256 if quantizer else "",
        longest=longest,
    )
    (folder / shard.record_path).write_bytes(record.model_dump_json().encode())
    return record


def _without_centroids(faiss: Any, index: Any) -> Any:
    """The inverted file alone; its quantizer is an empty one of the same kind."""
    ivf = faiss.extract_index_ivf(index)
    own, ivf.own_fields = ivf.quantizer, False
    own.this.own(True)
    ivf.quantizer = faiss.IndexFlatIP(ivf.d)
    return ivf


def open_shard(path: Path, quantizer: Quantizer | None) -> Any:
    """A shard mapped into memory, which the system reads as it is searched; with centroids, if it needs some.

    The centroids stay those of ``quantizer``, which must live as long as the shard.
    """
    faiss = faiss_module()
    index = faiss.read_index(str(path), faiss.IO_FLAG_MMAP_IFC)
    if quantizer:
        index.own_fields = False
        index.quantizer = quantizer.ivf.quantizer
    return index


def _check(shard: Shard, local: Path, quantizer: Quantizer | None, embeddings: Embeddings, ids: int) -> None:
    """Reads a shard back: it holds its rows, and finds some of them when asked for what they are."""
    index = open_shard(local, quantizer)
    if not index.ntotal == ids == shard.rows:
        raise UserError(f"index: {shard.path} does not hold its {shard.rows:,} passages: is the disk full?")
    piece = embeddings.pieces_of(shard.first, shard.first + shard.rows)[0]
    start = max(shard.first - piece.first, 0)
    asked = embeddings.read(piece)[start : min(start + CANARIES, start + shard.rows)]
    rotated = quantizer.rotated(asked) if quantizer else asked
    if quantizer:
        index.nprobe = 1  # the list that a vector is in is the nearest to it
    found = index.search(rotated, 1)[0][:, 0]
    lossless = not quantizer or isinstance(index, faiss_module().IndexIVFFlat)
    least = np.einsum("ij,ij->i", asked, asked) - TOLERANCE if lossless else np.full(len(asked), -LARGEST)
    if not (found >= least).all():
        raise UserError(f"index: {shard.path} does not find its own passages: what was written is damaged")


def read_records(shards: Sequence[Shard], quantizer: str, folder: Location) -> dict[str, ShardRecord]:
    """Records of the shards that are done, by path: of this plan and quantizer, and whose files have their sizes."""
    there = {info.path: info.size for info in folder.list()}
    found = {}
    for shard in shards:
        if shard.record_path in there:
            record = ShardRecord.model_validate(json.loads((folder / shard.record_path).read_text()))
            whole = all(there.get(file.path) == file.size for file in (record.shard, record.ids))
            if whole and (record.first, record.rows, record.quantizer) == (shard.first, shard.rows, quantizer):
                found[shard.path] = record
    return found


def intact(shards: Sequence[Shard], quantizer: str, folder: Location) -> dict[str, ShardRecord]:
    """Records of the shards whose files hold the bytes that were written. Reads them all; deletes other records."""
    found = read_records(shards, quantizer, folder)
    for shard in shards:
        record = found.get(shard.path)
        if record and any(sha256_file(folder / file.path) != file.sha256 for file in (record.shard, record.ids)):
            (folder / shard.record_path).delete()
            del found[shard.path]
    return found


def codes_of(index: Any) -> Vectors:
    """The vectors of an exact shard, fp32 (rows, d), where they are mapped."""
    faiss = faiss_module()
    flat: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
    return flat
