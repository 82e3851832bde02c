"""Opening an index by its address: the current build of a name, or a build itself."""

import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from raytrain.artifact import Artifact, Input, download_folder, open_artifact
from raytrain.cluster import cpus_here
from raytrain.config import Model
from raytrain.errors import DamagedError, UserError
from raytrain.evaluate.held_out import ROW_GROUP, held_out_of
from raytrain.index.backend import Vectors
from raytrain.index.current import build_of
from raytrain.index.description import Description
from raytrain.index.gpus import Placement
from raytrain.index.reader import Embed, Hit, Index, ReadTexts
from raytrain.storage import Location, StorageOptions

if TYPE_CHECKING:
    from raytrain.model.embedder import Embedder

GIB = 2**30


def open_index(
    place: str | Location,
    *,
    memory_gib: float | None = None,
    threads: int | None = None,
    gpus: Placement | None = None,
    copies: str | Path | None = None,
    options: StorageOptions | None = None,
) -> Index:
    """Opens ``ROOT/indexes/NAME``, which is its current build, or ``ROOT/index/HASH``; local, s3:// or gs://.

    The build is chosen once: what becomes current later is another ``Index``. Its shards and quantizer are compared
    with their hashes now. ``memory_gib``: how much of the shards is open at once; the others
    wait on disk for their turn in every search. ``threads``: default all CPUs. ``gpus``: "sharded" puts each shard on
    one GPU, "replicated" a copy of all shards on every GPU; a search of some languages stays on CPUs where a shard
    holds others too. ``copies``: a folder where the files of an index on an object store are kept, by their hashes,
    and found the next time (delete it to free the room); default: they are copied for this ``Index`` alone.

        index = open_index("s3://bucket/root/indexes/mine")
        hits = index.search(["Which currency is used in Hungary?"], k=10, languages=["eng"])[0]
        hits[0].id, hits[0].score, hits[0].language, index.texts(hits[:1])

    Raises UserError if there is no such index, or a file of it is missing, damaged, or of another build.
    """
    folder = build_of(Location.of(place, options) if isinstance(place, str) else place)
    build = open_artifact(folder, "index")
    summary = build.manifest.summary
    if "index" not in summary:
        raise UserError(f"{folder.uri}: is a {build.manifest.stage}, not an index: name ROOT/indexes/NAME")
    model, passages = (_input(folder, build.manifest.inputs[role]) for role in ("export", "passages"))
    return open_described(
        folder,
        Description.model_validate(summary["index"]),
        model,
        passages,
        Model.model_validate(summary["model"]),
        summary["tokens_per_chunk"],
        None if memory_gib is None else int(memory_gib * GIB),
        threads or cpus_here(),
        gpus,
        None if copies is None else Path(copies),
    )


def _input(folder: Location, made_of: Input) -> "Artifact | Input":
    """An artifact that the build was made of, where it lies; needed only once somebody asks for texts."""
    root = folder.uri.rsplit("/", 2)[0]
    location = Location.of(root, folder.options) / made_of.stage / made_of.hash
    return open_artifact(location, "index") if (location / "manifest.json").exists() else made_of


def open_described(
    folder: Location,
    description: Description,
    model: "Artifact | Input",
    passages: "Artifact | Input",
    rules: Model,
    tokens_per_chunk: int,
    memory: int | None,
    threads: int,
    gpus: Placement | None = None,
    copies: Path | None = None,
) -> Index:
    """The index in a folder, as it is described: ``model`` embeds questions, ``passages`` has the texts."""
    return Index(
        folder,
        description,
        embed=_embed_with(model, rules, tokens_per_chunk, threads),
        read_texts=_texts_of(passages, description),
        memory=memory,
        threads=threads,
        gpus=gpus,
        copies=copies,
    )


def _there(artifact: "Artifact | Input", what: str) -> Artifact:
    if isinstance(artifact, Input):
        raise UserError(f"index: {artifact.stage}/{artifact.hash}, {what}, is no longer beside the index")
    return artifact


def _embed_with(model: "Artifact | Input", rules: Model, tokens_per_chunk: int, threads: int) -> Embed:
    @cache
    def embedder() -> "Embedder":
        from raytrain.model.embedder import Embedder

        with tempfile.TemporaryDirectory() as temp:
            folder = download_folder(_there(model, "the model that embeds questions"), "model", Path(temp))
            return Embedder(folder, rules, tokens_per_chunk, threads)

    def embed(texts: Sequence[str]) -> Vectors:
        return embedder().queries(texts)

    return embed


def _texts_of(passages: "Artifact | Input", description: Description) -> ReadTexts:
    def read(hits: Sequence[Hit]) -> Mapping[int, str]:
        parts = {(part.benchmark, part.language): part for part in held_out_of(_there(passages, "the passages"))}
        groups = dict[tuple[str, str, int], dict[int, Hit]]()  # hits by row within a row group, which is read once
        for hit in hits:
            row = hit.number - description.span_of(hit.number).first
            groups.setdefault((hit.source, hit.language, row // ROW_GROUP), {})[row % ROW_GROUP] = hit
        found = {}
        for (source, language, group), wanted in groups.items():
            part = parts[source, language]
            rows = min(ROW_GROUP, part.passages - group * ROW_GROUP)
            texts = list(part.read_passages(group * ROW_GROUP, rows).items())
            for row, hit in wanted.items():
                name, found[hit.number] = texts[row]
                if name != hit.id:
                    raise DamagedError(
                        f"{(part.folder / 'passages.parquet').uri}: damaged: passage {row + group * ROW_GROUP:,} is "
                        f"{name}, and the index knows it as {hit.id}"
                    )
        return found

    return read
