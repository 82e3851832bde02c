"""embed: passages as vectors of a model, with their ids; a Ray batch job."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from raytrain.artifact import Artifact, RowAccount
from raytrain.config import Job
from raytrain.errors import UserError, one_line
from raytrain.evaluate.held_out import check_files, held_out_of
from raytrain.index.pieces import Piece, PieceRecord, entry_of, plan_pieces, records_of
from raytrain.model.opening import AsTrained, OpenEmbedder
from raytrain.pipeline import Inputs, Outcome, Say, Stage
from raytrain.progress import counting
from raytrain.records import delete_records, intact, read_records
from raytrain.storage import Location


@dataclass(frozen=True)
class Opening:
    """How a model of the job is opened, and what of the job can change its vectors."""

    identity: Callable[[Job], Mapping[str, Any]]
    opener: Callable[[Job], OpenEmbedder]


TRAINED = Opening(
    # Batches round differently in the last bits.
    lambda job: {"model": job.model.rules(), "tokens_per_chunk": job.train.tokens_per_chunk},
    lambda job: AsTrained(job.model, job.train.tokens_per_chunk),
)


def _run(
    name: str, passages: str, of: str, opening: Opening, job: Job, inputs: Inputs, folder: Location, say: Say
) -> Outcome:
    parts = held_out_of(inputs[passages])
    for part in parts:
        check_files(inputs[passages], part, "passages.parquet")
    pieces = plan_pieces(parts, job.index.piece_rows)
    if not pieces:
        raise UserError(f"{name}: there are no passages to embed")
    done = _embed(name, job, inputs[of], opening.opener(job), pieces, folder, say)
    records = [done[piece.name] for piece in pieces]
    kept, dimension = sum(record.rows for record in records), records[0].dimension
    tokens, padded = sum(record.tokens for record in records), sum(record.padded_tokens for record in records)
    padding = f", {tokens:,} tokens, {padded / tokens:.2f} × with padding" if tokens else ""
    say(f"{name}: {kept:,} passages in {dimension} dimensions{padding}")
    summary = {
        "dimension": dimension,
        "dtype": job.index.dtype,
        "tokens": tokens,
        "padded_tokens": padded,
        "worker_seconds": round(sum(record.seconds for record in records), 3),
        "pieces": [entry_of(piece, done[piece.name]) for piece in pieces],
    }
    content = sorted({f"{piece.part.benchmark}/" for piece in pieces})
    account = RowAccount(taken=sum(piece.rows for piece in pieces), kept=kept)
    files = [file for record in records for file in record.files]
    return Outcome(files, content, summary, account)


def _embed(
    name: str, job: Job, model: Artifact, opener: OpenEmbedder, pieces: list[Piece], folder: Location, say: Say
) -> dict[str, PieceRecord]:
    """Embeds the pieces that are not there; tries again for what dead workers left undone. Gives all records."""
    from ray.exceptions import RayError

    from raytrain.cluster import running_ray
    from raytrain.index.embed import embed_pieces
    from raytrain.placing import place_actors

    total = sum(piece.rows for piece in pieces)
    wanted = records_of(pieces)
    done = intact(folder, wanted, read_records(folder, wanted, PieceRecord))  # of an earlier run: looked at closely
    failures = 0
    while todo := [piece for piece in pieces if piece.name not in done]:
        begun = total - sum(piece.rows for piece in todo)
        if begun:
            say(f"{name}: {len(done)} of {len(pieces)} pieces are there already")
        running_ray(job.cluster)
        # After a node has gone, fewer do the same work.
        enough = {"workers": [1, job.cluster.most_workers]} if failures else {}
        pool = {"workers": place_actors(name, job.cluster.model_copy(update=enough), say)}
        failure: RayError | None = None
        try:
            with counting(name, "passages", total, begun) as progress:
                embed_pieces(
                    todo,
                    folder,
                    model=model,
                    opener=opener,
                    dtype=job.index.dtype,
                    cluster=job.cluster.model_copy(update=pool),
                    progress=progress,
                )
        except RayError as error:
            failure = error
        embedded = read_records(folder, records_of(todo), PieceRecord)
        if failure is not None or not embedded:
            failures = 1 if embedded else failures + 1
        done |= embedded
        if failures > job.cluster.max_failures:
            raise UserError(
                f"{name}: workers failed {failures} times in a row; finished pieces are kept, run again to go on; "
                f"the last failure: {one_line(failure or 'no piece was written', 10**6)[-600:]}"
            ) from failure
    return done


def _tidy(artifact: Artifact) -> None:
    """Deletes the records, which the manifest has taken over."""
    delete_records(artifact.location)


def embed_stage(name: str, passages: str, of: str, opening: Opening = TRAINED) -> Stage:
    """The stage that embeds the passages of input ``passages`` with the model of input ``of``."""
    return Stage(
        name,
        (passages, of),
        lambda job: {
            **opening.identity(job),
            "piece_rows": job.index.piece_rows,
            "dtype": job.index.dtype,
            "gpu": job.cluster.gpus_per_worker > 0,  # in half precision there
        },
        lambda job, inputs, folder, say: _run(name, passages, of, opening, job, inputs, folder, say),
        tidy=_tidy,
    )


EMBED = embed_stage("embed", passages="benchmark", of="export")
UNTRAINED_EMBED = embed_stage("untrained-embed", passages="benchmark", of="model")
