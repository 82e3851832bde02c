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


LANGUAGES = ["eng", "fin", "kor", "swa", "tel"]


@given(ROWS, st.floats(0.5, 10), st.dictionaries(st.sampled_from([*LANGUAGES, "few"]), st.floats(0.1, 10)), st.data())
def test_shares_are_multiplied_by_a_languages_factor_and_its_groups(
    rows: dict[str, int], temperature: float, multipliers: dict[str, float], data: st.DataObject
) -> None:
    """Ratios of shares are those without, times the factors; who has none and is in no group keeps its ratio."""
    members = data.draw(st.lists(st.sampled_from(LANGUAGES), min_size=1, unique=True))
    mix = Mix(temperature=temperature, groups={"few": members}, multipliers=multipliers)
    plain = mix_weights(rows, temperature=temperature)
    found = mix_weights(rows, temperature=temperature, factors=mix.factors)
    assert sum(found.values()) == pytest.approx(1)
    factor = {x: multipliers.get(x, 1) * (multipliers.get("few", 1) if x in members else 1) for x in rows}
    total = sum(plain[x] * factor[x] for x in rows)
    assert found == pytest.approx({x: plain[x] * factor[x] / total for x in rows})


@given(ROWS, st.floats(0.1, 10))
def test_a_factor_that_all_have_changes_nothing(rows: dict[str, int], factor: float) -> None:
    assert mix_weights(rows, factors=dict.fromkeys(rows, factor)) == pytest.approx(mix_weights(rows))


def test_languages_of_multipliers_may_be_named_in_any_way() -> None:
    mix = Mix(groups={"few": ["swahili", "de-en"]}, multipliers={"fi": 3.0, "few": 2.0, "swa": 0.5})
    assert mix.multipliers == {"fin": 3.0, "few": 2.0, "swa": 0.5}
    assert mix.factors == {"fin": 3.0, "deu-eng": 2.0}
    assert mix.named == {"fin", "swa", "deu-eng"}


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
        ({"weights": {"eng": 1}, "include": ["eng"]}, "leave out include, exclude, .* and temperature"),
        ({"weights": {"eng": 1}, "exclude": ["fin"]}, "leave out include, exclude, .* and temperature"),
        ({"weights": {"eng": 1}, "temperature": 2.0}, "leave out include, exclude, .* and temperature"),
        ({"weights": {"eng": 0}}, "no weight is above 0"),
        ({"include": ["eng", "fin"], "exclude": ["finnish"]}, "exclude leaves out fin, which include names"),
        ({"include": ["fin-eng"], "exclude": ["eng"]}, "exclude leaves out fin-eng, which include names"),
        ({"max_passes": 0.0}, "greater than 0"),
        ({"max_passes": 1e306}, "less than or equal to 1000000"),
        ({"temperature": 0.01}, "greater than or equal to 0.1"),
        ({"weights": {"eng": 1e308, "fin": 1e308}}, "less than or equal to"),
        ({"group_small": "a b"}, "letters, digits"),
        ({"weights": {"eng": 1}, "multipliers": {"eng": 2.0}}, "weights say all: .*multipliers"),
        ({"weights": {"eng": 1}, "groups": {"few": ["eng"]}}, "weights say all: .*groups"),
        ({"multipliers": {"few": 2.0}}, "multipliers\n.* few is neither a language nor in groups "),
        ({"multipliers": {"poor": 2.0}, "groups": {"few": ["fin"]}}, "poor is neither .*; the groups are few"),
        ({"multipliers": {"fin": 0.0}}, "multipliers.fin\n.* greater than 0"),
        ({"multipliers": {"fin": 2.0, "fi": 3.0}}, "fin is named twice"),
        ({"multipliers": {"fin": 2.0}, "exclude": ["fin"]}, "multipliers.fin: include and exclude leave it out"),
        ({"multipliers": {"fin": 2.0}, "include": ["eng"]}, "multipliers.fin: include and exclude leave it out"),
        ({"groups": {"few": ["fin", "swa"], "poor": ["swa"]}}, "groups\n.* swa is in two groups, few and poor"),
        ({"groups": {"few": ["fin", "fi"]}}, "groups.few\n.* fin is named twice"),
        ({"groups": {"finnish": ["swa"]}}, "finnish is a language .fin.: call the group otherwise"),
        ({"groups": {"few": ["fin"]}, "group_small": "few"}, "group_small: few is a name in groups"),
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
