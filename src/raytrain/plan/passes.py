"""The order of one language's rows: pass after pass, each row exactly once a pass, lane by lane.

Position q = 0, 1, 2 … of a language is dealt to lane q mod V. A pass is N positions, N being the
language's rows, and has two parts, over the first and over the second half of the rows. In each part the
row groups stand in an order of their own and are dealt to the lanes as contiguous stretches, so that a lane
walks whole row groups and bytes are read about once. The two halves never mix: a batch that runs over the end
of a part holds rows of both, and no row twice.
"""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from raytrain.plan.permutation import permutation

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Shards:
    """The files of one language: rows of each, and the rows of a row group (the last may be short)."""

    language: str
    shard_rows: tuple[int, ...]
    row_group_rows: int

    @property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(self.shard_rows)

    @cached_property
    def group_starts(self) -> Ints:
        """Number of the first row of each row group, counted over all files. Shape (groups,)."""
        ends = np.cumsum((0, *self.shard_rows))
        return np.concatenate([np.arange(a, b, self.row_group_rows) for a, b in pairwise(ends)]).astype(np.int64)

    @cached_property
    def shard_of_group(self) -> Ints:
        """File of each row group. Shape (groups,)."""
        groups = [-(-n // self.row_group_rows) for n in self.shard_rows]
        return np.repeat(np.arange(len(groups)), groups)

    @cached_property
    def first_group_of_shard(self) -> Ints:
        """Number of the first row group of each file. Shape (files,)."""
        groups = [-(-n // self.row_group_rows) for n in self.shard_rows]
        return np.cumsum([0, *groups])[:-1].astype(np.int64)


@dataclass(frozen=True)
class Passes:
    """The endless sequence of one language's rows, dealt to ``lanes`` lanes."""

    shards: Shards
    lanes: int
    seed: int

    @property
    def half(self) -> int:
        """Rows in the first part of a pass."""
        return self.shards.rows // 2

    def locate(self, lane: int, turns: Ints) -> Ints:
        """Row numbers (over all files of the language) of a lane's n-th rows, n in ``turns``.

        ``turns`` and the result have the same shape (n,).
        """
        positions = turns * self.lanes + lane
        passes, offsets = np.divmod(positions, self.shards.rows)
        parts = passes * 2 + (offsets >= self.half)
        rows = np.empty_like(turns)
        for part in np.unique(parts):
            here = parts == part
            rows[here] = self._locate_in_part(int(part), lane, turns[here])
        return rows

    def _locate_in_part(self, part: int, lane: int, turns: Ints) -> Ints:
        passes, second = divmod(part, 2)
        begin = passes * self.shards.rows + (self.half if second else 0)
        end = (passes + 1) * self.shards.rows if second else begin + self.half
        own = np.arange(self.lanes)
        dealt_before = (begin - own + self.lanes - 1) // self.lanes
        dealt_here = (end - own + self.lanes - 1) // self.lanes - dealt_before
        places = int(dealt_here[:lane].sum()) + turns - dealt_before[lane]

        order, first_rows, ends = _part_order(self, part)
        which = np.searchsorted(ends, places, side="right")
        rows = np.empty_like(turns)
        for i in np.unique(which):
            here = which == i
            start = int(ends[i - 1]) if i else 0
            inside = _piece_order(self, part, int(order[i]), int(ends[i]) - start)
            rows[here] = first_rows[i] + inside[places[here] - start]
        return rows


@lru_cache(maxsize=256)
def _part_order(passes: Passes, part: int) -> tuple[Ints, Ints, Ints]:
    """The pieces of a part in their order: piece numbers, their first rows, and where each ends in the part.

    A piece is a row group; the row group in which the halves meet gives one piece to each.
    """
    starts, half, total = passes.shards.group_starts, passes.half, passes.shards.rows
    if part % 2:
        middle = int(np.searchsorted(starts, half, side="right")) - 1
        begins = np.maximum(starts[middle:], half)
        stops = np.append(starts[middle + 1 :], total)
    else:
        begins = starts[starts < half]
        stops = np.append(begins[1:], half)
    order = permutation(len(begins), passes.seed, passes.shards.language, "groups", part)
    return order, begins[order], np.cumsum((stops - begins)[order])


@lru_cache(maxsize=1024)
def _piece_order(passes: Passes, part: int, piece: int, rows: int) -> Ints:
    return permutation(rows, passes.seed, passes.shards.language, "rows", part, piece)
