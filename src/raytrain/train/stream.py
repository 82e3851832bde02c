"""What data tasks do: read the planned rows, round after round.

A round is laid out block after block, rank after rank. Ray Data cuts it into its blocks and deals them round robin:
streaming_split hands a block to the rank with the fewest rows so far, and all blocks are equally long (short ones are
filled up with rows marked invalid), so block i goes to rank i mod W. Nothing promises that; so every row carries its
step and lane, and the rank checks them (``batches``). Nothing here needs torch, which takes seconds to import.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from raytrain.corpus.corpus import Corpus
from raytrain.model.tokens import TokenRules, tokenised
from raytrain.plan import Plan, lanes_of
from raytrain.train.rounds import Rounds

Ints = npt.NDArray[np.int64]

TEXTS = ("id", "question", "answer")
CANDIDATES = ("positives", "negatives", "positive_scores", "negative_scores")
TOKENS_OF = {"question": "query", "answer": "passage"}  # what the columns of token ids are called


@dataclass(frozen=True)
class Feed:
    """All that tasks need to compute and read their rows: indices travel, rows do not."""

    plan: Plan
    corpus: Corpus
    rules: TokenRules
    first_step: int
    last_step: int
    rows_per_round: int
    tokens: Corpus | None = None  # the same rows as token ids, where they were made before

    def rounds(self, world_size: int) -> Rounds:
        """How the steps are cut for so many ranks."""
        return Rounds.of(
            self.first_step,
            self.last_step,
            step_rows=max(len(lanes_of(rank, world_size, self.plan.lanes)) for rank in range(world_size))
            * self.plan.lane_rows,
            world_size=world_size,
            rows=self.rows_per_round,
            row_bytes=self.corpus.row_bytes,
        )


def columns_of(corpus: Corpus) -> tuple[str, ...]:
    """What the stream reads of a corpus: TEXTS, and CANDIDATES where it has any."""
    return TEXTS + (CANDIDATES if corpus.training_rows else ())


def read_round(feed: Feed, number: int, world_size: int) -> pa.Table:
    """Round ``number`` as texts: for each of its blocks the rows of rank 0, of rank 1, … in order of (step, lane).

    Columns: step, lane, valid, language and those of ``columns_of``. Short blocks end with rows that are not valid.
    Raises UserError that names a shard that can't be read.
    """
    rows = _planned(feed, feed.corpus, columns_of(feed.corpus), number, world_size)
    return _dealt(rows, feed, number, world_size)


def read_token_round(feed: Feed, number: int, world_size: int) -> pa.Table:
    """Round ``number`` as token ids, what ranks train on: the same whether they were made before or are made here."""
    columns = columns_of(feed.corpus)
    if feed.tokens is None:
        rows = tokenised(_planned(feed, feed.corpus, columns, number, world_size), feed.rules)
    else:
        ready = tuple(TOKENS_OF.get(name, name) for name in columns)
        rows = _planned(feed, feed.tokens, ready, number, world_size)
    return _dealt(rows, feed, number, world_size)


def _planned(feed: Feed, corpus: Corpus, columns: tuple[str, ...], number: int, world_size: int) -> pa.Table:
    """The rows of a round, each once, sorted by (step, lane)."""
    plan, blocks = feed.plan, feed.rounds(world_size).steps(number)
    first, last = blocks[0].start, blocks[-1].stop
    rows = plan.rows_of(range(plan.lanes), first, last - first)
    table = corpus.read_mixed(plan.languages, rows.language, rows.row, columns)
    names = pa.DictionaryArray.from_arrays(pa.array(rows.language.astype(np.int32)), pa.array(plan.languages))
    head = {"step": rows.step, "lane": rows.lane, "language": names.cast(pa.string())}
    return pa.table(head | {name: table.column(name) for name in columns})


def _dealt(rows: pa.Table, feed: Feed, number: int, world_size: int) -> pa.Table:
    """The rows of a round in the order of blocks. Filler is a row like any other, so that columns stay well formed."""
    rounds = feed.rounds(world_size)
    order = _places(feed.plan, rounds.steps(number), rounds.block_rows, world_size)
    valid = order >= 0
    table = rows.take(pa.array(np.maximum(order, 0)))
    lane = pa.array(np.where(valid, table.column("lane").to_numpy(), -1))
    table = table.set_column(table.schema.get_field_index("lane"), "lane", lane)
    return table.add_column(2, "valid", pa.array(valid))


ReadRound = Callable[[Feed, int, int], pa.Table]


def read_numbered(numbers: pa.Table, feed: Feed, read: ReadRound, world_size: int) -> pa.Table:
    """``read`` for a table whose column ``id`` holds one number of a round: the function that Ray Data maps."""
    (number,) = numbers.column("id").to_pylist()
    return read(feed, number, world_size)


def _places(plan: Plan, blocks: Sequence[range], block_rows: int, world_size: int) -> Ints:
    """Places of the rows of a round, given sorted by (step, lane), in the order of blocks; -1 is filler.

    Shape (len(blocks) × world_size × block_rows,).
    """
    order = np.full((len(blocks), world_size, block_rows), -1)
    first = blocks[0].start
    for block, steps in enumerate(blocks):
        for rank in range(world_size):
            lanes = lanes_of(rank, world_size, plan.lanes)
            inside = np.arange(lanes.start, lanes.stop)[:, None] * plan.lane_rows + np.arange(plan.lane_rows)
            own = (np.asarray(steps) - first)[:, None] * plan.batch_size + inside.reshape(-1)
            order[block, rank, : own.size] = own.reshape(-1)
    return order.reshape(-1)
