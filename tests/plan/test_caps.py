"""Caps on how often a language repeats its rows."""

from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from raytrain.plan import Plan, capped_plan, mix_weights
from raytrain.plan.caps import water_filled
from small_plans import shards, taken_of

SHARES = st.lists(st.tuples(st.floats(0.01, 1), st.floats(0.01, 2)), min_size=1, max_size=12)


@given(SHARES)
def test_what_one_cannot_take_goes_to_the_others_in_proportion(pairs: list[tuple[float, float]]) -> None:
    weights, caps = (np.array(column) for column in zip(*pairs, strict=True))
    assume(caps.sum() >= 1)
    shares = water_filled(weights, caps)
    assert shares.sum() == pytest.approx(1)
    assert (shares <= caps + 1e-12).all()
    free = shares < caps - 1e-9
    ratio = shares / weights
    if free.any():  # all that are not at their cap get the same multiple of their weight; the others got less
        assert ratio[free] == pytest.approx(ratio[free][0])
        assert (ratio[~free] <= ratio[free][0] + 1e-9).all()


@given(
    st.lists(st.tuples(st.integers(80, 3000), st.floats(0.05, 1)), min_size=1, max_size=6),
    st.floats(0.5, 6),
    st.integers(10, 400),
    st.sampled_from(["homogeneous", "mixed"]),
    st.booleans(),
    st.booleans(),
)
def test_no_entry_repeats_its_rows_more_often_than_the_cap(
    languages: list[tuple[int, float]], max_passes: float, steps: int, batching: Any, grouped: bool, tight: bool
) -> None:
    corpus = {f"l{i}": shards(f"l{i}", rows) for i, (rows, _) in enumerate(languages)}
    mix = mix_weights({}, weights={f"l{i}": weight for i, (_, weight) in enumerate(languages)})
    groups = {}
    if grouped and len(languages) > 2:
        groups["few"] = ["l0", "l1"]
        mix["few"] = mix.pop("l0") + mix.pop("l1")
    options: dict[str, Any] = {"batch_size": 40, "lanes": 2, "seed": 1, "batching": batching, "groups": groups}
    most = {name: int(max_passes * sum(corpus[m].rows for m in groups.get(name, [name]))) for name in mix}
    spare = sum(most.values()) - steps * 40
    if tight:  # as many steps as the caps allow
        steps, spare = steps + spare // 40, spare % 40
    assume(steps > 0 and spare >= 0 and min(most.values()) >= 40)
    plan = capped_plan(corpus, mix, max_passes=max_passes, steps=steps, **options)
    taken = taken_of(plan, steps)
    assert sum(taken.values()) == steps * 40
    enough = sum(cap // 40 for cap in most.values()) >= steps
    room = 30 if batching == "mixed" else 0 if enough else 39
    for name, cap in most.items():
        assert taken[name] <= cap + room


@given(st.lists(st.integers(80, 3000), min_size=1, max_size=6), st.sampled_from(["homogeneous", "mixed"]))
def test_one_pass_over_everything_is_a_plan(rows: list[int], batching: Any) -> None:
    corpus = {f"l{i}": shards(f"l{i}", n) for i, n in enumerate(rows)}
    steps = sum(rows) // 40
    options: dict[str, Any] = {"batch_size": 40, "lanes": 2, "seed": 1, "batching": batching}
    plan = capped_plan(corpus, mix_weights({}, weights=dict.fromkeys(corpus, 1)), max_passes=1, steps=steps, **options)
    assert sum(plan.rows_taken(steps).values()) == steps * 40


@pytest.mark.parametrize("steps", [19, 20])
def test_every_batch_that_the_caps_allow_is_had(steps: int) -> None:
    corpus = {name: shards(name, 1_000) for name in ("eng", "fin")}
    options: dict[str, Any] = {"batch_size": 100, "lanes": 1, "seed": 1, "batching": "homogeneous"}
    taken = capped_plan(corpus, dict.fromkeys(corpus, 0.5), max_passes=1, steps=steps, **options).rows_taken(steps)
    assert sum(taken.values()) == steps * 100
    assert max(taken.values()) == 1_000


def test_a_cap_that_binds_nobody_changes_nothing() -> None:
    corpus = {name: shards(name, 10_000) for name in ("eng", "fin")}
    options: dict[str, Any] = {"batch_size": 8, "lanes": 1, "seed": 1, "batching": "homogeneous"}
    mix = {"eng": 0.75, "fin": 0.25}
    assert capped_plan(corpus, mix, max_passes=1, steps=100, **options) == Plan.of(corpus, mix, **options)


def test_a_small_language_is_capped_and_the_rest_shared_by_weight() -> None:
    corpus = {"eng": shards("eng", 90_000), "fra": shards("fra", 90_000), "fin": shards("fin", 1_000)}
    plan = capped_plan(
        corpus,
        {"eng": 0.4, "fra": 0.2, "fin": 0.4},
        max_passes=4,
        steps=1000,
        batch_size=50,
        lanes=2,
        seed=3,
        batching="homogeneous",
    )
    taken = plan.rows_taken(1000)
    assert 3500 <= taken["fin"] <= 4000
    assert taken["eng"] / taken["fra"] == pytest.approx(2, rel=0.1)


@pytest.mark.parametrize(
    ("max_passes", "words"),
    [
        (1.0, "max_passes 1 allows 600 pairs, and 100 steps of 10 take 1,000: raise max_passes"),
        (0.02, "leaves not one batch of 10 to eng, fin"),
    ],
)
def test_too_few_rows_are_refused(max_passes: float, words: str) -> None:
    corpus = {"eng": shards("eng", 400), "fin": shards("fin", 200)}
    with pytest.raises(ValueError, match=words):
        capped_plan(
            corpus,
            {"eng": 0.5, "fin": 0.5},
            max_passes=max_passes,
            steps=100,
            batch_size=10,
            lanes=1,
            seed=0,
            batching="homogeneous",
        )
