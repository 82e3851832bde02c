"""Importance: what was planted is found, its direction too, and of few trials nothing is claimed."""

import numpy as np
import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from made_sweeps import MIX, RATE, SIZE, made_sweep
from raytrain.tune.importance import FEWEST, Influence, importances
from raytrain.tune.results import Axis, Sweep


def by_name(sweep: Sweep) -> dict[tuple[str, str], Influence]:
    (found,) = importances(sweep)
    assert not found.why_not
    return {(row.setting.key, row.setting.language): row for row in found.influences}


def scored(sweep: Sweep, **scores: list[float]) -> Sweep:
    """The sweep with other objectives, at the end of every trial."""
    trials = [
        t.model_copy(update={"values": {name: values[i] for name, values in scores.items()}})
        for i, t in enumerate(sweep.trials)
    ]
    return sweep.model_copy(update={"trials": trials, "objectives": list(scores)})


@pytest.mark.parametrize("seed", range(3))
def test_the_setting_that_was_planted_is_found_and_what_does_nothing_is_not(seed: int) -> None:
    found = by_name(made_sweep(40, seed=seed))
    rate = found[RATE, ""]
    assert next(iter(found)) == (RATE, "")
    assert rate.share is not None
    assert rate.share > 0.4
    assert rate.share > (rate.chance or 0.0)
    beyond = [key for key, row in found.items() if (row.share or 0.0) > (row.chance or 0.0)]
    assert len(beyond) <= 3  # of six; the rate, Finnish, and what luck brings


def test_the_share_of_a_language_is_found_as_a_setting_of_its_own() -> None:
    sweep = made_sweep(80, ["eng", "fin", "ara", "tha"], early=False)
    found = by_name(scored(sweep, average=[t.settings[MIX]["ara"] for t in sweep.trials]))
    arabic = found[MIX, "ara"]
    assert next(iter(found)) == (MIX, "ara")
    assert arabic.correlation == pytest.approx(1)
    others = [found[MIX, language] for language in ("eng", "fin", "tha")]
    assert all((other.high or 0.0) < 0 for other in others)  # what one has the others lack


def test_objectives_have_importances_of_their_own() -> None:
    sweep = made_sweep(30, early=False)
    rates = [-t.settings[RATE] for t in sweep.trials]
    sizes = [float(t.settings[SIZE]) for t in sweep.trials]
    first, second = importances(scored(sweep, slow=rates, large=sizes))
    assert (first.objective, second.objective) == ("slow", "large")
    assert first.influences[0].setting.key == RATE
    assert first.influences[0].correlation == pytest.approx(-1)
    assert second.influences[0].setting.key == SIZE
    assert second.influences[0].correlation == pytest.approx(1)


def test_of_few_trials_no_importance_is_shown_but_the_direction_with_its_interval() -> None:
    (found,) = importances(made_sweep(FEWEST - 1, early=False))
    assert "9 trials can be compared" in found.why_not
    assert all(row.share is None and row.chance is None for row in found.influences)
    rate = next(row for row in found.influences if row.setting.key == RATE)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.correlation is not None
    assert -1 <= rate.low <= rate.correlation <= rate.high <= 1
    assert rate.high - rate.low > 0.3
    (enough,) = importances(made_sweep(FEWEST, early=False))
    assert not enough.why_not


@pytest.mark.parametrize("kind", ["pbt", "pb2"])
def test_settings_that_changed_in_mid_run_have_no_importance(kind: str) -> None:
    (found,) = importances(made_sweep(40, early=False, schedule={"kind": kind}))
    assert "changed while trials ran" in found.why_not


def test_equal_scores_and_settings_without_a_difference_say_nothing() -> None:
    sweep = made_sweep(20, early=False)
    (found,) = importances(scored(sweep, average=[0.5] * 20))
    assert "score the same" in found.why_not
    assert all(row.correlation is None for row in found.influences)
    same = [t.model_copy(update={"settings": sweep.trials[0].settings}) for t in sweep.trials]
    (found,) = importances(sweep.model_copy(update={"trials": same}))
    assert "No two trials" not in found.why_not
    assert "no two trials differ" in found.why_not
    assert found.influences == []


def test_settings_without_an_order_have_no_direction() -> None:
    sweep = made_sweep(30, early=False)
    axis = Axis(key="train.attention", kind="choice", options=["eager", "packed"])
    trials = [t.model_copy(update={"settings": {axis.key: axis.options[t.number % 2]}}) for t in sweep.trials]
    scores = [0.5 + 0.1 * (t.number % 2) + 0.001 * t.number for t in trials]
    (found,) = importances(scored(sweep.model_copy(update={"space": [axis], "trials": trials}), average=scores))
    (row,) = found.influences
    assert row.share == pytest.approx(1)
    assert row.share > (row.chance or 0.0)
    assert row.correlation is None


def test_a_trial_that_lacks_a_setting_is_left_out_and_a_setting_that_most_lack_too() -> None:
    sweep = made_sweep(30, early=False)
    first = sweep.trials[0].model_copy(update={"settings": {**sweep.trials[0].settings, MIX: None, RATE: 0}})
    rare = Axis(key="rare", kind="range", low=0, high=1)
    second = sweep.trials[1].model_copy(update={"settings": {**sweep.trials[1].settings, "rare": 0.5}})
    changed = {"trials": [first, second, *sweep.trials[2:]], "space": [*sweep.space, rare]}
    (found,) = importances(sweep.model_copy(update=changed))
    assert (found.trials, found.lacking) == (29, 1)
    assert "rare" not in {row.setting.key for row in found.influences}


def test_it_is_the_same_every_time_and_optuna_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    before = optuna.logging.get_verbosity()
    sweep = made_sweep(20)
    assert importances(sweep) == importances(sweep)
    assert capfd.readouterr() == ("", "")
    assert optuna.logging.get_verbosity() == before


@settings(max_examples=12, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=3, max_size=9))
def test_the_correlation_is_spearmans(pairs: list[tuple[int, int]]) -> None:
    xs, ys = ([float(pair[i]) for pair in pairs] for i in (0, 1))
    sweep = made_sweep(len(pairs), early=False, space=[Axis(key="x", kind="range", low=0, high=9)])
    trials = [t.model_copy(update={"settings": {"x": x}}) for t, x in zip(sweep.trials, xs, strict=True)]
    (found,) = importances(scored(sweep.model_copy(update={"trials": trials}), average=ys))
    if np.ptp(xs) == 0:
        assert found.influences == []
    elif np.ptp(ys) == 0:
        assert found.influences[0].correlation is None
    else:
        assert found.influences[0].correlation == pytest.approx(spearmanr(xs, ys).statistic)
