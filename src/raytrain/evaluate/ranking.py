"""Exact search and its score. Mathematics only."""

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytrec_eval

DEPTH = 100
SCORES_AT_ONCE = 2**24

Vectors = npt.NDArray[np.float32]


def rank(
    queries: Vectors, passages: Vectors, passage_ids: Sequence[str], depth: int = DEPTH
) -> list[list[tuple[str, float]]]:
    """The best passages of each question with their scores, by (score, id) descending as trec_eval sorts.

    ``queries`` (n, d), ``passages`` (m, d); gives n lists of min(depth, m) hits. Exact: every score is computed.
    """
    ids = np.asarray(passage_ids)
    by_id = np.argsort(ids, kind="stable")[::-1]  # columns by id descending: a stable sort then breaks ties so
    columns, names = passages[by_id], ids[by_id]
    ranked = []
    block = max(1, SCORES_AT_ONCE // len(passages))
    for start in range(0, len(queries), block):
        scores = queries[start : start + block] @ columns.T
        order = np.argsort(-scores, axis=1, kind="stable")[:, :depth]
        for row, best in zip(scores, order, strict=True):
            ranked.append(list(zip(names[best].tolist(), row[best].tolist(), strict=True)))
    return ranked


def reciprocal_ranks(
    relevant: Mapping[str, Mapping[str, int]], ranked: Mapping[str, Sequence[tuple[str, float]]]
) -> dict[str, float]:
    """Reciprocal rank at 100 of every question in ``relevant``; one without hits counts 0.

    ``recip_rank`` has no cutoff and breaks ties its own way, so the run is cut and scored by position first.
    """
    run = {
        query: {passage: float(DEPTH - place) for place, (passage, _) in enumerate(hits[:DEPTH])}
        for query, hits in ranked.items()
    }
    evaluator = pytrec_eval.RelevanceEvaluator({q: dict(r) for q, r in relevant.items()}, {"recip_rank"})
    found = evaluator.evaluate(run)
    return {query: float(found.get(query, {}).get("recip_rank", 0.0)) for query in relevant}
