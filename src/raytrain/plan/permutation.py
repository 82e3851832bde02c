"""Seeded orders that stay the same for ever."""

import hashlib

import numpy as np
import numpy.typing as npt


def permutation(n: int, *key: int | str) -> npt.NDArray[np.int64]:
    """A permutation of 0..n-1 that depends on ``key`` alone. Shape (n,).

    Sorts raw Philox output instead of calling ``Generator.permutation``: NumPy keeps the streams of its
    bit generators for ever but may change those of ``Generator`` (NEP 19), and a plan has to outlive
    a NumPy upgrade.
    """
    digest = hashlib.blake2b("\x1f".join(map(str, key)).encode(), digest_size=16).digest()
    raw = np.random.Philox(key=int.from_bytes(digest, "little")).random_raw(n)
    return np.argsort(raw, kind="stable")
