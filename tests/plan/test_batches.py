"""Every statement the plan makes, as a property."""

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.plan import Plan, lanes_of, mix_weights
from raytrain.plan.batches import rows_needed
from raytrain.plan.schedule import GRANULARITY, PERIOD
from small_plans import pairs_of, plans, shards, steps_of, taken_of, weights_of, work


@given(plans(), st.integers(0, 10**7), st.integers(1, 20))
def test_the_plan_is_a_pure_function(plan: Plan, first: int, steps: int) -> None:
    """Of its arguments: a copy that knows nothing of what was asked before gives the same rows."""
    corpus = {one.language: one for one in plan.shards}
    again = Plan.of(
        dict(reversed(corpus.items())),
        dict(reversed(weights_of(plan).items())),
        batch_size=plan.batch_size,
        lanes=plan.lanes,
        seed=plan.seed,
        batching=plan.batching,
        groups={entry.name: entry.members[::-1] for entry in plan.entries if entry.is_group},
    )
    assert again == plan == pickle.loads(pickle.dumps(plan))
    rows = plan.rows_of(range(plan.lanes), first, steps)
    assert pairs_of(again.rows_of(range(plan.lanes), first, steps)) == pairs_of(rows)


@given(plans(), st.data())
def test_any_world_size_gets_the_same_rows_at_every_step(plan: Plan, data: st.DataObject) -> None:
    world = data.draw(st.integers(1, plan.lanes))
    first = data.draw(st.integers(0, 10**6))
    whole = steps_of(plan.rows_of(range(plan.lanes), first, 5))
    ranks = [steps_of(plan.rows_of(lanes_of(rank, world, plan.lanes), first, 5)) for rank in range(world)]
    assert list(whole) == list(range(first, first + 5))
    for step, batch in whole.items():
        assert [pair for rank in ranks for pair in rank[step]] == batch
        assert len(batch) == plan.batch_size


@given(plans(), st.integers(0, 10**6), st.integers(1, 20))
def test_the_rows_of_lanes_are_those_of_each_together(plan: Plan, first: int, steps: int) -> None:
    whole = plan.rows_of(range(plan.lanes), first, steps)
    order = list(zip(whole.step.tolist(), whole.lane.tolist(), strict=True))
    assert order == sorted(order)
    for lane in range(plan.lanes):
        own, here = plan.rows(lane, first, steps), whole.lane == lane
        assert (own.lane == lane).all()
        for field in ("step", "language", "row"):
            assert getattr(own, field).tolist() == getattr(whole, field)[here].tolist()
        assert Counter(own.step.tolist()) == dict.fromkeys(range(first, first + steps), plan.lane_rows)


@given(plans(), st.integers(0, 10**6))
def test_lanes_only_slice_the_batch(plan: Plan, first: int) -> None:
    one = replace(plan, lanes=1)
    assert pairs_of(one.rows_of([0], first, 9)) == pairs_of(plan.rows_of(range(plan.lanes), first, 9))


@given(plans(), st.integers(0, 10**6), st.integers(1, 40))
def test_a_stretch_is_the_same_however_it_is_cut(plan: Plan, first: int, steps: int) -> None:
    every = range(plan.lanes)
    whole = pairs_of(plan.rows_of(every, first, steps))
    assert whole == [pair for step in range(steps) for pair in pairs_of(plan.rows_of(every, first + step, 1))]


@given(plans(), st.integers(0, 10**6))
def test_no_row_is_twice_in_a_global_batch(plan: Plan, first: int) -> None:
    for batch in steps_of(plan.rows_of(range(plan.lanes), first, 60)).values():
        assert len(set(batch)) == len(batch)


@given(plans(), st.data())
def test_a_pass_has_every_row_once(plan: Plan, data: st.DataObject) -> None:
    """The rows of an entry, in order of step and lane, are its passes: all rows once, and then again."""
    index = data.draw(st.integers(0, len(plan.entries) - 1))
    members = [plan.languages.index(member) for member in plan.entries[index].members]
    n = sum(plan.shards[member].rows for member in members)
    passes, steps = data.draw(st.integers(1, 3)), 1
    while taken_of(plan, steps)[plan.entries[index].name] < passes * n:
        steps *= 2
    rows = plan.rows_of(range(plan.lanes), 0, steps)
    here = np.isin(rows.language, members)
    mine = list(zip(rows.language[here].tolist(), rows.row[here].tolist(), strict=True))
    assert len(mine) >= passes * n
    every = sorted((member, row) for member in members for row in range(plan.shards[member].rows))
    for number in range(passes):
        assert sorted(mine[number * n : (number + 1) * n]) == every


@given(plans(batching="homogeneous"), st.integers(0, 10**7))
def test_a_homogeneous_step_has_one_language_or_one_group(plan: Plan, first: int) -> None:
    entry_of = {m: entry.name for entry in plan.entries for m in entry.members}
    for batch in steps_of(plan.rows_of(range(plan.lanes), first, 10)).values():
        assert len({entry_of[plan.languages[language]] for language, _ in batch}) == 1


@pytest.mark.parametrize("world", [1, 3, 8])
def test_trap_3_the_language_is_drawn_for_the_step_and_not_for_the_rank(world: int) -> None:
    """With 75 Zipf languages on 8 ranks, ranks that draw for themselves have one language in no step at all."""
    corpus, mix = zipf()
    plan = Plan.of(corpus, mix, batch_size=128, lanes=8, seed=1, batching="homogeneous")
    ranks = [plan.rows_of(lanes_of(rank, world, plan.lanes), 500, 200) for rank in range(world)]
    drawn = [{step: {language for language, _ in rows} for step, rows in steps_of(rank).items()} for rank in ranks]
    assert all(len(languages) == 1 for languages in drawn[0].values())
    assert all(rank == drawn[0] for rank in drawn)
    assert len({next(iter(languages)) for languages in drawn[0].values()}) > 20


