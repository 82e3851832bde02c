"""Every statement the plan makes, as a property."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.plan import Plan, Rows, Shards, lanes_of, mix_weights
from raytrain.plan.passes import Passes

SIZES = st.lists(st.integers(1, 300), min_size=1, max_size=4)


@st.composite
def plans(draw: st.DrawFn, batching: str | None = None) -> Plan:
    """Small plans with several languages, ragged files and, in the smallest, just enough rows."""
    lanes = draw(st.sampled_from([1, 2, 3, 4]))
    lane_rows = draw(st.integers(1, 7))
    names = [f"l{i:02d}" for i in range(draw(st.integers(1, 4)))]
    group = draw(st.integers(1, 64))
    weights = {name: draw(st.floats(0.05, 1.0)) for name in names}
    batching = batching or draw(st.sampled_from(["homogeneous", "mixed"]))
    seed = draw(st.integers(0, 2**31))
    options = {"batch_size": lanes * lane_rows, "lanes": lanes, "seed": seed, "batching": batching}
    corpus = {name: Shards(name, (10**6,), group) for name in names}
    needed = Plan.of(corpus, mix_weights({}, weights=weights), **options).rows_needed
    for name, need in zip(names, needed, strict=True):
        extra = draw(SIZES)
        corpus[name] = Shards(name, (need, *extra) if draw(st.booleans()) else (need,), group)
    return Plan.of(corpus, mix_weights({}, weights=weights), **options)


def ids(rows: Rows) -> list[tuple[int, int]]:
    return list(zip(rows.language.tolist(), rows.row.tolist(), strict=True))


@given(plans(), st.data())
def test_any_world_size_gets_the_same_rows_at_every_step(plan: Plan, data: st.DataObject) -> None:
    world = data.draw(st.integers(1, plan.lanes))
    first = data.draw(st.integers(0, 50))
    whole = plan.rows_of(range(plan.lanes), first, 5)
    ranks = [plan.rows_of(lanes_of(rank, world, plan.lanes), first, 5) for rank in range(world)]
    for step in range(first, first + 5):
        joined = [pair for r in ranks for pair in np.array(ids(r))[r.step == step].tolist()]
        assert joined == np.array(ids(whole))[whole.step == step].tolist()
        assert len(joined) == plan.batch_size


@given(plans(), st.integers(0, 400), st.integers(1, 40))
def test_a_stretch_is_the_same_however_it_is_cut(plan: Plan, first: int, steps: int) -> None:
    whole = plan.rows(0, first, steps)
    single = [ids(plan.rows(0, step, 1)) for step in range(first, first + steps)]
    assert ids(whole) == [pair for step in single for pair in step]


@given(st.integers(1, 5), SIZES, st.integers(1, 50), st.integers(0, 9))
def test_within_a_pass_each_row_comes_exactly_once(lanes: int, sizes: list[int], group: int, seed: int) -> None:
    shards = Shards("eng", tuple(sizes), group)
    passes = Passes(shards, lanes, seed)
    n = shards.rows
    positions = np.arange(3 * n)
    rows = np.empty_like(positions)
    for lane in range(lanes):
        own = positions[positions % lanes == lane]
        rows[own] = passes.locate(lane, own // lanes)
    orders = [rows[i * n : (i + 1) * n] for i in range(3)]
    for order in orders:
        assert sorted(order.tolist()) == list(range(n))


def test_every_further_pass_has_a_new_order() -> None:
    passes = Passes(Shards("eng", (5000,), 100), 1, 3)
    first, second = (passes.locate(0, np.arange(5000) + i * 5000) for i in range(2))
    assert (first != second).mean() > 0.99


@settings(deadline=None)
@given(plans(), st.integers(0, 10**6))
def test_no_row_is_twice_in_a_global_batch(plan: Plan, first: int) -> None:
    rows = plan.rows_of(range(plan.lanes), first, 60)
    for step in range(first, first + 60):
        batch = [pair for pair, at in zip(ids(rows), rows.step, strict=True) if at == step]
        assert len(set(batch)) == len(batch)


@given(plans(batching="homogeneous"), st.integers(0, 10**7))
def test_a_homogeneous_step_has_one_language_in_all_lanes(plan: Plan, first: int) -> None:
    rows = plan.rows_of(range(plan.lanes), first, 10)
    for step in range(first, first + 10):
        assert len(set(rows.language[rows.step == step].tolist())) == 1


@given(plans(), st.integers(0, 3000))
def test_counts_follow_the_mix_at_any_step(plan: Plan, steps: int) -> None:
    """Not only at the end of a period: the halving keeps every stretch in balance."""
    taken = plan.rows_taken(steps)
    lanes = 1 if plan.batching == "homogeneous" else plan.lanes
    unit = plan.batch_size if plan.batching == "homogeneous" else 1
    for name, weight in zip(plan.languages, plan.weights, strict=True):
        off = abs(taken[name] - weight * steps * plan.batch_size) / unit / lanes
        assert off <= 14 + 16


@given(plans(), st.integers(0, 60))
def test_rows_taken_counts_what_the_steps_hold(plan: Plan, steps: int) -> None:
    counted = Counter(language for language, _ in ids(plan.rows_of(range(plan.lanes), 0, steps)))
    taken = plan.rows_taken(steps)
    assert {plan.languages[i]: n for i, n in counted.items()} == {k: v for k, v in taken.items() if v}


def test_a_period_has_exact_counts() -> None:
    corpus = {name: Shards(name, (4000,), 64) for name in ("aaa", "bbb", "ccc")}
    plan = Plan.of(
        corpus, {"aaa": 0.5, "bbb": 0.25, "ccc": 0.25}, batch_size=8, lanes=4, seed=1, batching="homogeneous"
    )
    taken = plan.rows_taken(1 << 12)  # a power of two: every halving was even
    assert taken == {"aaa": 8 << 11, "bbb": 8 << 10, "ccc": 8 << 10}


@pytest.mark.parametrize("batching", ["homogeneous", "mixed"])
def test_position_is_found_without_walking(batching: str) -> None:
    """The ten millionth step visits as few nodes of the schedule as the tenth."""
    from raytrain.plan import schedule

    corpus = {f"l{i:02d}": Shards(f"l{i:02d}", (200_000 // (i + 1),), 512) for i in range(75)}
    mix = mix_weights({k: v.rows for k, v in corpus.items()}, temperature=2)
    plan = Plan.of(corpus, mix, batch_size=128, lanes=8, seed=1, batching=batching)
    nodes = []
    for first in (10, 10_000_000):
        schedule._node.cache_clear()
        schedule._leaf.cache_clear()
        plan.rows(0, first, 1)
        nodes.append(schedule._node.cache_info().misses)
    assert max(nodes) <= 15 * 2


def test_different_seeds_give_different_orders() -> None:
    corpus = {"eng": Shards("eng", (5000,), 64)}
    a, b = (
        Plan.of(corpus, {"eng": 1.0}, batch_size=64, lanes=2, seed=s, batching="mixed").rows(0, 0, 20) for s in (1, 2)
    )
    assert (a.row != b.row).mean() > 0.9


def test_a_lane_walks_whole_row_groups() -> None:
    """Over a pass a lane comes back to no row group: what it reads is read once."""
    shards = Shards("eng", (10_000,), 100)
    plan = Plan.of({"eng": shards}, {"eng": 1.0}, batch_size=40, lanes=4, seed=5, batching="homogeneous")
    for lane in range(4):
        groups = plan.rows(lane, 0, 250).row // 100
        changes = int((np.diff(groups) != 0).sum()) + 1
        assert changes == len(set(groups.tolist())) <= 25 + 4


@pytest.mark.parametrize(
    ("mix", "batch_size", "words"),
    [
        ({"xyz": 1.0}, 8, "no rows for xyz"),
        ({"eng": 1.0}, 7, "dealt evenly"),
        ({"fin": 1.0}, 8, "fin has 9 rows"),
    ],
)
def test_impossible_plans_are_refused(mix: dict[str, float], batch_size: int, words: str) -> None:
    corpus = {"eng": Shards("eng", (500,), 16), "fin": Shards("fin", (9,), 16)}
    with pytest.raises(ValueError, match=words):
        Plan.of(corpus, mix, batch_size=batch_size, lanes=4, seed=0, batching="homogeneous")


def test_the_order_never_changes() -> None:
    """A pinned value: old checkpoints name steps, so a step must mean the same rows for ever."""
    corpus = {"eng": Shards("eng", (300, 77), 50), "fin": Shards("fin", (400,), 50)}
    plan = Plan.of(corpus, {"eng": 0.7, "fin": 0.3}, batch_size=8, lanes=2, seed=42, batching="mixed")
    rows = plan.rows_of(range(2), 1000, 1)
    assert ids(rows) == PINNED


PINNED = [(1, 235), (1, 220), (1, 234), (0, 289), (0, 325), (0, 309), (1, 194), (0, 347)]


@given(st.dictionaries(st.sampled_from(["eng", "fin", "kor"]), st.integers(1, 10**8), min_size=1))
def test_temperature_goes_from_proportional_to_even(rows: dict[str, int]) -> None:
    total = sum(rows.values())
    assert mix_weights(rows) == pytest.approx({k: n / total for k, n in rows.items()})
    assert mix_weights(rows, temperature=1e9) == pytest.approx({k: 1 / len(rows) for k in rows}, rel=1e-4)


def test_explicit_weights_are_normalised_and_zero_leaves_out() -> None:
    assert mix_weights({}, weights={"fin": 1, "eng": 3, "kor": 0}) == {"eng": 0.75, "fin": 0.25}
    with pytest.raises(ValueError, match="no language"):
        mix_weights({}, weights={"eng": 0})


@given(st.integers(1, 64), st.data())
def test_ranks_own_every_lane_once_and_nearly_evenly(lanes: int, data: st.DataObject) -> None:
    world = data.draw(st.integers(1, lanes))
    owned = [lanes_of(rank, world, lanes) for rank in range(world)]
    assert [lane for lanes_ in owned for lane in lanes_] == list(range(lanes))
    assert max(map(len, owned)) - min(map(len, owned)) <= 1
    with pytest.raises(ValueError, match="lanes"):
        lanes_of(0, lanes + 1, lanes)
