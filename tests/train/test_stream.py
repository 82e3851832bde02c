"""The stream: rounds hold exactly the planned rows, and a rank takes no others."""

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tokenizers import Tokenizer

from raytrain.corpus.corpus import Corpus
from raytrain.corpus.pairs import PAIRS
from raytrain.errors import UserError
from raytrain.model.texts import Texts
from raytrain.model.tokenizer import train_tokenizer
from raytrain.model.tokens import TokenRules, tokenised
from raytrain.parquet import write_parquet
from raytrain.plan import Plan, Shards, lanes_of
from raytrain.storage import Location
from raytrain.train.batches import rank_batches, rank_rows
from raytrain.train.rank_batch import Ragged, RankBatch
from raytrain.train.stream import Feed, read_round, read_token_round

SHARD_ROWS = {"deu": (250, 350), "eng": (600,), "fin": (90, 1, 509)}
GROUP = 40
FIRST, LAST, PER_ROUND = 3, 24, 60  # the last round is short


def question(language: str, row: int) -> str:
    return f"{language} {row}?"


def answer(language: str, row: int) -> str:
    return f"{row} " * (1 + row % 17) + language


def training_columns(language: str, row: int) -> dict[str, Any]:
    """Every third row has 1, 2 or 3 negatives, every fourth further positives, and not all are scored."""
    columns: dict[str, Any] = {}
    if row % 3 == 0:
        columns["negatives"] = [f"{language} not {row} {i}" for i in range(1 + row % 7 % 3)]
        if row % 2 == 0:
            columns["negative_scores"] = [row + i / 8 for i in range(len(columns["negatives"]))]
    if row % 4 == 0:
        columns["positives"] = [f"{language} also {row}"]
    if row % 5 == 0:
        columns["positive_scores"] = [row + 0.5, row + 0.25][: 1 + (row % 4 == 0)]
    return columns


def write_corpus(folder: Location, training_rows: bool = False) -> Corpus:
    """Some languages in several files; row n of a language says so."""
    paths: dict[str, tuple[str, ...]] = {}
    for language, sizes in SHARD_ROWS.items():
        first = 0
        for shard, size in enumerate(sizes):
            rows = [
                {"id": f"{language}-{row}", "question": question(language, row), "answer": answer(language, row)}
                | (training_columns(language, row) if training_rows else {})
                for row in range(first, first + size)
            ]
            path = f"{language}/part-{shard:05d}.parquet"
            write_parquet(pa.Table.from_pylist(rows, PAIRS), folder, path, GROUP)
            paths[language] = (*paths.get(language, ()), path)
            first += size
    shards = {name: Shards(name, sizes, GROUP) for name, sizes in SHARD_ROWS.items()}
    return Corpus(folder, shards, paths, training_rows)


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    return write_corpus(Location.of(str(tmp_path_factory.mktemp("corpus"))))


@pytest.fixture(scope="module")
def rules() -> TokenRules:
    texts = [f(lang, row) for f in (question, answer) for lang in SHARD_ROWS for row in range(60)]
    return TokenRules(train_tokenizer(texts, 400).to_str(), "query: ", "passage: ", 8, 16)


def feed_of(corpus: Corpus, rules: TokenRules, batching: Any = "mixed") -> Feed:
    """Four lanes of three rows."""
    mix = {"deu": 0.25, "eng": 0.5, "fin": 0.25}
    plan = Plan.of(corpus.shards, mix, batch_size=12, lanes=4, seed=7, batching=batching)
    return Feed(plan, corpus, rules, FIRST, LAST, PER_ROUND)


@pytest.fixture(scope="module", params=["homogeneous", "mixed"])
def feed(request: pytest.FixtureRequest, corpus: Corpus, rules: TokenRules) -> Feed:
    return feed_of(corpus, rules, request.param)


def cut(feed: Feed, read: Any, world: int) -> list[pa.Table]:
    """All blocks, as the pipeline cuts the rounds."""
    rounds = feed.rounds(world)
    tables = [read(feed, number, world) for number in range(len(rounds))]
    return [t.slice(at, rounds.block_rows) for t in tables for at in range(0, t.num_rows, rounds.block_rows)]


def blocks_of(feed: Feed, rank: int, world: int) -> list[pa.Table]:
    """What a rank gets where blocks go round robin."""
    return cut(feed, read_token_round, world)[rank::world]


def batches_of(feed: Feed, rank: int, world: int) -> list[RankBatch]:
    lanes = lanes_of(rank, world, feed.plan.lanes)
    return list(rank_batches(iter(blocks_of(feed, rank, world)), feed.plan, lanes, feed.first_step))


