"""index: embedded passages as sharded FAISS, of a kind that fits, its recall measured; Ray tasks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from raytrain.artifact import Artifact, File, RowAccount
from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.evaluate.held_out import held_out_of
from raytrain.index.backend import Vectors, faiss_module
from raytrain.index.current import CONDEMNED
from raytrain.index.description import Description
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import Kind, bytes_of, choose, code_bytes, sample_rows
from raytrain.index.quantizer import QuantizerRecord
from raytrain.index.shards import Shard, ShardRecord, plan_shards
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import counting
from raytrain.records import delete_records
from raytrain.storage import Location

if TYPE_CHECKING:
    from raytrain.index.quality import Quality

GIB = 2**30
WHILE_BUILT = 2  # lists grow in memory by doubling


def _identity(job: Job) -> Mapping[str, Any]:
    keys = {"kind", "shard_rows", "memory_gib", "min_recall", "recall_at", "questions"}
    return {**job.index.model_dump(mode="json", include=keys), "model": job.model.rules()}


def _check(job: Job) -> None:
    faiss_module()


def _run(job: Job, inputs: Inputs, folder: Location, say: Say) -> Outcome:
    from raytrain.cluster import running_ray
    from raytrain.placing import place_tasks

    if (folder / CONDEMNED).exists():  # what a deletion that was killed has left
        folder.delete_tree()
    embeddings = Embeddings(inputs["embed"])
    memory = int(job.index.memory_gib * GIB)
    gpu = job.cluster.gpus_per_worker > 0
    choice = choose(job.index.kind, embeddings.rows, embeddings.dimension, memory, job.index.min_recall, gpu)
    for line in choice.why:
        say(f"index: {line}")
    running_ray(job.cluster)
    place_tasks("index", job.cluster.model_copy(update={"gpus_per_worker": 0} if choice.kind.exact else {}), say)
    description, files = _build(job, choice.kind, embeddings, memory, folder)
    quality = _quality(job, inputs, embeddings, description, folder)
    _tell(quality, description, say)
    if job.index.min_recall is not None and quality.recall < job.index.min_recall:
        raise UserError(
            f"index.min_recall: {choice.kind.factory} finds {quality.recall:.4f} of the {quality.k} best with "
            f"{quality.nprobe} lists looked into, and {job.index.min_recall:g} is wanted: nothing was committed; take "
            "a more exact index.kind, more index.memory_gib, or a lower index.min_recall"
        )
    final = description.model_copy(update={"nprobe": quality.nprobe})
    summary = {
        "kind": choice.kind.factory,
        "why": list(choice.why),
        "rows": embeddings.rows,
        "index": final.model_dump(mode="json"),
        "quality": quality.model_dump(mode="json"),
        "model": job.model.model_dump(mode="json"),
        "tokens_per_chunk": job.train.tokens_per_chunk,
    }
    return Outcome(files, ["shards/", "quantizer"], summary, RowAccount(taken=embeddings.rows, kept=final.rows))


def shard_rows(job: Job, kind: Kind, dimension: int, memory: int) -> int:
    """Rows of a shard: as asked for, unless a task that builds one would take more than half of the memory."""
    return min(job.index.shard_rows, max(memory // 2 // _building(kind, dimension), 1))


def _building(kind: Kind, dimension: int) -> int:
    """Bytes a row that a task holds while it builds a shard."""
    return WHILE_BUILT * code_bytes(kind, dimension)


def _build(
    job: Job, kind: Kind, embeddings: Embeddings, memory: int, folder: Location
) -> tuple[Description, list[File]]:
    from raytrain.index.build import make_quantizer, make_shards

    learned: QuantizerRecord | None = None
    if not kind.exact:
        count = sample_rows(kind, embeddings.rows, embeddings.dimension, memory)
        with counting(f"index: learns {kind.factory}", "passages", count) as progress:
            learned = make_quantizer(kind, count, embeddings, folder, job.cluster)
            progress(count, "")
    quantizer = learned.file if learned else None
    shards = plan_shards(embeddings.rows, shard_rows(job, kind, embeddings.dimension, memory))
    largest = max(shard.rows for shard in shards) * _building(kind, embeddings.dimension)
    # Each task has the quantizer twice: as it was read, and the copy that it adds to.
    at_once = max(1, memory // (largest + 2 * bytes_of(kind, 0, embeddings.dimension)))
    built: dict[str, ShardRecord] = {}
    with counting("index", "passages", embeddings.rows) as progress:

        def begun(done: dict[str, ShardRecord]) -> None:
            progress(
                sum(record.rows for record in done.values()), f"{len(done)} of {len(shards)} shards" if done else ""
            )

        def one(shard: Shard) -> None:
            progress(shard.rows, f"shard {shard.number}")

        built = make_shards(
            shards, embeddings, quantizer, folder, cluster=job.cluster, at_once=at_once, begun=begun, progress=one
        )
    records = [built[shard.name] for shard in shards]
    files = [file for record in records for file in record.files]
    described = Description.of(kind.factory, embeddings.dimension, quantizer, None, records, embeddings.spans)
    return described, [*([quantizer] if quantizer else []), *files]


def _quality(job: Job, inputs: Inputs, embeddings: Embeddings, description: Description, folder: Location) -> "Quality":
    from raytrain.cluster import threads_of
    from raytrain.index.build import run_task

    quality: Quality = run_task(
        job.cluster,
        _measured,
        job,
        inputs["export"],
        inputs["passages"],
        inputs.get("questions", inputs["passages"]),
        embeddings,
        description,
        folder,
        threads_of(job.cluster),
    )
    return quality


def _measured(
    job: Job,
    model: Artifact,
    passages: Artifact,
    asked: Artifact,
    embeddings: Embeddings,
    description: Description,
    folder: Location,
    threads: int,
) -> "Quality":
    """Measures an index that was built but not committed yet."""
    from raytrain.index.opening import open_described
    from raytrain.index.quality import measure, sample_passages, truth_of

    memory = int(job.index.memory_gib * GIB)
    index = open_described(folder, description, model, passages, job.model, job.train.tokens_per_chunk, memory, threads)
    texts = _questions(asked, job.index.questions)
    vectors: Vectors = index.embed(texts) if texts else sample_passages(embeddings, job.index.questions)
    k = min(job.index.recall_at, embeddings.rows)
    truth = truth_of(embeddings, vectors, k, index)
    return measure(index, truth, "questions" if texts else "passages", k, job.index.min_recall, threads)


def _questions(passages: Artifact, most: int) -> list[str]:
    """Held-out questions of benchmarks, evenly from all languages; [] if there are none."""
    texts = [list(part.read_questions().values()) for part in held_out_of(passages) if part.questions]
    rounds = [
        text for turn in range(max(map(len, texts), default=0)) for some in texts for text in some[turn : turn + 1]
    ]
    return rounds[:most]


def _tell(quality: "Quality", description: Description, say: Say) -> None:
    lists = f", {quality.nprobe} lists looked into" if quality.nprobe else ""
    tuned = "" if quality.independent else ", tuned on these too"
    recall = f"{quality.recall:.4f} [{quality.low:.4f}, {quality.high:.4f}]"
    recall = f"{quality.recall:.4f} [{quality.low:.4f}, {quality.high:.4f}]"
    say(
        f"index: {description.rows:,} passages in {len(description.shards)} shards; recall@{quality.k} against exact "
        f"search {recall} of {quality.questions:,} {quality.asked}{lists}{tuned}; "
        f"{quality.ms_a_question:g} ms a question, {quality.questions_a_second:g} questions/s at once, "
        f"{quality.threads} threads"
    )


def _tidy(artifact: Artifact) -> None:
    """Deletes the records, which the manifest has taken over."""
    delete_records(artifact.location)


INDEX = Stage("index", ("embed", "export", "passages"), _identity, _run, _check, _tidy)
