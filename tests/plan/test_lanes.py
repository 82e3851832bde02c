"""The lanes of ranks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.plan import lanes_of


@given(st.integers(1, 64), st.data())
def test_ranks_own_every_lane_once_and_nearly_evenly(lanes: int, data: st.DataObject) -> None:
    world = data.draw(st.integers(1, lanes))
    owned = [lanes_of(rank, world, lanes) for rank in range(world)]
    assert [lane for lanes_ in owned for lane in lanes_] == list(range(lanes))
    assert max(map(len, owned)) - min(map(len, owned)) <= 1
    with pytest.raises(ValueError, match="lanes"):
        lanes_of(0, lanes + 1, lanes)
