"""Building an index as Ray tasks: the quantizer first, then all shards in parallel, on any node."""

from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from raytrain.artifact import File, Record
from raytrain.cluster import threads_of
from raytrain.config import Cluster
from raytrain.errors import DamagedError, FileMissingError, UserError, one_line, user_error_in
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import Kind
from raytrain.index.quantizer import load_quantizer, sample, train_quantizer
from raytrain.index.shards import Shard, ShardRecord, build_shard, intact, read_records
from raytrain.storage import Location

QUANTIZER_RECORD = "records/quantizer.json"


class QuantizerRecord(Record):
    """What was trained, on how many vectors."""

    file: File
    sample: int


def resources_of(cluster: Cluster, *, gpus: bool) -> dict[str, Any]:
    """What a task of an index asks Ray for; of ``gpus`` only what runs on them, or others would wait for one."""
    # SPREAD: Ray fills a node before it takes the next otherwise, and building is bound by memory.
    return {
        "num_cpus": cluster.cpus_per_worker,
        "num_gpus": cluster.gpus_per_worker if gpus else 0,
        "scheduling_strategy": "SPREAD",
        "max_retries": cluster.max_failures,  # of tasks whose node or process has died; not of errors
    }


def run_task(cluster: Cluster, work: Callable[..., Any], *args: Any, gpus: bool = False) -> Any:
    """One task with a worker's CPUs and, if asked for, its GPU. Raises UserError for what the user can mend."""
    try:
        return ray.get(ray.remote(work).options(**resources_of(cluster, gpus=gpus)).remote(*args))
    except RayError as error:
        raise user_error_in(error) or UserError(f"index: a task failed: {one_line(error, 10**6)[-600:]}") from error


def make_quantizer(kind: Kind, count: int, embeddings: Embeddings, folder: Location, cluster: Cluster) -> File:
    """The quantizer of an index; trained on ``count`` passages if it is not there yet, or damaged."""
    place = folder / QUANTIZER_RECORD
    if place.exists():
        record = QuantizerRecord.model_validate_json(place.read_text())
        try:
            load_quantizer(folder, record.file)
        except (DamagedError, FileMissingError):
            place.delete()  # made again, and so are the shards that need it
        else:
            return record.file
    file: File = run_task(cluster, _train, kind, count, embeddings, folder, threads_of(cluster), gpus=True)
    place.write_bytes(QuantizerRecord(file=file, sample=count).model_dump_json().encode())
    return file


def _train(kind: Kind, count: int, embeddings: Embeddings, folder: Location, threads: int) -> File:
    return train_quantizer(kind, sample(embeddings, count), folder, threads)


def make_shards(
    shards: Sequence[Shard],
    embeddings: Embeddings,
    quantizer: File | None,
    folder: Location,
    *,
    cluster: Cluster,
    at_once: int,
    begun: Callable[[dict[str, ShardRecord]], None],
    progress: Callable[[Shard], None],
) -> dict[str, ShardRecord]:
    """Builds the shards that are not there yet, ``at_once`` of them at a time; gives all records, by path.

    ``begun`` hears which are there already, all of whose bytes were compared, and ``progress`` of each that is built.
    A node that goes costs the shards that it was at. Raises UserError.
    """
    name = quantizer.sha256 if quantizer else ""
    done = intact(shards, name, folder)
    begun(done)
    todo = [shard for shard in shards if shard.path not in done]
    task = ray.remote(_build).options(**resources_of(cluster, gpus=False))
    where = ray.put(embeddings)
    running: dict[Any, Shard] = {}
    try:
        while todo or running:
            while todo and len(running) < at_once:
                shard = todo.pop(0)
                running[task.remote(shard, where, quantizer, folder, threads_of(cluster))] = shard
            ready, _ = ray.wait(list(running), num_returns=1)
            shard = running.pop(ready[0])
            done[shard.path] = ray.get(ready[0])
            progress(shard)
    except RayError as error:
        kept = len(read_records(shards, name, folder))
        raise user_error_in(error) or UserError(
            f"index: shard {shard.number} could not be built; {kept} of {len(shards)} are kept, run again to go on; "
            f"the failure: {one_line(error, 10**6)[-600:]}"
        ) from error
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
    return done


def _build(shard: Shard, embeddings: Embeddings, quantizer: File | None, folder: Location, threads: int) -> ShardRecord:
    return build_shard(shard, embeddings, load_quantizer(folder, quantizer) if quantizer else None, folder, threads)
