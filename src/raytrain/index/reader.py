"""Search in one build of an index, which is verified and pinned when it is opened."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np

from raytrain.errors import UserError
from raytrain.index.backend import Ints, Vectors, faiss_module
from raytrain.index.best import Best, Fetch, in_order, no_hits, with_shard
from raytrain.index.description import Description
from raytrain.index.gpus import OnGpus, Placement
from raytrain.index.lists import Lists, Probes
from raytrain.index.local_shards import LocalShards
from raytrain.index.matrix import Matrix
from raytrain.index.shards import codes_of
from raytrain.storage import Location

QUESTIONS_AT_ONCE = 2_048


@dataclass(frozen=True)
class Hit:
    """A passage that was found: its id, its inner product with the question, and where it is from.

    ``number`` is its row among all of the index.
    """

    id: str
    score: float
    language: str
    source: str
    number: int = field(compare=False)


Embed = Callable[[Sequence[str]], Vectors]
ReadTexts = Callable[[Sequence[Hit]], Mapping[int, str]]


class Index:
    """A build of an index, open for search. ``open_index`` makes one.

    It stays what it is when another build becomes the current one. Not for several threads at once.
    """

    def __init__(
        self,
        folder: Location,
        description: Description,
        *,
        embed: Embed,
        read_texts: ReadTexts,
        memory: int | None = None,
        threads: int | None = None,
        gpus: Placement | None = None,
        copies: Path | None = None,
    ) -> None:
        """``memory``: bytes of shards that are open at once. ``gpus``: shards are copied to GPUs and searched there.
        ``copies``: where files of an object store are kept.

        Raises UserError that names a damaged or missing file, and where FAISS sees no GPU.
        """
        faiss_module(threads)
        self.folder = folder
        self.description = description
        self.shards = LocalShards(folder, description, memory, copies)
        self.embed = embed
        self._gpus = OnGpus(gpus) if gpus else None
        self._read_texts = read_texts

    def search(
        self,
        questions: Sequence[str] | Vectors,
        k: int = 10,
        languages: Sequence[str] | None = None,
        *,
        nprobe: int | None = None,
    ) -> list[list[Hit]]:
        """The ``k`` best passages for each question: n texts, or vectors (n, d).

        Gives n lists of at most k hits by (score, id) descending: inner products, the highest first, equal ones with
        the last id first. Of an exact index they are those of sorting all scores, computed in double precision and
        rounded to single, whatever its shards, the batch or the threads. ``languages``: only these (ISO 639-3).
        ``nprobe``: lists to look into, of an index that has some; default: what it was tuned to.

        Raises UserError for an unknown language, an empty text, vectors of another dimension or that are no numbers.
        """
        if isinstance(languages, str):
            raise UserError(f"languages: give a list: [{languages!r}]")
        vectors = self._vectors(questions)
        found = self.best(vectors, k, self.description.ranges(languages), nprobe)
        there = found.numbers >= 0
        numbers = found.numbers[there]
        rows = zip(self.shards.ids(numbers), found.scores[there].tolist(), numbers.tolist(), strict=True)
        return [[self._hit(*row) for row in islice(rows, count)] for count in there.sum(axis=1).tolist()]

    def texts(self, hits: Sequence[Hit]) -> list[str]:
        """The passages that were found. Raises UserError if the artifact that holds them is gone."""
        texts = self._read_texts(hits)
        return [texts[hit.number] for hit in hits]

    def best(self, vectors: Vectors, k: int, ranges: Sequence[tuple[int, int]], nprobe: int | None = None) -> Best:
        """Scores (n, k) and numbers of the best passages between some rows; -1 where there are none.

        With ``nprobe`` None as many lists as the index was tuned to, and more for a question that finds fewer than
        there are: those near it may hold little of a rare language.
        """
        if k < 1:
            raise UserError(f"k: {k} passages can't be found: ask for 1 or more")
        probed = nprobe or self.description.nprobe or 1
        found = self._best(vectors, k, ranges, probed)
        there = min(k, sum(stop - first for first, stop in ranges))
        while nprobe is None and there and probed < self.lists:
            short = np.flatnonzero(found.numbers[:, there - 1] < 0)
            if not len(short):
                break
            probed = min(2 * probed, self.lists)
            more = self._best(vectors[short], k, ranges, probed)
            found.scores[short], found.numbers[short] = more.scores, more.numbers
        return found

    def _best(self, vectors: Vectors, k: int, ranges: Sequence[tuple[int, int]], nprobe: int) -> Best:
        # Of equal sizes: FAISS is much slower a question in batches below a thousand.
        parts = np.array_split(vectors, -(-len(vectors) // QUESTIONS_AT_ONCE) or 1)
        batches = [np.ascontiguousarray(part, np.float32) for part in parts]
        found = [no_hits(len(batch)) for batch in batches]
        probes = [self._probes(batch, nprobe) for batch in batches]
        # Shard by shard for all questions: each is opened once, also where they do not all fit into memory.
        for number, shard in enumerate(self.description.shards):
            for first, stop in ranges:
                start, end = max(first, shard.first), min(stop, shard.first + shard.rows)
                if start < end:
                    for at, batch in enumerate(batches):
                        fetch = self._fetch(number, start, end, batch, probes[at])
                        found[at] = with_shard(found[at], fetch, end - start, k, self.shards.ids)
        whole = Best(np.vstack([part.scores for part in found]), np.vstack([part.numbers for part in found]))
        return in_order(whole, self.shards.ids)

    def _fetch(self, number: int, start: int, stop: int, questions: Vectors, probes: Probes | None) -> Fetch:
        record, index = self.description.shards[number], self.shards.open(number)
        copy = None
        if self._gpus and (start, stop) == (record.first, record.first + record.rows):  # a GPU searches all of a shard
            copy = self._gpus.copy_of(number, index, None if probes is None else probes.lists.shape[1])
        if probes is None:
            matrix = Matrix(codes_of(index), record.first, record.longest, index, copy).between(start, stop)
            return lambda chosen, count, least: matrix.fetch(questions, chosen, count, least)
        lists = Lists(index, record.first, start, stop, copy)
        return lambda chosen, count, least: lists.fetch(probes, chosen, count, least)

    def _probes(self, questions: Vectors, nprobe: int) -> Probes | None:
        quantizer = self.shards.quantizer
        if quantizer is None:
            return None
        rotated = quantizer.rotated(questions)
        return Probes(rotated, *quantizer.nearest(rotated, min(nprobe, quantizer.ivf.nlist)))

    def _vectors(self, questions: Sequence[str] | Vectors) -> Vectors:
        if isinstance(questions, np.ndarray):
            vectors = questions
        else:
            if isinstance(questions, str):
                raise UserError("search takes a list of questions: put the one into a list")
            empty = [place for place, text in enumerate(questions) if not text.strip()]
            if empty:
                raise UserError(f"question {empty[0]} is empty: ask something")
            vectors = self.embed(questions) if questions else np.empty((0, self.description.dimension), np.float32)
        if vectors.ndim != 2 or vectors.shape[1] != self.description.dimension:
            shape = " × ".join(map(str, vectors.shape))
            raise UserError(
                f"vectors of shape {shape}: the index has {self.description.dimension} dimensions: give (n, d)"
            )
        if not np.isfinite(vectors).all():
            raise UserError("vectors hold values that are no numbers")
        return vectors

    def _hit(self, name: str, score: float, number: int) -> Hit:
        span = self.description.span_of(number)
        return Hit(name, score, span.language, span.benchmark, number)

    @property
    def lists(self) -> int:
        """How many lists it has; 0 of an exact one."""
        return int(self.shards.quantizer.ivf.nlist) if self.shards.quantizer else 0

    def ids(self, numbers: Ints) -> list[str]:
        """Ids by passage number."""
        return self.shards.ids(numbers)
