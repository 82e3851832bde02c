"""Rows written by partition come back by partition, in their order, wherever the partitions are cut."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.corpus.exchange import (
    Partition,
    gather,
    partitions_in,
    read_partitions,
    top_bits,
    write_partitioned,
)
from raytrain.errors import UserError
from raytrain.storage import Location

NAMES = ["deu.00000", "deu.00001", "eng.00000", "fin.00000"]
SCHEMA = pa.schema([("n", pa.int64()), ("text", pa.string()), ("list", pa.list_(pa.float32()))])


def table(numbers: list[int]) -> pa.Table:
    rows = [{"n": n, "text": f"row {n}" if n % 3 else None, "list": [n / 2] * (n % 4) or None} for n in numbers]
    return pa.Table.from_pylist(rows, SCHEMA)


@given(st.lists(st.integers(0, 3), max_size=60))
def test_partitions_hold_their_rows_in_order(tmp_path_factory: pytest.TempPathFactory, which: list[int]) -> None:
    place = Location.of(str(tmp_path_factory.mktemp("exchange") / "file"))
    rows = table(list(range(len(which))))
    counts = write_partitioned(rows, NAMES, np.array(which, np.int64), place)
    assert counts == partitions_in(place) == {n: which.count(i) for i, n in enumerate(NAMES) if i in which}
    first = 0
    for i, name in enumerate(NAMES):
        expected = table([n for n, w in enumerate(which) if w == i])
        assert gather([place], name, SCHEMA.names, SCHEMA).equals(expected)
        assert gather([place, place], name, ["n"], SCHEMA).num_rows == 2 * expected.num_rows
        for found in read_partitions(place, [name], ["n"]):
            assert found.first == first
            first += found.table.num_rows
    assert first == len(which)


@given(st.lists(st.integers(0, 2**64 - 1), min_size=1, max_size=50), st.integers(0, 10))
def test_partitions_cut_the_range_of_values_evenly(values: list[int], bits: int) -> None:
    found = top_bits(np.array(values, np.uint64), 1 << bits)
    assert found.tolist() == [value * (1 << bits) >> 64 for value in values]


def test_a_damaged_file_names_itself(tmp_path: Path) -> None:
    place = Location.of(str(tmp_path / "file"))
    write_partitioned(table(list(range(1000))), NAMES, np.zeros(1000, np.int64), place)
    data = place.read_bytes()
    for broken in (data[: len(data) // 2], b"", data[:-20] + b"x" * 20):
        place.write_bytes(broken)
        with pytest.raises(UserError, match=f"cannot read {tmp_path}/file: .*delete the folder"):
            read_partitions(place, NAMES, ["n"])


def test_names_of_partitions_sort_as_their_numbers() -> None:
    assert Partition("deu-eng", 7).name == "deu-eng.00007"
    assert sorted(Partition("eng", n).name for n in range(300)) == [Partition("eng", n).name for n in range(300)]
