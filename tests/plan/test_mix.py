"""Shares of languages and groups, and their config."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from raytrain.plan import Plan, mix_weights, with_group
from raytrain.plan.batches import rows_needed
from raytrain.plan.config import Mix
from small_plans import shards

ROWS = st.dictionaries(st.sampled_from(["eng", "fin", "kor", "swa", "tel"]), st.integers(1, 10**4), min_size=1)


@given(st.dictionaries(st.sampled_from(["eng", "fin", "kor"]), st.integers(1, 10**8), min_size=1))
def test_temperature_goes_from_proportional_to_even(rows: dict[str, int]) -> None:
    total = sum(rows.values())
    assert mix_weights(rows) == pytest.approx({k: n / total for k, n in rows.items()})
    assert mix_weights(rows, temperature=1e9) == pytest.approx({k: 1 / len(rows) for k in rows}, rel=1e-4)


def test_explicit_weights_are_normalised_and_zero_leaves_out() -> None:
    assert mix_weights({}, weights={"fin": 1, "eng": 3, "kor": 0}) == {"eng": 0.75, "fin": 0.25}
    with pytest.raises(ValueError, match="no language"):
        mix_weights({}, weights={"eng": 0})


@given(ROWS, st.sampled_from(["homogeneous", "mixed"]), st.integers(1, 2000))
def test_all_that_is_too_small_is_in_the_group_with_its_share(rows: dict[str, int], batching: Any, batch: int) -> None:
    mix = mix_weights(rows, temperature=3)
    weights, groups = with_group(mix, rows, "few", batch_size=batch, batching=batching)
    small = {name for name, share in mix.items() if rows[name] < rows_needed(share, batch, batching)}
    assert {member for members in groups.values() for member in members} == small
    assert {name for name in weights if name != "few"} == set(mix) - small
    assert sum(weights.values()) == pytest.approx(1)
    assert weights.get("few", 0) == pytest.approx(sum(mix[name] for name in small))
    corpus = {name: shards(name, n) for name, n in rows.items()}
    if sum(rows[name] for name in small) >= 2 * batch or not small:
        plan = Plan.of(corpus, weights, batch_size=batch, lanes=1, seed=0, batching=batching, groups=groups)
        assert set(plan.languages) == set(rows)


@pytest.mark.parametrize(
    ("mix", "words"),
    [
        ({"weights": {"eng": 1}, "include": ["eng"]}, "leave out include, exclude and temperature"),
        ({"weights": {"eng": 1}, "exclude": ["fin"]}, "leave out include, exclude and temperature"),
        ({"weights": {"eng": 1}, "temperature": 2.0}, "leave out include, exclude and temperature"),
        ({"weights": {"eng": 0}}, "no weight is above 0"),
        ({"include": ["eng", "fin"], "exclude": ["finnish"]}, "exclude leaves out fin, which include names"),
        ({"include": ["fin-eng"], "exclude": ["eng"]}, "exclude leaves out fin-eng, which include names"),
        ({"max_passes": 0.0}, "greater than 0"),
        ({"max_passes": 1e306}, "less than or equal to 1000000"),
        ({"temperature": 0.01}, "greater than or equal to 0.1"),
        ({"weights": {"eng": 1e308, "fin": 1e308}}, "less than or equal to"),
        ({"group_small": "a b"}, "letters, digits"),
    ],
)
def test_contradictions_are_refused(mix: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Mix(**mix)


def test_to_exclude_a_language_is_to_exclude_its_cross_lingual_pairs() -> None:
    """Else it would not be a language that was never trained on."""
    mix = Mix(exclude=["fi", "deu-eng"])
    assert [mix.leaves_out(label) for label in ("fin", "fin-eng", "eng-fin", "deu-eng")] == [True] * 4
    assert not any(mix.leaves_out(label) for label in ("eng", "deu", "eng-deu"))
