"""Rows of unequal length as one flat array and the offsets where they begin, without a loop over rows.

Row i of n is ``values[offsets[i] : offsets[i + 1]]``; ``offsets`` has shape (n + 1,) and begins with 0.
"""

from bisect import bisect_right
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Hashes = npt.NDArray[np.uint64]

LAST = np.uint64(2**64 - 1)


def offsets_of(counts: Ints) -> Ints:
    """Where rows of ``counts`` (n,) items begin, and the end. Shape (n + 1,)."""
    offsets = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=offsets[1:])
    return offsets


def ranges(starts: Ints, counts: Ints) -> Ints:
    """start, start + 1 … (``count`` numbers) for each of n starts, one after the other. Shape (counts.sum(),)."""
    offsets = offsets_of(counts)
    return np.arange(offsets[-1]) + np.repeat(starts - offsets[:-1], counts)


def take(values: Hashes, offsets: Ints, rows: Ints) -> tuple[Hashes, Ints]:
    """The given rows, as values and offsets; a row may come several times."""
    counts = np.diff(offsets)[rows]
    return values[ranges(offsets[rows], counts)], offsets_of(counts)


def blocks(offsets: Ints, most: int) -> Iterator[tuple[int, int]]:
    """Cuts rows into stretches first..end - 1 of at most ``most`` items each, or of one row that has more."""
    first = 0
    while first < len(offsets) - 1:
        end = max(first + 1, int(np.searchsorted(offsets, offsets[first] + most, side="right")) - 1)
        yield first, end
        first = end


def alike(counts: Ints, cells: int) -> Iterator[Ints]:
    """Numbers of all rows in parts of about the same length: rows × the longest of a part is ``cells`` at most.

    One row of more is a part of its own.
    """
    order = np.argsort(counts, kind="stable")
    lengths = counts[order]
    first = 0
    while first < len(order):
        here = range(first, len(order))
        # The shortest come first, so that the cells up to a row only grow.
        end = first + bisect_right(here, cells, key=lambda last: (last - first + 1) * int(lengths[last]))
        end = max(end, first + 1)
        yield order[first:end]
        first = end


def padded(values: Hashes, starts: Ints, counts: Ints) -> Hashes:
    """Rows as a matrix (n, longest), filled up with 2^64 - 1, which sorts last."""
    columns = np.arange(counts.max(initial=0))
    matrix = (
        values.take(starts[:, None] + columns, mode="clip") if len(values) else np.empty((len(starts), 0), np.uint64)
    )
    matrix[columns >= counts[:, None]] = LAST
    return matrix
