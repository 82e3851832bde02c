"""The files of an index on this machine: copied if they are elsewhere, compared with their hashes, mapped."""

import tempfile
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from raytrain.artifact import File, read_file, sha256_of
from raytrain.errors import DamagedError
from raytrain.index.backend import Ints
from raytrain.index.description import Description
from raytrain.index.quantizer import Quantizer, load_quantizer
from raytrain.index.shards import ShardRecord, open_shard
from raytrain.storage import Location

IDS_HELD = 64  # shards whose ids are kept in memory


class LocalShards:
    """The shards of one build. No more than ``memory`` bytes of them are open at once (None: all), but one is."""

    def __init__(self, folder: Location, description: Description, memory: int | None) -> None:
        """Compares every file with its hash. Raises UserError that names one that is missing, damaged or misplaced."""
        description.check(folder.uri)
        self._folder = folder
        self._shards = description.shards
        self._memory = memory
        self._starts = np.array([shard.first for shard in self._shards], np.int64)
        self.quantizer: Quantizer | None = None
        if description.quantizer:
            self.quantizer = load_quantizer(folder, description.quantizer)
        self.held: OrderedDict[int, Any] = OrderedDict()
        self._ids: OrderedDict[int, pa.ChunkedArray] = OrderedDict()
        self._temp: Path | None = None
        if not folder.is_local:
            copies = tempfile.TemporaryDirectory(prefix="raytrain-index-")
            weakref.finalize(self, copies.cleanup)
            self._temp = Path(copies.name)
        self._paths = [self._fetched(shard) for shard in self._shards]

    def _fetched(self, record: ShardRecord) -> Path:
        file, place = record.shard, self._folder / record.shard.path
        if self._temp is None:
            path = place.local_path
            place.size()  # which names it if it is not there
        else:
            path = self._temp / file.path.replace("/", "-")
            place.download(path)
        if path.stat().st_size != file.size or sha256_of(path) != file.sha256:
            raise DamagedError(
                f"{place.uri}: damaged: its bytes are not those the manifest names; delete {self._folder.uri} "
                "to build it again, or go back to another build (raytrain builds rollback)"
            )
        return path

    def open(self, number: int) -> Any:
        """The FAISS index of a shard."""
        if number not in self.held:
            size = self._shards[number].shard.size
            while self.held and self._memory is not None and self._bytes_held() + size > self._memory:
                self.held.popitem(last=False)
            self.held[number] = open_shard(self._paths[number], self.quantizer)
        return self.held[number]

    def _bytes_held(self) -> int:
        return sum(self._shards[number].shard.size for number in self.held)

    def ids(self, numbers: Ints) -> list[str]:
        """The ids of passages, by their numbers."""
        found = [""] * len(numbers)
        shards = np.searchsorted(self._starts, numbers, side="right") - 1
        for shard in np.unique(shards):
            places = np.flatnonzero(shards == shard)
            rows = pa.array(numbers[places] - self._starts[shard])
            for place, name in zip(places, self._ids_of(int(shard)).take(rows).to_pylist(), strict=True):
                found[place] = name
        return found

    def _ids_of(self, number: int) -> pa.ChunkedArray:
        if number not in self._ids:
            if len(self._ids) == IDS_HELD:
                self._ids.popitem(last=False)
            self._ids[number] = _read_ids(self._folder, self._shards[number].ids)
        return self._ids[number]


def _read_ids(folder: Location, file: File) -> pa.ChunkedArray:
    return pq.read_table(pa.BufferReader(read_file(folder, file))).column("id")
