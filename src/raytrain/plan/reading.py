"""What has to be read for the rows of some steps: whole row groups."""

from dataclasses import dataclass

import numpy as np

from raytrain.plan.batches import Plan


@dataclass(frozen=True)
class Reading:
    """Row groups that hold the rows of some steps, the rows in them, and the rows wanted of those."""

    groups: int
    rows_read: int
    rows_wanted: int


def row_groups_read(plan: Plan, first_step: int, steps: int) -> Reading:
    """What one round reads: all lanes of steps first_step..first_step+steps-1, each row group once.

    The next round reads those row groups again in which this one ends, one an entry of the mix.
    """
    wanted = 0
    opened: dict[str, set[int]] = {language: set() for language in plan.languages}
    for stretch in plan.stretches(first_step, steps):
        passes = plan.passes[stretch.entry]
        pieces, _ = passes.pieces(stretch.first, stretch.count)
        wanted += stretch.count
        for member in np.unique(pieces.member):
            shards = passes.members[member]
            first_rows = pieces.first_row[pieces.member == member]
            groups = np.searchsorted(shards.group_starts, first_rows, side="right") - 1
            opened[shards.language].update(groups.tolist())  # a set: two entries, of two mixes, may have the language
    rows = sum(int(shards.group_rows[list(opened[shards.language])].sum()) for shards in plan.shards)
    return Reading(sum(map(len, opened.values())), rows, wanted)