def by_hand(rules: TokenRules, text: str, max_len: int) -> list[int]:
    tokenizer = Tokenizer.from_str(rules.tokenizer)
    tokenizer.enable_truncation(max_len)
    return list(tokenizer.encode(text).ids)


@pytest.mark.parametrize("world", [1, 2, 3, 4])
def test_blocks_hold_the_planned_rows_of_rank_after_rank(feed: Feed, world: int) -> None:
    """Three workers on four lanes: two own one lane and one owns two, so two blocks are filled up."""
    rounds = feed.rounds(world)
    steps = [block for number in range(len(rounds)) for block in rounds.steps(number)]
    blocks = cut(feed, read_round, world)
    assert len(blocks) == len(steps) * world
    for number, block in enumerate(blocks):
        span, lanes = steps[number // world], lanes_of(number % world, world, 4)
        planned = feed.plan.rows_of(lanes, span.start, len(span))
        names = [feed.plan.languages[index] for index in planned.language]
        assert block.num_rows == rounds.block_rows == -(-4 // world) * 3 * rounds.block_steps
        valid = block.slice(0, len(planned.step))
        assert block.column("valid").to_pylist() == [n < len(planned.step) for n in range(block.num_rows)]
        assert set(block.slice(len(planned.step)).column("lane").to_pylist()) <= {-1}
        assert valid.column("step").to_pylist() == planned.step.tolist()
        assert valid.column("lane").to_pylist() == planned.lane.tolist()
        assert valid.column("language").to_pylist() == names
        there = list(zip(names, planned.row.tolist(), strict=True))
        assert valid.column("id").to_pylist() == [f"{name}-{row}" for name, row in there]
        assert valid.column("question").to_pylist() == [question(name, row) for name, row in there]
        assert valid.column("answer").to_pylist() == [answer(name, row) for name, row in there]


def test_the_first_batch_needs_a_short_round_only(feed: Feed) -> None:
    """Two workers: blocks of 5 steps; the first round is one a worker, which is a whole round here."""
    longer = replace(feed, rows_per_round=4 * PER_ROUND, last_step=10**6)
    rounds = longer.rounds(4)
    assert [read_round(longer, number, 4).num_rows for number in range(3)] == [4 * rounds.block_rows] * 3
    longer = replace(feed, rows_per_round=24_000, last_step=10**6)
    rounds = longer.rounds(1)
    sizes = [read_round(longer, number, 1).num_rows for number in range(4)]
    assert sizes == [blocks * rounds.block_rows for blocks in (1, 2, 4, 5)]


def test_a_row_group_is_read_once_for_all_workers(corpus: Corpus, rules: TokenRules) -> None:
    """A round of a whole pass reads each row group once or, where the halves meet and a batch ends, twice."""
    plan = Plan.of(corpus.shards, {"eng": 1.0}, batch_size=12, lanes=4, seed=7, batching="homogeneous")
    rows = plan.rows_of(range(4), 0, 50)
    parts, _ = corpus.locate(plan.languages, rows.language, rows.row)
    assert sum(part.rows for part in parts) == 600


def test_tokens_are_those_of_the_texts(feed: Feed) -> None:
    texts = read_round(feed, 0, 3)
    tokens = tokenised(texts, feed.rules)
    assert set(tokens.column_names) == {"step", "lane", "valid", "language", "id", "query", "passage"}
    assert tokens.schema.field("query").type == tokens.schema.field("passage").type == pa.list_(pa.int32())
    assert tokens.drop_columns(["query", "passage"]).equals(texts.drop_columns(["question", "answer"]))
    for query, passage, asked, answered in zip(
        *(tokens.column(name).to_pylist() for name in ("query", "passage")),
        *(texts.column(name).to_pylist() for name in ("question", "answer")),
        strict=True,
    ):
        assert query == by_hand(feed.rules, "query: " + asked, 8)
        assert passage == by_hand(feed.rules, "passage: " + answered, 16)


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


def test_steps_are_the_same_however_they_are_cut(feed: Feed) -> None:
    whole = [batch.ids for batch in batches_of(feed, 0, 2)]
    for rows in (1, 36, 100, 10**6):
        assert [batch.ids for batch in batches_of(replace(feed, rows_per_round=rows), 0, 2)] == whole
    later = replace(feed, first_step=9)
    assert [batch.ids for batch in batches_of(later, 0, 2)] == whole[6:]


def ragged(texts: Ragged, i: int) -> list[list[int]]:
    return [tokens(texts.texts, j) for j in range(texts.offsets[i], texts.offsets[i + 1])]


def scores(texts: Ragged, i: int) -> list[float]:
    return list(texts.scores[texts.offsets[i] : texts.offsets[i + 1]].tolist())


@pytest.mark.parametrize("world", [1, 3])
def test_further_positives_negatives_and_scores_arrive(tmp_path: Path, rules: TokenRules, world: int) -> None:
    feed = feed_of(write_corpus(Location.of(str(tmp_path)), training_rows=True), rules)
    seen = set()
    for batch in (batch for rank in range(world) for batch in batches_of(feed, rank, world)):
        found = batch.candidates
        assert found is not None
        assert len(found.passage_scores) == len(batch.ids)
        for offsets in (found.positives.offsets, found.negatives.offsets):
            assert len(offsets) == len(batch.ids) + 1
        for i, name in enumerate(batch.ids):
            language, row = name.split("-")
            seen.add(int(row))
            want = training_columns(language, int(row))
            for key, given in (("positives", found.positives), ("negatives", found.negatives)):
                texts = want.get(key, [])
                assert ragged(given, i) == [by_hand(rules, "passage: " + text, 16) for text in texts]
            positive_scores = want.get("positive_scores", [np.nan] * (1 + len(want.get("positives", []))))
            negative_scores = want.get("negative_scores", [np.nan] * len(want.get("negatives", [])))
            np.testing.assert_equal([found.passage_scores[i], *scores(found.positives, i)], positive_scores)
            np.testing.assert_equal(scores(found.negatives, i), negative_scores)
    assert len(seen) > 100


@pytest.mark.parametrize("most", [0, 1, 2, 3, 9])
def test_of_a_rows_negatives_the_first_are_taken_and_all_else_stays(
    tmp_path: Path, rules: TokenRules, most: int
) -> None:
    feed = feed_of(write_corpus(Location.of(str(tmp_path)), training_rows=True), rules)
    whole = batches_of(feed, 0, 1)
    lanes = lanes_of(0, 1, feed.plan.lanes)
    cut = list(rank_batches(iter(blocks_of(feed, 0, 1)), feed.plan, lanes, FIRST, negatives_per_row=most))
    assert [batch.ids for batch in cut] == [batch.ids for batch in whole]
    for before, after in zip(whole, cut, strict=True):
        old, new = before.candidates, after.candidates
        assert old is not None
        assert new is not None
        np.testing.assert_equal(new.passage_scores, old.passage_scores)
        np.testing.assert_equal(new.positives.scores, old.positives.scores)
        assert len(new.negatives.offsets) == len(after.ids) + 1
        assert len(new.negatives.texts) == len(new.negatives.scores) == new.negatives.offsets[-1]
        for i in range(len(after.ids)):
            assert ragged(new.positives, i) == ragged(old.positives, i)
            assert ragged(new.negatives, i) == ragged(old.negatives, i)[:most]
            np.testing.assert_equal(scores(new.negatives, i), scores(old.negatives, i)[:most])


def test_a_corpus_of_pairs_has_no_candidates(feed: Feed) -> None:
    assert all(batch.candidates is None for batch in batches_of(feed, 0, 1))


def refusal(feed: Feed, blocks: list[pa.Table]) -> str:
    """What rank 0 of 2 says to wrong blocks."""
    with pytest.raises(UserError) as caught:
        list(rank_batches(iter(blocks), feed.plan, lanes_of(0, 2, 4), FIRST))
    line = str(caught.value)
    assert "\n" not in line
    assert "was due; this is a defect" in line
    return line


def test_wrong_blocks_are_refused(feed: Feed) -> None:
    own, other = (blocks_of(feed, rank, 2) for rank in range(2))
    assert "steps [8] of lanes [0, 1] where step 3 of lanes [0, 1]" in refusal(
        feed, [own[1], own[0], own[2]]
    )  # swapped
    assert "where step 8" in refusal(feed, [own[0], own[2]])  # lost
    assert "where step 8" in refusal(feed, [own[0], own[0], own[1]])  # given twice
    assert "of lanes [2, 3] where" in refusal(feed, [other[0], *own[1:]])  # another rank's
    assert "where step 8" in refusal(feed, [own[0], other[1]])


@pytest.mark.parametrize("lost", [0, 1, 6, 11, 29])
def test_a_lost_row_is_refused(feed: Feed, lost: int) -> None:
    own = blocks_of(feed, 0, 2)
    short = own[0].take([i for i in range(own[0].num_rows) if i != lost])
    assert f"where step {FIRST + lost // 6} of" in refusal(feed, [short, *own[1:]])


def test_rows_out_of_order_and_rows_too_many_are_refused(feed: Feed) -> None:
    own = blocks_of(feed, 0, 2)
    mixed_up = own[0].take([3, 1, 2, 0, *range(4, own[0].num_rows)])
    assert "where step 3 of" in refusal(feed, [mixed_up, *own[1:]])
    longer = pa.concat_tables([own[0], own[0].slice(0, 1)])
    assert "where step 8 of" in refusal(feed, [longer, *own[1:]])


def test_a_lost_shard_is_named(tmp_path: Path, rules: TokenRules) -> None:
    feed = feed_of(write_corpus(Location.of(str(tmp_path))), rules)
    (feed.corpus.folder / "eng/part-00000.parquet").delete()
    with pytest.raises(UserError, match=f"{tmp_path}/eng/part-00000.parquet"):
        read_round(feed, 0, 1)


def consume(feed: Feed, read: Any, world: int) -> list[list[tuple[int, list[str]]]]:
    """(step, ids) of each rank, out of the real pipeline, each rank an actor of its own."""
    import ray
    from ray.data import ExecutionOptions

    from raytrain.train.splits import planned_rows, shard_blocks

    class Rank:
        def take(self, shard: Any, rank: int) -> list[tuple[int, list[str]]]:
            lanes = lanes_of(rank, world, feed.plan.lanes)
            rows = rank_rows(shard_blocks(shard), feed.plan, lanes, feed.first_step)
            return [(step, table.column("id").to_pylist()) for step, table in rows]

    ranks = [ray.remote(num_cpus=0.1)(Rank).remote() for _ in range(world)]
    splits = planned_rows(feed, read, world, ExecutionOptions())
    taken: list[Any] = [
        rank.take.remote(split, number)  # type: ignore[attr-defined]
        for number, (rank, split) in enumerate(zip(ranks, splits, strict=True))
    ]
    return list(ray.get(taken))


@pytest.mark.parametrize(("read", "steps", "rows"), [(read_round, 3_000, 24_576), (read_token_round, 83, 180)])
def test_ray_brings_each_rank_its_rows(
    local_ray: None, corpus: Corpus, rules: TokenRules, read: Any, steps: int, rows: int
) -> None:
    """Ranks with one lane and with two; rounds of two blocks a rank and of one; a ragged last one."""
    feed = replace(feed_of(corpus, rules), first_step=5, last_step=5 + steps, rows_per_round=rows)
    rounds = feed.rounds(3)
    assert rounds.blocks == (2 if read is read_round else 1)
    assert len(rounds.steps(len(rounds) - 1)[-1]) < rounds.block_steps
    ranks = consume(feed, read, 3)
    for rank, taken in enumerate(ranks):
        planned = feed.plan.rows_of(lanes_of(rank, 3, 4), 5, steps)
        names = np.array(feed.plan.languages)[planned.language]
        want = [f"{name}-{row}" for name, row in zip(names, planned.row, strict=True)]
        assert [step for step, _ in taken] == list(range(5, 5 + steps))
        assert [one for _, ids in taken for one in ids] == want


def test_rounds_come_in_order_also_where_a_later_one_is_read_first(
    local_ray: None, corpus: Corpus, rules: TokenRules, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With more rounds than tasks, too."""
    monkeypatch.setattr("raytrain.train.splits.MOST_TASKS", 7)
    feed = replace(feed_of(corpus, rules), last_step=63)
    assert len(feed.rounds(2)) == 12

    def read_slowly(feed: Feed, number: int, world_size: int) -> pa.Table:
        time.sleep(1.5 if number in (0, 4) else 0)
        return read_round(feed, number, world_size)

    ranks = consume(feed, read_slowly, 2)
    assert [[step for step, _ in taken] for taken in ranks] == [list(range(FIRST, 63))] * 2


def test_a_shard_lost_under_way_stops_the_workers_and_is_named(
    local_ray: None, tmp_path: Path, rules: TokenRules
) -> None:
    feed = feed_of(write_corpus(Location.of(str(tmp_path))), rules)
    (feed.corpus.folder / "fin/part-00002.parquet").delete()
    with pytest.raises(Exception, match="fin/part-00002") as caught:
        consume(feed, read_round, 2)
    assert f"cannot read {tmp_path}/fin/part-00002.parquet: no such file" in str(caught.value)
