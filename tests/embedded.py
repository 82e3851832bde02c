"""Embeddings and indexes made of given vectors, as the stages leave them."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pyarrow as pa

from raytrain.artifact import Artifact, commit, make_manifest
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.backend import Vectors
from raytrain.index.config import Dtype
from raytrain.index.description import Description
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import Choice, choose
from raytrain.index.pieces import entry_of, plan_pieces, write_piece
from raytrain.index.quantizer import load_quantizer, sample, train_quantizer
from raytrain.index.reader import Index
from raytrain.index.shards import BLOCK, build_shard, plan_shards
from raytrain.storage import Location

Languages = Mapping[str, tuple[list[str], Vectors]]  # ids and vectors by language


def embedded(folder: Location | Path, languages: Languages, piece_rows: int = 50, dtype: Dtype = "fp32") -> Embeddings:
    """A finished `embed` artifact of one source, "bench"."""
    place = folder if isinstance(folder, Location) else Location.of(str(folder))
    parts = [HeldOut("bench", language, place, 0, len(ids), 0) for language, (ids, _) in languages.items()]
    pieces = plan_pieces(parts, piece_rows)
    files, entries = [], []
    for piece in pieces:
        ids, vectors = languages[piece.part.language]
        rows = slice(piece.first, piece.first + piece.rows)
        record = write_piece(piece, vectors[rows], pa.array(ids[rows], pa.string()), dtype, (1, 1), place)
        files += record.files
        entries.append(entry_of(piece, record))
    dimension = next(iter(languages.values()))[1].shape[1]
    return Embeddings(finished(place, "embed", files, {"dimension": dimension, "pieces": entries}))


def the_file(place: Location, pattern: str) -> Location:
    """The one file below a folder whose path fits a pattern: names hold hashes."""
    (found,) = place.local_path.glob(pattern)
    return place / found.relative_to(place.local_path).as_posix()


def finished(place: Location, stage: str, files: list, summary: dict, inputs: Mapping[str, Artifact] = {}) -> Artifact:
    """A committed artifact of some files."""
    identity = {"place": place.uri}
    manifest = make_manifest(
        stage=stage,
        writer="me",
        identity=identity,
        config={},
        inputs=inputs,
        files=files,
        content=[""],
        rows=None,
        summary=summary,
    )
    return commit(place, manifest)


def built(
    folder: Location | Path, embeddings: Embeddings, kind: str, shards: int = 1, nprobe: int | None = None
) -> tuple[Location, Description]:
    """An index of the embeddings, without a manifest, cut into about so many shards."""
    place = folder if isinstance(folder, Location) else Location.of(str(folder))
    choice: Choice = choose(kind, embeddings.rows, embeddings.dimension, 2**30, None)
    quantizer = None
    if not choice.kind.exact:
        quantizer = load_quantizer(place, train_quantizer(choice.kind, sample(embeddings, 2_500), place, 1).file)
    each = -(-embeddings.rows // shards)
    plan = plan_shards(embeddings.rows, -(-each // BLOCK) * BLOCK if each > BLOCK else each)
    records = [build_shard(shard, embeddings, quantizer, place, 1) for shard in plan]
    file = quantizer.file if quantizer else None
    described = Description.of(choice.kind.factory, embeddings.dimension, file, nprobe, records, embeddings.spans)
    return place, described


def opened(place: Location, description: Description, memory: int | None = None, copies: Path | None = None) -> Index:
    """Open for search by vectors."""

    def none(*_: object) -> object:
        raise AssertionError("no model here")

    rest = {"memory": memory, "threads": 1, "copies": copies}
    return Index(place, description, embed=none, read_texts=none, **rest)  # type: ignore[arg-type]


def unit_vectors(seed: int, rows: int, dimension: int = 16, clusters: int = 0) -> Vectors:
    """Vectors of length 1, around some centres if there are any."""
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((rows, dimension))
    if clusters:
        centres = np.random.default_rng(99).standard_normal((clusters, dimension))
        vectors = centres[rng.integers(0, clusters, rows)] + 0.3 * vectors
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
