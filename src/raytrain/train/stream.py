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
import pyarrow.compute as pc

from raytrain.corpus.corpus import Corpus
from raytrain.model.tokenizer import encode
from raytrain.plan import Plan, lanes_of
from raytrain.train.rounds import Rounds

Ints = npt.NDArray[np.int64]

TEXTS = ("id", "question", "answer")
CANDIDATES = ("positives", "negatives", "positive_scores", "negative_scores")


@dataclass(frozen=True)
class TokenRules:
    """How text becomes token ids; ``tokenizer`` is its JSON text."""

    tokenizer: str
    query_prompt: str
    passage_prompt: str
    query_max_len: int
    passage_max_len: int


@dataclass(frozen=True)
class Feed:
    """All that tasks need to compute and read their rows: indices travel, rows do not."""

    plan: Plan
    corpus: Corpus
    rules: TokenRules
    first_step: int
    last_step: int
    rows_per_round: int

    def rounds(self, world_size: int) -> Rounds:
        """How the steps are cut for so many ranks."""
        return Rounds.of(
            self.first_step,
            self.last_step,
            step_rows=max(len(lanes_of(rank, world_size, self.plan.lanes)) for rank in range(world_size))
            * self.plan.lane_rows,
            world_size=world_size,
            rows=self.rows_per_round,
        )


def read_round(feed: Feed, number: int, world_size: int) -> pa.Table:
    """Round ``number`` as texts: for each of its blocks the rows of rank 0, of rank 1, … in order of (step, lane).

    Columns: step, lane, valid, language and those of the corpus (TEXTS, and CANDIDATES where it has any). Short
    blocks end with rows that are not valid. Raises UserError that names a shard that can't be read.
    """
    plan, rounds = feed.plan, feed.rounds(world_size)
    blocks = rounds.steps(number)
    first, last = blocks[0].start, blocks[-1].stop
    rows = plan.rows_of(range(plan.lanes), first, last - first)
    order = _dealt(plan, blocks, rounds.block_rows, world_size)
    valid = order >= 0
    taken = np.maximum(order, 0)  # filler is a row like any other: all columns stay well formed
    language = rows.language[taken]
    columns = TEXTS + (CANDIDATES if feed.corpus.training_rows else ())
    texts = feed.corpus.read_mixed(plan.languages, language, rows.row[taken], columns)
    names = pa.DictionaryArray.from_arrays(pa.array(language.astype(np.int32)), pa.array(plan.languages))
    head = {
        "step": rows.step[taken],
        "lane": np.where(valid, rows.lane[taken], -1),
        "valid": valid,
        "language": names.cast(pa.string()),
    }
    return pa.table(head | {name: texts.column(name) for name in columns})


def read_token_round(feed: Feed, number: int, world_size: int) -> pa.Table:
    """Round ``number`` as token ids: what ranks train on."""
    return tokenised(read_round(feed, number, world_size), feed.rules)


ReadRound = Callable[[Feed, int, int], pa.Table]


def read_numbered(numbers: pa.Table, feed: Feed, read: ReadRound, world_size: int) -> pa.Table:
    """``read`` for a table whose column ``id`` holds one number of a round: the function that Ray Data maps."""
    (number,) = numbers.column("id").to_pylist()
    return read(feed, number, world_size)


def _dealt(plan: Plan, blocks: Sequence[range], block_rows: int, world_size: int) -> Ints:
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


def tokenised(texts: pa.Table, rules: TokenRules) -> pa.Table:
    """The same rows with token ids for texts.

    ``question`` becomes ``query`` and ``answer`` becomes ``passage``, both list<int32>; ``positives`` and
    ``negatives`` become list<list<int32>>, where a row without any has an empty list. Other columns stay.
    """
    columns = {}
    for name in texts.column_names:
        column = texts.column(name)
        if name == "question":
            columns["query"] = encode(rules.tokenizer, column.to_pylist(), rules.query_prompt, rules.query_max_len)
        elif name == "answer":
            columns["passage"] = _passages(column, rules)
        elif name in ("positives", "negatives"):
            flat = _passages(pc.list_flatten(column), rules)
            columns[name] = pa.ListArray.from_arrays(pa.array(offsets_of(column), pa.int32()), flat)
        else:
            columns[name] = column
    return pa.table(columns)


def _passages(texts: pa.ChunkedArray, rules: TokenRules) -> pa.ListArray:
    return encode(rules.tokenizer, texts.to_pylist(), rules.passage_prompt, rules.passage_max_len)


def offsets_of(lists: pa.ChunkedArray) -> Ints:
    """Where each list begins in the flattened column, and where the last one ends. Shape (n + 1,)."""
    lengths = pc.fill_null(pc.list_value_length(lists), 0).to_numpy()
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
