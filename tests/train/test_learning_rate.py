"""The learning rate as a function of the step."""

from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from raytrain.train.learning_rate import rate_factor

Schedule = Literal["linear", "cosine", "constant"]
SCHEDULES: list[Schedule] = ["linear", "cosine", "constant"]


def rates(total: int, warmup: int, schedule: Schedule) -> list[float]:
    return [rate_factor(step, warmup=warmup, total=total, schedule=schedule) for step in range(total + 1)]


def test_linear_by_hand() -> None:
    assert rates(8, 4, "linear") == pytest.approx([0.25, 0.5, 0.75, 1.0, 1.0, 0.75, 0.5, 0.25, 0.0])


def test_cosine_by_hand() -> None:
    assert rates(6, 2, "cosine") == pytest.approx([0.5, 1.0, 1.0, 0.5 + 0.125**0.5, 0.5, 0.5 - 0.125**0.5, 0.0])


def test_constant_by_hand() -> None:
    assert rates(4, 2, "constant") == [0.5, 1.0, 1.0, 1.0, 1.0]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_no_warmup_starts_at_the_peak(schedule: Schedule) -> None:
    assert rates(5, 0, schedule)[0] == 1.0


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_single_step_is_at_the_peak(schedule: Schedule) -> None:
    assert rates(1, 0, schedule)[0] == 1.0


@settings(deadline=None)
@given(st.integers(1, 60), st.data(), st.sampled_from(SCHEDULES))
def test_it_rises_to_the_peak_and_then_never_again(total: int, data: Any, schedule: Schedule) -> None:
    warmup = data.draw(st.integers(0, total - 1))
    found = rates(total, warmup, schedule)
    assert found[:warmup] == sorted(found[:warmup])
    assert found[warmup:] == sorted(found[warmup:], reverse=True)
    assert max(found) == pytest.approx(1)
    assert all(rate > 0 for rate in found[:-1])  # no step is for nothing
    assert found[-1] == (pytest.approx(1) if schedule == "constant" else pytest.approx(0, abs=1e-12))


def test_a_constant_rate_may_warm_up_all_the_way() -> None:
    assert rates(3, 10, "constant") == pytest.approx([0.1, 0.2, 0.3, 0.4])
