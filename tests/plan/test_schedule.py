"""Which entry a slot has."""

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from raytrain.plan.schedule import GRANULARITY, PERIOD, Schedule, most_in_window, period_counts
from small_plans import work

WEIGHTS = st.lists(st.floats(1e-4, 1.0), min_size=1, max_size=12)
PLACES = st.one_of(st.integers(0, 300), st.integers(0, 10**7), st.integers(PERIOD - 200, PERIOD + 200))


PERIODS = st.one_of(st.just(PERIOD), st.integers(1, 3000), st.integers(PERIOD // 2, 2 * PERIOD))


def schedule(weights: list[float], seed: int = 0, period: int = PERIOD) -> Schedule:
    return Schedule(tuple(period_counts(np.array(weights), period).tolist()), (seed, "test"))


@given(WEIGHTS, PERIODS)
def test_a_period_has_the_counts_of_the_mix(weights: list[float], period: int) -> None:
    counts = period_counts(np.array(weights), period)
    assert counts.sum() == period
    assert np.abs(counts - np.array(weights) / sum(weights) * period).max() < 1 + 1e-6
    one = schedule(weights, period=period)
    for periods in (1, 3):
        assert one.taken(periods * period).tolist() == (periods * counts).tolist()


@given(WEIGHTS, st.integers(0, 9), PERIODS, PLACES, st.integers(0, 300))
def test_taken_counts_the_slots(weights: list[float], seed: int, period: int, first: int, count: int) -> None:
    one = schedule(weights, seed, period)
    counted = Counter(one.slots(first, count).tolist())
    taken = one.taken(first + count) - one.taken(first)
    assert taken.tolist() == [counted[i] for i in range(len(weights))]


@given(WEIGHTS, st.integers(0, 9), PERIODS, PLACES, st.integers(1, 200), st.integers(0, 200))
def test_slots_are_the_same_however_they_are_cut(
    weights: list[float], seed: int, period: int, first: int, left: int, right: int
) -> None:
    one = schedule(weights, seed, period)
    parts = [one.slots(first, left), one.slots(first + left, right)]
    assert one.slots(first, left + right).tolist() == np.concatenate(parts).tolist()


@given(WEIGHTS, st.integers(0, 9), PLACES)
def test_counts_follow_the_mix_at_any_slot(weights: list[float], seed: int, first: int) -> None:
    shares = np.array(weights) / sum(weights)
    off = schedule(weights, seed).taken(first) - shares * first
    assert np.abs(off).max() < GRANULARITY + first / PERIOD


@given(WEIGHTS, st.integers(0, 9), PERIODS, st.floats(0, 2))
def test_in_periods_of_any_length_counts_follow_the_mix(
    weights: list[float], seed: int, period: int, place: float
) -> None:
    """Where nodes have odd sizes, a level of the halving may put a count off by two instead of one."""
    one, slot = schedule(weights, seed, period), int(place * period)
    off = one.taken(slot) - np.array(one.counts) / period * slot
    assert np.abs(off).max() < 2 * GRANULARITY


@given(WEIGHTS, st.integers(0, 9), st.integers(1, 400), st.integers(0, 4000))
def test_no_window_has_more_slots_than_promised(weights: list[float], seed: int, slots: int, window: int) -> None:
    one = schedule(weights, seed)
    counted = Counter(one.slots(window * slots, slots).tolist())
    for i, weight in enumerate(weights):
        assert counted[i] <= most_in_window(weight / sum(weights), slots)


def test_the_promise_is_near_the_share() -> None:
    """So that mixed batches need few rows of a language: 2 × B × share, not 2 × B."""
    assert most_in_window(0.01, 1024) <= 12
    assert most_in_window(0.5, 128) <= 66
    assert most_in_window(1e-5, 128) == 1
    assert most_in_window(1.0, 100) == 100


def test_more_entries_than_a_word_has_coins() -> None:
    one = schedule([1.0 + i % 7 for i in range(400)])
    counts = one.taken(PERIOD)
    assert counts.tolist() == list(one.counts)
    assert len(set(one.slots(12_345, 4096).tolist())) > 350


def test_a_position_is_found_without_walking() -> None:
    """Slot ten million takes the calls and the memory of slot ten: counted, not timed."""
    one = schedule([1 / (i + 1) for i in range(75)])
    near, far = (work(lambda at=at: one.slots(at, 1)) for at in (10, 10_000_000))  # type: ignore[misc]
    assert far[0] <= near[0] + 20
    assert far[1] <= 1.2 * near[1] + 1000
