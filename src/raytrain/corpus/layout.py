"""The last phases: how many rows stay, and the shuffled Parquet shards that they go into.

Rows of a label stand in the order of their keys; each shard takes the next ``shard_rows`` of them, so shards depend on
nothing but the rows that stay.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.artifact import File
from raytrain.corpus.duplicates import DROPS
from raytrain.corpus.exchange import Partition, gather, read_partitions, write_partitioned
from raytrain.corpus.pairs import PAIRS
from raytrain.corpus.runs import RELATIONS, RUN
from raytrain.corpus.work import Runs, Work, first_row_id, mean_bytes
from raytrain.parquet import write_parquet
from raytrain.storage import Location

TASK_ROWS = 131_072
SHARD_BYTES = 256 << 20  # of text: rows with hundreds of negatives go fewer to a file than shard_rows


def _large(kind: pa.DataType) -> pa.DataType:
    if pa.types.is_list(kind):
        return pa.large_list(_large(kind.value_type))
    return pa.large_string() if pa.types.is_string(kind) else kind


LARGE = pa.schema([(field.name, _large(field.type)) for field in RUN])  # for more than 2 GB of text at once

SETTLED = pa.schema([("row", pa.int64()), ("relation", pa.uint8())])


def shard_path(label: str, shard: int) -> str:
    """Path of a shard in the corpus artifact."""
    return f"{label}/part-{shard:05d}.parquet"


def write_shard(rows: pa.Table, corpus: Location, label: str, shard: int, row_group_rows: int) -> File:
    """Writes one shard, its rows as they come; gives its size and hash."""
    table = rows.select(PAIRS.names).cast(PAIRS).combine_chunks()
    return write_parquet(table, corpus, shard_path(label, shard), row_group_rows)


def settle(partition: Partition, work: Work) -> None:
    """Writes which rows of a stretch of keys go and why (``settled/``): each once, for the first of its reasons."""
    phases = ["equal", "near"] if work.config.deduplicate and work.config.deduplicate.near else ["equal"]
    places = [work.place(phase, p.name) for phase in phases for p in work.partitions_of(partition.label)]
    drops = gather(places, partition.name, DROPS.names, DROPS)
    order = np.lexsort([drops.column(name).to_numpy() for name in ("relation", "row")])
    rows = drops.column("row").to_numpy()[order]
    first = np.r_[True, rows[1:] != rows[:-1]] if len(rows) else np.empty(0, bool)
    settled = drops.take(pa.array(order[first])).select(SETTLED.names).cast(SETTLED)
    relations = settled.column("relation").to_numpy().astype(np.int64)
    # A partition a reason, so that the file's index is the count.
    write_partitioned(settled, RELATIONS, relations, work.place("settled", partition.name))


@dataclass(frozen=True)
class LabelRows:
    """The rows of one label that stay: how many of each stretch of keys; and those that went as others are the same."""

    label: str
    kept: tuple[int, ...]
    dropped: Mapping[str, int]
    row_bytes: int  # of text, on the mean
    shard_rows: int


def count_kept(label: str, work: Work, runs: Runs, dropped: Mapping[str, Mapping[str, int]]) -> LabelRows:
    """What stays of a label. ``dropped``: partition → reason → rows."""
    found: Counter[str] = Counter()
    for name in runs.by_label[label]:
        found.update(runs.rows[name])
    names = [partition.name for partition in work.partitions_of(label)]
    reasons: Counter[str] = Counter()
    for name in names:
        reasons.update(dropped.get(name, {}))
    kept = tuple(found[name] - sum(dropped.get(name, {}).values()) for name in names)
    row_bytes = mean_bytes(runs.screened, label)
    shard_rows = min(work.config.shard_rows, max(1, SHARD_BYTES // row_bytes))
    return LabelRows(label, kept, dict(reasons), row_bytes, shard_rows)


@dataclass(frozen=True)
class ShardTask:
    """Some shards of a label that are written together."""

    rows: LabelRows
    first: int  # shard
    last: int  # one past the last

    @property
    def name(self) -> str:
        """For the record."""
        return f"{self.rows.label}/{self.first:05d}"

    @property
    def row_count(self) -> int:
        """Rows of all its shards."""
        size = self.rows.shard_rows
        return min(self.last * size, sum(self.rows.kept)) - self.first * size


def write_shards(task: ShardTask, work: Work, runs: Runs) -> Iterator[tuple[File, int]]:
    """Writes the shards of a task; yields each with its rows."""
    size = task.rows.shard_rows
    begin = task.first * size
    ends = np.cumsum(task.rows.kept)
    end = min(task.last * size, int(ends[-1]))
    first, last = (int(np.searchsorted(ends, row, side="right")) for row in (begin, end - 1))
    before = int(ends[first - 1]) if first else 0
    partitions = work.partitions_of(task.rows.label)[first : last + 1]
    table = pa.concat_tables([_kept(partition, work, runs) for partition in partitions])
    for shard in range(task.first, task.last):
        start = shard * size - before
        rows = table.slice(start, min(size, end - shard * size))
        yield write_shard(rows, work.folder, task.rows.label, shard, work.config.row_group_rows), rows.num_rows


def _kept(partition: Partition, work: Work, runs: Runs) -> pa.Table:
    """The rows of a stretch of keys that stay, in their order."""
    gone = _gone(partition, work)
    tables = []
    for run in runs.by_label[partition.label]:
        for found in read_partitions(work.place("runs", run), [partition.name], RUN.names):
            rows = first_row_id(run) + found.first + np.arange(found.table.num_rows)
            tables.append(found.table.replace_schema_metadata().filter(pa.array(~np.isin(rows, gone))))
    table = pa.concat_tables([RUN.empty_table(), *tables]).cast(LARGE)
    return table.sort_by([("key", "ascending"), ("content", "ascending")])


def _gone(partition: Partition, work: Work) -> npt.NDArray[np.int64]:
    if not work.compares:
        return np.empty(0, np.int64)
    found = read_partitions(work.place("settled", partition.name), RELATIONS, ["row"])
    return np.concatenate([np.empty(0, np.int64), *(part.table.column("row").to_numpy() for part in found)])


def shard_tasks(rows: LabelRows) -> Sequence[ShardTask]:
    """The shards of a label in tasks of about TASK_ROWS rows, or of about as many bytes as a shard may have."""
    shards = -(-sum(rows.kept) // rows.shard_rows)
    step = max(1, min(TASK_ROWS, SHARD_BYTES // rows.row_bytes) // rows.shard_rows)
    return [ShardTask(rows, first, min(first + step, shards)) for first in range(0, shards, step)]
