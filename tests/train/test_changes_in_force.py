"""Which settings hold at a step."""

from typing import Any

import pytest

from raytrain.config import Train
from raytrain.train.changes import in_force, until

LOSSES: Any = {"a": {"weight": 2.0}, "b": {"kind": "kl", "score_scale": 20.0}}


def train(*changes: dict[str, Any]) -> Train:
    return Train.model_validate({"max_steps": 40, "learning_rate": 1e-3, "losses": LOSSES, "changes": list(changes)})


@pytest.mark.parametrize(
    ("step", "rate", "weights"),
    [(9, 1e-3, (2.0, 1.0)), (10, 1e-4, (2.0, 3.0)), (20, 1e-4, (0.5, 3.0)), (39, 1e-2, (0.5, 3.0))],
)
def test_a_change_holds_from_its_step_on_until_the_next_of_the_same(
    step: int, rate: float, weights: tuple[float, float]
) -> None:
    changed = train(
        {"at": 10, "learning_rate": 1e-4, "losses": {"b": 3.0}},
        {"at": 20, "losses": {"a": 0.5}},
        {"at": 39, "learning_rate": 1e-2},
    )
    now = in_force(changed, step)
    assert now.learning_rate == rate
    assert (now.losses["a"].weight, now.losses["b"].weight) == weights
    assert now.losses["b"].model_dump(exclude={"weight"}) == changed.losses["b"].model_dump(exclude={"weight"})


def test_runs_share_their_steps_until_one_of_them_changes() -> None:
    early, late = {"at": 10, "learning_rate": 1e-4}, {"at": 20, "mix": {"temperature": 2.0}}
    assert until(train(early, late), 20) == train(early)
    assert until(train(early, late), 21) == train(early, late)
    assert until(train(early), 10) == until(train(late), 10) == train()