@given(plans(), st.integers(0, 30_000))
def test_counts_follow_the_mix_at_any_step(plan: Plan, steps: int) -> None:
    """Not only at the end of a period: the halving keeps every stretch in balance."""
    taken = taken_of(plan, steps)
    slots = steps * plan.batch_size // plan.slot_rows
    for name, weight in weights_of(plan).items():
        off = abs(taken[name] - weight * steps * plan.batch_size) / plan.slot_rows
        assert off < GRANULARITY + slots / PERIOD


@given(plans(), st.integers(0, 60))
def test_rows_taken_counts_what_the_steps_hold(plan: Plan, steps: int) -> None:
    counted = Counter(plan.languages[language] for language, _ in pairs_of(plan.rows_of(range(plan.lanes), 0, steps)))
    taken = plan.rows_taken(steps)
    assert sum(taken.values()) == steps * plan.batch_size
    assert taken == {language: counted[language] for language in plan.languages}


def zipf(n: int = 75, rows: int = 200_000) -> tuple[dict[str, Any], dict[str, float]]:
    corpus = {f"l{i:02d}": shards(f"l{i:02d}", rows // (i + 1), group=512) for i in range(n)}
    return corpus, mix_weights({name: one.rows for name, one in corpus.items()}, temperature=2)


@pytest.mark.parametrize("batching", ["homogeneous", "mixed"])
def test_position_is_found_without_walking(batching: Any) -> None:
    """Step ten million takes the calls and the memory of step ten: counted, not timed."""
    corpus, mix = zipf()
    plan = Plan.of(corpus, mix, batch_size=128, lanes=8, seed=1, batching=batching)
    language = plan.rows(0, 10, 1).language[0]
    far = next(step for step in range(10_000_000, 10_001_000) if plan.rows(0, step, 1).language[0] == language)
    near_work, far_work = (work(lambda at=at: plan.rows(0, at, 1)) for at in (10, far))  # type: ignore[misc]
    assert far_work[0] <= 1.2 * near_work[0]
    assert far_work[1] <= 1.2 * near_work[1]


def test_different_seeds_give_different_orders() -> None:
    corpus = {"eng": shards("eng", 5000)}
    a, b = (
        Plan.of(corpus, {"eng": 1.0}, batch_size=64, lanes=2, seed=s, batching="mixed").rows(0, 0, 20) for s in (1, 2)
    )
    assert (a.row != b.row).mean() > 0.9


def test_only_the_plan_itself_travels() -> None:
    corpus, mix = zipf(20, 10**6)
    plan = Plan.of(corpus, mix, batch_size=128, lanes=8, seed=1, batching="mixed")
    small = len(pickle.dumps(plan))
    plan.rows_of(range(8), 0, 50)
    assert len(pickle.dumps(plan)) == small < 5_000


@pytest.mark.parametrize(
    ("mix", "groups", "batch_size", "words"),
    [
        ({"xyz": 1.0}, {}, 8, "no rows for xyz; the corpus has eng, fin, swa"),
        ({"eng": 1.0}, {}, 7, "dealt evenly"),
        ({"fin": 1.0, "swa": 1.0}, {}, 8, r"fin has 9 rows and needs 16; swa has 5 rows and needs 16: .*group_small"),
        ({"few": 1.0}, {"few": ["fin", "swa"]}, 8, r"has 14 rows and needs 16: exclude what is small or lower"),
        ({"few": 1.0, "fin": 1.0}, {"few": ["fin", "swa"]}, 2, "fin would be in two entries"),
        ({"eng": 1.0}, {"eng": ["fin", "swa"]}, 2, "eng is a language of the corpus: call the group otherwise"),
        ({"eng": 1.0, "fin": 1e-8}, {}, 4, "fin: weight 1e-08 is less than one batch in 1,048,576"),
    ],
)
def test_impossible_plans_are_refused(
    mix: dict[str, float], groups: dict[str, list[str]], batch_size: int, words: str
) -> None:
    corpus = {"eng": shards("eng", 500, group=16), "fin": shards("fin", 9), "swa": shards("swa", 5)}
    lanes = 4 if batch_size > 4 else 1
    with pytest.raises(ValueError, match=words):
        Plan.of(corpus, mix, batch_size=batch_size, lanes=lanes, seed=0, batching="homogeneous", groups=groups)


@given(plans(batching="homogeneous", grouped=False))
def test_one_row_less_than_needed_is_refused(plan: Plan) -> None:
    small = shards(plan.languages[0], rows_needed(1.0, plan.batch_size, "homogeneous") - 1)
    corpus = {**{one.language: one for one in plan.shards}, small.language: small}
    with pytest.raises(ValueError, match="hold a row twice"):
        Plan.of(
            corpus,
            weights_of(plan),
            batch_size=plan.batch_size,
            lanes=plan.lanes,
            seed=plan.seed,
            batching="homogeneous",
        )


def test_the_order_never_changes() -> None:
    """A pinned value: old checkpoints name steps, so a step must mean the same rows for ever."""
    corpus = {"eng": shards("eng", 300, 77, group=50), "fin": shards("fin", 400, group=50), "swa": shards("swa", 30)}
    plan = Plan.of(
        corpus,
        {"eng": 0.7, "few": 0.3},
        batch_size=8,
        lanes=2,
        seed=42,
        batching="mixed",
        groups={"few": ["fin", "swa"]},
    )
    assert pairs_of(plan.rows_of(range(2), 1001, 1)) == PINNED


PINNED = [(0, 204), (0, 232), (1, 365), (1, 372), (0, 216), (1, 354), (1, 391), (1, 356)]
