"""Seeded draws and orders that stay the same for ever.

SplitMix64 (Steele, Lea and Flood, «Fast splittable pseudorandom number generators», OOPSLA 2014), written out here:
a plan has to outlive a NumPy upgrade, and NumPy may change what its own ``Generator`` draws (NEP 19).
"""

import hashlib

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_GAMMA = np.uint64(0x9E3779B97F4A7C15)
_FIRST = np.uint64(0xBF58476D1CE4E5B9)
_SECOND = np.uint64(0x94D049BB133111EB)


def key_of(*parts: int | str) -> Words:
    """A key that depends on all parts. Shape (1,)."""
    digest = hashlib.blake2b("\x1f".join(map(str, parts)).encode(), digest_size=8).digest()
    return np.frombuffer(digest, "<u8").astype(np.uint64)


def draws(keys: Words, numbers: Ints) -> Words:
    """Draw ``numbers`` (0, 1, 2 …) of the generators that start at ``keys``; the two are broadcast.

    Draws of one key differ from each other, all 2^64 of them.
    """
    words = keys + (numbers.astype(np.uint64) + np.uint64(1)) * _GAMMA
    words = (words ^ (words >> np.uint64(30))) * _FIRST
    words = (words ^ (words >> np.uint64(27))) * _SECOND
    return np.asarray(words ^ (words >> np.uint64(31)))


def permutations(keys: Words, n: int) -> Ints:
    """A permutation of 0..n-1 for each key. ``keys`` has shape (k,), the result (k, n)."""
    # No two draws of a key are equal, so that every sorting algorithm gives the same order.
    return np.argsort(draws(keys[:, None], np.arange(n)), axis=1)
