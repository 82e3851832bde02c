"""Plans whose mix is changed on the way: what stays as it was, and what goes on where it stopped."""

import pickle
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.plan import Plan, lanes_of, mix_weights, row_groups_read
from raytrain.plan.passes import rows_in
from raytrain.plan.schedule import GRANULARITY, PERIOD
from small_plans import pairs_of, shards, steps_of, work

LANGUAGES = ("l0", "l1", "l2", "l3")
FEW = 25  # examples: each makes several plans
Named = list[tuple[int, int, str, int]]


def named(plan: Plan, first: int, steps: int) -> Named:
    """(step, lane, language, row) of all rows: numbers of languages are a plan's own."""
    rows = plan.rows_of(range(plan.lanes), first, steps)
    names = [plan.languages[number] for number in rows.language.tolist()]
    return list(zip(rows.step.tolist(), rows.lane.tolist(), names, rows.row.tolist(), strict=True))


@st.composite
def parts(draw: st.DrawFn) -> dict[int, Plan]:
    """Plans of one corpus with one mix each, by the step from which on they are to hold. Of languages or a group."""
    lanes = draw(st.integers(1, 3))
    batch = lanes * draw(st.integers(1, 12))
    corpus = {name: shards(name, 2 * batch + draw(st.integers(0, 60)), group=16) for name in LANGUAGES}
    options = {"batch_size": batch, "lanes": lanes, "seed": draw(st.integers(0, 99))}
    batching: Any = draw(st.sampled_from(["homogeneous", "mixed"]))
    steps = sorted(draw(st.sets(st.integers(1, 40), min_size=1, max_size=3)))
    found = {}
    for step in (0, *steps):
        chosen = draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, unique=True))
        groups = {"few": sorted(chosen[:2])} if len(chosen) > 2 and draw(st.booleans()) else {}
        entries = [name for name in (*chosen, *groups) if name not in groups.get("few", ())]
        mix = mix_weights({}, weights={name: draw(st.floats(0.05, 1)) for name in entries})
        found[step] = Plan.of(corpus, mix, batching=batching, groups=groups, **options)
    return found


def joined(plans: dict[int, Plan]) -> Plan:
    plan = plans[0]
    for step, other in plans.items():
        plan = plan.then(step, other) if step else plan
    return plan


@settings(max_examples=FEW)
@given(parts())
def test_until_a_change_rows_are_those_without_it(plans: dict[int, Plan]) -> None:
    whole, steps = joined(plans), list(plans)
    for count in range(1, len(steps)):
        before = joined({step: plans[step] for step in steps[:count]})
        assert named(whole, 0, steps[count]) == named(before, 0, steps[count])
        assert whole.until(steps[count]) == before


@settings(max_examples=FEW)
@given(parts(), st.integers(0, 3000))
def test_from_a_change_on_counts_follow_the_new_mix(plans: dict[int, Plan], steps: int) -> None:
    plan, change = joined(plans), max(plans)
    taken = dict.fromkeys(plan.entries, 0)
    for stretch in plan.stretches(change, steps):
        taken[plan.entries[stretch.entry]] = stretch.count
    assert sum(taken.values()) == steps * plan.batch_size
    slots = steps * plan.batch_size // plan.slot_rows
    mix = plan.mix_at(change)
    assert mix == plans[change].mix_at(0)
    for entry in plan.entries:
        off = abs(taken[entry] - mix.get(entry, 0) * steps * plan.batch_size) / plan.slot_rows
        assert off < 2 * (GRANULARITY + slots / PERIOD) if entry in mix else off == 0


@given(parts())
def test_an_entry_goes_on_in_its_passes_where_it_stopped(plans: dict[int, Plan]) -> None:
    """Its rows of all steps, in order, are one sequence of passes, whatever came between."""
    plan, steps = joined(plans), max(plans) + 20
    consumed: dict[Any, list[tuple[str, int]]] = {entry: [] for entry in plan.entries}
    for step, _, language, row in named(plan, 0, steps):
        (entry,) = (entry for entry in plan.mix_at(step) if language in entry.members)
        consumed[entry].append((language, row))
    for entry, passes in zip(plan.entries, plan.passes, strict=True):
        found = consumed[entry]
        if found:
            pieces, _ = passes.pieces(0, len(found))
            names = np.repeat(np.array(entry.members)[pieces.member], pieces.rows).tolist()
            assert found == list(zip(names, rows_in(pieces).tolist(), strict=True))[: len(found)]
        for start in range(0, len(found), passes.rows):
            part = found[start : start + passes.rows]
            assert len(set(part)) == len(part)


