"""The shards of an index: which passages each holds, and how one is built.

A shard counts only by its own record, written after it; what is to be done is the plan less the records.
"""

import json
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raytrain.artifact import File, Record, upload_file
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.storage import Location, sha256_file

Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Shard:
    """Passages ``first`` to ``first + rows`` of one language of one benchmark."""

    part: HeldOut
    first: int
    rows: int

    @property
    def path(self) -> str:
        """Where it lies in the artifact."""
        return f"{self.part.benchmark}/{self.part.language}/{self.first:010d}.faiss"

    @property
    def record_path(self) -> str:
        """Where its record lies until the artifact is finished."""
        return f"records/{self.path}.json"


class ShardRecord(Record):
    """What was built: the file, the number of vectors in it and their dimension."""

    file: File
    rows: int
    dimension: int


def faiss_module() -> Any:
    """The faiss library, CPU or GPU. Raises UserError if there is none."""
    try:
        import faiss
    except ImportError as error:
        raise UserError(
            f"index: no faiss here ({error}): pip install 'raytrain[cpu]', or 'raytrain[gpu]' on GPU nodes"
        ) from error
    return faiss


def plan_shards(parts: Sequence[HeldOut], shard_rows: int) -> list[Shard]:
    """Cuts the passages of each language into as few shards of at most ``shard_rows`` as can be, of equal size."""
    return list(_cut(parts, shard_rows))


def _cut(parts: Sequence[HeldOut], shard_rows: int) -> Iterator[Shard]:
    for part in parts:
        shards = -(-part.passages // shard_rows)  # 0 without passages
        bounds = [part.passages * i // shards for i in range(shards + 1)] if shards else []
        yield from (Shard(part, start, end - start) for start, end in pairwise(bounds))


def write_shard(shard: Shard, vectors: Vectors, folder: Location) -> ShardRecord:
    """Writes an exact inner-product index of ``vectors`` (rows, dimension) and, last, its record.

    Raises UserError if the vectors are not finite or what was written can't be read back whole.
    """
    faiss = faiss_module()
    if not np.isfinite(vectors).all():
        raise UserError(f"index: the model gives vectors that are no numbers for {shard.path}")
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(vectors)
    with tempfile.TemporaryDirectory() as temp:
        local = Path(temp) / "shard.faiss"
        faiss.write_index(index, str(local))
        if faiss.read_index(str(local)).ntotal != shard.rows:
            raise UserError(f"index: {shard.path} does not hold its {shard.rows} passages: is the disk full?")
        file = upload_file(local, folder, shard.path)
    record = ShardRecord(file=file, rows=shard.rows, dimension=vectors.shape[1])
    (folder / shard.record_path).write_bytes(record.model_dump_json().encode())
    return record


def read_records(shards: Sequence[Shard], folder: Location) -> dict[str, ShardRecord]:
    """Records of the shards that are done, by path: those whose file is there and has the size it should have."""
    there = {info.path: info.size for info in folder.list()}
    found = {}
    for shard in shards:
        if shard.record_path in there:
            record = ShardRecord.model_validate(json.loads((folder / shard.record_path).read_text()))
            if there.get(shard.path) == record.file.size:
                found[shard.path] = record
    return found


def intact(shards: Sequence[Shard], folder: Location) -> dict[str, ShardRecord]:
    """Records of the shards whose file holds the bytes that were written. Reads them all; deletes other records."""
    found = read_records(shards, folder)
    for shard in shards:
        record = found.get(shard.path)
        if record and sha256_file(folder / shard.path) != record.file.sha256:
            (folder / shard.record_path).delete()
            del found[shard.path]
    return found
