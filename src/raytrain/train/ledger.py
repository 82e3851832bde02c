"""The ledger: which rows each step consumed, written down by the rank that consumed them."""

import pyarrow as pa

from raytrain.train.rank_batch import RankBatch

LEDGER = pa.schema(
    [
        ("step", pa.int64()),
        ("lane", pa.int64()),
        ("rank", pa.int64()),
        ("language", pa.string()),
        ("id", pa.string()),
    ]
)


class Ledger:
    """Collects the rows of a rank between two checkpoints."""

    def __init__(self, rank: int) -> None:
        self._rank = rank
        self._parts: list[pa.Table] = []

    def add(self, batch: RankBatch) -> None:
        """Notes the rows of one step."""
        n = len(batch.ids)
        columns = [[batch.step] * n, batch.lanes, [self._rank] * n, batch.languages, batch.ids]
        self._parts.append(pa.table([pa.array(c, f.type) for c, f in zip(columns, LEDGER, strict=True)], LEDGER))

    def table(self) -> pa.Table:
        """All noted rows."""
        return pa.concat_tables(self._parts) if self._parts else LEDGER.empty_table()
