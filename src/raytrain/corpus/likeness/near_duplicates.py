"""Rows whose shingle sets are near each other: MinHash finds the suspects, an exact comparison decides.

MinHash (Broder, «On the resemblance and containment of documents», 1997) and its banding (Leskovec, Rajaraman and
Ullman, «Mining of Massive Datasets», chapter 3).
"""

from math import ceil, log

import numpy as np
import numpy.typing as npt
from rensa import RMinHash  # type: ignore[import-untyped]

from raytrain.corpus.likeness.hashing import sequence_hashes
from raytrain.corpus.likeness.prefix_filter import has_earlier_near
from raytrain.corpus.likeness.ragged import Hashes, Ints, blocks, offsets_of
from raytrain.corpus.likeness.shingles import Sets
from raytrain.plan.permutation import draws

MISSED = 0.005  # of the pairs at the threshold, at most
MEET_AT_HALF = 0.25  # of the pairs half as near, about the most that should share a band
PERMUTATIONS = 256  # the most; for thresholds so low that half of them can't be told apart with less
SEED = 17
NO_KEY = np.uint64(0)  # of the empty set

# rensa starts threads of its own for 256 rows, or some 65,536 values; the processors are the caller's to share out.
SETS_AT_ONCE = 128
VALUES_AT_ONCE = 1 << 15
VALUES_IN_GROUPS = 1 << 16  # of small groups that are compared at once: sorted within the cache, twice as fast


def bands_for(threshold: float) -> tuple[int, int]:
    """Bands, and rows of each, for a Jaccard ``threshold`` in (0, 1].

    With b bands of r rows two sets of Jaccard s share one with probability 1 - (1 - s^r)^b («Mining of Massive
    Datasets», 3.4.2). r is the least that keeps pairs at half the threshold apart; b then the least that leaves
    no more than MISSED of the pairs at the threshold.
    """
    bands, rows = _bands_of(threshold, 1), 1
    while 1 - (1 - (threshold / 2) ** rows) ** bands > MEET_AT_HALF:
        if _bands_of(threshold, rows + 1) * (rows + 1) > PERMUTATIONS:
            break
        rows += 1
        bands = _bands_of(threshold, rows)
    return bands, rows


def _bands_of(threshold: float, rows: int) -> int:
    apart = 1 - threshold**rows
    return ceil(log(MISSED) / log(apart)) if apart > 0 else 1


def band_keys(sets: Sets, threshold: float) -> Hashes:
    """One hash of each band of each MinHash signature. Shape (n, bands).

    Sets that share a key are to be compared; equal rows in different bands have different keys. The empty set has
    NO_KEY in every band: it is near to nothing, and its rows are best left out of the groups.
    """
    bands, rows = bands_for(threshold)
    signatures = np.concatenate([np.empty((0, bands * rows), np.uint32), *_signatures(sets, bands * rows)])
    keys = sequence_hashes(signatures.reshape(-1), np.arange(0, signatures.size, rows)).reshape(-1, bands)
    keys = draws(keys, np.arange(bands))
    keys[sets.sizes == 0] = NO_KEY
    return keys


def _signatures(sets: Sets, permutations: int) -> list[npt.NDArray[np.uint32]]:
    parts = []
    for first, end in blocks(np.arange(len(sets) + 1), SETS_AT_ONCE):
        bounds = sets.offsets[first : end + 1]
        for low, high in blocks(bounds, VALUES_AT_ONCE):
            values = sets.values[bounds[low] : bounds[high]]
            offsets = (bounds[low : high + 1] - bounds[low]).astype(np.uint64)
            matrix = RMinHash.digest_matrix_from_flat_token_hashes(values, offsets, permutations, SEED)
            parts.append(np.array(matrix.to_rows(), np.uint32))
    return parts


def has_earlier_duplicate(
    groups: Ints | Hashes, ranks: Ints | Hashes, sets: Sets, threshold: float
) -> npt.NDArray[np.bool_]:
    """Which of m memberships have another of lower rank in their group, with a Jaccard of ``threshold`` or more.

    ``groups`` and ``ranks`` (m,) are any numbers; memberships of equal rank are the same row. Sets are compared as
    they are, not by signature; the empty set is near to nothing.
    """
    found = np.zeros(len(groups), bool)
    members = np.flatnonzero(sets.sizes > 0)
    if not len(members):
        return found
    contents = np.zeros(len(sets), np.uint64)
    contents[members] = sequence_hashes(sets.values, sets.offsets[members])
    order = members[np.lexsort((ranks[members], contents[members], groups[members]))]
    new_group = _differs(groups[order])
    new = new_group | _differs(contents[order])
    # Of identical sets the first stands for all: the others have it before them, and so has whom they are near to.
    first, same = order[new], np.cumsum(new) - 1
    found[order] = ranks[order] > ranks[first][same]
    of_group = np.flatnonzero(new_group[new])
    near = np.zeros(len(first), bool)
    values = offsets_of(sets.sizes[first])
    starts = np.append(of_group, len(first))
    _, dense = np.unique(ranks[first], return_inverse=True)
    for low, high in blocks(values[starts], VALUES_IN_GROUPS):
        part = slice(starts[low], starts[high])
        number = np.repeat(np.arange(high - low), np.diff(starts[low : high + 1]))
        near[part] = has_earlier_near(number, dense[part], sets.take(first[part]), threshold)
    found[order] |= near[same]
    return found


def _differs(values: Ints | Hashes) -> npt.NDArray[np.bool_]:
    """Which of sorted values differ from the one before; the first does."""
    differs = np.ones(len(values), bool)
    differs[1:] = values[1:] != values[:-1]
    return differs
