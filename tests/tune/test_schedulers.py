"""What schedulers are told and what they change, without Ray Tune around them."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ray.tune.experiment import Trial as TuneTrial

from raytrain.tune.config import Dimension, Schedule, Search
from raytrain.tune.ledger import Record
from raytrain.tune.population import explored, perturbed, population_of
from raytrain.tune.results import Point, Trial
from raytrain.tune.schedulers import Judged, judge_of, rungs
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


def test_a_change_depends_on_settings_and_chance_and_keeps_the_rest():
    config = {"number": 3, **propose(SPACE, Search(kind="random"), 1, 1, [])}
    first, again, *others = (explored(SPACE, config, random.Random(seed)) for seed in (0, 0, 1, 2, 3))
    assert first == again
    assert all(first != other for other in others)
    assert first["number"] == 3


@given(st.integers(0, 10_000))
def test_no_change_is_none_nor_that_of_another_trial(seed):
    """At the edge of a range a factor changes nothing, nor in a mix one that all shares have."""
    space = Space(
        {
            "train.mix.weights": Dimension(dirichlet={"deu": 1.0, "eng": 1.0}),
            "train.learning_rate": Dimension(uniform=[0.1, 1.0]),
        }
    )
    best = {"train.mix.weights": {"deu": 0.25, "eng": 0.75}, "train.learning_rate": 1.0}
    config, found = {"number": 3, **space.params(best)}, [best]
    rng = random.Random(seed)
    for _ in range(6):
        settings = space.settings({k: v for k, v in explored(space, config, rng, found).items() if k != "number"})
        for other in found:
            rates = settings["train.learning_rate"], other["train.learning_rate"]
            shares = settings["train.mix.weights"]["deu"], other["train.mix.weights"]["deu"]
            assert rates[0] != pytest.approx(rates[1], rel=1e-6) or shares[0] != pytest.approx(shares[1], rel=1e-6)
        found.append(settings)


def test_a_space_that_holds_no_others_ends_the_search_for_them():
    space = Space({"train.losses.one.weight": Dimension(choice=[0.5])})
    config = {"number": 3, **space.params({"train.losses.one.weight": 0.5})}
    assert explored(space, config, random.Random(1)) == config


RATE = "train.learning_rate"


@pytest.mark.parametrize("kind", ["pbt", "pb2"])
def test_two_that_go_on_from_one_trial_get_settings_that_none_had(kind):
    """Ray Tune's PB2 gives both the settings of that one, as its model has nothing to go by yet."""
    space = Space({RATE: Dimension(uniform=[0.1, 1.0])})
    scheduler = population_of(kind, space, 0, 10, {})
    scheduler.set_search_properties("average", "max")
    best, *others = trials = [
        TuneTrial("made", config={"number": number, RATE: rate}, trial_id=f"t{number}", stub=True)
        for number, rate in enumerate((1.0, 0.2, 0.3), 1)
    ]
    for trial in trials:
        scheduler.on_trial_add(None, trial)
        result = {STEP: 10, "average": trial.config[RATE], "config": trial.config}
        scheduler._save_trial_state(scheduler._trial_state[trial], 10, result, trial)
    given = [scheduler._get_new_config(trial, best)[0][RATE] for trial in others]
    assert len({round(rate, 6) for rate in [*given, *(trial.config[RATE] for trial in trials)]}) == 5
    if kind == "pb2":
        assert scheduler.current[:, 0].tolist() == pytest.approx(given)  # its model knows


def test_what_lies_at_the_edge_of_steps_is_perturbed_within_them():
    space = Space({"train.losses.one.weight": Dimension(quniform=[0.1, 0.7, 0.2])})
    for value in (0.1, 0.3, 0.5, 0.7):
        for factor in (0.8, 1.2):
            found = perturbed(space, space.params({"train.losses.one.weight": value}), lambda factor=factor: factor)
            assert space.settings(found)["train.losses.one.weight"] in (0.1, 0.3, 0.5, 0.7)


def record(number: int, values: list[float], ended: int | None, first: int) -> Record:
    points = [Point(step=10 * i, languages={}, values={"average": value}) for i, value in enumerate(values, 1)]
    state = "running" if ended is None else "finished"
    trial = Trial(number=number, settings={}, state=state, curve=points)
    return Record(
        trial=trial, params={}, started=first, points=[first + i for i in range(1, len(points) + 1)], ended=ended
    )


class Running:
    """A trial of Ray Tune, as far as a judge's clerk looks at it."""

    def __init__(self, number: int) -> None:
        self.config = {"number": number}


def judged(kind: str, records: list[Record]) -> Judged:
    judge = judge_of(Schedule(kind=kind), 10, 90)
    judge.set_search_properties("average", "max")
    return Judged(judge, records)


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_a_new_judge_judges_by_what_was_scored_before(kind):
    """Three trials scored well at step 10: one that scores badly there is ended."""
    past = [record(number, [0.5, 0.6, 0.7], 10 * number + 5, 10 * number) for number in range(3)]
    for records, decision in [([], "CONTINUE"), (past, "STOP")]:
        assert judged(kind, records).on_trial_result(None, Running(9), {STEP: 10, "average": 0.1}) == decision


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_a_score_that_is_told_again_is_not_judged_again(kind):
    """A trial that was far when its driver died begins by telling its first, low score: others have come since."""
    late = record(0, [0.1, 0.2, 0.9], None, 0)
    others = [record(number, [0.5, 0.6, 0.7], 10 * number + 5, 10 * number) for number in range(1, 5)]
    found = judged(kind, [late, *others])
    for step, score in ((10, 0.1), (20, 0.2), (30, 0.9)):
        assert found.on_trial_result(None, Running(0), {STEP: step, "average": score}) == "CONTINUE"
    assert found.on_trial_result(None, Running(9), {STEP: 10, "average": 0.1}) == "STOP"
    assert found.on_trial_result(None, Running(9), {STEP: 10, "average": 0.1}) == "CONTINUE"


@pytest.mark.parametrize("kind", ["asha", "median"])
def test_a_trial_that_failed_before_its_first_score_is_no_trouble(kind):
    found = judged(kind, [])
    found.on_trial_complete(None, Running(0), {"ended": "failed"})
    for number in range(1, 6):
        found.on_trial_result(None, Running(number), {STEP: 10, "average": 0.5})
        found.on_trial_complete(None, Running(number), {STEP: 20, "average": 0.5})


def test_the_median_of_a_replay_may_differ_without_harm():
    """A trial that a replay would have ended went on in fact."""
    past = [record(number, [0.5, 0.6, 0.7], 10 * number + 5, 10 * number) for number in range(3)]
    survivor = record(3, [0.1, 0.1], None, 100)
    assert judged("median", [*past, survivor]).on_trial_result(None, Running(3), {STEP: 30, "average": 0.1}) == "STOP"


def test_rungs_are_where_asha_decides():
    assert rungs(Schedule(), 100, 1_000) == [100, 300, 900]
    assert rungs(Schedule(grace_steps=50, reduction=2), 100, 300) == [50, 100, 200]
    assert rungs(Schedule(kind="median"), 100, 1_000) == []
