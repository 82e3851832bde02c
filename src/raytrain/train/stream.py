"""Feeding ranks: one Ray Data pipeline whose tasks read the planned rows, and the check that they came in order.

A block holds what one rank takes in some steps. Blocks go round robin over the ranks: streaming_split hands a
block to the rank with the fewest rows so far, and blocks of a round have equally many (short ones are filled up
with rows marked invalid), so block i goes to rank i mod W. Nothing promises that; so every row carries its step
and lane, and the rank checks them.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from raytrain.corpus.corpus import Corpus
from raytrain.errors import UserError
from raytrain.model.texts import Texts
from raytrain.model.tokenizer import encode
from raytrain.plan import Plan, Rows, lanes_of
from raytrain.train.step import RankBatch

MOST_BLOCKS = 4_000

BLOCK = pa.schema(
    [
        ("step", pa.int64()),
        ("lane", pa.int64()),
        ("valid", pa.bool_()),
        ("language", pa.string()),
        ("id", pa.string()),
        ("query", pa.list_(pa.int32())),
        ("passage", pa.list_(pa.int32())),
    ]
)


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
    steps_per_block: int

    def rounds(self) -> list[tuple[int, int]]:
        """The steps of each round of blocks, as (first, one past the last)."""
        starts = range(self.first_step, self.last_step, self.steps_per_block)
        return [(start, min(start + self.steps_per_block, self.last_step)) for start in starts]


def steps_per_block(plan: Plan, world_size: int, rows_per_block: int, steps: int) -> int:
    """Steps of one block, so that it has about ``rows_per_block`` rows: more where that would make more blocks
    than Ray Data starts quickly with."""
    lanes = -(-plan.lanes // world_size)
    return max(1, rows_per_block // (lanes * plan.lane_rows), -(-steps * world_size // MOST_BLOCKS))


def read_block(feed: Feed, number: int, world_size: int) -> pa.Table:
    """Block ``number``: the rows of rank ``number mod world_size`` in its round, tokenised, in order."""
    round_, rank = divmod(number, world_size)
    first, last = feed.rounds()[round_]
    plan = feed.plan
    rows = plan.rows_of(lanes_of(rank, world_size, plan.lanes), first, last - first)
    most = max(len(lanes_of(r, world_size, plan.lanes)) for r in range(world_size))
    table = tokenised(_texts(feed, rows), rows, feed.rules)
    missing = most * plan.lane_rows * (last - first) - table.num_rows
    if missing:
        filler = {"step": [last - 1] * missing, "lane": [-1] * missing, "valid": [False] * missing}
        empty: dict[str, list[Any]] = {"query": [[]] * missing, "passage": [[]] * missing}
        blank = {"language": [""] * missing, "id": [""] * missing}
        table = pa.concat_tables([table, pa.table(filler | blank | empty, BLOCK)])
    return table.combine_chunks()


def _texts(feed: Feed, rows: Rows) -> pa.Table:
    """Id, question, answer and language of planned rows, in their order; each row group is read once."""
    parts, places = [], []
    for index in np.unique(rows.language):
        place = np.flatnonzero(rows.language == index)
        language = feed.plan.languages[index]
        part = feed.corpus.read(language, rows.row[place], ("id", "question", "answer"))
        parts.append(part.append_column("language", pa.array([language] * part.num_rows)))
        places.append(place)
    back = np.argsort(np.concatenate(places), kind="stable")
    return pa.concat_tables(parts).take(pa.array(back)).combine_chunks()


def tokenised(texts: pa.Table, rows: Rows, rules: TokenRules) -> pa.Table:
    """A block of rows from their texts."""
    questions, answers = (texts.column(name).to_pylist() for name in ("question", "answer"))
    return pa.table(
        {
            "step": rows.step,
            "lane": rows.lane,
            "valid": np.ones(len(rows.step), bool),
            "language": texts.column("language"),
            "id": texts.column("id"),
            "query": encode(rules.tokenizer, questions, rules.query_prompt, rules.query_max_len),
            "passage": encode(rules.tokenizer, answers, rules.passage_prompt, rules.passage_max_len),
        },
        BLOCK,
    )


def rank_batches(blocks: Iterator[pa.Table], plan: Plan, lanes: Sequence[int], first_step: int) -> Iterator[RankBatch]:
    """The batches of a rank, step by step, out of its blocks.

    Raises UserError if a block holds other steps or lanes than the rank is to have: training on wrong rows is
    worse than stopping.
    """
    step = first_step
    want = np.repeat(np.asarray(lanes), plan.lane_rows)
    for block in blocks:
        valid = block.filter(block.column("valid"))
        for start in range(0, valid.num_rows, len(want)):
            rows = valid.slice(start, len(want))
            steps, got = (rows.column(name).to_numpy() for name in ("step", "lane"))
            if len(rows) != len(want) or (steps != step).any() or (got != want).any():
                raise UserError(
                    f"train: the stream gave steps {sorted(set(steps.tolist()))} of lanes {sorted(set(got.tolist()))} "
                    f"where step {step} of lanes {list(lanes)} was due; this is a defect: please report it"
                )
            yield RankBatch(
                step=step,
                queries=Texts.of(rows.column("query")),
                passages=Texts.of(rows.column("passage")),
                ids=rows.column("id").to_pylist(),
                languages=rows.column("language").to_pylist(),
                lanes=got.tolist(),
            )
            step += 1
