"""The Ray Train job: workers placed by Ray, rows streamed by Ray Data, restarted from the last checkpoint."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

import pyarrow as pa
import ray
import ray.data
import torch
from ray.data import DataIterator, ExecutionOptions, ExecutionResources
from ray.train import DataConfig, FailureConfig, RunConfig, ScalingConfig
from ray.train.torch import TorchTrainer

from raytrain.artifact import Artifact
from raytrain.cluster import threads_of
from raytrain.config import Job
from raytrain.errors import UserError, one_line, user_error_in
from raytrain.storage import Location
from raytrain.train.board import Board, watch
from raytrain.train.rank import Run, steps_done, train_on
from raytrain.train.stream import Feed, ReadRound, read_numbered, read_token_round

DATASET = "rows"
MOST_TASKS = 4_000  # Ray Data is slow to start with more
AHEAD_BYTES = 1 << 30  # of rows read and not yet taken: tasks run no further ahead of the workers


class PlannedRows(DataConfig):  # type: ignore[misc]  # Ray is untyped
    """Builds the one pipeline of a run where the number of workers is known.

    ``read`` gives a round of rows: ``read_token_round``, or ``read_round`` for texts.
    """

    def __init__(self, feed: Feed, read: ReadRound) -> None:
        super().__init__()
        self._feed = feed
        self._read = read

    def configure(
        self, datasets: Any, world_size: int, worker_handles: Any, worker_node_ids: Any, **kwargs: Any
    ) -> list[dict[str, DataIterator]]:
        """Round-robin blocks, one iterator a worker."""
        splits = planned_rows(self._feed, self._read, world_size, self._resolve_execution_options(DATASET))
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


def fit(job: Job, rows: Feed, model: Artifact, pad_id: int, folder: Location) -> None:
    """Trains until the checkpoint of the last step is committed; goes on from the newest one there is.

    ``rows`` feeds the whole run. Workers that die are started again, up to ``cluster.max_failures`` times
    without progress between; Ray's own retry would also repeat errors that come again each time. Raises
    UserError for those.
    """
    failures = 0
    while (start := steps_done(folder)) < job.train.max_steps:
        feed = replace(rows, first_step=start)
        gpu = job.cluster.gpus_per_worker > 0
        run = Run(folder, model, job.model, pad_id, job.train, feed, threads_of(job.cluster), gpu)
        try:
            _attempt(job, run, start)
        except ray.train.TrainingFailedError as error:
            if (mendable := user_error_in(error)) is not None:
                raise mendable from error
            failures = 1 if steps_done(folder) > start else failures + 1
            if failures > job.cluster.max_failures:
                raise UserError(
                    f"train: workers failed {failures} times in a row at step {steps_done(folder)}; the last "
                    f"checkpoint is kept, run again to go on; the last failure: {one_line(error, 10**6)[-600:]}"
                ) from error


def _attempt(job: Job, run: Run, start: int) -> None:
    board = ray.remote(num_cpus=0)(Board).remote()
    cluster = job.cluster
    resources = {"CPU": cluster.cpus_per_worker} | ({"GPU": cluster.gpus_per_worker} if cluster.gpus_per_worker else {})
    ray_folder = run.folder / "ray"
    trainer = TorchTrainer(
        _worker,
        train_loop_config={"run": run, "board": board},
        scaling_config=ScalingConfig(
            num_workers=cluster.workers,
            use_gpu=cluster.gpus_per_worker > 0,
            resources_per_worker=resources,
            placement_strategy="PACK",
        ),
        datasets={DATASET: ray.data.range(1)},  # a name to ask for; PlannedRows builds the real one
        dataset_config=PlannedRows(run.feed, read_token_round),
        run_config=RunConfig(
            # A name of its own: the state of a run is in our checkpoints, and Ray must not resume one of its own.
            name=f"{job.name}-{time.time_ns()}",
            storage_path=ray_folder.path,
            storage_filesystem=None if ray_folder.is_local else ray_folder.filesystem,
            failure_config=FailureConfig(max_failures=0),
        ),
    )
    with watch(board, job.train.max_steps, start, job.train.batch_size):
        _aside(trainer.fit)


def _aside(work: Callable[[], Any]) -> None:
    """Does some work in another thread, and waits for it.

    In the main thread Ray Train would take Ctrl-C for itself, for the rest of the process, and exit with 0.
    """
    outcome: Future[Any] = Future()

    def do() -> None:
        try:
            outcome.set_result(work())
        except BaseException as error:  # handed to who waits
            outcome.set_exception(error)

    threading.Thread(target=do, name="raytrain-fit", daemon=True).start()
    outcome.result()


def _worker(config: dict[str, Any]) -> None:
    """What each rank runs."""
    run: Run = config["run"]
    board = config["board"]
    rank = ray.train.get_context().get_world_rank()
    train_on(
        run,
        shard_blocks(ray.train.get_dataset_shard(DATASET)),
        ray.train.torch.get_device() if run.gpu else torch.device("cpu"),
        lambda metrics: board.report.remote(metrics) if rank == 0 else None,
    )


def shard_blocks(shard: DataIterator) -> Iterator[pa.Table]:
    """The blocks of a rank, the next one fetched ahead."""
    yield from shard.iter_batches(batch_size=None, batch_format="pyarrow", prefetch_batches=1)
