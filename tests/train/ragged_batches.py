"""Batches with all that makes them awkward: collisions, any number of candidates, missing scores, unequal lengths."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from raytrain.model.texts import Texts
from raytrain.train.rank_batch import Candidates, Ragged, RankBatch

LANES, LANE_ROWS, VOCABULARY = 5, 2, 300
LANGUAGES = ("deu", "eng", "fin")


@dataclass(frozen=True)
class Row:
    """A row as a user would write it; texts are token ids."""

    question: list[int]
    positives: list[list[int]]
    negatives: list[list[int]]
    positive_scores: list[float]  # NaN: unknown
    negative_scores: list[float]
    language: str


def row(step: int, lane: int, place: int) -> Row:
    """A row that depends on its place alone. Every third draws its texts from a few that others draw from too."""
    rng = np.random.default_rng([step, lane, place])
    pool = np.random.default_rng([step])
    few = [pool.integers(5, VOCABULARY, pool.integers(3, 20)).tolist() for _ in range(3)]

    def text(most: int) -> list[int]:
        return rng.integers(5, VOCABULARY, rng.integers(2, most)).tolist()

    shared = (lane * LANE_ROWS + place) % 3 == 0
    question = few[rng.integers(3)] if shared else text(8)
    positives = [few[rng.integers(3)] if shared else text(24), *(text(16) for _ in range(rng.integers(0, 3)))]
    negatives = [text(16) for _ in range(rng.integers(0, 4))] + ([few[0]] if shared else [])
    scores = rng.normal(size=len(positives) + len(negatives)) * 3
    scores[rng.random(len(scores)) < 0.2] = np.nan
    if place == 1:
        scores[:] = np.nan
    language = LANGUAGES[int(rng.integers(len(LANGUAGES)))]
    return Row(question, positives, negatives, *(s.tolist() for s in np.split(scores, [len(positives)])), language)


def rows_of(step: int, lanes: Sequence[int]) -> list[Row]:
    """The rows of some lanes at a step, in order."""
    return [row(step, lane, place) for lane in lanes for place in range(LANE_ROWS)]


def texts_of(texts: Sequence[Sequence[int]]) -> Texts:
    flat = np.array([token for text in texts for token in text], np.int32)
    return Texts(flat, np.cumsum([0, *map(len, texts)]).astype(np.int64))


def _ragged(texts: list[list[list[int]]], scores: list[list[float]]) -> Ragged:
    flat = [value for row_scores in scores for value in row_scores]
    return Ragged(
        texts_of([text for row_texts in texts for text in row_texts]),
        np.cumsum([0, *map(len, texts)]).astype(np.int64),
        np.array(flat, np.float32),
    )


def batch_of(rows: Sequence[Row], step: int, lanes: Sequence[int]) -> RankBatch:
    """The batch of a rank that has these rows."""
    return RankBatch(
        step,
        texts_of([r.question for r in rows]),
        texts_of([r.positives[0] for r in rows]),
        [f"{step}-{i}" for i in range(len(rows))],
        [r.language for r in rows],
        [lane for lane in lanes for _ in range(LANE_ROWS)],
        Candidates(
            np.array([r.positive_scores[0] for r in rows], np.float32),
            _ragged([r.positives[1:] for r in rows], [r.positive_scores[1:] for r in rows]),
            _ragged([r.negatives for r in rows], [r.negative_scores for r in rows]),
        ),
    )
