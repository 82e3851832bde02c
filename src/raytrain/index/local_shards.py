"""The files of an index on this machine: copied if they are elsewhere, compared with their hashes, mapped."""

import tempfile
import weakref
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from raytrain.artifact import File, sha256_of
from raytrain.errors import DamagedError, one_line
from raytrain.index.backend import Ints
from raytrain.index.description import Description
from raytrain.index.quantizer import Quantizer, read_quantizer
from raytrain.index.shards import open_ids, open_shard
from raytrain.storage import Location


class LocalShards:
    """The shards of one build. No more than ``memory`` bytes of them are open at once (None: all), but one is."""

    def __init__(
        self, folder: Location, description: Description, memory: int | None, copies: Path | None = None
    ) -> None:
        """Compares every file with its hash. Raises UserError that names one that is missing, damaged or misplaced.

        ``copies``: a folder for the files of an object store, by their hashes, kept for the next time; default: one
        that goes with this object.
        """
        description.check(folder.uri)
        self._folder = folder
        self._shards = description.shards
        self._memory = memory
        self._starts = np.array([shard.first for shard in self._shards], np.int64)
        self.held: OrderedDict[int, Any] = OrderedDict()
        self._copies = copies
        if copies is None and not folder.is_local:
            temp = tempfile.TemporaryDirectory(prefix="raytrain-index-")
            weakref.finalize(self, temp.cleanup)
            self._copies = Path(temp.name)
        self.quantizer: Quantizer | None = None
        if description.quantizer:
            self.quantizer = read_quantizer(self._fetched(description.quantizer), description.quantizer)
        self._paths = [self._fetched(record.shard) for record in self._shards]
        # Mapped, not read: ids of all passages would take more memory than shards of small codes.
        self._ids = [open_ids(self._fetched(record.ids)) for record in self._shards]

    def _fetched(self, file: File) -> Path:
        place = self._folder / file.path
        if self._folder.is_local:
            place.size()  # which names it if it is not there
            if not _is(place.local_path, file):
                raise self._damaged(place)
            return place.local_path
        assert self._copies is not None
        self._copies.mkdir(parents=True, exist_ok=True)
        path = self._copies / file.sha256
        if not _is(path, file):
            # Compared before it has its name, which other processes may be reading by.
            with tempfile.TemporaryDirectory(dir=self._copies) as temp:
                copy = Path(temp) / file.sha256
                place.download(copy)
                if not _is(copy, file):
                    raise self._damaged(place)
                copy.replace(path)
        return path

    def _damaged(self, place: Location) -> DamagedError:
        return DamagedError(
            f"{place.uri}: damaged: its bytes are not those the manifest names; delete {self._folder.uri} "
            "to build it again, or go back to another build (raytrain builds rollback)"
        )

    def open(self, number: int) -> Any:
        """The FAISS index of a shard."""
        if number not in self.held:
            size = self._shards[number].shard.size
            while self.held and self._memory is not None and self._bytes_held() + size > self._memory:
                self.held.popitem(last=False)
            try:
                self.held[number] = open_shard(self._paths[number], self.quantizer)
            except RuntimeError as error:  # of FAISS; only the first time was it compared
                raise DamagedError(
                    f"{self._paths[number]}: was there when the index was opened, and can't be read now "
                    f"({one_line(error, 10**6)[-200:]}): open the index again"
                ) from error
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
            for place, name in zip(places, self._ids[int(shard)].take(rows).to_pylist(), strict=True):
                found[place] = name
        return found


def _is(path: Path, file: File) -> bool:
    try:
        return path.stat().st_size == file.size and sha256_of(path) == file.sha256
    except FileNotFoundError:
        return False
