"""What an index loses against exact search, and how fast it answers: measured on held-out questions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from raytrain.artifact import Record
from raytrain.index.backend import Ints, Vectors
from raytrain.index.best import Best
from raytrain.index.embeddings import Embeddings
from raytrain.index.exact import best_of_span
from raytrain.index.quantizer import SEED
from raytrain.index.reader import Index

FloatArray = npt.NDArray[np.float64]

CONFIDENCE = 0.95  # of the intervals of recall
RESAMPLES = 2_000
AIM = 0.95  # what nprobe is tuned to where nothing is asked for
AS_MUCH = 0.002  # recall that more lists must bring to be looked into
SINGLE = 32  # questions that are asked one by one, for the latency


class Probed(Record):
    """Recall with some number of lists looked into, and the lower end of its interval."""

    nprobe: int
    recall: float
    low: float


class Quality(Record):
    """Recall@k against exact search with its 95 % interval, and speed, of ``questions`` questions or, where there are
    none, passages.

    ``tried`` are the numbers of lists that were tried to find ``nprobe``, and ``tuned_on`` is how many questions had a
    say in it: others than are reported of, and these too (``independent`` is false) where they found less than was
    wanted, or there was one question only. Times are of this machine with these threads.
    """

    asked: Literal["questions", "passages"]
    questions: int
    k: int
    recall: float
    low: float
    high: float
    tuned_on: int
    independent: bool
    nprobe: int | None
    tried: list[Probed]
    ms_a_question: float
    questions_a_second: float
    threads: int


@dataclass(frozen=True)
class Truth:
    """Questions as vectors (n, d), and the exact best of each."""

    vectors: Vectors
    best: Best

    def halves(self) -> tuple["Truth", "Truth"]:
        """The questions in two halves, drawn by chance, for they come in turns of language; one alone is in both."""
        order = np.random.default_rng(SEED).permutation(len(self.vectors))
        half = len(order) // 2
        return self._some(order[:half] if half else order), self._some(order[half:])

    def _some(self, rows: Ints) -> "Truth":
        return Truth(self.vectors[rows], Best(self.best.scores[rows], self.best.numbers[rows]))


def truth_of(embeddings: Embeddings, vectors: Vectors, k: int, index: Index) -> Truth:
    """Exact search of all passages for some questions; reads the embeddings once."""
    return Truth(vectors, best_of_span(embeddings, 0, embeddings.rows, vectors, k, index.ids))


def sample_passages(embeddings: Embeddings, count: int) -> Vectors:
    """Vectors of passages (count, d), to be asked for where there are no questions."""
    rng = np.random.default_rng(SEED + 1)
    rows = np.sort(rng.choice(embeddings.rows, min(count, embeddings.rows), replace=False))
    return embeddings.take(rows)


def recalls(found: Best, truth: Best) -> FloatArray:
    """The share of the exact best that was found of each question (n,)."""
    return np.array(
        [
            len(np.intersect1d(some[some >= 0], best[best >= 0])) / max((best >= 0).sum(), 1)
            for some, best in zip(found.numbers, truth.numbers, strict=True)
        ]
    )


def interval(shares: FloatArray) -> tuple[float, float]:
    """Of their mean, by the percentile bootstrap over questions (Efron and Tibshirani 1993)."""
    rng = np.random.default_rng(SEED)
    means = shares[rng.integers(0, len(shares), (RESAMPLES, len(shares)))].mean(axis=1)
    low, high = np.quantile(means, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return float(low), float(high)


def tune(probe: Callable[[int], Probed], lists: int, wanted: float) -> list[Probed]:
    """Looks for the fewest lists that surely give the wanted recall; the last of what was tried is the one to take.

    Surely: the lower end of the interval reaches it, so that other questions will most likely find as much.

    Doubles them until it is reached, and halves the last gap. If it never is, the fewest are taken that find as much as
    all lists do: codes that lose much gain nothing by more.
    """
    tried = [probe(1)]
    while tried[-1].low < wanted and tried[-1].nprobe < lists:
        tried.append(probe(min(2 * tried[-1].nprobe, lists)))
    if tried[-1].low < wanted:
        enough = next(probed for probed in tried if probed.recall >= max(p.recall for p in tried) - AS_MUCH)
        return [probed for probed in tried if probed != enough] + [enough]
    if tried[-1].nprobe == 1:
        return tried
    good, low = tried[-1], tried[-2].nprobe
    while good.nprobe - low > 1 + low // 16:  # nearer is not worth a search
        nprobe = (low + good.nprobe) // 2
        probed = probe(nprobe)
        tried.append(probed)
        if probed.low >= wanted:
            good = probed
        else:
            low = nprobe
    return [probed for probed in tried if probed != good] + [good]


def _raised(probe: Callable[[int], Probed], lists: int, wanted: float, nprobe: int) -> list[Probed]:
    """What is tried with more lists than ``nprobe``, until the wanted recall is reached; nothing where it is."""
    tried = list[Probed]()
    found = probe(nprobe)
    while found.recall < wanted and found.nprobe < lists:
        found = probe(min(found.nprobe + 1 + found.nprobe // 4, lists))
        tried.append(found)
    return tried


def _probed(index: Index, truth: Truth, k: int, nprobe: int) -> Probed:
    shares = recalls(index.best(truth.vectors, k, index.description.ranges(None), nprobe), truth.best)
    return Probed(nprobe=nprobe, recall=float(shares.mean()), low=interval(shares)[0])


def measure(
    index: Index,
    truth: Truth,
    asked: Literal["questions", "passages"],
    k: int,
    wanted: float | None,
    threads: int,
) -> Quality:
    """Recall, latency and throughput of an index; of one with lists, with as many looked into as ``wanted`` takes.

    How many that is, half of the questions say, and the other half what comes of it. While it finds less than is
    wanted, a quarter more lists are looked into, if the first half reached that.
    """
    everywhere = index.description.ranges(None)
    aim = AIM if wanted is None else wanted
    tried: list[Probed] = []
    tuned_on, independent = 0, True
    if index.lists:
        before, reported = truth.halves()
        tried = tune(lambda nprobe: _probed(index, before, k, nprobe), index.lists, aim)
        tuned_on, independent = len(before.vectors), len(truth.vectors) > 1
        if tried[-1].low >= aim:
            more = _raised(lambda nprobe: _probed(index, reported, k, nprobe), index.lists, aim, tried[-1].nprobe)
            if more:
                tuned_on, independent = len(truth.vectors), False
            tried += more
        truth = reported
    nprobe = tried[-1].nprobe if tried else None
    began = time.monotonic()
    shares = recalls(index.best(truth.vectors, k, everywhere, nprobe), truth.best)
    batch = time.monotonic() - began
    low, high = interval(shares)
    single = []
    for vector in truth.vectors[:SINGLE]:
        began = time.monotonic()
        index.best(vector[None], k, everywhere, nprobe)
        single.append(time.monotonic() - began)
    return Quality(
        asked=asked,
        questions=len(truth.vectors),
        k=k,
        recall=float(shares.mean()),
        low=low,
        high=high,
        tuned_on=tuned_on,
        independent=independent,
        nprobe=nprobe,
        tried=tried,
        ms_a_question=round(1_000 * float(np.median(single)), 3),
        questions_a_second=round(len(truth.vectors) / max(batch, 1e-9), 1),
        threads=threads,
    )