@settings(max_examples=FEW)
@given(parts())
def test_no_row_is_twice_in_a_batch(plans: dict[int, Plan]) -> None:
    plan = joined(plans)
    for batch in steps_of(plan.rows_of(range(plan.lanes), 0, 60)).values():
        assert len(set(batch)) == len(batch) == plan.batch_size


@settings(max_examples=FEW)
@given(parts(), st.data())
def test_any_cut_and_any_world_size_give_the_same_rows(plans: dict[int, Plan], data: st.DataObject) -> None:
    plan = joined(plans)
    first, world = data.draw(st.integers(0, 50)), data.draw(st.integers(1, plan.lanes))
    whole = named(plan, first, 15)
    assert whole == [row for step in range(first, first + 15) for row in named(plan, step, 1)]
    ranks = [steps_of(plan.rows_of(lanes_of(rank, world, plan.lanes), first, 15)) for rank in range(world)]
    batches = steps_of(plan.rows_of(range(plan.lanes), first, 15))
    assert batches == {step: [pair for rank in ranks for pair in rank[step]] for step in batches}


@settings(max_examples=FEW)
@given(parts(), st.integers(0, 70))
def test_rows_taken_and_read_are_those_of_the_steps(plans: dict[int, Plan], steps: int) -> None:
    plan = joined(plans)
    counted = Counter(language for _, _, language, _ in named(plan, 0, steps))
    assert plan.rows_taken(steps) == {language: counted[language] for language in plan.languages}
    rows = set(pairs_of(plan.rows_of(range(plan.lanes), 0, steps)))
    opened = {(language, row // 16) for language, row in rows}
    reading = row_groups_read(plan, 0, steps)
    assert (reading.groups, reading.rows_wanted) == (len(opened), steps * plan.batch_size)
    assert reading.rows_read == sum(int(plan.shards[x].group_rows[group]) for x, group in opened)


@given(parts())
def test_a_change_to_the_same_mix_is_none(plans: dict[int, Plan]) -> None:
    plan = joined(plans)
    last = max(plans)
    assert plan.then(last + 5, plans[last]) == plan
    assert pickle.loads(pickle.dumps(plan)) == plan


def test_a_language_that_comes_back_goes_on_too() -> None:
    corpus = {name: shards(name, 64) for name in ("deu", "eng")}
    options: Any = {"batch_size": 8, "lanes": 2, "seed": 1, "batching": "homogeneous"}
    deu, eng = (Plan.of(corpus, {name: 1.0}, **options) for name in ("deu", "eng"))
    back = deu.then(3, eng).then(5, deu)
    without = named(deu, 3, 5)
    assert [row[1:] for row in named(back, 5, 5)] == [row[1:] for row in without]
    assert {language for _, _, language, _ in named(back, 3, 2)} == {"eng"}


@pytest.mark.parametrize("batching", ["homogeneous", "mixed"])
def test_position_is_found_without_walking(batching: Any) -> None:
    corpus = {f"l{i:02d}": shards(f"l{i:02d}", 4000, group=512) for i in range(20)}
    options: Any = {"batch_size": 64, "lanes": 4, "seed": 1, "batching": batching}
    a, b = (Plan.of(corpus, mix_weights({n: (i + 1) ** p for i, n in enumerate(corpus)}), **options) for p in (1, 2))
    plan = a.then(5, b).then(5_000_000, a)
    near, far = (max(work(lambda at=at: plan.rows(0, at, 1))[0] for at in range(x, x + 3)) for x in (6, 10**7))  # type: ignore[misc]
    assert far <= 1.2 * near


def test_what_cannot_follow_is_refused() -> None:
    corpus = {name: shards(name, 64) for name in ("deu", "eng")}
    options: Any = {"batch_size": 8, "lanes": 2, "seed": 1, "batching": "homogeneous"}
    deu, eng = (Plan.of(corpus, {name: 1.0}, **options) for name in ("deu", "eng"))
    with pytest.raises(ValueError, match="step 4 does not come after step 4"):
        deu.then(4, eng).then(4, deu)
    with pytest.raises(ValueError, match="does not come after step 0"):
        deu.then(0, eng)
    with pytest.raises(ValueError, match="seed is 2 after step 3"):
        deu.then(3, replace(eng, seed=2))
    with pytest.raises(ValueError, match="other rows after step 3"):
        deu.then(3, Plan.of({"deu": shards("deu", 80)}, {"deu": 1.0}, **options))
