"""What tells rows apart and alike without their texts: keys of order, of equality and of likeness."""

import hashlib
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.corpus.pairs import PAIRS

Keys = npt.NDArray[np.uint64]

_TEXTS = [field.name for field in PAIRS if pa.types.is_string(field.type)]
_LISTS = [field.name for field in PAIRS if not pa.types.is_string(field.type)]


def order_keys(ids: pa.ChunkedArray, seed: int) -> Keys:
    """Where pairs go in the shuffled order of their label: 64 bits that depend on seed and id alone. Shape (n,).

    So the order depends neither on the order of files nor on who read them.
    """
    return _keys(f"{seed}\x1f{pair_id}" for pair_id in ids.to_pylist())


def content_keys(rows: pa.Table) -> Keys:
    """64 bits that depend on everything in a row: the order of rows with the same id. Shape (n,).

    Rows that have negatives, further positives or scores come before those that are the same without.
    """
    columns = [rows.column(name) for name in _TEXTS]
    joined = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="\x00")
    texts = joined.to_pylist()
    richer = np.zeros(len(texts), bool)
    for column in (rows.column(name) for name in _LISTS):
        richer |= column.is_valid().to_numpy()
    if richer.any():  # each row by itself: its key must not depend on the others
        lists = list(zip(*(rows.column(name).to_pylist() for name in _LISTS), strict=True))
        for row in np.flatnonzero(richer).tolist():
            texts[row] = f"{texts[row]}\x1f{lists[row]!r}"
    keys = _keys(texts) >> np.uint64(1)
    return np.where(richer, keys, keys | np.uint64(1 << 63))


def id_keys(ids: pa.ChunkedArray) -> Keys:
    """64 bits of each id: equal ids have equal keys. Shape (n,)."""
    return _keys(ids.to_pylist())


def _keys(texts: Iterable[str]) -> Keys:
    digests = b"".join(hashlib.blake2b(text.encode(), digest_size=8).digest() for text in texts)
    return np.frombuffer(digests, ">u8").astype(np.uint64)
