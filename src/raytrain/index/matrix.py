"""Exact search in a matrix of vectors, with scores that no cut into shards, batch or thread changes.

A matrix product rounds each sum in an order that depends on the shapes of the matrices, so that the same two vectors
score differently in the last bits from one shard or batch to the next. It only chooses candidates here; these are
scored again in double precision and rounded once.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from raytrain.index.backend import Ints, Vectors, faiss_module
from raytrain.index.best import NONE, Fetched
from raytrain.index.gpus import MOST

PAIRS_AT_ONCE = 1 << 14  # vectors that are scored again at once, in double precision


def rounding(dimension: int) -> float:
    """How far a sum of single precision may be from the exact one, for vectors of length 1.

    Errors of n roundings grow as √n; four times that.
    """
    return float(4 * np.sqrt(dimension) * 2.0**-24)


@dataclass(frozen=True)
class Matrix:
    """Questions (n, d) against ``vectors`` (rows, d), fp32, whose first passage has the number ``first``.

    ``longest`` is the length of the longest vector. ``owner`` is what the memory of the vectors belongs to, if not to
    them. ``on_gpu`` is an index of the same vectors that chooses candidates; default: a product with the matrix.
    """

    vectors: Vectors
    first: int
    longest: float
    owner: Any = None
    on_gpu: Any = None

    def between(self, start: int, stop: int) -> "Matrix":
        """The passages numbered ``start`` up to ``stop``."""
        if start <= self.first and stop >= self.first + len(self.vectors):
            return self
        rows = slice(max(start - self.first, 0), max(stop - self.first, 0))
        return replace(self, vectors=self.vectors[rows], first=max(start, self.first), on_gpu=None)

    def __len__(self) -> int:
        return len(self.vectors)

    def fetch(self, questions: Vectors, chosen: Ints, count: int, least: Vectors) -> Fetched:
        """As ``best.Fetch``, of ``questions[chosen]``."""
        asked = questions[chosen]
        rough, rows = self._candidates(asked, count)
        margin = rounding(asked.shape[1]) * self.longest * np.linalg.norm(asked, axis=1)
        wanted = (rows >= 0) & (rough >= (least - margin)[:, None])
        scores = np.full(rough.shape, NONE)
        numbers = np.full(rough.shape, -1, np.int64)
        where, place = np.nonzero(wanted)
        scores[where, place] = self.exactly(asked, where, rows[where, place])
        numbers[where, place] = rows[where, place] + self.first
        whole = count >= len(self.vectors)
        others = np.full(len(asked), NONE) if whole else (rough[:, -1] + margin).astype(np.float32)
        return Fetched(scores, numbers, np.where(others < least, NONE, others))

    def _candidates(self, asked: Vectors, count: int) -> tuple[Vectors, Ints]:
        if self.on_gpu is not None and count <= MOST:
            scores, rows = self.on_gpu.search(asked, count)
            return scores, rows
        faiss = faiss_module()
        scores, rows = faiss.knn(asked, self.vectors, count, metric=faiss.METRIC_INNER_PRODUCT)
        return scores, rows

    def exactly(self, asked: Vectors, questions: Ints, rows: Ints) -> Vectors:
        """Inner products (n,) of ``asked[questions]`` with vectors ``rows`` (n,), in double precision, rounded once."""
        scores = np.empty(len(rows), np.float32)
        wide = asked.astype(np.float64)
        for start in range(0, len(rows), PAIRS_AT_ONCE):
            some = slice(start, start + PAIRS_AT_ONCE)
            found = self.vectors[rows[some]].astype(np.float64)
            scores[some] = np.einsum("ij,ij->i", wide[questions[some]], found)
        return scores


def longest_of(vectors: Vectors) -> float:
    """The length of the longest vector; 0 of none."""
    return float(np.sqrt(np.einsum("ij,ij->i", vectors, vectors).max(initial=0)))
