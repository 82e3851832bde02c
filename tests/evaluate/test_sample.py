"""A small part of a benchmark."""

from hypothesis import given
from hypothesis import strategies as st

from raytrain.evaluate.sample import Sample, sample

WHOLE = Sample(
    {f"q{n}": f"question {n}" for n in range(30)},
    {f"p{n}": f"passage {n}" for n in range(100)},
    {f"q{n}": {f"p{n}": 1, f"p{n + 40}": 2} for n in range(30)},
)


@given(st.integers(1, 40), st.integers(1, 120))
def test_it_has_all_that_answers_and_no_more_than_asked_for(questions: int, passages: int) -> None:
    found = sample(WHOLE, questions, passages)
    assert len(found.questions) == min(questions, 30)
    assert found.relevant == {question: WHOLE.relevant[question] for question in found.questions}
    needed = {passage for grades in found.relevant.values() for passage in grades}
    assert needed <= found.passages.keys()
    assert len(found.passages) == min(max(passages, len(needed)), 100)
    assert found == sample(WHOLE, questions, passages)
    assert list(found.passages) == sorted(found.passages)


def test_it_does_not_depend_on_the_order_of_the_whole() -> None:
    turned = Sample(*(dict(reversed(list(part.items()))) for part in (WHOLE.questions, WHOLE.passages, WHOLE.relevant)))
    assert sample(turned, 7, 40) == sample(WHOLE, 7, 40)
    assert sample(WHOLE, 7, 40).questions.keys() <= sample(WHOLE, 12, 40).questions.keys()
