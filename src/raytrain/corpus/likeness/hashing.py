"""Hashes of sequences that stay the same for ever, wherever in an array a sequence stands."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from raytrain.corpus.likeness.ragged import Hashes, Ints, blocks
from raytrain.plan.permutation import draws

AT_ONCE = 1 << 16  # items: what is computed in between stays in the processor's cache

_BASE = 0x9FB21C651E98DF25  # any odd number will do
_INVERSE = pow(_BASE, -1, 2**64)


def mixed(hashes: Hashes) -> Hashes:
    """Every bit depending on every bit, one to one (SplitMix64)."""
    return draws(hashes, np.zeros(1, np.int64))


def sequence_hashes(values: npt.NDArray[np.unsignedinteger], starts: Ints) -> Hashes:
    """One hash of each run ``values[starts[i] : starts[i + 1]]``, the last to the end. Shape as ``starts``.

    ``starts`` only grow: no run is empty. Zeros at the end of a run count for nothing. A run is the polynomial
    v0 + v1·B + v2·B² … mod 2^64 (Karp and Rabin 1987), mixed; all are summed in place, times B^-start.
    """
    hashes = np.empty(len(starts), np.uint64)
    bounds = np.append(starts, len(values))
    for first, end in blocks(bounds, AT_ONCE):
        here = bounds[first:end] - bounds[first]
        size = int(bounds[end] - bounds[first])
        room = size.bit_length()
        weighted = values[bounds[first] : bounds[end]] * powers(room)[:size]
        hashes[first:end] = np.add.reduceat(weighted, here) * _inverse_powers(room)[here]
    return mixed(hashes)


@lru_cache(maxsize=32)
def powers(log2: int) -> Hashes:
    """B^0, B^1 … mod 2^64. Shape (2^log2,)."""
    return _powers_of(_BASE, log2)


@lru_cache(maxsize=32)
def _inverse_powers(log2: int) -> Hashes:
    return _powers_of(_INVERSE, log2)


def _powers_of(base: int, log2: int) -> Hashes:
    table = np.full(1 << log2, base, np.uint64)
    table[0] = 1
    return np.cumprod(table, dtype=np.uint64)
