"""Shards of an index: every passage is in one, all have one quantizer, and one counts only if it is there whole."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded import built, embedded, unit_vectors
from raytrain.errors import UserError
from raytrain.index import build
from raytrain.index.backend import faiss_module
from raytrain.index.embeddings import Embeddings
from raytrain.index.kinds import choose
from raytrain.index.quantizer import load_quantizer, sample, sample_rows, train_quantizer
from raytrain.index.shards import (
    BLOCK,
    Shard,
    ShardRecord,
    build_shard,
    check_shard,
    of_plan,
    open_ids,
    open_shard,
    plan_shards,
    records_of,
)
from raytrain.records import intact, read_records
from raytrain.storage import Location

KINDS = ["Flat", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ4", "OPQ4,IVF8,PQ4"]
ROWS = 600


@pytest.fixture(scope="module")
def embeddings(tmp_path_factory: pytest.TempPathFactory) -> Embeddings:
    vectors = unit_vectors(1, ROWS, clusters=8)
    ids = [f"p{i}" for i in range(ROWS)]
    parts = {"fin": (ids[:400], vectors[:400]), "tel": (ids[400:], vectors[400:])}
    return embedded(tmp_path_factory.mktemp("embeddings"), parts, piece_rows=70)


@given(st.integers(0, 20 * BLOCK), st.integers(1, 3 * BLOCK))
def test_every_row_is_in_one_shard_in_order(rows: int, shard_rows: int) -> None:
    shards = plan_shards(rows, shard_rows)
    assert [shard.number for shard in shards] == list(range(len(shards)))
    at = 0
    for shard in shards:
        assert shard.first == at
        assert 0 < shard.rows <= shard_rows
        assert shard.first % min(BLOCK, shard_rows) == 0
        at += shard.rows
    assert at == rows


def test_a_sample_is_spread_over_all_rows_and_always_the_same(embeddings: Embeddings) -> None:
    rows = sample_rows(embeddings, 60)
    assert np.all(np.diff(rows) > 0)
    assert np.array_equal(np.unique(rows // 10), np.arange(60))  # one of each ten
    assert np.array_equal(rows, sample_rows(embeddings, 60))
    assert np.array_equal(sample_rows(embeddings, 10**9), np.arange(ROWS))
    everything = np.vstack(list(embeddings.blocks(0, ROWS, 1_000)))
    np.testing.assert_array_equal(sample(embeddings, 60), everything[rows])


@pytest.mark.parametrize("kind", KINDS)
def test_a_shard_built_twice_has_the_same_bytes_and_no_centroids(
    tmp_path: Path, embeddings: Embeddings, kind: str
) -> None:
    """A worker thought dead and its heir must not change the artifact; nor must training the quantizer again."""
    first = built(tmp_path / "a", embeddings, kind, shards=3)[1]
    again = built(tmp_path / "b", embeddings, kind, shards=3)[1]
    assert first == again
    assert [record.rows for record in first.shards] == [200, 200, 200]
    if first.quantizer:
        shard = faiss_module().read_index(str(tmp_path / "a" / first.shards[0].shard.path))
        assert (shard.quantizer.ntotal, shard.ntotal) == (0, 200)


def test_trap_5_all_shards_have_the_quantizer_of_the_index(tmp_path: Path, embeddings: Embeddings) -> None:
    """Shards that were trained apart give other scores for one vector: here the lists of all mean the same."""
    place, described = built(tmp_path, embeddings, "IVF8,PQ4", shards=3)
    assert described.quantizer is not None
    assert {record.quantizer for record in described.shards} == {described.quantizer.sha256}
    quantizer = load_quantizer(place, described.quantizer)
    one = faiss_module().clone_index(quantizer.index)
    one.add(np.vstack(list(embeddings.blocks(0, ROWS, 1_000))))
    for record in described.shards:
        shard = open_shard((place / record.shard.path).local_path, quantizer)
        for number in range(8):
            held = faiss_module().rev_swig_ptr(shard.invlists.get_ids(number), shard.invlists.list_size(number)).copy()
            whole = faiss_module().rev_swig_ptr(one.invlists.get_ids(number), one.invlists.list_size(number)).copy()
            here = whole[(whole >= record.first) & (whole < record.first + record.rows)] - record.first
            assert np.array_equal(held, here)


def test_what_a_crash_leaves_is_not_done(tmp_path: Path, embeddings: Embeddings) -> None:
    place = Location.of(str(tmp_path))
    shards = plan_shards(ROWS, 100)
    records = [build_shard(shard, embeddings, None, place, 1) for shard in shards]
    names = [shard.name for shard in shards]

    def done(plan: list[Shard] = shards, quantizer: str = "") -> list[str]:
        return list(of_plan(plan, quantizer, read_records(place, records_of(plan), ShardRecord)))

    assert done() == names
    assert done(quantizer="another quantizer") == []
    (place / shards[1].record_path).delete()
    (place / records[2].ids.path).delete()
    cut, changed = place / records[3].shard.path, place / records[4].shard.path
    cut.write_bytes(cut.read_bytes()[:-1])
    data = bytearray(changed.read_bytes())
    data[-1] ^= 1
    changed.write_bytes(bytes(data))
    assert done() == [names[0], names[4], names[5]]
    there = read_records(place, records_of(shards), ShardRecord)
    assert list(intact(place, records_of(shards), there)) == [names[0], names[5]]
    assert done() == [names[0], names[5]]  # nor later
    moved = [Shard(shard.number, shard.first + 1, shard.rows) for shard in shards]
    assert done(moved) == []


@pytest.mark.parametrize("kind", ["Flat", "IVF8,Flat", "IVF8,SQ8", "IVF8,PQ4"])
def test_a_shard_of_other_rows_is_not_taken_for_what_was_written(
    tmp_path: Path, embeddings: Embeddings, kind: str
) -> None:
    place, described = built(tmp_path, embeddings, kind, shards=3)
    quantizer = load_quantizer(place, described.quantizer) if described.quantizer else None
    first, other = ((place / record.shard.path).local_path for record in described.shards[:2])
    shard = plan_shards(ROWS, 200)[0]
    check_shard(shard, first, quantizer, embeddings, 200)
    with pytest.raises(UserError, match="shards/00000 does not find its own passages"):
        check_shard(shard, other, quantizer, embeddings, 200)
    with pytest.raises(UserError, match="shards/00000 does not hold its 200 passages"):
        check_shard(shard, first, quantizer, embeddings, 199)


def test_ids_are_mapped_in_the_order_of_the_rows(tmp_path: Path, embeddings: Embeddings) -> None:
    place = Location.of(str(tmp_path))
    (shard,) = plan_shards(ROWS, ROWS)
    record = build_shard(shard, embeddings, None, place, 1)
    ids = open_ids((place / record.ids.path).local_path)
    assert ids.to_pylist() == embeddings.ids(0, ROWS).to_pylist()
    assert ids.num_chunks == 1  # whatever pieces they come from


def test_too_few_passages_for_the_codes_are_told(tmp_path: Path) -> None:
    few = embedded(tmp_path / "few", {"fin": ([f"{i}" for i in range(30)], unit_vectors(2, 30))})
    kind = choose("IVF1,PQ4", few.rows, few.dimension, 2**30, None).kind
    with pytest.raises(UserError, match="can't be trained on 30 passages"):
        train_quantizer(kind, sample(few, 30), Location.of(str(tmp_path)), 1)


def test_a_task_that_was_killed_after_its_work_does_not_do_it_again(tmp_path: Path, embeddings: Embeddings) -> None:
    """Ray runs it again, as it could not tell; a damaged shard is made anew none the less."""
    place = Location.of(str(tmp_path))
    shard = plan_shards(ROWS, 200)[1]
    record = build._build(shard, embeddings, None, place, 1)
    path = (place / record.shard.path).local_path
    before = path.stat().st_mtime_ns
    assert build._build(shard, embeddings, None, place, 1) == record
    assert path.stat().st_mtime_ns == before
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert build._build(shard, embeddings, None, place, 1) == record
    assert intact(place, records_of([shard]), {shard.name: record})
