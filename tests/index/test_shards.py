"""Shards: every passage is in one, and one counts only if it is there whole."""

from itertools import pairwise
from pathlib import Path

import faiss
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.artifact import sha256_of
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.shards import Shard, intact, plan_shards, read_records, write_shard
from raytrain.storage import Location

NOWHERE = Location.of("/nowhere")


def part(passages: int, language: str = "fin") -> HeldOut:
    return HeldOut("bench", language, NOWHERE / "bench" / language, questions=1, passages=passages, left_out=0)


def vectors(rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "index"))


@given(st.lists(st.integers(0, 500), max_size=5), st.integers(1, 120))
def test_every_passage_is_in_one_shard_in_order(passages: list[int], shard_rows: int) -> None:
    parts = [part(n, f"l{i}") for i, n in enumerate(passages)]
    shards = plan_shards(parts, shard_rows)
    held = [(s.part.language, row) for s in shards for row in range(s.first, s.first + s.rows)]
    assert held == [(p.language, row) for p in parts for row in range(p.passages)]
    for each in parts:
        sizes = [s.rows for s in shards if s.part == each]
        assert len(sizes) == -(-each.passages // shard_rows)  # no more of them than need be
        assert max(sizes, default=0) <= shard_rows
        assert max(sizes, default=0) - min(sizes, default=0) <= 1
        assert 0 not in sizes
    assert len({s.path for s in shards} | {s.record_path for s in shards}) == 2 * len(shards)


def test_paths_sort_as_passages_do() -> None:
    paths = [s.path for s in plan_shards([part(1_200_000)], 50_000)]
    assert paths[0] == "bench/fin/0000000000.faiss"
    assert all(a < b for a, b in pairwise(paths))


def test_a_language_without_passages_makes_no_shard() -> None:
    assert plan_shards([part(0)], 10) == []
    assert [(s.part.language, s.rows) for s in plan_shards([part(0, "ara"), part(3, "fin")], 10)] == [("fin", 3)]


def test_a_shard_is_read_back_as_it_was_written(place: Location) -> None:
    shard = Shard(part(10), 4, 5)
    record = write_shard(shard, vectors(5), place)
    local = (place / shard.path).local_path
    there = faiss.read_index(str(local))
    assert (there.ntotal, there.d, there.metric_type) == (5, 3, faiss.METRIC_INNER_PRODUCT)
    np.testing.assert_array_equal(there.reconstruct_n(0, 5), vectors(5))
    assert (record.rows, record.dimension, record.file.path) == (5, 3, shard.path)
    assert (record.file.size, record.file.sha256) == (local.stat().st_size, sha256_of(local))
    assert read_records([shard], place) == {shard.path: record}


def test_trap_5_no_shard_has_a_quantizer_of_its_own(place: Location) -> None:
    """Shards that were trained apart give other scores for one vector; exact ones hold vectors as they are."""
    rng = np.random.default_rng(1)
    rows = rng.normal(size=(40, 8)).astype(np.float32)
    question = rng.normal(size=(1, 8)).astype(np.float32)
    scores = []
    for shard in (Shard(part(80), 0, 40), Shard(part(80), 40, 40)):
        # The same vector lies in both, among others.
        write_shard(shard, np.vstack([rows[:1], rows[1:] * (1 + 9 * shard.first)]), place)
        there = faiss.read_index(str((place / shard.path).local_path))
        assert isinstance(there, faiss.IndexFlat)
        found, numbers = there.search(question, 40)
        scores.append(found[0][numbers[0] == 0][0])
    assert scores[0] == scores[1]


def test_the_same_vectors_give_the_same_bytes(place: Location) -> None:
    """A shard built twice, by a worker thought dead and by its heir, must not change the artifact."""
    shard = Shard(part(5), 0, 5)
    assert write_shard(shard, vectors(5), place) == write_shard(shard, vectors(5), place)


def test_nothing_is_done_where_nothing_is(place: Location) -> None:
    assert read_records(plan_shards([part(10)], 3), place) == {}
    assert read_records([], place) == {}


def test_what_a_crash_leaves_is_not_done(place: Location) -> None:
    shards = plan_shards([part(15)], 3)
    whole, without_record, without_file, cut, grown = shards
    for shard in shards:
        write_shard(shard, vectors(3), place)
    assert list(read_records(shards, place)) == [shard.path for shard in shards]
    (place / without_record.record_path).delete()
    (place / without_file.path).delete()
    data = (place / cut.path).read_bytes()
    (place / cut.path).write_bytes(data[:-1])
    (place / grown.path).write_bytes(data + b"x")
    assert list(read_records(shards, place)) == [whole.path]
    for shard in shards:
        write_shard(shard, vectors(3), place)
    assert list(read_records(shards, place)) == [shard.path for shard in shards]


def test_records_of_other_shards_are_passed_over(place: Location) -> None:
    shards = plan_shards([part(6, "fin"), part(6, "tel")], 3)
    for shard in shards:
        write_shard(shard, vectors(3), place)
    assert list(read_records(shards[2:], place)) == [shard.path for shard in shards[2:]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_no_numbers_are_refused(place: Location, value: float) -> None:
    broken = vectors(5)
    broken[3, 1] = value
    with pytest.raises(UserError, match=r"no numbers for bench/fin/0000000000\.faiss"):
        write_shard(Shard(part(5), 0, 5), broken, place)
    assert place.list() == []


@pytest.mark.parametrize("rows", [4, 6])
def test_vectors_more_or_fewer_than_passages_are_refused(place: Location, rows: int) -> None:
    with pytest.raises(UserError, match=r"bench/fin/0000000000\.faiss does not hold its 5 passages"):
        write_shard(Shard(part(5), 0, 5), vectors(rows), place)
    assert place.list() == []


def test_a_shard_whose_bytes_changed_is_not_done_however_long_it_is(place: Location) -> None:
    shards = [Shard(part(9), 0, 5), Shard(part(9), 5, 4)]
    for shard in shards:
        write_shard(shard, vectors(shard.rows), place)
    data = bytearray((place / shards[0].path).read_bytes())
    data[-1] ^= 1
    (place / shards[0].path).write_bytes(bytes(data))
    assert list(intact(shards, place)) == [shards[1].path]
    assert list(read_records(shards, place)) == [shards[1].path]  # nor later
