"""The Ray batch job: a fixed pool of actors, each with the model, embeds passages piece by piece."""

import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import pyarrow as pa
import ray.data
from ray.exceptions import RayError
from ray.util.annotations import RayDeprecationWarning

from raytrain.artifact import Artifact, download_folder
from raytrain.cluster import labelled, threads_of
from raytrain.config import Cluster
from raytrain.errors import user_error_in
from raytrain.index.config import Dtype
from raytrain.index.pieces import Piece, write_piece
from raytrain.model.opening import OpenEmbedder, TextEmbedder
from raytrain.storage import Location


class _Embedding:
    """One actor: loads the model once, and embeds the pieces whose numbers it is given."""

    def __init__(
        self,
        model: Artifact,
        opener: OpenEmbedder,
        cluster: Cluster,
        pieces: Sequence[Piece],
        dtype: Dtype,
        to: Location,
    ) -> None:
        self._model = model
        self._opener = opener
        self._cluster = cluster
        self._pieces = pieces
        self._dtype: Dtype = dtype
        self._to = to

    @cached_property
    def _embedder(self) -> TextEmbedder:
        # Not when the actor is made: what is raised there comes out as mere text, and a UserError would be lost.
        with tempfile.TemporaryDirectory() as temp:
            folder = download_folder(self._model, "model", Path(temp))
            return self._opener(folder, threads_of(self._cluster), self._cluster.gpus_per_worker > 0)

    def __call__(self, batch: pa.Table) -> pa.Table:
        done: dict[str, list[Any]] = {"language": [], "rows": []}
        for number in batch.column("piece").to_pylist():
            piece = self._pieces[number]
            embedder, start = self._embedder, time.monotonic()
            passages = piece.part.read_passages(piece.first, piece.rows)
            before = embedder.tokens
            vectors = embedder.passages(list(passages.values()))
            tokens, padded = (now - then for now, then in zip(embedder.tokens, before, strict=True))
            seconds, ids = time.monotonic() - start, pa.array(passages, pa.string())
            write_piece(piece, vectors, ids, self._dtype, (tokens, padded), self._to, seconds)
            done["language"].append(piece.part.language)
            done["rows"].append(piece.rows)
        return pa.table(done)


def embed_pieces(
    pieces: Sequence[Piece],
    to: Location,
    *,
    model: Artifact,
    opener: OpenEmbedder,
    dtype: Dtype,
    cluster: Cluster,
    progress: Callable[[int, str], None],
) -> None:
    """Embeds the passages of all ``pieces`` and writes them with their records under ``to``; actors open the model.

    ``progress`` hears of each finished piece: its rows and language. Raises UserError for what the user can mend.
    """
    numbers = ray.data.from_items([{"piece": i} for i in range(len(pieces))], override_num_blocks=len(pieces))
    numbers.context.execution_options.label_selector = dict(labelled(cluster).labels.index) or None
    numbers.context.raise_original_map_exception = True  # what Ray Data wraps it in loses a UserError
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RayDeprecationWarning)  # of max_restarts, which has no other way in yet
        done = numbers.map_batches(
            _Embedding,
            fn_constructor_args=(model, opener, cluster, list(pieces), dtype, to),
            batch_size=1,
            batch_format="pyarrow",
            compute=ray.data.ActorPoolStrategy(size=min(cluster.most_workers, len(pieces))),
            num_cpus=cluster.cpus_per_worker,
            num_gpus=cluster.gpus_per_worker,
            max_restarts=0,  # the whole job is tried again, for the pieces that are not there
            scheduling_strategy="SPREAD",
        )
    try:
        for row in done.iter_rows():
            progress(row["rows"], row["language"])
    except RayError as error:
        raise user_error_in(error) or error from error
