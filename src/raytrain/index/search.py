"""Exact search over the shards of an index, one in memory at a time, and the merge of what they give."""

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from raytrain.artifact import Artifact, download_file
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.shards import Vectors, faiss_module

Hits = list[tuple[str, float]]
Ints = npt.NDArray[np.int64]

QUESTIONS_AT_ONCE = 1_024
MORE_THAN_ASKED = 8  # fetched beyond the depth, so that most ties at the boundary are seen whole at once


def search(index: Artifact, part: HeldOut, vectors: Vectors, depth: int) -> list[Hits]:
    """The best passages of one language of a benchmark for each question, with their inner products.

    ``vectors`` (n, d); gives n lists of min(depth, passages) hits by (score, id) descending, as trec_eval sorts.
    Exact, and the same for any cut into shards, but for the last bits of a sum. Raises UserError for a shard
    whose bytes are not those of the manifest.
    """
    ids = part.read_passage_ids()
    order = np.empty(len(ids), np.int64)  # of each passage in the order of ids, descending
    order[sorted(range(len(ids)), key=ids.__getitem__, reverse=True)] = np.arange(len(ids))
    best = np.empty((len(vectors), 0), np.float32), np.empty((len(vectors), 0), np.int64)
    for first, shard in _shards(index, part):
        found = best_of_shard(shard, vectors, depth, first, order)
        scores, numbers = np.hstack([best[0], found[0]]), np.hstack([best[1], found[1]])
        best = keep_best(scores, numbers, depth=depth, order=order)
    return [
        [(ids[number], score) for number, score in zip(numbers, scores, strict=True)]
        for scores, numbers in zip(best[0].tolist(), best[1].tolist(), strict=True)
    ]


def best_of_shard(shard: Any, vectors: Vectors, depth: int, first: int, order: Ints) -> tuple[Vectors, Ints]:
    """Scores and passage numbers (n, min(depth, rows)) from one shard, whose passages begin at number ``first``.

    FAISS cuts a tie at the boundary where it likes, so more is fetched until the tie is seen whole.
    """
    parts = [
        _whole_ties(shard, vectors[start : start + QUESTIONS_AT_ONCE], depth, first, order)
        for start in range(0, max(len(vectors), 1), QUESTIONS_AT_ONCE)
    ]
    return np.vstack([scores for scores, _ in parts]), np.vstack([numbers for _, numbers in parts])


def _whole_ties(shard: Any, vectors: Vectors, depth: int, first: int, order: Ints) -> tuple[Vectors, Ints]:
    fetched = min(depth + MORE_THAN_ASKED, shard.ntotal)
    scores, rows = shard.search(vectors, fetched)
    best, numbers = keep_best(scores, rows + first, depth=depth, order=order)
    if fetched < shard.ntotal:
        # One question at a time: a tie that long is rare, and a model whose vectors are all alike must fit memory too.
        for question in np.flatnonzero(scores[:, depth - 1] <= scores[:, -1]):
            more = _one_whole_tie(shard, vectors[question : question + 1], depth, 2 * fetched)
            best[question], numbers[question] = keep_best(more[0], more[1] + first, depth=depth, order=order)
    return best, numbers


def _one_whole_tie(shard: Any, vector: Vectors, depth: int, fetched: int) -> tuple[Vectors, Ints]:
    while True:
        fetched = min(fetched, shard.ntotal)
        scores, rows = shard.search(vector, fetched)
        if fetched == shard.ntotal or scores[0, depth - 1] > scores[0, -1]:
            return scores, rows
        fetched *= 2


def keep_best(scores: Vectors, numbers: Ints, *, depth: int, order: Ints) -> tuple[Vectors, Ints]:
    """The ``depth`` highest scores of each row with their passages; ties by ``order`` of the passages.

    Inner products: the highest are the best, which a merge made for distances would throw away.
    """
    chosen = np.lexsort((order[numbers], -scores), axis=1)[:, :depth]
    return np.take_along_axis(scores, chosen, 1), np.take_along_axis(numbers, chosen, 1)


def _shards(index: Artifact, part: HeldOut) -> Any:
    faiss = faiss_module()
    for entry in index.manifest.summary["shards"]:
        if (entry["benchmark"], entry["language"]) == (part.benchmark, part.language):
            with tempfile.TemporaryDirectory() as temp:
                local = download_file(index, entry["path"], Path(temp) / "shard.faiss")
                yield entry["first"], faiss.read_index(str(local))


def merged(lists: Sequence[tuple[HeldOut, Hits]], depth: int) -> list[tuple[HeldOut, str, float]]:
    """One list of the best hits of several languages or benchmarks, by (score, id) descending."""
    hits = [(part, passage, score) for part, found in lists for passage, score in found]
    return sorted(hits, key=lambda hit: (hit[2], hit[1]), reverse=True)[:depth]
