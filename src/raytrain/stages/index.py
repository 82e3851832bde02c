"""index: the passages of the benchmarks as vectors of a model, in FAISS shards; a Ray batch job."""

from collections.abc import Mapping
from typing import Any

from raytrain.artifact import Artifact, RowAccount
from raytrain.config import Job
from raytrain.errors import UserError, one_line
from raytrain.evaluate.held_out import check_files, held_out_of
from raytrain.index.shards import Shard, ShardRecord, faiss_module, intact, plan_shards, read_records
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import counting
from raytrain.storage import Location


def _identity(job: Job) -> Mapping[str, Any]:
    return {
        "model": job.model.rules(),
        "shard_rows": job.index.shard_rows,
        "tokens_per_chunk": job.train.tokens_per_chunk,  # batches round differently in the last bits
    }


def _check(job: Job) -> None:
    faiss_module()


def _run(name: str, of: str, job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    parts = held_out_of(inputs["benchmark"])
    for part in parts:
        check_files(inputs["benchmark"], part, "passages.parquet")
    shards = plan_shards(parts, job.index.shard_rows)
    done = _build(name, job, inputs[of], shards, folder, say)
    records = [done[shard.path] for shard in shards]
    kept, dimension = sum(record.rows for record in records), records[0].dimension
    say(f"{name}: {kept:,} passages in {len(shards)} shards of {dimension} dimensions")
    summary = {
        "kind": "exact inner product",
        "dimension": dimension,
        "shards": [
            {
                "path": shard.path,
                "benchmark": shard.part.benchmark,
                "language": shard.part.language,
                "first": shard.first,
                "rows": shard.rows,
            }
            for shard in shards
        ],
    }
    content = sorted({f"{shard.part.benchmark}/" for shard in shards})
    account = RowAccount(taken=sum(shard.rows for shard in shards), kept=kept)
    return Outcome([record.file for record in records], content, summary, account)


def _build(
    name: str, job: Job, model: Artifact, shards: list[Shard], folder: Location, say: Say
) -> dict[str, ShardRecord]:
    """Builds the shards that are not there; tries again for what dead workers left undone. Gives all records."""
    from ray.exceptions import RayError

    from raytrain.cluster import check_placeable, running_ray
    from raytrain.index.embed import build_shards

    total = sum(shard.rows for shard in shards)
    done = intact(shards, folder)  # of an earlier run: looked at closely
    failures = 0
    while todo := [shard for shard in shards if shard.path not in done]:
        begun = total - sum(shard.rows for shard in todo)
        if begun:
            say(f"{name}: {len(done)} of {len(shards)} shards are there already")
        running_ray(job.cluster)
        check_placeable(job.cluster)
        failure: RayError | None = None
        try:
            with counting(name, "passages", total, begun) as progress:
                build_shards(
                    todo,
                    folder,
                    model=model,
                    rules=job.model,
                    tokens_per_chunk=job.train.tokens_per_chunk,
                    cluster=job.cluster,
                    progress=progress,
                )
        except RayError as error:
            failure = error
        built = read_records(todo, folder)
        if failure is not None or not built:
            failures = 1 if built else failures + 1
        done |= built
        if failures > job.cluster.max_failures:
            raise UserError(
                f"{name}: workers failed {failures} times in a row; finished shards are kept, run again to go on; "
                f"the last failure: {one_line(failure or 'no shard was written', 10**6)[-600:]}"
            ) from failure
    return done


def _tidy(artifact: Artifact) -> None:
    """Deletes the records, which the manifest has taken over."""
    (artifact.location / "records").delete_tree()


def index_stage(name: str, of: str) -> Stage:
    """The stage that embeds with the model of input ``of``."""
    return Stage(
        name,
        ("benchmark", of),
        _identity,
        lambda job, inputs, folder, say: _run(name, of, job, inputs, folder, say),
        _check,
        _tidy,
    )


INDEX = index_stage("index", of="export")
UNTRAINED_INDEX = index_stage("untrained-index", of="model")
