"""Search in the inverted lists of a shard, whose centroids it shares with all others."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from raytrain.index.backend import Ints, Vectors, faiss_module
from raytrain.index.best import NONE, Fetched
from raytrain.index.gpus import MOST


@dataclass(frozen=True)
class Probes:
    """Questions ready for inverted lists: turned as the lists are (n, d), and the lists to look into (n, nprobe)."""

    rotated: Vectors
    scores: Vectors
    lists: Ints


@dataclass(frozen=True)
class Lists:
    """A shard with inverted lists, whose first passage has the number ``first``; searched between two numbers.

    ``on_gpu`` is a copy of all of it that is searched instead, where its kernels can.
    """

    index: Any
    first: int
    start: int
    stop: int
    on_gpu: Any = None

    def __len__(self) -> int:
        return self.stop - self.start

    def fetch(self, probes: Probes, chosen: Ints, count: int, least: Vectors) -> Fetched:
        """As ``best.Fetch``. A score depends on question, centroid and code alone, not on the shard."""
        if self.on_gpu is not None and max(count, probes.lists.shape[1]) <= MOST:
            scores, rows = self.on_gpu.search(np.ascontiguousarray(probes.rotated[chosen]), count)
        else:
            scores, rows = self._search(probes, chosen, count)
        none = rows < 0
        scores[none] = NONE
        whole = none.any(axis=1) | (count >= len(self))
        others = np.where(whole, NONE, scores[:, -1])
        return Fetched(scores, np.where(none, -1, rows + self.first), np.where(others < least, NONE, others))

    def _search(self, probes: Probes, chosen: Ints, count: int) -> tuple[Vectors, Ints]:
        faiss = faiss_module()
        scores = np.empty((len(chosen), count), np.float32)
        rows = np.empty((len(chosen), count), np.int64)
        arrays = [np.ascontiguousarray(a[chosen]) for a in (probes.rotated, probes.lists, probes.scores)]
        asked, lists, near = map(faiss.swig_ptr, arrays)
        wanted = faiss.SearchParametersIVF(nprobe=probes.lists.shape[1])
        if (self.start, self.stop) != (self.first, self.first + self.index.ntotal):
            selector = faiss.IDSelectorRange(self.start - self.first, self.stop - self.first)
            wanted = faiss.SearchParametersIVF(nprobe=probes.lists.shape[1], sel=selector)
        # Not the method of the Python class, which takes no parameters.
        self.index.search_preassigned_c(
            len(chosen), asked, count, lists, near, faiss.swig_ptr(scores), faiss.swig_ptr(rows), False, wanted
        )
        return scores, rows
