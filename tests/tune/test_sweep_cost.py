"""What a sweep costs, and when it has cost enough."""

import pytest

from raytrain.tune.config import Budget
from raytrain.tune.cost import Rate, budget_of, estimate, expected_steps, spent_of, spent_up
from raytrain.tune.results import Cost


def test_successive_halving_by_hand():
    """27 trials to 10 steps, 9 of them to 30, 3 to 90, and those to 100."""
    assert expected_steps(27, [10, 30, 90], 3, 100) == 27 * 10 + 9 * 20 + 3 * 60 + 1 * 10
    assert expected_steps(5, [], 3, 100) == 500
    assert expected_steps(1, [10, 30], 3, 100) == 100


def test_costs_add_up_and_unknown_prices_are_not_zero():
    rate = Rate(gpus=8, money=24.0)
    cost = rate.cost(steps=100, batch_size=64, seconds=1_800)
    assert (cost.pairs, cost.gpu_hours, cost.money) == (6_400, 4.0, 12.0)
    assert spent_of([cost, cost])["money"] == 24.0
    assert "money" not in spent_of([cost, Cost(steps=1)])


@pytest.mark.parametrize(
    ("budget", "told"),
    [
        ({"steps": 200}, "steps: 200 of 200"),
        ({"pairs": 12_800}, "pairs: 12,800 of 12,800"),
        ({"gpu_hours": 7.5}, "gpu-hours: 8 of 7.5"),
        ({"money": 20.0}, "money: 24 of 20"),
        ({"steps": 201, "money": 25.0}, ""),
    ],
)
def test_a_budget_is_spent_in_its_own_unit(budget, told):
    cost = Rate(gpus=8, money=24.0).cost(100, 64, 1_800)
    assert spent_up(
        budget_of(Budget(**budget)), spent_of([cost, cost]), ("steps", "pairs", "gpu_hours", "money")
    ).startswith(told)
    assert bool(told) == bool(
        spent_up(budget_of(Budget(**budget)), spent_of([cost, cost]), ("steps", "pairs", "gpu_hours", "money"))
    )


def test_the_estimate_is_no_more_than_the_budget_allows():
    rate = Rate(gpus=4, money=None)
    found = estimate(Budget(trials=10, pairs=6_400), 10, (300, 1_000), 64, 32.0, rate)
    assert found["steps"] == 100
    assert found["least_steps"] == 100
    assert found["hours"] == pytest.approx(6_400 / 32 / 3600)
    assert found["gpu_hours"] == pytest.approx(4 * found["hours"])
    assert "money" not in found
    assert "hours" not in estimate(Budget(), 10, (300, 1_000), 64, None, rate)
