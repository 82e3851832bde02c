"""Which entry of the mix a slot has: exact counts in seeded order, with any position found in O(1).

A period, of 2^20 slots or of another length, holds each entry as often as the mix says. The period is cut in halves
again and again; each half gets half of every count, and of the entries with an odd count, taken two by two, a coin
decides which gets its odd one in the first half. So every such stretch is balanced as well as whole numbers allow, and
the number of slots an entry had before slot i is found by one walk from the root.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from raytrain.plan.permutation import Ints, draws, key_of, permutations

_PERIOD_LOG2, _LEAF_LOG2 = 20, 6
PERIOD = 1 << _PERIOD_LOG2
_LEAF = 1 << _LEAF_LOG2  # slots at most that are put into an order, not halved
# In periods of 2^20 an entry's slots before slot i differ from share × i by less than 1 for each level of the halving,
# and by what an order of 64 can: n × (1 - n / 64) of n, which is 16 at most. Shares are rounded to 2^-20.
GRANULARITY = _PERIOD_LOG2 - _LEAF_LOG2 + _LEAF // 4


def period_counts(weights: npt.NDArray[np.float64], period: int = PERIOD) -> Ints:
    """Slots of each entry in one period, by largest remainder. Shape as ``weights``, sum ``period``."""
    shares = weights / weights.sum() * period
    counts: Ints = np.floor(shares).astype(np.int64)
    order = np.argsort(-(shares - counts), kind="stable")
    counts[order[: period - counts.sum()]] += 1
    return counts


def most_in_window(share: float, slots: int) -> int:
    """The most slots that an entry can have in t × slots … (t + 1) × slots - 1 of periods of 2^20, for any t and seed.

    A stretch of 2^k slots from a multiple of 2^k on holds at most the share of it, rounded up; so does a window
    that is covered by such stretches, of whichever length serves best.
    """
    count = int(share * PERIOD) + 1  # at most, however the remainders were dealt
    most = slots
    for size in (1 << log2 for log2 in range(_LEAF_LOG2, _PERIOD_LOG2 + 1)):
        anywhere = (slots - 2) // size + 2  # stretches that a window touches at most, wherever it begins
        covering = max(1, slots // size) if slots % size == 0 or size % slots == 0 else anywhere
        most = min(most, covering * -(-count * size // PERIOD))
    return most


@dataclass(frozen=True)
class Schedule:
    """An endless sequence of entries (as indices into ``counts``) in an order seeded by ``key``."""

    counts: tuple[int, ...]
    key: tuple[int | str, ...]

    @cached_property
    def period(self) -> int:
        """Slots after which the counts are whole again; the order differs from period to period."""
        return sum(self.counts)

    @cached_property
    def _depth(self) -> int:
        """Levels of the halving."""
        return (-(-self.period // _LEAF) - 1).bit_length()

    def _starts(self, level: int, first: int, count: int) -> Ints:
        """First slots of nodes ``first``, ``first + 1`` … of a level. Shape (count,)."""
        whole, part = divmod(first * self.period, 1 << level)  # apart, for the product may exceed an int64
        return whole + ((np.arange(count) * self.period + part) >> level)

    def _leaf_of(self, slot: int) -> tuple[int, int]:
        """The leaf that holds a slot, and how many slots of it come before."""
        leaf = (((slot + 1) << self._depth) - 1) // self.period
        return leaf, slot - (leaf * self.period >> self._depth)

    def slots(self, first: int, count: int) -> Ints:
        """The entries of slots first..first+count-1. Shape (count,)."""
        if count < 1:
            return np.zeros(0, np.int64)
        leaf, start = self._leaf_of(first)
        _, counts = self._leaves(leaf, self._leaf_of(first + count - 1)[0] + 1)
        return self._order(leaf, counts)[start : start + count]

    def taken(self, first: int) -> Ints:
        """How many of the slots before ``first`` each entry has. Shape (entries,)."""
        leaf, start = self._leaf_of(first)
        before, counts = self._leaves(leaf, leaf + 1)
        inside = self._order(leaf, counts)[:start]
        return np.asarray(before + np.bincount(inside, minlength=len(self.counts)))

    def _order(self, first: int, counts: Ints) -> Ints:
        """The entries of consecutive leaves, slot by slot, given the counts in each."""
        leaves, entries = counts.shape
        ordered = np.repeat(np.tile(np.arange(entries), leaves), counts.reshape(-1))
        keys = draws(key_of(*self.key, "leaves"), np.arange(first, first + leaves))
        sizes = counts.sum(axis=1)
        starts = np.cumsum(sizes) - sizes
        for size in np.unique(sizes):  # one, or two neighbouring ones where the period is no power of two
            which = np.flatnonzero(sizes == size)
            places = starts[which, None] + np.arange(size)
            ordered[places] = np.take_along_axis(ordered[places], permutations(keys[which], int(size)), axis=1)
        return ordered

    def _leaves(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Slots of each entry before leaf ``first``, and in each leaf from there to ``last`` (not included).

        Of shapes (entries,) and (leaves, entries). All nodes of a level of the halving are worked on at once.
        """
        root = np.array(self.counts, np.int64)
        depth = self._depth
        begin, end = first >> depth, ((last - 1) >> depth) + 1
        before, counts = root * begin, np.tile(root, (end - begin, 1))
        for level in range(depth):
            halves = self._halved(level, begin, counts)
            shift = depth - level - 1
            wanted, end = first >> shift, ((last - 1) >> shift) + 1
            before = before + halves[: wanted - 2 * begin].sum(axis=0)
            counts = halves[wanted - 2 * begin : end - 2 * begin]
            begin = wanted
        return before, counts

    def _halved(self, level: int, begin: int, counts: Ints) -> Ints:
        """The counts of both halves of nodes ``begin``, ``begin + 1`` … Shape (2 × nodes, entries)."""
        nodes, entries = counts.shape
        odd = counts & 1
        place = np.cumsum(odd, axis=1) - odd  # among the odd ones; two by two they share a coin
        words = -(-entries // 128)
        number = np.arange(begin * words, (begin + nodes) * words).reshape(nodes, words)
        bits = np.take_along_axis(draws(key_of(*self.key, "halves", level), number), place >> 7, axis=1)
        coin = (bits >> (place >> 1 & 63).astype(np.uint64)).astype(np.int64) & 1
        first = (place & 1) ^ coin
        if self.period & (self.period - 1):  # a node may have an odd size: the odd one left alone is in its larger half
            sizes = np.diff(self._starts(level + 1, 2 * begin, 2 * nodes + 1)).reshape(nodes, 2)
            alone = (place == odd.sum(axis=1, keepdims=True) - 1) & (place & 1 == 0)
            first = np.where(alone, (sizes[:, :1] > sizes[:, 1:]).astype(np.int64), first)
        left = (counts >> 1) + (odd & first)
        return np.stack([left, counts - left], axis=1).reshape(2 * nodes, entries)
