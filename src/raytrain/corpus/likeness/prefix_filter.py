"""Which sets have an earlier one that is near: an exact join by prefix filtering, never over all pairs.

Values are ordered by how rare they are. Sets x and y with a Jaccard of t or more have α = ⌈t / (1 + t) · (|x| + |y|)⌉
values in common, so their first common value, number i of x and j of y (from 0), leaves min(|x| - i, |y| - j) ≥ α;
and i < |x| - ⌈t · |x|⌉ + 1, the prefix (Chaudhuri, Ganti and Kaushik, «A primitive operator for similarity joins in
data cleaning», ICDE 2006; Xiao, Wang, Lin and Yu, «Efficient similarity joins for near duplicate detection», WWW
2008). All that have a value at the same place in sets of the same size pass that test or fail it together. So it is
made of such *classes*, and a hundred thousand rows of one template that differ enough in one slot are told apart by a
handful of tests.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raytrain.corpus.likeness.hashing import mixed
from raytrain.corpus.likeness.ragged import Hashes, Ints, blocks, offsets_of, ranges
from raytrain.corpus.likeness.shingles import Sets, jaccard, sets_of

Flags = npt.NDArray[np.bool_]

PAIRS_AT_ONCE = 1 << 20
WINDOW_GROWTH = 8
SKETCH_BITS = 256
ROUNDING = 1e-6  # far above that of a product, far below 1: a test may pass one pair too many, never miss one


@dataclass(frozen=True)
class Prefixes:
    """The rare-first prefixes of n sets. One entry an item, in the order of sets, then rare first."""

    values: Ints  # as numbers, the rarest value being 0
    owners: Ints  # the number of the set
    places: Ints  # in the set, from 0
    hashes: Hashes  # of each value that there is, by its number
    counts: Ints  # how many sets have it, by its number


def prefixes_of(sets: Sets, threshold: float) -> Prefixes:
    """What of each of n sets must hold the first value it has in common with a set that is near."""
    hashes, which, counts = np.unique(sets.values, return_inverse=True, return_counts=True)
    rare_first = np.argsort(counts, kind="stable")
    number = np.empty(len(hashes), np.uint64)
    number[rare_first] = np.arange(len(hashes), dtype=np.uint64)
    ordered = sets_of(number[which], sets.offsets)
    sizes = sets.sizes
    lengths = np.clip(sizes - np.ceil(threshold * sizes - ROUNDING).astype(np.int64) + 1, 0, sizes)
    return Prefixes(
        values=ordered.values[ranges(sets.offsets[:-1], lengths)].astype(np.int64),
        owners=np.repeat(np.arange(len(sets)), lengths),
        places=ranges(np.zeros(len(sets), np.int64), lengths),
        hashes=hashes[rare_first],
        counts=counts[rare_first],
    )


def has_earlier_near(groups: Ints, ranks: Ints, sets: Sets, threshold: float) -> Flags:
    """Which of n sets, none empty, have one of lower rank in their group with a Jaccard of ``threshold`` or more.

    ``groups`` and ``ranks`` (n,) are numbers from 0 on.
    """
    # The same value counts apart in each group: what is rare in one may be in all of another.
    apart = sets_of(sets.values + np.repeat(mixed(groups.astype(np.uint64)), sets.sizes), sets.offsets)
    classes = _classes_of(prefixes_of(apart, threshold), ranks, sets.sizes)
    sketches, found = _sketches(sets), np.zeros(len(sets), bool)
    low, high = 0, 1
    # The earliest of each class first: where many are near to each other they are near to that one mostly, and done.
    while low < classes.longest:
        for later, earlier in _pairs(classes, ranks, found, low, high, threshold):
            keep = ~found[later] & _may_be_near(sketches, sets.sizes, later, earlier, threshold)
            pairs = np.unique(later[keep] * len(sets) + earlier[keep])
            x, y = np.divmod(pairs, len(sets))
            found[x[jaccard(sets, x, y) >= threshold]] = True
        low, high = high, high * WINDOW_GROWTH
    return found


@dataclass(frozen=True)
class _Classes:
    """Prefix entries by value, size of the set and place in it: c classes, the entries of each by rank."""

    owners: Ints  # of all entries: the number of the set
    keys: Ints  # of all entries: class × (ranks) + rank, ascending
    ranks: int  # how many there are
    starts: Ints  # (c,) in entries
    lengths: Ints  # (c,)
    sizes: Ints  # (c,) of the sets
    rests: Ints  # (c,) values from the place to the end
    first_alike: Ints  # (c,) the first class of the same value
    alike: Ints  # (c,) how many there are

    @property
    def longest(self) -> int:
        """Entries of the largest class."""
        return int(self.lengths.max(initial=0))


def _classes_of(prefixes: Prefixes, ranks: Ints, set_sizes: Ints) -> _Classes:
    shared = prefixes.counts[prefixes.values] > 1
    values, owners, places = prefixes.values[shared], prefixes.owners[shared], prefixes.places[shared]
    sizes = set_sizes[owners]
    order = np.lexsort((ranks[owners], places, sizes, values))
    values, owners, places, sizes = values[order], owners[order], places[order], sizes[order]
    new = np.ones(len(order), bool)
    new[1:] = (np.diff(values) != 0) | (np.diff(sizes) != 0) | (np.diff(places) != 0)
    starts = np.flatnonzero(new)
    _, first, which, alike = np.unique(values[starts], return_index=True, return_inverse=True, return_counts=True)
    count = int(ranks.max(initial=0)) + 1
    return _Classes(
        owners=owners,
        keys=(np.cumsum(new) - 1) * count + ranks[owners],
        ranks=count,
        starts=starts,
        lengths=np.diff(np.append(starts, len(order))),
        sizes=sizes[starts],
        rests=sizes[starts] - places[starts],
        first_alike=first[which],
        alike=alike[which],
    )


def _pairs(
    classes: _Classes, ranks: Ints, found: Flags, low: int, high: int, threshold: float
) -> Iterator[tuple[Ints, Ints]]:
    """Sets that are not found yet, each with earlier ones of places low..high - 1 in classes that may be near."""
    for mine, other in _class_pairs(classes, low, threshold):
        for first, end in blocks(offsets_of(classes.lengths[mine]), PAIRS_AT_ONCE):
            a, b = mine[first:end], other[first:end]
            entries = ranges(classes.starts[a], classes.lengths[a])
            b = np.repeat(b, classes.lengths[a])
            still = ~found[classes.owners[entries]]
            entries, b = entries[still], b[still]
            keys = b * classes.ranks + ranks[classes.owners[entries]]
            earlier = np.searchsorted(classes.keys, keys) - classes.starts[b]
            counts = np.clip(earlier - low, 0, high - low)
            for start, stop in blocks(offsets_of(counts), PAIRS_AT_ONCE):
                part = slice(start, stop)
                later = np.repeat(classes.owners[entries[part]], counts[part])
                yield later, classes.owners[ranges(classes.starts[b[part]] + low, counts[part])]


def _class_pairs(classes: _Classes, low: int, threshold: float) -> Iterator[tuple[Ints, Ints]]:
    """Classes of the same value that pass the test, the second of them with more than ``low`` entries."""
    for first, end in blocks(offsets_of(classes.alike), PAIRS_AT_ONCE):
        mine = np.repeat(np.arange(first, end), classes.alike[first:end])
        other = ranges(classes.first_alike[first:end], classes.alike[first:end])
        most = np.minimum(classes.rests[mine], classes.rests[other])
        keep = (classes.lengths[other] > low) & (most >= _needed(classes.sizes[mine], classes.sizes[other], threshold))
        yield mine[keep], other[keep]


def _needed(a: Ints, b: Ints, threshold: float) -> npt.NDArray[np.float64]:
    """What sets of sizes a and b that are near have in common, at least."""
    return np.asarray(np.ceil(threshold / (1 + threshold) * (a + b) - ROUNDING))


def _sketches(sets: Sets) -> Hashes:
    """A bit for the values of each remainder. Shape (n, SKETCH_BITS / 64)."""
    bits = np.zeros((len(sets), SKETCH_BITS), bool)
    bits[np.repeat(np.arange(len(sets)), sets.sizes), sets.values % np.uint64(SKETCH_BITS)] = True
    return np.packbits(bits, axis=1).view(np.uint64)


def _may_be_near(sketches: Hashes, sizes: Ints, a: Ints, b: Ints, threshold: float) -> Flags:
    """Which pairs may be near by their sketches: each bit that differs is a value that only one has.

    (Sandes, Teodoro and Melo, «Bitmap filter: speeding up exact set similarity joins», 2020.)
    """
    differing = np.bitwise_count(sketches[a] ^ sketches[b]).sum(axis=1, dtype=np.int64)
    total = sizes[a] + sizes[b]
    return np.asarray((total - differing) / 2 >= _needed(sizes[a], sizes[b], threshold))
