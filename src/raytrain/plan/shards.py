"""How the rows of a language lie in files and row groups."""

from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np

from raytrain.plan.permutation import Ints


@dataclass(frozen=True)
class Shards:
    """The files of one language: rows of each, and the rows of a row group (the last of a file may be short)."""

    language: str
    shard_rows: tuple[int, ...]
    row_group_rows: int

    def __getstate__(self) -> dict[str, Any]:
        return fields_of(self)

    @cached_property
    def rows(self) -> int:
        """Rows in all files."""
        return sum(self.shard_rows)

    @cached_property
    def group_starts(self) -> Ints:
        """Number of the first row of each row group, counted over all files. Shape (groups,)."""
        ends = np.cumsum((0, *self.shard_rows))
        starts = [np.arange(a, b, self.row_group_rows) for a, b in pairwise(ends)]
        return np.concatenate([np.zeros(0, np.int64), *starts]).astype(np.int64)

    @cached_property
    def group_rows(self) -> Ints:
        """Rows of each row group. Shape (groups,)."""
        return np.diff(self.group_starts, append=self.rows)

    @cached_property
    def shard_of_group(self) -> Ints:
        """File of each row group. Shape (groups,)."""
        return np.repeat(np.arange(len(self._groups)), self._groups)

    @cached_property
    def first_group_of_shard(self) -> Ints:
        """Number of the first row group of each file. Shape (files,)."""
        return np.cumsum([0, *self._groups])[:-1].astype(np.int64)

    @cached_property
    def _groups(self) -> list[int]:
        return [-(-n // self.row_group_rows) for n in self.shard_rows]


def fields_of(value: Any) -> dict[str, Any]:
    """What of a dataclass travels to tasks: its fields, and not what was computed from them."""
    return {field.name: getattr(value, field.name) for field in fields(value)}
