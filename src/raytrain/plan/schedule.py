"""Which language a slot has: exact counts in seeded order, with any position found in O(1).

A period of 2^20 slots holds each language as often as the mix says. The period is cut in halves again and
again; each half gets half of every count, and of the languages with an odd count a seeded choice gets the
odd one in the first half. So every power-of-two stretch is balanced as well as whole numbers allow, the
number of slots a language had before slot i is found by one walk from the root, and nothing depends on
how long the run is.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from raytrain.plan.permutation import permutation

PERIOD_LOG2 = 20
LEAF_LOG2 = 6

Ints = npt.NDArray[np.int64]


def period_counts(weights: npt.NDArray[np.float64]) -> Ints:
    """Slots of each language in one period, by largest remainder. Shape as ``weights``, sum 2^20.

    Raises ValueError where a language would get less than one slot in a period.
    """
    period = 1 << PERIOD_LOG2
    shares = weights / weights.sum() * period
    counts: Ints = np.floor(shares).astype(np.int64)
    order = np.argsort(-(shares - counts), kind="stable")
    counts[order[: period - counts.sum()]] += 1
    if counts.min() < 1:
        raise ValueError(f"weight {weights[counts.argmin()]:g} is less than one batch in {period}")
    return counts


@dataclass(frozen=True)
class Schedule:
    """An endless sequence of languages (as indices into ``counts``) in seeded order."""

    counts: tuple[int, ...]
    key: tuple[int | str, ...]

    def slots(self, first: int, count: int) -> tuple[Ints, Ints]:
        """Language of slots first..first+count-1, and how many earlier slots have the same language.

        Both of shape (count,).
        """
        leaf = 1 << LEAF_LOG2
        languages, ranks = [], []
        for index in range(first // leaf, -(-(first + count) // leaf)):
            before, order = _leaf(self, index)
            # Rank inside the leaf: the number of equal languages to the left.
            seen = np.cumsum(order[:, None] == np.arange(len(self.counts)), axis=0)
            rank = before[order] + seen[np.arange(leaf), order] - 1
            cut = slice(max(first - index * leaf, 0), min(first + count - index * leaf, leaf))
            languages.append(order[cut])
            ranks.append(rank[cut])
        if not languages:
            return np.zeros(0, np.int64), np.zeros(0, np.int64)
        return np.concatenate(languages), np.concatenate(ranks)

    def taken(self, first: int) -> Ints:
        """How many of the slots before ``first`` each language has. Shape (languages,)."""
        index, inside = divmod(first, 1 << LEAF_LOG2)
        before, order = _leaf(self, index)
        taken: Ints = before + np.bincount(order[:inside], minlength=len(self.counts))
        return taken


@lru_cache(maxsize=4096)
def _leaf(schedule: Schedule, index: int) -> tuple[Ints, Ints]:
    """Slots of each language before leaf ``index``, and the order of languages inside it."""
    period, place = divmod(index, 1 << (PERIOD_LOG2 - LEAF_LOG2))
    before, counts = _node(schedule, period, PERIOD_LOG2 - LEAF_LOG2, place)
    languages = np.repeat(np.arange(len(counts)), counts)
    return before, languages[permutation(len(languages), *schedule.key, "leaf", index)]


@lru_cache(maxsize=4096)
def _node(schedule: Schedule, period: int, depth: int, place: int) -> tuple[Ints, Ints]:
    """Slots of each language before a node of the halving tree, and inside it."""
    if depth == 0:
        counts = np.array(schedule.counts, np.int64)
        return counts * period, counts
    before, counts = _node(schedule, period, depth - 1, place >> 1)
    left = counts // 2
    odd = np.flatnonzero(counts % 2)
    chosen = permutation(len(odd), *schedule.key, "half", period, depth - 1, place >> 1)[: len(odd) // 2]
    left[odd[chosen]] += 1
    return (before + left, counts - left) if place & 1 else (before, left)
