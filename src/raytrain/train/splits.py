"""The Ray Data pipeline that streams the planned rows, split into one iterator a worker.

Apart from the job: Ray's own processes take this module in, and importing what training needs takes them seconds.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import ray.data
from ray.data import DataIterator, ExecutionOptions, ExecutionResources
from ray.train import DataConfig

from raytrain.train.stream import Feed, ReadRound, read_numbered

DATASET = "rows"
MOST_TASKS = 4_000  # Ray Data is slow to start with more
AHEAD_BYTES = 1 << 30  # of rows read and not yet taken: tasks run no further ahead of the workers


class PlannedRows(DataConfig):  # type: ignore[misc]  # Ray is untyped
    """Builds the one pipeline of a run where the number of workers is known.

    ``read`` gives a round of rows: ``read_token_round``, or ``read_round`` for texts. It does so on nodes with
    ``labels``, a label selector.
    """

    def __init__(self, feed: Feed, read: ReadRound, labels: Mapping[str, str]) -> None:
        super().__init__()
        self._labels = dict(labels)
        self._feed = feed
        self._read = read

    def configure(
        self, datasets: Any, world_size: int, worker_handles: Any, worker_node_ids: Any, **kwargs: Any
    ) -> list[dict[str, DataIterator]]:
        """Round-robin blocks, one iterator a worker."""
        options = self._resolve_execution_options(DATASET)
        options.label_selector = self._labels or None
        splits = planned_rows(self._feed, self._read, world_size, options)
        return [{DATASET: split} for split in splits]


def planned_rows(feed: Feed, read: ReadRound, world_size: int, options: ExecutionOptions) -> list[DataIterator]:
    """One iterator a rank over its blocks, out of one pipeline.

    A task reads one round and hands it on block by block; of very many rounds it reads several, one after the
    other. So it holds about one round at a time, and the object store ``AHEAD_BYTES`` of all rounds read ahead.
    """
    rounds = feed.rounds(world_size)
    dataset = (
        ray.data.range(len(rounds), override_num_blocks=min(len(rounds), MOST_TASKS))
        .map_batches(read_numbered, fn_args=(feed, read, world_size), batch_size=1, batch_format="pyarrow")
        .repartition(target_num_rows_per_block=rounds.block_rows)
    )
    options.preserve_order = True  # so Ray ignores where blocks lie: each goes over the network once, if at all
    options.resource_limits = ExecutionResources.for_limits(object_store_memory=AHEAD_BYTES)
    dataset.context.execution_options = options
    dataset.context.target_max_block_size = None  # a block split in two would go to two ranks
    return list(dataset.streaming_split(world_size, equal=False))


def shard_blocks(shard: DataIterator) -> Iterator[pa.Table]:
    """The blocks of a rank, the next one fetched ahead."""
    yield from shard.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
