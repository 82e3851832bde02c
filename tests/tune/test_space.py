"""The space: what a searcher draws is what the job file then says."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.config import Job
from raytrain.errors import UserError
from raytrain.jobfile import job_from
from raytrain.tune.config import Dimension
from raytrain.tune.search import grid
from raytrain.tune.space import SMALLEST_SHARE, Space, current, shares_of, sticks_of, with_settings

LANGUAGES = ["ara", "deu", "eng", "fra", "spa"]
FIVE = dict.fromkeys(LANGUAGES, 1.0)


def space(**words) -> Space:
    return Space({key: Dimension(**word) for key, word in words.items()})


def job(tune: dict, **train) -> Job:
    validate = {"benchmark": "beir:dev", "every": 10}
    return job_from(
        {
            "name": "n",
            "root": "r",
            "corpus": {"source": "demo:cldr"},
            "model": {"from_scratch": {}},
            "train": {"mix": {"temperature": 2.0, "include": ["eng", "deu"]}, "validate_on": validate, **train},
            "tune": {"confirm": None, **tune},
        },
        "job",
    )


X = {"train.learning_rate": {"uniform": [0.1, 1.0]}}
unit = st.floats(0, 1, allow_nan=False)


@given(st.lists(unit, min_size=4, max_size=4), st.lists(st.floats(0.2, 20), min_size=5, max_size=5))
def test_shares_sum_to_one_and_none_is_lost(sticks, concentration):
    shares = shares_of(sticks, dict(zip(LANGUAGES, concentration, strict=True)))
    assert sum(shares.values()) == pytest.approx(1.0, abs=1e-9)
    assert min(shares.values()) >= SMALLEST_SHARE
    assert all(round(share, 6) == share for share in shares.values())


@given(st.lists(st.floats(0.01, 1), min_size=5, max_size=5))
def test_what_a_job_file_has_can_be_told_to_a_searcher(weights):
    mix = dict(zip(LANGUAGES, weights, strict=True))
    again = shares_of(sticks_of(mix, FIVE), FIVE)
    total = sum(weights)
    assert again == pytest.approx({name: weight / total for name, weight in mix.items()}, abs=2e-6)


@pytest.mark.parametrize("concentration", [1.0, 0.5, 4.0])
def test_equally_likely_sticks_are_dirichlet(concentration):
    """Mean and variance of each share, of 4,000 draws: for Dirichlet(a, …, a) of k they are 1/k and
    (k - 1) / (k² (k a + 1))."""
    rng = np.random.default_rng(7)
    asked = dict.fromkeys(LANGUAGES, concentration)
    shares = np.array([list(shares_of(rng.random(4), asked).values()) for _ in range(4_000)])
    variance = 4 / (25 * (5 * concentration + 1))
    np.testing.assert_allclose(shares.mean(axis=0), 0.2, atol=5 * np.sqrt(variance / 4_000))
    np.testing.assert_allclose(shares.var(axis=0), variance, rtol=0.15)


def test_each_word_draws_from_its_range():
    words = space(
        a={"uniform": [1.0, 2.0]},
        b={"loguniform": [1e-5, 1e-3]},
        c={"quniform": [0.0, 1.0, 0.3]},
        d={"randint": [1, 4]},
        e={"choice": [[1], "two", {"three": 3}]},
        f={"lograndint": [1, 9]},
    )
    found = [words.settings(params) for params in grid(words, 4)]
    assert {s["a"] for s in found} == {1.0, 1.33333, 1.66667, 2.0}
    assert {s["b"] for s in found} == {1e-5, 4.64159e-05, 0.000215443, 1e-3}
    assert {s["c"] for s in found} == {0.0, 0.3, 0.6, 0.9}
    assert {s["d"] for s in found} == {1, 2, 3}
    assert [e for e in ([1], "two", {"three": 3}) if e in [s["e"] for s in found]] == [[1], "two", {"three": 3}]
    assert {s["f"] for s in found} == {1, 2, 4, 8}


def test_a_grid_of_a_mix_has_every_share_and_each_once():
    points = list(grid(space(**{"train.mix.weights": {"dirichlet": ["deu", "eng", "fra"]}}), 3))
    assert len(points) == 6
    found = [
        tuple(shares_of(list(point.values()), dict.fromkeys(["deu", "eng", "fra"], 1.0)).values()) for point in points
    ]
    expected = [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    assert sorted(tuple(round(share, 2) for share in mix) for mix in found) == sorted(expected)


def test_settings_take_the_place_of_what_stood_there():
    given = job({"space": {"train.mix.weights": {"dirichlet": ["eng", "deu"]}}}).model_dump(mode="json")
    settings = {"train.mix.weights": {"eng": 0.75, "deu": 0.25}, "train.losses.info_nce.temperature": 0.1}
    data = with_settings(given, settings)
    assert data["train"]["mix"]["weights"] == {"eng": 0.75, "deu": 0.25}
    assert "include" not in data["train"]["mix"]  # shares say all
    assert data["train"]["losses"]["info_nce"]["temperature"] == 0.1
    assert data["tune"] is None
    assert given["train"]["mix"]["include"] == ["eng", "deu"]  # untouched
    assert current(given, "train.losses.info_nce.temperature") == 0.05
    assert current(given, "train.nothing.there") is None


def test_a_list_is_reached_by_number():
    losses = {"info_nce": {"matryoshka": {"dims": [16, 32], "weights": [1.0, 1.0]}}}
    key = "train.losses.info_nce.matryoshka.weights.1"
    given = job({"space": {key: {"uniform": [0.1, 1.0]}}}, losses=losses).model_dump(mode="json")
    assert with_settings(given, {key: 0.3})["train"]["losses"]["info_nce"]["matryoshka"]["weights"] == [1.0, 0.3]


@pytest.mark.parametrize(
    ("tune", "told"),
    [
        ({"space": {"train.learning_rat": {"choice": [1.0]}}}, "tune.space: with train.learning_rat = 1.0"),
        ({"space": {"train.batch_size": {"choice": [64, 63]}}}, "must divide batch_size"),
        ({"space": {"train.seed": {"choice": [1, 2]}}}, "train.seed is the same in all trials"),
        ({"space": {"corpus.seed": {"choice": [1]}}}, "only keys of train"),
        ({"space": {"train.learning_rate": {"unifrom": [0, 1]}}}, "did you mean uniform"),
        ({"space": {"train.learning_rate": {"uniform": [1, 0]}}}, "holds no two values"),
        ({"space": {"train.learning_rate": {"uniform": [0.1, 0.10000001]}}}, "holds no two values"),
        ({"space": {"train.learning_rate": {"loguniform": [0, 1]}}}, "above 0"),
        ({"space": {"train.learning_rate": {"uniform": [0.1, 1], "choice": [1]}}}, "exactly one of"),
        ({"space": {"train.learning_rate": {"dirichlet": ["eng", "deu"]}}}, "dirichlet is for train.mix.weights"),
        ({"space": {"train.mix.weights": {"uniform": [0, 1]}}}, "takes dirichlet or choice"),
        ({"space": {"train.mix.weights": {"dirichlet": ["eng", "en"]}}}, "named twice"),
        ({"space": {"train.learning_rate": {"choice": [0.1]}}, "confirm": {}}, "needs evaluate.benchmarks"),
        (
            {"space": {"train.batch_size": {"choice": [64]}}, "schedule": {"kind": "pbt"}},
            "train.batch_size can't change in a running trial",
        ),
        (
            {
                "space": {"train.learning_rate": {"choice": [0.1, 0.2]}},
                "search": {"kind": "random"},
                "schedule": {"kind": "pbt"},
            },
            "at least one setting must be uniform, loguniform or dirichlet",
        ),
        ({"space": {"train.learning_rate": {"choice": [0.1]}}, "objectives": []}, "tune.objectives"),
        (
            {"space": {"train.batch_size": {"choice": [64, 128]}, "train.lanes": {"choice": [8, 128]}}},
            "train.batch_size = 64, train.lanes = 128: train: lanes (128) must divide",
        ),
        ({"space": X, "schedule": {"grace_steps": 1000}}, "every trial gets 1,000 steps"),
    ],
)
def test_what_no_trial_could_have_is_refused_at_once(tune, told):
    with pytest.raises(UserError, match=re.escape(told)):
        job(tune)


def test_what_the_space_does_not_hold_is_not_told_to_a_searcher():
    stepped = space(a={"quniform": [0.1, 0.7, 0.2]}, b={"choice": [1, 2]})
    assert stepped.params({"a": 0.5, "b": 2}) == {"a": 0.5, "b": 1}
    assert stepped.params({"a": 0.15, "b": 2}) is None
    assert stepped.params({"a": 0.5, "b": 3}) is None
    assert space(m={"dirichlet": ["deu", "eng"]}).params({"m": {"deu": 1.0}}) is None


def test_the_space_of_a_job_file_survives_being_written_out():
    given = job({"space": {"train.mix.weights": {"dirichlet": {"eng": 2, "deu": 1}}}})
    again = job_from(given.model_dump(mode="json"), "again")
    assert again == given
    assert given.model_dump(mode="json")["tune"]["space"] == {"train.mix.weights": {"dirichlet": {"eng": 2, "deu": 1}}}


@pytest.mark.parametrize("bounds", [[0.11111111, 0.66666666], [1 / 3, 2 / 3]])
def test_a_setting_that_was_rounded_beyond_an_end_is_in_the_space(bounds):
    space = Space({"train.learning_rate": Dimension(uniform=bounds)})
    for end in bounds:
        settings = space.settings({"train.learning_rate": end})
        drawn = space.params(settings)
        assert bounds[0] <= drawn["train.learning_rate"] <= bounds[1]
        assert space.settings(drawn) == settings
    assert space.params({"train.learning_rate": 0.7}) is None
