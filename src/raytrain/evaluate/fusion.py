"""Rankings of several systems made into one: reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np

from raytrain.evaluate.metrics import DEPTH, Hits

K = 60  # the paper's, and what others fuse with


def reciprocal_rank_fusion(runs: Sequence[Mapping[str, Hits]], depth: int = DEPTH, k: int = K) -> dict[str, Hits]:
    """The ``depth`` best passages of every question of any run, by the sum of 1 / (k + rank) over the runs.

    Ranks count from 1, in the order of the hits; a run that lacks a passage adds nothing for it. Raw scores play no
    part, so that runs of any scale can be fused. Scores are single precision, ordered by (score, id) descending.
    """
    questions = dict.fromkeys(question for run in runs for question in run)
    return {question: _fused([run.get(question, []) for run in runs], depth, k) for question in questions}


def _fused(rankings: Sequence[Hits], depth: int, k: int) -> Hits:
    shares: dict[str, list[float]] = {}
    for hits in rankings:
        for rank, (passage, _) in enumerate(hits, 1):
            shares.setdefault(passage, []).append(1 / (k + rank))
    # fsum: the same whatever the order of the runs. Rounded once, to what is kept, so that ties are those of the file.
    scores = {passage: float(np.float32(math.fsum(parts))) for passage, parts in shares.items()}
    return sorted(scores.items(), key=lambda hit: (hit[1], hit[0]), reverse=True)[:depth]
