"""Settings as coordinates: shares after normalisation, scales that take in the job file's own values."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from made_sweeps import HEAT, MIX, RATE, SIZE, made_sweep
from raytrain.tune.coordinates import Coordinate, coordinates_of
from raytrain.tune.results import Axis, Sweep, Trial


def sweep_of(space: list[Axis], *settings: dict[str, object]) -> Sweep:
    trials = [Trial(number=i, settings=each, state="running") for i, each in enumerate(settings)]
    return made_sweep(1).model_copy(update={"space": space, "trials": trials})


def test_every_language_of_a_mix_is_a_setting_of_its_own() -> None:
    found = coordinates_of(made_sweep(4))
    assert [(c.key, c.language) for c in found] == [
        (RATE, ""),
        (HEAT, ""),
        (SIZE, ""),
        (MIX, "eng"),
        (MIX, "fin"),
        (MIX, "ara"),
    ]


def test_a_share_is_that_after_normalisation_and_all_of_a_mix_are_on_one_scale() -> None:
    axis = Axis(key=MIX, kind="mix", languages=["eng", "fin"])
    sweep = sweep_of([axis], {MIX: {"eng": 3, "fin": 1}}, {MIX: {"fin": 2.0}}, {MIX: None}, {})
    eng, fin = coordinates_of(sweep)
    assert [eng.value(trial.settings) for trial in sweep.trials] == [0.75, 0.0, None, None]
    assert [fin.position(trial.settings) for trial in sweep.trials] == [0.25, 1.0, None, None]


def test_the_scale_takes_in_what_the_job_file_has() -> None:
    axes = [
        Axis(key="log", kind="range", low=1e-4, high=1e-2, log=True),
        Axis(key="even", kind="range", low=0, high=10),
        Axis(key="choice", kind="choice", options=[64, 32]),
    ]
    sweep = sweep_of(axes, {"log": 1e-6, "even": 20, "choice": 128}, {"log": 1e-4, "even": 10, "choice": 64})
    log, even, choice = coordinates_of(sweep)
    assert [log.position(trial.settings) for trial in sweep.trials] == [0.0, pytest.approx(0.5)]
    assert [even.position(trial.settings) for trial in sweep.trials] == [1.0, 0.5]
    assert choice.options == (32, 64, 128)
    assert [choice.position(trial.settings) for trial in sweep.trials] == [1.0, 0.5]


def test_what_has_no_place_on_a_scale_has_none() -> None:
    axes = [Axis(key="log", kind="range", low=1e-4, high=1e-2, log=True)]
    sweep = sweep_of(axes, {"log": 0.0}, {"log": None}, {"log": math.nan}, {})
    (log,) = coordinates_of(sweep)
    assert [log.position(trial.settings) for trial in sweep.trials] == [None] * 4


def test_options_may_be_anything_and_only_numbers_have_an_order() -> None:
    options = ["mean", None, [1, 2], {"a": 1}]
    sweep = sweep_of([Axis(key="x", kind="choice", options=options)], *({"x": option} for option in options))
    (found,) = coordinates_of(sweep)
    assert [found.position(trial.settings) for trial in sweep.trials] == [0, 1 / 3, 2 / 3, 1]
    assert not found.ordered
    assert Coordinate("y", options=(1, 2.5)).ordered


@given(st.floats(1e-9, 1e9), st.floats(1e-9, 1e9), st.booleans())
def test_a_larger_value_is_further_up(one: float, other: float, log: bool) -> None:
    scale = Coordinate("x", low=1e-9, high=1e9, log=log)
    low, high = sorted((one, other))
    first, second = scale.place(low), scale.place(high)
    assert first is not None
    assert second is not None
    assert -1e-9 <= first <= second <= 1 + 1e-9
