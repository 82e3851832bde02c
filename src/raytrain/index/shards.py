"""The shards of an index: which rows each holds, and how one is built, checked and opened."""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.ipc

from raytrain.artifact import File, Record
from raytrain.errors import UserError
from raytrain.index.backend import Vectors, faiss_module
from raytrain.index.embeddings import Embeddings
from raytrain.index.matrix import longest_of
from raytrain.index.quantizer import Quantizer
from raytrain.records import RECORDS, upload_by_content, write_record
from raytrain.storage import Location

# Vectors are added in blocks that begin at multiples of this in any cut: which list a vector goes to is chosen by
# matrix products, whose last bits depend on the shape of the block.
BLOCK = 4_096
CANARIES = 16
PARALLEL_OVER_QUESTIONS = 3  # of IndexIVF
CANARY_LISTS = 4  # a vector is in the nearest list, and others may be as near but for the last bits
IDS_AT_ONCE = 65_536  # ids of a batch of their file


@dataclass(frozen=True)
class Shard:
    """Rows ``first`` to ``first + rows`` of all."""

    number: int
    first: int
    rows: int

    @property
    def name(self) -> str:
        """Its own in the artifact."""
        return f"shards/{self.number:05d}"

    @property
    def record_path(self) -> str:
        """Where its record lies until the artifact is finished."""
        return f"{RECORDS}/{self.name}.json"


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

    @property
    def files(self) -> tuple[File, ...]:
        """The shard and its ids."""
        return self.shard, self.ids


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
    with tempfile.TemporaryDirectory() as temp:
        local, names = Path(temp) / "shard.faiss", Path(temp) / "ids.arrow"
        faiss.write_index(_without_centroids(faiss, index) if quantizer else index, str(local))
        del index
        ids = write_ids(embeddings.ids(shard.first, shard.first + shard.rows), names)
        check_shard(shard, local, quantizer, embeddings, ids)
        record = ShardRecord(
            shard=upload_by_content(local, folder, f"{shard.name}-{{sha}}.faiss"),
            ids=upload_by_content(names, folder, f"{shard.name}-{{sha}}.ids.arrow"),
            first=shard.first,
            rows=shard.rows,
            quantizer=quantizer.file.sha256 if quantizer else "",
            longest=longest,
        )
    write_record(folder, shard.record_path, record)
    return record


def write_ids(ids: pa.ChunkedArray, local: Path) -> int:
    """Writes ids as Arrow's file format, uncompressed, so that they can be mapped; gives how many there are."""
    table = pa.table({"id": ids}).combine_chunks()  # not the small ones of the pieces: a look-up goes through all
    with pyarrow.ipc.new_file(local, table.schema) as writer:
        writer.write_table(table, max_chunksize=IDS_AT_ONCE)
    return len(ids)


def open_ids(path: Path) -> pa.ChunkedArray:
    """What ``write_ids`` wrote, mapped into memory. Raises pa.ArrowException for anything else."""
    return pyarrow.ipc.open_file(pa.memory_map(str(path))).read_all().column("id")


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
        index.parallel_mode = PARALLEL_OVER_QUESTIONS  # by default preassigned lists are searched by one thread
        index.own_fields = False
        index.quantizer = quantizer.ivf.quantizer
    return index


def check_shard(shard: Shard, local: Path, quantizer: Quantizer | None, embeddings: Embeddings, ids: int) -> None:
    """Reads a shard back: it holds as many rows as it should, and the first of them where they are looked for.

    Raises UserError if not.
    """
    index = open_shard(local, quantizer)
    if not index.ntotal == ids == shard.rows:
        raise UserError(f"index: {shard.name} does not hold its {shard.rows:,} passages: is the disk full?")
    asked = embeddings.take(np.arange(shard.first, shard.first + min(CANARIES, shard.rows)))
    if quantizer:
        _, lists = quantizer.nearest(quantizer.rotated(asked), min(CANARY_LISTS, index.nlist))
        whole = all(_in_lists(index, row, some) for row, some in enumerate(lists.tolist()))
    else:
        whole = np.array_equal(codes_of(index)[: len(asked)], asked)
    if not whole:
        raise UserError(f"index: {shard.name} does not find its own passages: what was written is damaged")


def _in_lists(index: Any, row: int, lists: Sequence[int]) -> bool:
    """Whether one of some inverted lists holds a row: whatever its code has lost, there it is looked for."""
    faiss = faiss_module()
    held = (faiss.rev_swig_ptr(index.invlists.get_ids(i), index.invlists.list_size(i)) for i in lists)
    return any(row in ids for ids in held)


def records_of(shards: Sequence[Shard]) -> dict[str, str]:
    """Where the records of some shards lie, by name: for ``raytrain.records``."""
    return {shard.name: shard.record_path for shard in shards}


def of_plan(shards: Sequence[Shard], quantizer: str, found: Mapping[str, ShardRecord]) -> dict[str, ShardRecord]:
    """Of some records by name those that are of these very rows, and of this quantizer."""
    wanted = {shard.name: (shard.first, shard.rows, quantizer) for shard in shards}
    return {
        name: record
        for name, record in found.items()
        if (record.first, record.rows, record.quantizer) == wanted.get(name)
    }


def codes_of(index: Any) -> Vectors:
    """The vectors of an exact shard, fp32 (rows, d), where they are mapped."""
    faiss = faiss_module()
    flat: Vectors = faiss.rev_swig_ptr(index.get_xb(), index.ntotal * index.d).reshape(index.ntotal, index.d)
    return flat
