"""What an index loses against exact search, and how fast it answers: measured on held-out questions."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from raytrain.artifact import Record
from raytrain.index.backend import Vectors
from raytrain.index.best import Best
from raytrain.index.embeddings import Embeddings
from raytrain.index.exact import best_of_span
from raytrain.index.quantizer import SEED
from raytrain.index.reader import Index

AIM = 0.95  # what nprobe is tuned to where nothing is asked for
AS_MUCH = 0.002  # recall that more lists must bring to be looked into
SINGLE = 32  # questions that are asked one by one, for the latency


class Probed(Record):
    """Recall with some number of lists looked into."""

    nprobe: int
    recall: float


class Quality(Record):
    """Recall@k against exact search and speed, of ``questions`` questions or, where there are none, passages.

    ``tried`` are the numbers of lists that were tried for it; times are of this machine with these threads.
    """

    asked: Literal["questions", "passages"]
    questions: int
    k: int
    recall: float
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


def truth_of(embeddings: Embeddings, vectors: Vectors, k: int, index: Index) -> Truth:
    """Exact search of all passages for some questions; reads the embeddings once."""
    return Truth(vectors, best_of_span(embeddings, 0, embeddings.rows, vectors, k, index.ids))


def sample_passages(embeddings: Embeddings, count: int) -> Vectors:
    """Vectors of passages (count, d), to be asked for where there are no questions."""
    rng = np.random.default_rng(SEED + 1)
    rows = np.sort(rng.choice(embeddings.rows, min(count, embeddings.rows), replace=False))
    return np.concatenate([next(embeddings.blocks(row, row + 1, 1)) for row in rows.tolist()])


def recall_of(found: Best, truth: Best) -> float:
    """The share of the exact best that was found; mean over the questions."""
    shares = [
        len(np.intersect1d(some[some >= 0], best[best >= 0])) / max((best >= 0).sum(), 1)
        for some, best in zip(found.numbers, truth.numbers, strict=True)
    ]
    return float(np.mean(shares))


def tune(recall: Callable[[int], float], lists: int, wanted: float) -> list[Probed]:
    """Looks for the fewest lists that give the wanted recall; the last of what was tried is the one to take.

    Doubles them until it is reached, and halves the last gap. If it never is, the fewest are taken that find as much as
    all lists do: codes that lose much gain nothing by more.
    """
    tried = [Probed(nprobe=1, recall=recall(1))]
    while tried[-1].recall < wanted and tried[-1].nprobe < lists:
        nprobe = min(2 * tried[-1].nprobe, lists)
        tried.append(Probed(nprobe=nprobe, recall=recall(nprobe)))
    if tried[-1].recall < wanted:
        enough = next(probed for probed in tried if probed.recall >= max(p.recall for p in tried) - AS_MUCH)
        return [probed for probed in tried if probed != enough] + [enough]
    if tried[-1].nprobe == 1:
        return tried
    good, low = tried[-1], tried[-2].nprobe
    while good.nprobe - low > 1 + low // 16:  # nearer is not worth a search
        nprobe = (low + good.nprobe) // 2
        probed = Probed(nprobe=nprobe, recall=recall(nprobe))
        tried.append(probed)
        if probed.recall >= wanted:
            good = probed
        else:
            low = nprobe
    return [probed for probed in tried if probed != good] + [good]


def measure(
    index: Index,
    truth: Truth,
    asked: Literal["questions", "passages"],
    k: int,
    wanted: float | None,
    threads: int,
) -> Quality:
    """Recall, latency and throughput of an index; of one with lists, with as many looked into as ``wanted`` takes."""
    everywhere = index.description.ranges(None)
    tried: list[Probed] = []
    if index.description.quantizer:
        lists = index.lists

        def recall(nprobe: int) -> float:
            return recall_of(index.best(truth.vectors, k, everywhere, nprobe), truth.best)

        tried = tune(recall, lists, AIM if wanted is None else wanted)
    nprobe = tried[-1].nprobe if tried else None
    began = time.monotonic()
    found = index.best(truth.vectors, k, everywhere, nprobe)
    batch = time.monotonic() - began
    single = []
    for vector in truth.vectors[:SINGLE]:
        began = time.monotonic()
        index.best(vector[None], k, everywhere, nprobe)
        single.append(time.monotonic() - began)
    return Quality(
        asked=asked,
        questions=len(truth.vectors),
        k=k,
        recall=recall_of(found, truth.best),
        nprobe=nprobe,
        tried=tried,
        ms_a_question=round(1_000 * float(np.median(single)), 3),
        questions_a_second=round(len(truth.vectors) / max(batch, 1e-9), 1),
        threads=threads,
    )
