"""Texts as token ids, and batches of them without padding to pay for."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.corpus.likeness.hashing import sequence_hashes

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Texts:
    """Token ids of n texts, one after the other; text i is ``ids[offsets[i]:offsets[i + 1]]``."""

    ids: npt.NDArray[np.int32]
    offsets: Ints

    @classmethod
    def of(cls, column: pa.ListArray | pa.ChunkedArray) -> "Texts":
        """Texts of a list<int32> column."""
        array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
        if isinstance(array, pa.ChunkedArray):  # an empty table has no chunk to give
            array = pa.array([], pa.list_(pa.int32()))
        offsets = array.offsets.to_numpy().astype(np.int64)
        return cls(array.values.to_numpy(), offsets)

    @classmethod
    def join(cls, parts: Sequence["Texts"]) -> "Texts":
        """All texts of several, in order."""
        lengths = np.concatenate([part.lengths for part in parts])
        ids = np.concatenate([part.ids[part.offsets[0] : part.offsets[-1]] for part in parts])
        return cls(ids, np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64))

    @property
    def lengths(self) -> Ints:
        """Tokens of each text. Shape (n,)."""
        return np.diff(self.offsets)

    @property
    def keys(self) -> Ints:
        """A number for each text that only equal texts share, as far as 64 bits tell. Shape (n,)."""
        ids = self.ids[self.offsets[0] : self.offsets[-1]].astype(np.uint64) + np.uint64(1)  # 0 would count for nothing
        return sequence_hashes(ids, self.offsets[:-1] - self.offsets[0]).view(np.int64)

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def padded(self, chosen: Ints, pad_id: int) -> tuple[Ints, Ints]:
        """Token ids and mask of the chosen texts, both (len(chosen), longest of them)."""
        lengths = self.lengths[chosen]
        mask = np.arange(lengths.max())[None, :] < lengths[:, None]
        ids = np.full(mask.shape, pad_id, np.int64)
        ids[mask] = np.concatenate([self.ids[self.offsets[i] : self.offsets[i + 1]] for i in chosen])
        return ids, mask.astype(np.int64)


ENOUGH_TOKENS = {"cpu": 512, "cuda": 2_048}  # to keep it busy: such a chunk is closed where going on would pad
ALIKE = 0.8


def cut_padded(lengths: Ints, tokens: int, enough: int) -> list[Ints]:
    """Texts sorted by length and cut into chunks whose padded size is at most ``tokens`` (or one text).

    A chunk of ``enough`` tokens is closed before a text much longer than its first. Gives the indices of each
    chunk; all together they are each text once.
    """
    order = np.argsort(lengths, kind="stable")
    chunks, start = [], 0
    for stop in range(1, len(order) + 1):
        if stop < len(order):
            longest, count = lengths[order[stop]], stop - start
            unlike = lengths[order[start]] < ALIKE * longest and count * longest >= enough
        if stop == len(order) or longest * (count + 1) > tokens or unlike:
            chunks.append(order[start:stop])
            start = stop
    return chunks


def cut_packed(lengths: Ints, tokens: int) -> list[Ints]:
    """The same for texts that are not padded: chunks of at most ``tokens`` (or one text), as few as can be."""
    order = np.argsort(lengths, kind="stable")
    ends = np.cumsum(lengths[order])
    chunks, start, before = [], 0, 0
    while start < len(order):
        stop = max(int(np.searchsorted(ends, before + tokens, side="right")), start + 1)
        chunks.append(order[start:stop])
        start, before = stop, int(ends[stop - 1])
    return chunks
