"""Which checkpoint is the best, and which ones may go: for any scores, in any order of arrival."""

from hypothesis import given
from hypothesis import strategies as st

from raytrain.config import Validate
from raytrain.train.choice import Choice, choose, steps_to_keep, steps_to_validate

LAST = 25
SCORES = st.lists(st.sampled_from([0.1, 0.2, 0.3, 0.4]), min_size=6, max_size=6)


def rules(patience: int | None) -> Validate:
    return Validate(benchmark="demo:cldr", every=5, patience=patience)


def test_every_so_many_steps_and_the_last() -> None:
    assert steps_to_validate(5, 25) == [5, 10, 15, 20, 25]
    assert steps_to_validate(10, 25) == [10, 20, 25]
    assert steps_to_validate(50, 25) == [25]


def test_the_earliest_of_the_best_counts_and_patience_ends_the_run() -> None:
    scores: dict[int, float | None] = {5: 0.2, 10: 0.4, 15: 0.4, 20: 0.3, 25: 0.9}
    assert choose({}, rules(None), LAST) is None
    assert choose(scores, rules(None), LAST) == Choice(25, 0.9, False)
    assert choose(scores, rules(2), LAST) == Choice(10, 0.4, True)
    assert choose(scores, rules(3), LAST) == Choice(25, 0.9, False)
    lost = scores | {15: None, 20: None}
    assert choose(lost, rules(2), LAST) == Choice(25, 0.9, False)
    assert choose(lost | {10: None}, rules(1), LAST) == Choice(25, 0.9, False)
    assert choose(dict.fromkeys(scores), rules(1), LAST) is None


@given(SCORES, st.sampled_from([None, 1, 2, 3]), st.sets(st.integers(0, 4)))
def test_what_is_decided_stays_whatever_scores_come_later(
    values: list[float], patience: int | None, come: set[int]
) -> None:
    """Training may be ahead of its validation by any number of steps."""
    steps = steps_to_validate(5, LAST)
    whole = dict(zip(steps, values, strict=False))
    final = choose(whole, rules(patience), LAST)
    early = choose({steps[i]: values[i] for i in come}, rules(patience), LAST)
    assert final is not None
    if early and early.ended:
        assert early == final
    assert final.score == whole[final.step]


@given(SCORES, st.sampled_from([None, 1, 2]), st.sets(st.integers(0, 4)), st.integers(1, 3))
def test_what_can_still_be_chosen_or_gone_on_from_is_kept(
    values: list[float], patience: int | None, come: set[int], newest: int
) -> None:
    steps = steps_to_validate(5, LAST)
    scores = {steps[i]: values[i] for i in come}
    kept = steps_to_keep(range(1, LAST + 1), newest, scores, rules(patience), LAST)
    assert set(range(LAST - newest + 1, LAST + 1)) <= kept
    assert {step for step in steps if step not in scores} <= kept
    best = choose(scores, rules(patience), LAST)
    assert best is None or best.step in kept
    final = choose({**dict(zip(steps, values, strict=False)), **scores}, rules(patience), LAST)
    assert final is not None
    assert final.step in kept  # what was thrown away would not have been chosen
    assert steps_to_keep([3, 1, 2], newest, {}, None, LAST) == set([1, 2, 3][-newest:])
