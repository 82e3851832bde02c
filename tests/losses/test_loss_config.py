"""The config of losses: what is understood, and what is refused."""

import math
import subprocess
import sys
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from raytrain.losses.config import (
    KL,
    MIN_TEMPERATURE,
    InfoNCE,
    LearnedTemperature,
    Losses,
    MarginMSE,
    Matryoshka,
    learned_temperatures,
)

ADAPTER: TypeAdapter[dict[str, InfoNCE | MarginMSE | KL]] = TypeAdapter(Losses)


def test_terms_are_told_apart_by_kind_and_are_info_nce_without_one() -> None:
    terms = ADAPTER.validate_python(
        {
            "plain": None,
            "warm": {"temperature": 0.1, "weight": 0.5},
            "margin": {"kind": "margin_mse", "score_scale": 10.0},
            "list": {"kind": "kl", "score_scale": 10.0, "temperature": 2.0},
        }
    )
    assert terms == {
        "plain": InfoNCE(),
        "warm": InfoNCE(temperature=0.1, weight=0.5),
        "margin": MarginMSE(score_scale=10.0),
        "list": KL(score_scale=10.0, temperature=2.0),
    }
    assert list(terms) == ["plain", "warm", "margin", "list"]
    assert ADAPTER.validate_python(ADAPTER.dump_python(terms)) == terms


def test_a_term_is_taken_as_it_is_if_it_is_one_already() -> None:
    terms = {"a": KL(score_scale=1.0)}
    assert ADAPTER.validate_python(terms) == terms


@pytest.mark.parametrize(
    ("term", "said"),
    [
        ({"kind": "triplet"}, "triplet"),
        ({"temperature": 0.0}, "greater than 0"),
        ({"temperature": math.nan}, "finite"),
        ({"temperature": {"start": MIN_TEMPERATURE}}, "greater than 0.01"),
        ({"weight": 0.0}, "greater than 0"),
        ({"false_negative_margin": -0.1}, "greater than or equal to 0"),
        ({"false_negative_margin": 2.1}, "less than or equal to 2"),
        ({"score_scale": 1.0}, "Extra inputs"),
        ({"kind": "kl"}, "Field required"),
        ({"kind": "margin_mse"}, "Field required"),
        ({"kind": "margin_mse", "score_scale": 1.0, "temperature": 1.0}, "Extra inputs"),
        ({"matryoshka": {"dims": []}}, "at least 1 item"),
        ({"matryoshka": {"dims": [64, 64]}}, "a width twice"),
        ({"matryoshka": {"dims": [64, 0]}}, "greater than 0"),
        ({"matryoshka": {"dims": [64, 32], "weights": [1.0]}}, "1 weights for 2 dims"),
        ({"matryoshka": {"dims": [64], "weights": [0.0]}}, "greater than 0"),
    ],
)
def test_what_makes_no_sense_is_refused(term: dict[str, Any], said: str) -> None:
    with pytest.raises(ValidationError, match=said):
        ADAPTER.validate_python({"term": term})


@pytest.mark.parametrize("terms", [{}, {"not a name": {}}])
def test_there_is_a_term_and_it_has_a_name(terms: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ADAPTER.validate_python(terms)


def test_a_term_is_the_whole_vector_s_or_the_weighted_sum_over_widths() -> None:
    assert InfoNCE().widths == {None: 1.0}
    assert InfoNCE(matryoshka=Matryoshka(dims=[64, 16])).widths == {64: 1.0, 16: 1.0}
    weighted = KL(score_scale=1.0, matryoshka=Matryoshka(dims=[64, 16], weights=[1.0, 0.25]))
    assert list(weighted.widths.items()) == [(64, 1.0), (16, 0.25)]


def test_temperatures_that_are_learned_are_found_in_the_order_of_names() -> None:
    learned, fixed = LearnedTemperature(start=0.1), InfoNCE()
    terms = {"b": InfoNCE(temperature=learned), "fixed": fixed, "kl": KL(score_scale=1.0)}
    terms["a"] = InfoNCE(temperature=LearnedTemperature())
    assert list(learned_temperatures(terms).items()) == [("a", LearnedTemperature()), ("b", learned)]


def test_reading_the_config_does_not_take_torch() -> None:
    code = "import sys, raytrain.losses.config; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
