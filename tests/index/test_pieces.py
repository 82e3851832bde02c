"""Pieces: every passage is in one, and one counts only if it is there whole."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embedded import embedded
from raytrain.artifact import sha256_of
from raytrain.errors import UserError
from raytrain.evaluate.held_out import HeldOut
from raytrain.index.config import Dtype
from raytrain.index.pieces import Piece, PieceRecord, plan_pieces, records_of, write_piece
from raytrain.records import intact, read_records
from raytrain.storage import Location

NOWHERE = Location.of("/nowhere")


def part(passages: int, language: str = "fin") -> HeldOut:
    return HeldOut("bench", language, NOWHERE / "bench" / language, questions=1, passages=passages, left_out=0)


def vectors(rows: int) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    return np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)


def write(piece: Piece, values: np.ndarray, place: Location, dtype: Dtype = "fp32") -> PieceRecord:
    names = pa.array([f"p{i}" for i in range(piece.rows)], pa.string())
    return write_piece(piece, values, names, dtype, (20, 22), place)


@pytest.fixture
def place(tmp_path: Path) -> Location:
    return Location.of(str(tmp_path / "index"))


@given(st.lists(st.integers(0, 500), max_size=5), st.integers(1, 120))
def test_every_passage_is_in_one_piece_in_order(passages: list[int], piece_rows: int) -> None:
    parts = [part(n, f"l{i}") for i, n in enumerate(passages)]
    pieces = plan_pieces(parts, piece_rows)
    held = [(s.part.language, row) for s in pieces for row in range(s.first, s.first + s.rows)]
    assert held == [(p.language, row) for p in parts for row in range(p.passages)]
    for each in parts:
        sizes = [s.rows for s in pieces if s.part == each]
        assert len(sizes) == -(-each.passages // piece_rows)  # no more of them than need be
        assert max(sizes, default=0) <= piece_rows
        assert max(sizes, default=0) - min(sizes, default=0) <= 1
        assert 0 not in sizes
    assert len({s.name for s in pieces} | {s.record_path for s in pieces}) == 2 * len(pieces)


def test_paths_sort_as_passages_do() -> None:
    paths = [s.name for s in plan_pieces([part(1_200_000)], 50_000)]
    assert paths[0] == "bench/fin/0000000000"
    assert all(a < b for a, b in pairwise(paths))


def test_a_language_without_passages_makes_no_piece() -> None:
    assert plan_pieces([part(0)], 10) == []
    assert [(s.part.language, s.rows) for s in plan_pieces([part(0, "ara"), part(3, "fin")], 10)] == [("fin", 3)]


@pytest.mark.parametrize("dtype", ["fp32", "fp16"])
def test_a_piece_is_read_back_as_it_was_written(place: Location, dtype: Dtype) -> None:
    piece = Piece(part(10), 4, 5)
    record = write(piece, vectors(5), place, dtype)
    local = (place / record.vectors.path).local_path
    np.testing.assert_array_equal(np.load(local), vectors(5))
    assert np.load(local).dtype == (np.float16 if dtype == "fp16" else np.float32)
    names = pq.read_table((place / record.ids.path).local_path).column("id").to_pylist()
    assert names == [f"p{i}" for i in range(5)]
    assert (record.rows, record.dimension, record.tokens, record.padded_tokens) == (5, 3, 20, 22)
    assert (record.vectors.size, record.vectors.sha256) == (local.stat().st_size, sha256_of(local))
    assert done([piece], place) == {piece.name: record}


def done(pieces: Sequence[Piece], place: Location) -> dict[str, PieceRecord]:
    return read_records(place, records_of(pieces), PieceRecord)


def test_other_vectors_go_into_other_files(place: Location) -> None:
    """A slower writer, on another machine, leaves what a manifest names as it is."""
    piece = Piece(part(5), 0, 5)
    first = write(piece, vectors(5), place)
    second = write(piece, vectors(5) + np.float32(1e-6), place)
    assert first.vectors.path != second.vectors.path
    assert first.ids == second.ids
    assert {info.path for info in place.list()} >= {first.vectors.path, second.vectors.path}
    assert done([piece], place) == {piece.name: second}


def test_what_another_writer_tidies_away_meanwhile_is_not_done(
    place: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has finished and deletes the records between the listing and the reading, or even the files."""
    pieces = plan_pieces([part(6)], 3)
    records = [write(piece, vectors(3), place) for piece in pieces]
    listed = place.list()
    (place / pieces[0].record_path).delete()
    monkeypatch.setattr(Location, "list", lambda self, recursive=True: listed)
    there = done(pieces, place)
    assert list(there) == [pieces[1].name]
    (place / records[1].ids.path).delete()
    assert intact(place, records_of(pieces), there) == {}


