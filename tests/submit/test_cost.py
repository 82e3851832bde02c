"""What work takes: the arithmetic of intervals, and what holds of every cost."""

import dataclasses
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.submit.cost import (
    OFF,
    UTILISATION,
    Cost,
    Known,
    Pool,
    Range,
    Shape,
    Work,
    cost_of,
    estimated_rate,
    known,
    tokens_at_most,
    total,
)

BASE = Shape(12, 768, 3072)

numbers = st.floats(1e-3, 1e9)
ranges = st.builds(lambda a, b: Range(min(a, b), max(a, b)), numbers, numbers)
knowns = st.builds(lambda value: Known(value, "given", "here"), ranges)
counts = st.integers(1, 10**9)
pools = st.builds(
    lambda a, b, per_node, price: Pool(min(a, b), max(a, b), per_node, price),
    *(st.integers(1, 64), st.integers(1, 64), st.integers(1, 8), st.just(0.0) | st.floats(0.01, 100)),
)
works = st.builds(Work, st.just("train"), st.just("pairs"), st.integers(1, 30), counts, knowns)


def exact(tokens: float) -> Known:
    return Known(Range(tokens, tokens), "given", "here")


def test_the_formula_of_the_page() -> None:
    """Ten runs of a million pairs of 90 tokens at 25,000 tokens a second, on 8 workers, 4 a node, a node for 12."""
    work = Work("train", "pairs", 10, 1_000_000, exact(90))
    cost = cost_of(work, exact(25_000), Pool(8, 8, 4, 12.0))
    assert cost == Cost(Range(9e8, 9e8), Range(10, 10), Range(1.25, 1.25), Range(2.5, 2.5), Range(30, 30))


def test_a_node_that_is_partly_used_is_paid_for_whole() -> None:
    work = Work("train", "pairs", 1, 3600, exact(1))
    cost = cost_of(work, exact(1), Pool(5, 5, 4, 1.0))
    assert cost.node_hours == Range(2 / 5, 2 / 5)


@given(work=works, rate=knowns, pool=pools)
def test_what_any_number_of_workers_takes_lies_within(work: Work, rate: Known, pool: Pool) -> None:
    cost = cost_of(work, rate, pool)
    assert cost.hours is not None
    assert cost.node_hours is not None
    assert cost.money is not None
    for workers in {pool.fewest, pool.most, (pool.fewest + pool.most) // 2}:
        one = cost_of(work, rate, dataclasses.replace(pool, fewest=workers, most=workers))
        for inner, outer in ((one.hours, cost.hours), (one.node_hours, cost.node_hours), (one.money, cost.money)):
            assert inner is not None
            assert outer.low <= inner.low * (1 + 1e-9)
            assert inner.high <= outer.high * (1 + 1e-9)


@given(work=works, rate=knowns, pool=pools, factor=st.integers(2, 9))
def test_so_many_times_the_runs_take_so_many_times_all(work: Work, rate: Known, pool: Pool, factor: int) -> None:
    once = cost_of(work, rate, pool)
    often = cost_of(dataclasses.replace(work, runs=work.runs * factor), rate, pool)
    for name in ("tokens", "worker_hours", "hours", "node_hours", "money"):
        one, many = getattr(once, name), getattr(often, name)
        assert math.isclose(many.low, factor * one.low, rel_tol=1e-9)
        assert math.isclose(many.high, factor * one.high, rel_tol=1e-9)


@given(one=ranges, other=ranges)
def test_products_and_quotients_hold_those_of_all_ends(one: Range, other: Range) -> None:
    product, quotient = one.times(other), one.over(other)
    for a in (one.low, one.high):
        for b in (other.low, other.high):
            assert product.low <= a * b <= product.high
            assert quotient.low <= a / b <= quotient.high


def test_what_is_not_known_stays_unknown() -> None:
    work = Work("embed", "passages", 2, 10, exact(5))
    assert cost_of(work, None, Pool(1, 1, 1, 1.0)) == Cost(Range(100, 100))
    priceless = cost_of(work, exact(1), Pool(1, 1, 1, None))
    assert priceless.money is None
    assert priceless.node_hours is not None
    both = total([priceless, cost_of(work, None, Pool(1, 1, 1, None))])
    assert both == Cost(Range(200, 200))


def test_a_total_is_the_sum() -> None:
    cost = Cost(*(Range(low, 2 * low) for low in (1, 2, 3, 4, 5)))
    assert total([cost, cost, cost]) == Cost(*(Range(3 * low, 6 * low) for low in (1, 2, 3, 4, 5)))


def test_only_a_limit_gives_only_a_limit() -> None:
    work = Work("train", "pairs", 1, 100, tokens_at_most(320, "lengths"))
    cost = cost_of(work, exact(100), Pool(1, 1, 1, 1.0))
    assert cost.tokens == Range(0, 32_000)
    assert cost.hours == Range(0, 320 / 3600)


def test_one_number_is_an_interval_all_the_same() -> None:
    assert known([100], "measured", "").value == Range(100 * (1 - OFF["measured"]), 100 * (1 + OFF["measured"]))
    found = known([80, 100], "given", "").value
    assert found.low < 80 < 100 < found.high


@pytest.mark.parametrize(("stage", "factor"), [("train", 6), ("embed", 2)])
def test_an_estimate_is_peak_over_operations_a_token(stage: str, factor: int) -> None:
    """Six operations a weight and token in training, two in embedding; attention adds a few percent in short texts."""
    assert BASE.weights == 84_934_656  # of BERT base: 12 · 12 · 768²
    rate = estimated_rate(stage, BASE, 0, 1e15)  # type: ignore[arg-type]
    assert math.isclose(rate.low, UTILISATION[0] * 1e15 / (factor * BASE.weights))
    assert math.isclose(rate.high, UTILISATION[1] * 1e15 / (factor * BASE.weights))
    assert estimated_rate(stage, BASE, 512, 1e15).high < rate.high  # type: ignore[arg-type]
