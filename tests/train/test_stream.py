"""The stream: blocks hold exactly the planned rows, and a rank takes no others."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from raytrain.corpus.corpus import Corpus
from raytrain.corpus.layout import write_shard
from raytrain.corpus.pairs import PAIRS
from raytrain.errors import UserError
from raytrain.model.texts import Texts
from raytrain.model.tokenizer import train_tokenizer
from raytrain.plan import Plan, Shards, lanes_of
from raytrain.storage import Location
from raytrain.train.step import RankBatch
from raytrain.train.stream import BLOCK, MOST_BLOCKS, Feed, TokenRules, rank_batches, read_block, steps_per_block

SHARD_ROWS = {"deu": (250, 350), "eng": (600,), "fin": (90, 1, 509)}
GROUP = 40
FIRST, LAST, PER_BLOCK = 3, 14, 4  # the last round is short


def question(language: str, row: int) -> str:
    return f"{language} {row}?"


def answer(language: str, row: int) -> str:
    return f"{row} " * (1 + row % 17) + language


def write_corpus(folder: Location) -> Corpus:
    """Some languages in several files, written as prepare writes them; row n of a language says so."""
    paths: dict[str, tuple[str, ...]] = {}
    for language, sizes in SHARD_ROWS.items():
        first = 0
        for shard, size in enumerate(sizes):
            rows = [
                {
                    "id": f"{language}-{row}",
                    "origin": "o",
                    "url": "",
                    "question": question(language, row),
                    "answer": answer(language, row),
                    "extra": None,
                }
                for row in range(first, first + size)
            ]
            table = pa.Table.from_pylist(rows, PAIRS).append_column("key", pa.array(range(size), pa.uint64()))
            file = write_shard(table.take(list(reversed(range(size)))), "key", folder, language, shard, GROUP)
            paths[language] = (*paths.get(language, ()), file.path)
            first += size
    return Corpus(folder, {name: Shards(name, sizes, GROUP) for name, sizes in SHARD_ROWS.items()}, paths)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(Location.of(str(tmp_path_factory.mktemp("corpus"))))


@pytest.fixture(scope="module")
def rules() -> TokenRules:
    texts = [f(lang, row) for f in (question, answer) for lang in SHARD_ROWS for row in range(60)]
    return TokenRules(train_tokenizer(texts, 400).to_str(), "query: ", "passage: ", 8, 16)


@pytest.fixture(scope="module", params=["homogeneous", "mixed"])
def feed(request: pytest.FixtureRequest, corpus: Corpus, rules: TokenRules) -> Feed:
    """Four lanes of three rows."""
    mix = {"deu": 0.25, "eng": 0.5, "fin": 0.25}
    plan = Plan.of(corpus.shards, mix, batch_size=12, lanes=4, seed=7, batching=request.param)
    return Feed(plan, corpus, rules, FIRST, LAST, PER_BLOCK)


def blocks_of(feed: Feed, rank: int, world: int) -> Iterator[pa.Table]:
    """What a rank gets where blocks go round robin."""
    for round_ in range(len(feed.rounds())):
        yield read_block(feed, round_ * world + rank, world)


def batches_of(feed: Feed, rank: int, world: int) -> list[RankBatch]:
    lanes = lanes_of(rank, world, feed.plan.lanes)
    return list(rank_batches(blocks_of(feed, rank, world), feed.plan, lanes, feed.first_step))


def by_hand(rules: TokenRules, text: str, max_len: int) -> list[int]:
    tokenizer = Tokenizer.from_str(rules.tokenizer)
    tokenizer.enable_truncation(max_len)
    return list(tokenizer.encode(text).ids)


def test_rounds_cover_each_step_once(feed: Feed) -> None:
    assert feed.rounds() == [(3, 7), (7, 11), (11, 14)]
    assert replace(feed, first_step=LAST).rounds() == []


@pytest.mark.parametrize("world", [1, 3])
def test_a_block_holds_the_planned_rows_with_their_texts_tokenised(feed: Feed, world: int) -> None:
    for number in range(len(feed.rounds()) * world):
        first, last = feed.rounds()[number // world]
        planned = feed.plan.rows_of(lanes_of(number % world, world, 4), first, last - first)
        names = [feed.plan.languages[index] for index in planned.language]
        block = read_block(feed, number, world)
        assert block.schema == BLOCK
        valid = block.filter(block.column("valid"))
        assert valid.column("step").to_pylist() == planned.step.tolist()
        assert valid.column("lane").to_pylist() == planned.lane.tolist()
        assert valid.column("language").to_pylist() == names
        assert valid.column("id").to_pylist() == [f"{n}-{row}" for n, row in zip(names, planned.row, strict=True)]
        for name, row, query, passage in zip(
            names, planned.row, valid.column("query").to_pylist(), valid.column("passage").to_pylist(), strict=True
        ):
            assert query == by_hand(feed.rules, "query: " + question(name, row), 8)
            assert passage == by_hand(feed.rules, "passage: " + answer(name, row), 16)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_all_blocks_of_a_round_are_equally_long(feed: Feed, world: int) -> None:
    """Three workers on four lanes: two own one lane and one owns two, so two blocks are filled up."""
    for round_, (first, last) in enumerate(feed.rounds()):
        blocks = [read_block(feed, round_ * world + rank, world) for rank in range(world)]
        most = -(-4 // world)
        assert {block.num_rows for block in blocks} == {most * 3 * (last - first)}
        for rank, block in enumerate(blocks):
            filler = block.filter(pa.compute.invert(block.column("valid")))
            assert block.num_rows - filler.num_rows == len(lanes_of(rank, world, 4)) * 3 * (last - first)
            assert set(filler.column("lane").to_pylist()) <= {-1}
            assert set(filler.column("id").to_pylist()) <= {""}


@pytest.mark.parametrize("world", [1, 3])
def test_a_rank_gets_each_step_once_and_in_order(feed: Feed, world: int) -> None:
    for rank in range(world):
        batches = batches_of(feed, rank, world)
        lanes = np.repeat(lanes_of(rank, world, 4), 3).tolist()
        assert [batch.step for batch in batches] == list(range(FIRST, LAST))
        for batch in batches:
            assert batch.lanes == lanes
            assert len(batch.ids) == len(batch.languages) == len(batch.queries) == len(batch.passages) == len(lanes)


def test_a_batch_holds_the_texts_of_its_ids(feed: Feed) -> None:
    for batch in batches_of(feed, 2, 3):
        for i, name in enumerate(batch.ids):
            language, row = name.split("-")
            assert language == batch.languages[i]
            assert tokens(batch.queries, i) == by_hand(feed.rules, "query: " + question(language, int(row)), 8)
            assert tokens(batch.passages, i) == by_hand(feed.rules, "passage: " + answer(language, int(row)), 16)


def tokens(texts: Texts, i: int) -> list[int]:
    return list(texts.ids[texts.offsets[i] : texts.offsets[i + 1]].tolist())


def test_any_world_size_takes_the_same_rows_at_every_step(feed: Feed) -> None:
    joined = []
    for world in (1, 2, 3, 4):
        ranks = [batches_of(feed, rank, world) for rank in range(world)]
        joined.append([[name for batch in step for name in batch.ids] for step in zip(*ranks, strict=True)])
    assert joined[0] == joined[1] == joined[2] == joined[3]
    assert len(joined[0]) == LAST - FIRST
    assert all(len(set(step)) == len(step) == 12 for step in joined[0])


def test_steps_are_the_same_however_they_are_cut_into_blocks(feed: Feed) -> None:
    whole = [batch.ids for batch in batches_of(feed, 0, 2)]
    for per_block in (1, 3, 100):
        assert [batch.ids for batch in batches_of(replace(feed, steps_per_block=per_block), 0, 2)] == whole
    later = replace(feed, first_step=9)
    assert [batch.ids for batch in batches_of(later, 0, 2)] == whole[6:]


def refusal(feed: Feed, blocks: list[pa.Table]) -> str:
    """What rank 0 of 2 says to wrong blocks."""
    with pytest.raises(UserError) as caught:
        list(rank_batches(iter(blocks), feed.plan, lanes_of(0, 2, 4), FIRST))
    line = str(caught.value)
    assert "\n" not in line
    assert "was due; this is a defect" in line
    return line


def test_wrong_blocks_are_refused(feed: Feed) -> None:
    own, other = (list(blocks_of(feed, rank, 2)) for rank in range(2))
    assert "steps [7] of lanes [0, 1] where step 3 of lanes [0, 1]" in refusal(
        feed, [own[1], own[0], own[2]]
    )  # swapped
    assert "where step 7" in refusal(feed, [own[0], own[2]])  # lost
    assert "where step 7" in refusal(feed, [own[0], own[0], own[1]])  # given twice
    assert "of lanes [2, 3] where" in refusal(feed, [other[0], *own[1:]])  # another rank's
    assert "where step 7" in refusal(feed, [own[0], other[1]])


@pytest.mark.parametrize("lost", [0, 1, 6, 11, 23])
def test_a_lost_row_is_refused(feed: Feed, lost: int) -> None:
    own = list(blocks_of(feed, 0, 2))
    short = own[0].take([i for i in range(own[0].num_rows) if i != lost])
    assert f"where step {FIRST + lost // 6} of" in refusal(feed, [short, *own[1:]])


def test_rows_out_of_order_and_rows_too_many_are_refused(feed: Feed) -> None:
    own = list(blocks_of(feed, 0, 2))
    mixed_up = own[0].take([3, 1, 2, 0, *range(4, own[0].num_rows)])
    assert "where step 3 of" in refusal(feed, [mixed_up, *own[1:]])
    longer = pa.concat_tables([own[0], own[0].slice(0, 1)])
    assert "where step 7 of" in refusal(feed, [longer, *own[1:]])


def test_a_lost_shard_is_named(tmp_path: Path, rules: TokenRules) -> None:
    folder = Location.of(str(tmp_path))
    corpus = write_corpus(folder)
    plan = Plan.of(corpus.shards, {"eng": 1.0}, batch_size=12, lanes=4, seed=7, batching="homogeneous")
    feed = Feed(plan, corpus, rules, 0, 8, 8)
    (folder / "eng/part-00000.parquet").delete()
    with pytest.raises(UserError, match=f"{tmp_path}/eng/part-00000.parquet"):
        read_block(feed, 0, 1)


def test_blocks_are_about_as_long_as_asked_and_not_too_many(feed: Feed) -> None:
    plan = feed.plan
    assert steps_per_block(plan, 1, 120, steps=50) == 10
    assert steps_per_block(plan, 3, 120, steps=50) == 20  # as long as the longest: two lanes
    assert steps_per_block(plan, 4, 1, steps=50) == 1
    steps = 3 * MOST_BLOCKS
    many = replace(feed, first_step=0, last_step=steps, steps_per_block=steps_per_block(plan, 4, 1, steps))
    assert len(many.rounds()) * 4 <= MOST_BLOCKS
