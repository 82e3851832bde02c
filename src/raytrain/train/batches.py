"""What ranks take: their batches out of the blocks that they get, and the check that each row is the one due."""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from raytrain.errors import UserError
from raytrain.model.texts import Texts
from raytrain.model.tokens import offsets_of
from raytrain.plan import Plan
from raytrain.train.rank_batch import Candidates, Ragged, RankBatch

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]


def rank_rows(
    blocks: Iterator[pa.Table], plan: Plan, lanes: Sequence[int], first_step: int
) -> Iterator[tuple[int, pa.Table]]:
    """The rows of a rank, step by step, out of its blocks, as (step, rows in order of lanes).

    Raises UserError if a block holds other steps or lanes than the rank is to have: training on wrong rows is
    worse than stopping.
    """
    step = first_step
    want = np.repeat(np.asarray(lanes), plan.lane_rows)
    for block in blocks:
        valid = block.filter(block.column("valid")).combine_chunks()
        for start in range(0, valid.num_rows, len(want)):
            rows = valid.slice(start, len(want))
            steps, got = (rows.column(name).to_numpy() for name in ("step", "lane"))
            if len(rows) != len(want) or (steps != step).any() or (got != want).any():
                raise UserError(
                    f"train: the stream gave steps {sorted(set(steps.tolist()))} of lanes {sorted(set(got.tolist()))} "
                    f"where step {step} of lanes {list(lanes)} was due; this is a defect: please report it"
                )
            yield step, rows
            step += 1


def rank_batches(
    blocks: Iterator[pa.Table],
    plan: Plan,
    lanes: Sequence[int],
    first_step: int,
    negatives_per_row: int | None = None,
) -> Iterator[RankBatch]:
    """The batches of a rank, step by step, out of its blocks of token ids. Raises what ``rank_rows`` raises.

    Of a row's negatives only the first ``negatives_per_row`` are taken; None: all of them.
    """
    for step, rows in rank_rows(blocks, plan, lanes, first_step):
        yield RankBatch(
            step=step,
            queries=Texts.of(rows.column("query")),
            passages=Texts.of(rows.column("passage")),
            ids=rows.column("id").to_pylist(),
            languages=rows.column("language").to_pylist(),
            lanes=rows.column("lane").to_pylist(),
            candidates=_candidates(rows, negatives_per_row) if "positives" in rows.column_names else None,
        )


def _candidates(rows: pa.Table, negatives_per_row: int | None) -> Candidates:
    # The passage of a row is the first of its positives, and so is its score.
    first, positives = np.ones(len(rows), np.int64), offsets_of(rows.column("positives"))
    scores = _scores(rows.column("positive_scores"), first + np.diff(positives))
    firsts = positives[:-1] + np.arange(len(rows))
    return Candidates(
        passage_scores=scores[firsts],
        positives=Ragged(Texts.of(pc.list_flatten(rows.column("positives"))), positives, np.delete(scores, firsts)),
        negatives=_negatives(rows, negatives_per_row),
    )


def _negatives(rows: pa.Table, most: int | None) -> Ragged:
    offsets = offsets_of(rows.column("negatives"))
    lengths = np.diff(offsets)
    texts, scores = pc.list_flatten(rows.column("negatives")), _scores(rows.column("negative_scores"), lengths)
    if most is not None:
        taken = np.arange(len(scores)) - np.repeat(offsets[:-1], lengths) < most
        texts, scores = texts.filter(pa.array(taken)), scores[taken]
        offsets = np.concatenate([[0], np.cumsum(np.minimum(lengths, most))]).astype(np.int64)
    return Ragged(Texts.of(texts), offsets, scores)


def _scores(column: pa.ChunkedArray, lengths: Ints) -> Floats:
    """Scores of ``lengths[i]`` passages of each row, one after the other; NaN for rows that have none."""
    scores = np.full(lengths.sum(), np.nan, np.float32)
    known = np.repeat(pc.is_valid(column).to_numpy(), lengths)
    scores[known] = pc.list_flatten(column).to_numpy()
    return scores
