"""Building an index as Ray tasks: the quantizer first, then all shards in parallel, on any node."""

from collections.abc import Callable, Sequence
from typing import Any

import ray
from ray.exceptions import RayError

from raytrain.artifact import File
from raytrain.cluster import labelled, threads_of
from raytrain.config import Cluster
from raytrain.errors import UserError, one_line, user_error_in
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import Kind
from raytrain.index.quantizer import QuantizerRecord, load_quantizer, sample, train_quantizer
from raytrain.index.shards import Shard, ShardRecord, build_shard, of_plan, records_of
from raytrain.records import RECORDS, intact, read_records, write_record
from raytrain.storage import Location

QUANTIZER = "quantizer"


def resources_of(cluster: Cluster, *, gpus: bool) -> dict[str, Any]:
    """What a task of an index asks Ray for; of ``gpus`` only what runs on them, or others would wait for one."""
    # SPREAD: Ray fills a node before it takes the next otherwise, and building is bound by memory.
    return {
        "num_cpus": cluster.cpus_per_worker,
        "num_gpus": cluster.gpus_per_worker if gpus else 0,
        "scheduling_strategy": "SPREAD",
        "label_selector": labelled(cluster).labels.index,
        "max_retries": cluster.max_failures,  # of tasks whose node or process has died; not of errors
    }


def run_task(cluster: Cluster, work: Callable[..., Any], *args: Any, gpus: bool = False) -> Any:
    """One task with a worker's CPUs and, if asked for, its GPU. Raises UserError for what the user can mend."""
    try:
        return ray.get(ray.remote(work).options(**resources_of(cluster, gpus=gpus)).remote(*args))
    except RayError as error:
        raise user_error_in(error) or UserError(f"index: a task failed: {one_line(error, 10**6)[-600:]}") from error


def make_quantizer(
    kind: Kind, count: int, embeddings: Embeddings, folder: Location, cluster: Cluster
) -> QuantizerRecord:
    """The quantizer of an index; trained on ``count`` passages if it is not there yet, or damaged.

    One that is trained anew may differ, and then so do the shards: those of another are built again.
    """
    record_path = f"{RECORDS}/{QUANTIZER}.json"
    wanted = {QUANTIZER: record_path}
    done = intact(folder, wanted, read_records(folder, wanted, QuantizerRecord))
    if not done:
        record = run_task(cluster, _train, kind, count, embeddings, folder, threads_of(cluster), gpus=True)
        write_record(folder, record_path, record)
        done = {QUANTIZER: record}
    return done[QUANTIZER]


def _train(kind: Kind, count: int, embeddings: Embeddings, folder: Location, threads: int) -> QuantizerRecord:
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
    """Builds the shards that are not there yet, ``at_once`` of them at a time; gives all records, by name.

    ``begun`` hears which are there already, all of whose bytes were compared, and ``progress`` of each that is built.
    A node that goes costs the shards that it was at. Raises UserError.
    """
    name = quantizer.sha256 if quantizer else ""
    done = _finished(shards, name, folder)
    begun(done)
    todo = [shard for shard in shards if shard.name not in done]
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
            done[shard.name] = ray.get(ready[0])
            progress(shard)
    except RayError as error:
        kept = len(of_plan(shards, name, read_records(folder, records_of(shards), ShardRecord)))
        raise user_error_in(error) or UserError(
            f"index: shard {shard.number} could not be built; {kept} of {len(shards)} are kept, run again to go on; "
            f"the failure: {one_line(error, 10**6)[-600:]}"
        ) from error
    finally:
        for reference in running:
            ray.cancel(reference, force=True)
    return done


def _build(shard: Shard, embeddings: Embeddings, quantizer: File | None, folder: Location, threads: int) -> ShardRecord:
    if (folder / shard.record_path).exists():  # this task was killed after its work, before it could tell
        done = _finished([shard], quantizer.sha256 if quantizer else "", folder)
        if done:
            return done[shard.name]
    return build_shard(shard, embeddings, load_quantizer(folder, quantizer) if quantizer else None, folder, threads)


def _finished(shards: Sequence[Shard], quantizer: str, folder: Location) -> dict[str, ShardRecord]:
    """Records by name of the shards of this plan and quantizer that are there, all of whose bytes were compared."""
    wanted = records_of(shards)
    return intact(folder, wanted, of_plan(shards, quantizer, read_records(folder, wanted, ShardRecord)))
