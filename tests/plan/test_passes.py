"""The order of a language's rows."""

import pickle

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.plan import Shards
from raytrain.plan.passes import Passes, rows_in
from small_plans import SIZES, shards

MEMBERS = st.lists(SIZES, min_size=1, max_size=3)


def passes_of(members: list[list[int]], row_group: int, seed: int) -> Passes:
    return Passes("name", tuple(Shards(f"l{i}", tuple(m), row_group) for i, m in enumerate(members)), seed)


def located(passes: Passes, first: int, count: int) -> list[tuple[int, int]]:
    """(member, row) of consecutive positions."""
    pieces, skip = passes.pieces(first, count)
    found = list(zip(np.repeat(pieces.member, pieces.rows).tolist(), rows_in(pieces).tolist(), strict=True))
    return found[skip : skip + count]


@given(MEMBERS, st.integers(1, 70), st.integers(0, 9), st.integers(0, 10**6))
def test_within_a_pass_each_row_comes_exactly_once(
    members: list[list[int]], row_group: int, seed: int, number: int
) -> None:
    passes = passes_of(members, row_group, seed)
    every = [(i, row) for i, sizes in enumerate(members) for row in range(sum(sizes))]
    assert sorted(located(passes, number * passes.rows, passes.rows)) == every


@given(MEMBERS, st.integers(1, 70), st.integers(0, 9), st.data())
def test_positions_are_the_same_however_they_are_cut(
    members: list[list[int]], row_group: int, seed: int, data: st.DataObject
) -> None:
    passes = passes_of(members, row_group, seed)
    first = data.draw(st.integers(0, 3 * passes.rows))
    counts = data.draw(st.lists(st.integers(1, passes.rows), min_size=1, max_size=3))
    parts = [located(passes, first + sum(counts[:i]), count) for i, count in enumerate(counts)]
    assert located(passes, first, sum(counts)) == [row for part in parts for row in part]


@given(MEMBERS, st.integers(1, 70), st.integers(0, 9), st.data())
def test_half_a_pass_from_anywhere_holds_no_row_twice(
    members: list[list[int]], row_group: int, seed: int, data: st.DataObject
) -> None:
    passes = passes_of(members, row_group, seed)
    half = passes.rows // 2
    if half:
        found = located(passes, data.draw(st.integers(0, 5 * passes.rows)), half)
        assert len(set(found)) == half


def test_every_further_pass_has_a_new_order() -> None:
    passes = passes_of([[5000]], 100, 3)
    orders = [located(passes, i * 5000, 5000) for i in range(4)]
    for i in range(4):
        for j in range(i):
            assert np.mean([a != b for a, b in zip(orders[i], orders[j], strict=True)]) > 0.99
            groups = [[row // 100 for _, row in order][::100] for order in (orders[i], orders[j])]
            assert groups[0] != groups[1]


def test_row_groups_are_read_one_after_the_other() -> None:
    """Half a pass comes back to no row group; the one in which the halves meet is read in both."""
    passes = passes_of([[10_050]], 100, 5)
    groups = np.array([row // 100 for _, row in located(passes, 0, 10_050)])
    assert (np.diff(groups) != 0).sum() + 1 == 101 + 1


@given(MEMBERS, st.integers(1, 70), st.integers(0, 9), st.data())
def test_taken_counts_the_rows_of_each_member(
    members: list[list[int]], row_group: int, seed: int, data: st.DataObject
) -> None:
    passes = passes_of(members, row_group, seed)
    count = data.draw(st.integers(1, 3 * passes.rows))
    counted = np.bincount([member for member, _ in located(passes, 0, count)], minlength=len(members))
    assert passes.taken(count).tolist() == counted.tolist()


def test_the_members_of_a_group_are_mixed_in_both_halves() -> None:
    passes = passes_of([[300], [100], [200]], 10, 0)
    for half in range(2):
        member = [member for member, _ in located(passes, half * 300, 300)]
        assert np.bincount(member).tolist() == [150, 50, 100]


@given(SIZES, st.integers(1, 70))
def test_row_groups_tile_the_files(sizes: list[int], row_group: int) -> None:
    one = Shards("eng", tuple(sizes), row_group)
    ends = (one.group_starts + one.group_rows).tolist()
    assert [0, *ends[:-1]] == one.group_starts.tolist()
    assert ends[-1] == one.rows == sum(sizes)
    assert one.group_rows.max() <= row_group
    assert set(np.cumsum([0, *sizes]).tolist()) <= {0, *ends}  # none reaches into the next file
    for group, shard in enumerate(one.shard_of_group):
        inside = group - one.first_group_of_shard[shard]
        assert one.group_starts[group] == sum(sizes[:shard]) + inside * row_group


def test_what_was_computed_does_not_travel() -> None:
    one = shards("eng", *[65_536] * 100, group=512)
    small = len(pickle.dumps(one))
    assert len(one.group_starts) == 12_800
    assert len(pickle.dumps(one)) == small
    assert pickle.loads(pickle.dumps(one)) == one


@pytest.mark.parametrize("rows", [1, 2, 3])
def test_the_smallest_languages_have_passes_too(rows: int) -> None:
    passes = passes_of([[rows]], 512, 1)
    for number in range(5):
        assert sorted(located(passes, number * rows, rows)) == [(0, row) for row in range(rows)]