def test_a_record_that_can_not_be_read_counts_for_nothing(place: Location) -> None:
    piece = Piece(part(5), 0, 5)
    write(piece, vectors(5), place)
    for data in (b"", b"{}", b"\xff\xfe", (place / piece.record_path).read_bytes()[:-9]):
        (place / piece.record_path).write_bytes(data)
        assert done([piece], place) == {}


def test_the_same_vectors_give_the_same_bytes(place: Location) -> None:
    """A piece built twice, by a worker thought dead and by its heir, must not change the artifact."""
    piece = Piece(part(5), 0, 5)
    assert write(piece, vectors(5), place) == write(piece, vectors(5), place)


def test_nothing_is_done_where_nothing_is(place: Location) -> None:
    assert done(plan_pieces([part(10)], 3), place) == {}
    assert done([], place) == {}


def test_what_a_crash_leaves_is_not_done(place: Location) -> None:
    pieces = plan_pieces([part(15)], 3)
    whole, without_record, without_file, cut, grown = pieces
    records = {piece: write(piece, vectors(3), place) for piece in pieces}
    assert list(done(pieces, place)) == [piece.name for piece in pieces]
    (place / without_record.record_path).delete()
    (place / records[without_file].vectors.path).delete()
    data = (place / records[cut].vectors.path).read_bytes()
    (place / records[cut].vectors.path).write_bytes(data[:-1])
    (place / records[grown].ids.path).write_bytes(data + b"x")
    assert list(done(pieces, place)) == [whole.name]
    for piece in pieces:
        write(piece, vectors(3), place)
    assert list(done(pieces, place)) == [piece.name for piece in pieces]


def test_records_of_other_pieces_are_passed_over(place: Location) -> None:
    pieces = plan_pieces([part(6, "fin"), part(6, "tel")], 3)
    for piece in pieces:
        write(piece, vectors(3), place)
    assert list(done(pieces[2:], place)) == [piece.name for piece in pieces[2:]]


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_vectors_that_are_no_numbers_are_refused(place: Location, value: float) -> None:
    broken = vectors(5)
    broken[3, 1] = value
    with pytest.raises(UserError, match=r"no numbers \(fp32\) for bench/fin/0000000000"):
        write(Piece(part(5), 0, 5), broken, place)
    assert place.list() == []


@pytest.mark.parametrize("rows", [4, 6])
def test_vectors_more_or_fewer_than_passages_are_refused(place: Location, rows: int) -> None:
    with pytest.raises(UserError, match=f"bench/fin/0000000000: {rows} vectors and 5 ids of 5 passages"):
        write(Piece(part(5), 0, 5), vectors(rows), place)
    assert place.list() == []


def test_a_piece_whose_bytes_changed_is_not_done_however_long_it_is(place: Location) -> None:
    pieces = [Piece(part(9), 0, 5), Piece(part(9), 5, 4)]
    damaged = place / next(iter([write(piece, vectors(piece.rows), place) for piece in pieces])).vectors.path
    data = bytearray(damaged.read_bytes())
    data[-1] ^= 1
    damaged.write_bytes(bytes(data))
    assert list(intact(place, records_of(pieces), done(pieces, place))) == [pieces[1].name]
    assert list(done(pieces, place)) == [pieces[1].name]  # nor later


def test_what_half_precision_can_not_hold_is_refused(place: Location) -> None:
    with pytest.raises(UserError, match=r"no numbers \(fp16\)"):
        write(Piece(part(5), 0, 5), 1e6 * vectors(5), place, "fp16")


@pytest.mark.parametrize("piece_rows", [3, 7, 100])
@pytest.mark.parametrize("rows", [1, 4, 10, 1_000])
def test_blocks_of_any_size_are_the_rows_in_order(tmp_path: Path, piece_rows: int, rows: int) -> None:
    languages = {"fin": ([f"f{i}" for i in range(20)], vectors(20)), "tel": ([f"t{i}" for i in range(9)], -vectors(9))}
    embeddings = embedded(tmp_path, languages, piece_rows)
    assert (embeddings.rows, embeddings.dimension) == (29, 3)
    assert [(s.language, s.first, s.stop) for s in embeddings.spans] == [("fin", 0, 20), ("tel", 20, 29)]
    everything = np.vstack([vectors(20), -vectors(9)])
    names = [*languages["fin"][0], *languages["tel"][0]]
    for first, stop in ((0, 29), (5, 6), (18, 23), (20, 29), (7, 7)):
        blocks = list(embeddings.blocks(first, stop, rows))
        assert all(len(block) == rows for block in blocks[:-1])
        np.testing.assert_array_equal(np.vstack([np.empty((0, 3)), *blocks]), everything[first:stop])
        assert embeddings.ids(first, stop).to_pylist() == names[first:stop]
