"""What schedulers are told and what they change, without Ray Tune around them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.tune.config import Dimension, Schedule, Search
from raytrain.tune.ledger import Record
from raytrain.tune.results import Point, Trial
from raytrain.tune.schedulers import perturbed, rungs, scheduler_of, tell_past
from raytrain.tune.search import propose
from raytrain.tune.space import Space
from raytrain.tune.trainable import STEP

SPACE = Space(
    {
        "train.mix.weights": Dimension(dirichlet={"deu": 1.0, "eng": 2.0, "fin": 0.5}),
        "train.learning_rate": Dimension(loguniform=[1e-5, 1e-3]),
        "train.losses.one.weight": Dimension(quniform=[0.1, 1.0, 0.1]),
        "train.losses.two.weight": Dimension(choice=[0.5, 1.0]),
    }
)


@given(st.integers(0, 10_000))
def test_what_is_perturbed_stays_in_the_space(seed):
    rng = random.Random(seed)
    params = propose(SPACE, Search(kind="random", seed=seed), 1, 1, [])
    other = perturbed(SPACE, params, lambda: rng.choice((0.8, 1.2)))
    before, after = SPACE.settings(params), SPACE.settings(other)
    assert sum(after["train.mix.weights"].values()) == pytest.approx(1.0)
    assert 1e-5 <= after["train.learning_rate"] <= 1e-3
    assert round(after["train.losses.one.weight"] * 10) / 10 == pytest.approx(after["train.losses.one.weight"])
    assert after["train.losses.two.weight"] == before["train.losses.two.weight"]
    factor = after["train.learning_rate"] / before["train.learning_rate"]
    assert (
        factor == pytest.approx(0.8, abs=0.02)
        or factor == pytest.approx(1.2, abs=0.02)
        or after["train.learning_rate"] in (1e-5, 1e-3)
    )


def test_the_change_of_a_population_depends_on_its_settings_and_the_seed_alone():
    config = {"number": 3, **propose(SPACE, Search(kind="random"), 1, 1, [])}
    explore = [scheduler_of(Schedule(kind="pbt"), SPACE, seed, 10, 100)._custom_explore_fn for seed in (0, 0, 1)]
    first, again, other = (one(config) for one in explore)
    assert first == again != other
    assert first["number"] == 3


def record(number: int, values: list[float], ended: int | None, first: int) -> Record:
    points = [Point(step=10 * i, languages={}, values={"average": value}) for i, value in enumerate(values, 1)]
    state = "running" if ended is None else "finished"
    trial = Trial(number=number, settings={}, state=state, curve=points)
    return Record(
        trial=trial, params={}, started=first, points=[first + i for i in range(1, len(points) + 1)], ended=ended
    )


class Running:
    trial_id = "running"


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_a_new_scheduler_judges_by_what_ended_before(kind):
    """Three trials scored well at step 10: one that scores badly there is ended, if they have ended."""
    past = [record(number, [0.5, 0.6, 0.7], 10 * number + 5, 10 * number) for number in range(3)]
    decisions = []
    for records in ([], past, [r.model_copy(update={"ended": None}) for r in past]):
        scheduler = scheduler_of(Schedule(kind=kind), SPACE, 0, 10, 90)
        scheduler.set_search_properties("average", "max")
        tell_past(scheduler, records)
        scheduler.on_trial_add(None, Running())
        controller = type("Controller", (), {"get_live_trials": lambda self: []})()
        decisions.append(scheduler.on_trial_result(controller, Running(), {STEP: 10, "average": 0.1}))
    assert decisions == ["CONTINUE", "STOP", "CONTINUE"]


def test_rungs_are_where_asha_decides():
    assert rungs(Schedule(), 100, 1_000) == [100, 300, 900]
    assert rungs(Schedule(grace_steps=50, reduction=2), 100, 300) == [50, 100, 200]
    assert rungs(Schedule(kind="median"), 100, 1_000) == []
