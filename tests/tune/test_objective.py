"""Objectives of the scores of languages, and Pareto fronts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raytrain.errors import UserError
from raytrain.tune.objective import front, values_of

SCORES = {"deu": 0.4, "eng": 0.6, "fin": 0.2, "deu-eng": 0.8}


def test_each_objective_says_what_its_name_says():
    values = values_of(["average", "worst", "trained", "never_trained"], SCORES, ["deu", "eng"])
    assert values == pytest.approx({"average": 0.5, "worst": 0.2, "trained": 0.6, "never_trained": 0.2})


def test_a_pair_of_languages_is_trained_if_both_are():
    assert values_of(["trained"], {"deu-eng": 0.8, "eng": 0.2}, ["eng"]) == {"trained": 0.2}


def test_an_objective_of_nothing_is_refused():
    with pytest.raises(UserError, match="never_trained has no language: validated are deu"):
        values_of(["never_trained"], {"deu": 0.1}, ["deu", "eng"])


points = st.dictionaries(st.integers(0, 30), st.tuples(*[st.integers(0, 4).map(float)] * 2), max_size=12)


@given(points)
def test_the_front_beats_all_others_and_none_of_itself(values):
    found = front(values)

    def beats(a, b):
        return all(x >= y for x, y in zip(values[a], values[b], strict=True)) and values[a] != values[b]

    assert not any(beats(a, b) for a in found for b in found)
    assert all(any(beats(a, b) for a in found) for b in values if b not in found)
