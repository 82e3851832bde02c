"""Which entry of the mix a slot has: exact counts in seeded order, with any position found in O(1).

A period of 2^20 slots holds each entry as often as the mix says. The period is cut in halves again and again; each
half gets half of every count, and of the entries with an odd count, taken two by two, a coin decides which gets its
odd one in the first half. So every power-of-two stretch is balanced as well as whole numbers allow, the number of
slots an entry had before slot i is found by one walk from the root, and nothing depends on how long the run is.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from raytrain.plan.permutation import Ints, draws, key_of, permutations

PERIOD_LOG2 = 20
LEAF_LOG2 = 6
DEPTH = PERIOD_LOG2 - LEAF_LOG2
# An entry's slots before slot i differ from share × i by less than 1 for each level of the halving, and by what an
# order of 64 can: n × (1 - n / 64) of n, which is 16 at most. Shares are rounded to 2^-20.
GRANULARITY = DEPTH + (1 << LEAF_LOG2) // 4


def period_counts(weights: npt.NDArray[np.float64]) -> Ints:
    """Slots of each entry in one period, by largest remainder. Shape as ``weights``, sum 2^20."""
    period = 1 << PERIOD_LOG2
    shares = weights / weights.sum() * period
    counts: Ints = np.floor(shares).astype(np.int64)
    order = np.argsort(-(shares - counts), kind="stable")
    counts[order[: period - counts.sum()]] += 1
    return counts


def most_in_window(share: float, slots: int) -> int:
    """The most slots that an entry can have in t × slots … (t + 1) × slots - 1, for any t and whatever the seed.

    A stretch of 2^k slots from a multiple of 2^k on holds at most the share of it, rounded up; so does a window
    that is covered by such stretches, of whichever length serves best.
    """
    count = int(share * (1 << PERIOD_LOG2)) + 1  # at most, however the remainders were dealt
    most = slots
    for log2 in range(LEAF_LOG2, PERIOD_LOG2 + 1):
        size = 1 << log2
        anywhere = (slots - 2) // size + 2  # stretches that a window touches at most, wherever it begins
        covering = max(1, slots // size) if slots % size == 0 or size % slots == 0 else anywhere
        most = min(most, covering * -(-count * size >> PERIOD_LOG2))
    return most


@dataclass(frozen=True)
class Schedule:
    """An endless sequence of entries (as indices into ``counts``) in an order seeded by ``key``."""

    counts: tuple[int, ...]
    key: tuple[int | str, ...]

    def slots(self, first: int, count: int) -> Ints:
        """The entries of slots first..first+count-1. Shape (count,)."""
        if count < 1:
            return np.zeros(0, np.int64)
        leaf = first >> LEAF_LOG2
        _, counts = self._leaves(leaf, ((first + count - 1) >> LEAF_LOG2) + 1)
        start = first - (leaf << LEAF_LOG2)
        return self._order(leaf, counts)[start : start + count]

    def taken(self, first: int) -> Ints:
        """How many of the slots before ``first`` each entry has. Shape (entries,)."""
        leaf = first >> LEAF_LOG2
        before, counts = self._leaves(leaf, leaf + 1)
        inside = self._order(leaf, counts)[: first - (leaf << LEAF_LOG2)]
        return np.asarray(before + np.bincount(inside, minlength=len(self.counts)))

    def _order(self, first: int, counts: Ints) -> Ints:
        """The entries of consecutive leaves, slot by slot, given the counts in each."""
        leaves, entries = counts.shape
        ordered = np.repeat(np.tile(np.arange(entries), leaves), counts.reshape(-1)).reshape(leaves, -1)
        keys = draws(key_of(*self.key, "leaves"), np.arange(first, first + leaves))
        return np.take_along_axis(ordered, permutations(keys, 1 << LEAF_LOG2), axis=1).reshape(-1)

    def _leaves(self, first: int, last: int) -> tuple[Ints, Ints]:
        """Slots of each entry before leaf ``first``, and in each leaf from there to ``last`` (not included).

        Of shapes (entries,) and (leaves, entries). All nodes of a level of the halving are worked on at once.
        """
        root = np.array(self.counts, np.int64)
        begin, end = first >> DEPTH, ((last - 1) >> DEPTH) + 1
        before, counts = root * begin, np.tile(root, (end - begin, 1))
        for level in range(DEPTH):
            halves = self._halved(level, begin, counts)
            shift = DEPTH - level - 1
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
        left = (counts >> 1) + (odd & ((place & 1) ^ coin))
        return np.stack([left, counts - left], axis=1).reshape(2 * nodes, entries)
