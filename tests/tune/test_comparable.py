"""Which trials are compared, and where: never a score of few steps with one of many."""

import math

from made_sweeps import EVERY, STEPS, made_sweep
from raytrain.tune.comparable import comparable
from raytrain.tune.results import Point, Sweep, Trial


def sweep_of(*trials: Trial) -> Sweep:
    return made_sweep(1).model_copy(update={"trials": list(trials)})


def trial(number: int, state: str, *steps: int, score: float = 0.5) -> Trial:
    curve = [Point(step=step, languages={}, values={"average": score + step / 1000}) for step in steps]
    ended = {"step": steps[-1], "values": curve[-1].values} if state == "finished" else {}
    return Trial.model_validate({"number": number, "settings": {}, "state": state, "curve": curve, **ended})


def test_without_early_stops_trials_are_compared_at_their_ends() -> None:
    sweep = made_sweep(14, early=False)
    found = comparable(sweep)
    assert found.step is None
    assert found.scores == {t.number: t.values for t in sweep.trials}
    assert found.left_out == {}


def test_with_early_stops_all_are_compared_at_a_step_that_they_reached() -> None:
    sweep = made_sweep(40)
    found = comparable(sweep)
    assert found.step == EVERY < STEPS
    ended = [t for t in sweep.trials if t.state != "failed"]
    assert any(t.state == "stopped" for t in ended)
    assert found.scores == {t.number: t.curve[0].values for t in ended}
    assert found.left_out == {"failed": 40 - len(ended)}


def test_one_trial_that_was_stopped_very_early_does_not_pull_the_others_down() -> None:
    others = [trial(i, "finished", 10, 20, 30) for i in range(19)]
    found = comparable(sweep_of(*others, trial(19, "stopped", 10)))
    assert found.step == 30
    assert found.left_out == {"not validated at step 30": 1}


def test_trials_without_a_common_step_are_left_out_if_they_were_stopped() -> None:
    ended = [trial(0, "finished", 10, 20), trial(1, "finished", 10, 20)]
    found = comparable(sweep_of(*ended, trial(2, "stopped", 7), trial(3, "stopped")))
    assert found.step is None
    assert set(found.scores) == {0, 1}
    assert found.left_out == {"stopped early, without a step in common with the others": 2}


def test_failed_waiting_and_running_trials_and_scores_that_are_no_number_are_left_out() -> None:
    states = ("failed", "waiting", "running", "running")
    rest = [trial(i + 2, state, 10) for i, state in enumerate(states)]
    found = comparable(sweep_of(trial(0, "finished", 10), trial(1, "finished", 10, score=math.nan), *rest))
    assert set(found.scores) == {0}
    assert found.left_out == {"failed": 1, "not begun": 1, "still running": 2, "without a score": 1}
