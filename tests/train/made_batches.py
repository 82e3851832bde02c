"""Batches of random tokens, always the same, and a plan of their shape."""

from collections.abc import Mapping

import numpy as np

from raytrain.model.texts import Texts
from raytrain.plan import Plan, Shards
from raytrain.train.rank_batch import RankBatch

LANES, LANE_ROWS = 4, 2
LANGUAGES = ("deu", "fin")
PLAN = Plan.of(
    {language: Shards(language, (200,), 50) for language in LANGUAGES},
    dict.fromkeys(LANGUAGES, 1.0),
    batch_size=LANES * LANE_ROWS,
    lanes=LANES,
    seed=1,
    batching="mixed",
)


def id_of(step: int, lane: int, row: int) -> str:
    return f"{step}.{lane}.{row}"


def ids_of(step: int, lanes: range = range(LANES)) -> list[str]:
    return [id_of(step, lane, row) for lane in lanes for row in range(LANE_ROWS)]


def batch_of(step: int, lanes: range, marked: Mapping[int, tuple[int, int]] | None = None) -> RankBatch:
    """The rows of some lanes, always the same; ``marked``: step → a lane, and a token that ends its last passage."""
    texts: dict[str, list[list[int]]] = {"queries": [], "passages": []}
    for lane in lanes:
        rng = np.random.default_rng([step, lane])
        for _ in range(LANE_ROWS):
            for name, most in (("queries", 6), ("passages", 20)):
                texts[name].append(rng.integers(10, 300, rng.integers(2, most)).tolist())
        if marked and step in marked and marked[step][0] == lane:
            texts["passages"][-1].append(marked[step][1])
    queries, passages = (
        Texts(np.concatenate(ids).astype(np.int32), np.cumsum([0, *map(len, ids)]).astype(np.int64))
        for ids in texts.values()
    )
    languages = [LANGUAGES[lane % 2] for lane in lanes for _ in range(LANE_ROWS)]
    return RankBatch(
        step, queries, passages, ids_of(step, lanes), languages, [x for x in lanes for _ in range(LANE_ROWS)]
    )
