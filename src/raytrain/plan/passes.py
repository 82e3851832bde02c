"""The order of the rows of one entry of the mix, a language or a group: pass after pass, each row exactly once a pass.

A pass is N positions, N being the rows of all members, and has two parts, over the first and over the second half
of every member's rows. In each part the row groups of all members stand in an order of their own, and the rows of a
row group in an order of theirs; so row groups are read one after the other. The two halves never mix: a batch that
runs over the end of a part holds rows of both, and no row twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from raytrain.plan.permutation import Ints, Words, draws, key_of, permutations
from raytrain.plan.shards import Shards


@dataclass(frozen=True)
class Pieces:
    """Consecutive stretches of a part, each the rows of one row group. Arrays of shape (pieces,).

    ``first_row`` counts over all files of the member; ``key`` seeds the order inside.
    """

    member: Ints
    first_row: Ints
    rows: Ints
    key: Words


@dataclass(frozen=True)
class Passes:
    """The endless sequence of rows of an entry of the mix."""

    name: str
    members: tuple[Shards, ...]
    seed: int

    @property
    def rows(self) -> int:
        """Rows of all members: the positions of a pass."""
        return sum(member.rows for member in self.members)

    def pieces(self, first: int, count: int) -> tuple[Pieces, int]:
        """The pieces that hold positions first..first+count-1, in order, and how many rows of the first to skip.

        ``count`` is at least 1.
        """
        half = self.rows // 2
        found: list[Pieces] = []
        skip, position = 0, first
        while position < first + count:
            part = 2 * (position // self.rows) + (position % self.rows >= half)
            begin = part // 2 * self.rows + part % 2 * half
            end = begin + (self.rows - half if part % 2 else half)
            order, ends = _part_order(self, part)
            i = int(np.searchsorted(ends, position - begin, side="right"))
            j = int(np.searchsorted(ends, min(first + count, end) - begin, side="left")) + 1
            chosen = order[i:j]
            if not found:
                skip = position - begin - (int(ends[i - 1]) if i else 0)
            whole = _half_pieces(self, part % 2)
            key = draws(key_of(self.seed, self.name, "rows", part), chosen)
            found.append(Pieces(whole.member[chosen], whole.first_row[chosen], whole.rows[chosen], key))
            position = end
        return joined(found), skip

    def taken(self, count: int) -> Ints:
        """How many of the first ``count`` positions each member has. Shape (members,)."""
        sizes = np.array([member.rows for member in self.members])
        passes, rest = divmod(count, self.rows)
        taken = passes * sizes
        if rest:
            pieces, _ = self.pieces(passes * self.rows, rest)
            rows = pieces.rows.copy()
            rows[-1] -= rows.sum() - rest
            taken += np.bincount(pieces.member, rows, len(sizes)).astype(np.int64)
        return taken


def joined(parts: Sequence[Pieces]) -> Pieces:
    """All pieces of several, in order."""
    if len(parts) == 1:
        return parts[0]
    member, first_row, rows = (np.concatenate([getattr(p, f) for p in parts]) for f in ("member", "first_row", "rows"))
    return Pieces(member, first_row, rows, np.concatenate([part.key for part in parts]))


def rows_in(pieces: Pieces) -> Ints:
    """The row numbers of all pieces, one piece after the other, each in its seeded order. Shape (sum of rows,)."""
    starts = np.cumsum(pieces.rows) - pieces.rows
    rows = np.empty(int(pieces.rows.sum()), np.int64)
    for size in np.unique(pieces.rows):  # nearly all are whole row groups: one sort for all of a size
        which = np.flatnonzero(pieces.rows == size)
        order = permutations(pieces.key[which], int(size))
        rows[starts[which, None] + np.arange(size)] = pieces.first_row[which, None] + order
    return rows


@lru_cache(maxsize=256)
def _half_pieces(passes: Passes, half: int) -> Pieces:
    """The pieces of the first (0) or second (1) part of a pass, unordered and without keys.

    A piece is a row group; the row group in which the halves of a member meet gives one piece to each.
    """
    found, before = [], 0
    for index, member in enumerate(passes.members):
        # Halves of the running total: together the members' first halves are exactly half of all rows.
        middle = (before + member.rows) // 2 - before // 2
        before += member.rows
        low, high = (middle, member.rows) if half else (0, middle)
        begins = np.maximum(member.group_starts, low)
        ends = np.minimum(member.group_starts + member.group_rows, high)
        there = begins < ends
        rows = (ends - begins)[there]
        found.append(Pieces(np.full(len(rows), index), begins[there], rows, np.zeros(0, np.uint64)))
    return joined(found)


@lru_cache(maxsize=256)
def _part_order(passes: Passes, part: int) -> tuple[Ints, Ints]:
    """The order of a part's pieces, and where each ends in the part. Both of shape (pieces,)."""
    rows = _half_pieces(passes, part % 2).rows
    order = permutations(key_of(passes.seed, passes.name, "groups", part), len(rows))[0]
    return order, np.cumsum(rows[order])
