"""How the work of prepare is cut: every row group in one slice, every row in one run, and names that say which."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.config import Corpus
from raytrain.corpus.raw.shapes import Shape
from raytrain.corpus.raw.sources import Kind, Unit
from raytrain.corpus.work import (
    PARTITION_ROWS,
    RUN_ROWS,
    TRAINING_ROW,
    UNKNOWN_PARTITIONS,
    Runs,
    Screened,
    Slice,
    Work,
    first_row_id,
    partition_counts,
    read_record,
    run_name,
    run_number,
    slices_of,
)
from raytrain.errors import UserError
from raytrain.storage import Location


def unit(rows: int, groups: tuple[int, ...] = (), kind: Kind = "parquet", shape: Shape = "pairs") -> Unit:
    return Unit(kind, shape, ("eng",), "eng", "1", rows, groups)


@given(files=st.lists(st.lists(st.integers(0, 2 * RUN_ROWS), min_size=1, max_size=12), min_size=1, max_size=4))
def test_every_row_group_is_in_one_slice(files: list[list[int]]) -> None:
    units = [unit(sum(groups), tuple(groups)) for groups in files]
    found = slices_of([unit(10, kind="jsonl"), *units])
    assert [part.number for part in found] == list(range(len(found)))
    assert (found[0].row_groups, found[0].rows) == (None, 10)
    groups = [(part, number) for part in found[1:] for number in part.row_groups or ()]
    assert [number for _, number in groups] == [number for of_file in files for number in range(len(of_file))]
    assert sum(part.rows for part in found[1:]) == sum(map(sum, files))
    for part in found[1:]:
        assert part.row_groups is not None
        assert part.rows == sum(part.unit.row_groups[number] for number in part.row_groups)
        filled = [number for number in part.row_groups if part.unit.row_groups[number]]
        assert part.rows <= RUN_ROWS or len(filled) == 1


@given(slice_=st.integers(0, 2**19 - 1), number=st.integers(0, 2**12 - 1), row=st.integers(0, 2**32 - 1))
def test_a_row_says_its_run(slice_: int, number: int, row: int) -> None:
    name = run_name(Slice(slice_, unit(1), None, 1), number)
    assert (first_row_id(name) + row) >> 32 == run_number(name)
    assert first_row_id(name) + row < 2**63


@given(runs=st.lists(st.tuples(st.integers(0, 10**6 - 1), st.integers(0, 2**12 - 1)), unique=True))
def test_runs_have_names_of_their_own_in_the_order_of_their_rows(runs: list[tuple[int, int]]) -> None:
    names = [run_name(Slice(slice_, unit(1), None, 1), number) for slice_, number in sorted(runs)]
    assert names == sorted(set(names))
    assert names == sorted(names, key=first_row_id)


@pytest.mark.parametrize(
    ("units", "partitions"),
    [
        ([unit(0)], 1),
        ([unit(PARTITION_ROWS)], 1),
        ([unit(PARTITION_ROWS + 1)], 2),
        ([unit(PARTITION_ROWS), unit(1, kind="jsonl")], 2),
        ([unit(5 * PARTITION_ROWS)], 8),
        ([unit(4 * PARTITION_ROWS // TRAINING_ROW, shape="training")], 4),
    ],
)
def test_partitions_are_as_many_as_the_rows_need(units: list[Unit], partitions: int, tmp_path: Path) -> None:
    counts = partition_counts(units)
    assert counts == {"eng": partitions}
    work = Work(Location.of(str(tmp_path)), Corpus(source=["x"]), counts)
    assert [partition.number for partition in work.partitions_of("eng")] == list(range(partitions))
    assert work.partition_count("deu") == UNKNOWN_PARTITIONS


def record(slice_: str, runs: dict[str, dict[str, int]]) -> Screened:
    return Screened(
        slice=slice_, runs=runs, labels={}, bad={}, matches={}, quarantine=[], text_bytes={}, training_rows=False
    )


def test_runs_are_known_by_label() -> None:
    first = record("000000", {"000000-00001": {"fin.00000": 1}, "000000-00000": {"fin.00000": 2, "deu-eng.00001": 3}})
    runs = Runs((record("000001", {"000001-00000": {"deu-eng.00000": 4}}), first))
    assert list(runs.by_label.items()) == [
        ("deu-eng", ["000000-00000", "000001-00000"]),
        ("fin", ["000000-00000", "000000-00001"]),
    ]
    assert runs.rows["000000-00000"] == {"fin.00000": 2, "deu-eng.00001": 3}


def test_a_damaged_record_is_named(tmp_path: Path) -> None:
    place = Work(Location.of(str(tmp_path)), Corpus(source=["x"]), {}).place("screened", "000000")
    place.write_bytes(record("000000", {}).model_dump_json().encode())
    assert read_record(place) == record("000000", {})
    place.write_bytes(b'{"slice": "000000"}')
    with pytest.raises(UserError, match=r"screened/000000: .*delete .*/work and run again"):
        read_record(place)
