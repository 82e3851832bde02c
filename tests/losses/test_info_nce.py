"""InfoNCE, both directions: against a plain loop, what is left out, and the gradient."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss
from torch.nn.functional import cross_entropy
from torch.testing import assert_close

from losses.batches import Batch, batch, batches, row, vectors
from raytrain.losses.info_nce import info_nce, reverse_info_nce

Direction = Callable[..., torch.Tensor]
both_directions = pytest.mark.parametrize("direction", [info_nce, reverse_info_nce])


def at(temperature: float) -> torch.Tensor:
    return torch.tensor(temperature, dtype=torch.float64)


def loss(direction: Direction, of: Batch, temperature: float = 0.1, margin: float | None = None) -> torch.Tensor:
    return direction(*of.tensors(), at(temperature), margin)


def plain(own: list[float], others: list[float], temperature: float, margin: float | None) -> float:
    """The mean over positives, whose cosines are ``own``, against others."""
    kept = [cosine for cosine in others if margin is None or cosine <= max(own) - margin]
    below = sum(math.exp(cosine / temperature) for cosine in kept)
    return sum(math.log1p(below * math.exp(-cosine / temperature)) for cosine in own) / len(own)


def plain_forward(of: Batch, temperature: float, margin: float | None) -> list[float]:
    losses = []
    for r, places, cosines in zip(of.rows, of.places, of.cosines(), strict=True):
        alike = [other for other in of.rows if other.question == r.question]
        answers = {passage.key for other in alike for passage in other.passages if passage.positive}
        others = []
        for other, other_places in zip(of.rows, of.places, strict=True):
            for passage, place in zip(other.passages, other_places, strict=True):
                if passage.key not in answers:
                    others.append(cosines[place])
        own = [cosines[place] for passage, place in zip(r.passages, places, strict=True) if passage.positive]
        losses.append(plain(own, others, temperature, margin))
    return losses


def plain_reverse(of: Batch, temperature: float, margin: float | None) -> list[float]:
    losses, cosines = [], of.cosines()
    for i, r in enumerate(of.rows):
        place, key = of.places[i][0], r.passages[0].key
        answered = {
            other.question for other in of.rows for passage in other.passages if passage.key == key and passage.positive
        }
        others = [cosines[j][place] for j, other in enumerate(of.rows) if other.question not in answered]
        losses.append(plain([cosines[i][place]], others, temperature, margin))
    return losses


@settings(deadline=None, max_examples=150)
@given(batches(), st.sampled_from([0.02, 0.05, 1.0]), st.sampled_from([None, 0.0, 0.3, 1.0, 2.0]))
def test_it_is_what_a_plain_loop_gives(of: Batch, temperature: float, margin: float | None) -> None:
    for direction, reference in [(info_nce, plain_forward), (reverse_info_nce, plain_reverse)]:
        losses = loss(direction, of, temperature, margin)
        assert losses.shape == (len(of.rows),)
        assert_close(losses, torch.tensor(reference(of, temperature, margin), dtype=torch.float64))


@settings(deadline=None, max_examples=30)
@given(batches(), st.sampled_from([None, 0.3]))
def test_a_block_of_rows_has_the_losses_it_has_among_all(of: Batch, margin: float | None) -> None:
    rows, passages, questions = of.tensors()
    for direction in (info_nce, reverse_info_nce):
        whole = direction(rows, passages, questions, at(0.05), margin)
        parts = [rows.part(start, start + 2) for start in range(0, len(rows) + 2, 2)]  # the last one has no rows
        assert len(parts[-1]) == 0
        assert_close(torch.cat([direction(part, passages, questions, at(0.05), margin) for part in parts]), whole)


def test_with_one_positive_each_it_is_the_cross_entropy_over_all_passages() -> None:
    of = batch(*(row(i, [i], [10 + 2 * i, 11 + 2 * i]) for i in range(4)))
    own = torch.tensor([places[0] for places in of.places])
    assert_close(loss(info_nce, of), cross_entropy(of.questions @ of.passages.T / 0.1, own, reduction="none"))
    own_passages = of.passages[own]
    expected = cross_entropy(own_passages @ of.questions.T / 0.1, torch.arange(4), reduction="none")
    assert_close(loss(reverse_info_nce, of), expected)


def test_it_is_the_loss_of_sentence_transformers() -> None:
    of = batch(*(row(i, [i], [10 + i]) for i in range(5)))
    columns = [of.questions, of.passages[:5], of.passages[5:]]
    theirs = MultipleNegativesRankingLoss(None, scale=20)
    labels = torch.empty(0)
    assert_close(loss(info_nce, of, 0.05).mean(), theirs.compute_loss_from_embeddings(columns, labels))
    theirs = MultipleNegativesRankingLoss(
        None, scale=20, directions=("query_to_doc", "doc_to_query"), partition_mode="per_direction"
    )
    ours = (loss(info_nce, of, 0.05) + loss(reverse_info_nce, of, 0.05)).mean() / 2
    assert_close(ours, theirs.compute_loss_from_embeddings(columns, labels))


def pushed(direction: Direction, of: Batch, number: int, margin: float | None = None) -> list[bool]:
    """Which columns (passages, or questions) a row's loss pushes away."""
    leaves = of.leaves()
    loss(direction, leaves, margin=margin)[number].backward()
    columns, anchor = leaves.passages, of.questions[number]
    if direction is reverse_info_nce:
        columns, anchor = leaves.questions, of.passages[of.places[number][0]]
    assert columns.grad is not None
    return ((columns.grad @ anchor) > 0).tolist()


def test_the_same_answer_is_no_negative_even_as_a_hard_negative() -> None:
    # places: positives 7, 7, 8, then negatives 7, 9
    of = batch(row(0, [7]), row(1, [7]), row(2, [8], [7, 9]))
    assert pushed(info_nce, of, 0) == [False, False, True, False, True]
    assert pushed(info_nce, of, 2) == [True, True, False, True, True]


def test_a_hard_negative_that_equals_a_positive_of_its_own_row_is_none() -> None:
    of = batch(row(0, [1, 2], [2, 3]))
    assert pushed(info_nce, of, 0) == [False, False, False, True]


def test_the_same_question_brings_no_negatives_but_its_hard_ones() -> None:
    # places: positives 1, 2, 3, 4, then negatives 5, 6
    of = batch(row(0, [1], [5]), row(0, [2, 3], [6]), row(1, [4]))
    assert pushed(info_nce, of, 0) == [False, False, False, True, True, True]
    assert pushed(info_nce, of, 2) == [True, True, True, False, True, True]


def test_further_positives_are_in_nobody_s_own_denominator() -> None:
    of = batch(row(0, [1, 2, 3]), row(1, [4]))
    one = batch(row(0, [1]), row(1, [4]))
    alone = []
    for place in range(3):
        passages = torch.stack([of.passages[place], of.passages[3]])
        alone.append(loss(info_nce, Batch(one.rows, of.questions, passages))[0])
    assert_close(loss(info_nce, of)[0], torch.stack(alone).mean())


def test_a_question_that_the_passage_answers_elsewhere_is_no_negative_of_it() -> None:
    # Row 1 has passage 7 as its second positive, row 2 as a negative.
    of = batch(row(0, [7]), row(1, [8, 7]), row(2, [9], [7]), row(0, [6]))
    assert pushed(reverse_info_nce, of, 0) == [False, False, True, False]


@both_directions
def test_a_margin_leaves_out_what_is_nearly_as_near_as_the_positive(direction: Direction) -> None:
    def towards(cosine: float) -> list[float]:
        return [cosine, math.sqrt(1 - cosine**2)]

    columns = torch.tensor([towards(c) for c in (0.5, 0.45, 0.35, 0.95)], dtype=torch.float64)
    anchors = torch.tensor([[1.0, 0.0]] * 4, dtype=torch.float64)
    questions, passages = (anchors, columns) if direction is info_nce else (columns, anchors)
    of = Batch(tuple(row(i, [i]) for i in range(4)), questions, passages)
    assert pushed(direction, of, 0, margin=0.1) == [False, False, True, False]
    assert pushed(direction, of, 0, margin=0.0) == [False, True, True, False]
    assert pushed(direction, of, 0) == [False, True, True, True]


def test_the_margin_is_below_the_best_positive() -> None:
    columns = torch.tensor([[c, math.sqrt(1 - c**2)] for c in (0.2, 0.9, 0.7)], dtype=torch.float64)
    of = Batch((row(0, [1, 2], [3]),), torch.tensor([[1.0, 0.0]], dtype=torch.float64), columns)
    assert pushed(info_nce, of, 0, margin=0.1) == [False, False, True]


@both_directions
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("margin", [None, 2.0])
def test_with_no_negative_left_loss_and_gradient_are_zero(
    direction: Direction, dtype: torch.dtype, margin: float | None
) -> None:
    # The margin of 2 leaves out everything; without one, the question and the answer are the same everywhere.
    rows = (row(0, [1]), row(0, [1, 2], [1])) if margin is None else (row(0, [1]), row(1, [2], [3]))
    leaves = batch(*rows).to(dtype).leaves()
    temperature = torch.tensor(0.01, dtype=dtype, requires_grad=True)
    losses = direction(*leaves.tensors(), temperature, margin)
    assert losses.tolist() == [0, 0]
    losses.sum().backward()
    for leaf in (leaves.questions, leaves.passages, temperature):
        assert leaf.grad is not None
        assert not leaf.grad.any()  # NaN is something


@both_directions
def test_the_gradient_is_that_of_finite_differences(direction: Direction) -> None:
    of = batch(row(0, [1, 2], [3, 2]), row(1, [1], [4]), row(0, [5], [6, 7]), row(2, [8]), row(3, [7]))
    for margin in (None, 0.2):

        def function(questions: torch.Tensor, passages: torch.Tensor, temperature: torch.Tensor) -> torch.Tensor:
            return direction(*Batch(of.rows, questions, passages).tensors(), temperature, margin)  # noqa: B023

        leaves = of.leaves()
        assert torch.autograd.gradcheck(function, (leaves.questions, leaves.passages, at(0.2).requires_grad_()))


def test_the_gradient_pulls_the_own_passage_and_pushes_the_others() -> None:
    of = batch(row(0, [0], [1, 2, 3, 4])).leaves()
    loss(info_nce, of).sum().backward()
    assert of.passages.grad is not None
    along = (of.passages.grad @ of.questions.detach().T).squeeze(1)  # > 0: a step down moves away from the question
    assert along[0] < 0
    assert (along[1:] > 0).all()
    # all the pull there is, is shared out as push
    assert_close(of.passages.grad.sum(0), torch.zeros(6, dtype=torch.float64), atol=1e-9, rtol=0)


def test_a_better_passage_costs_less_and_a_colder_softmax_tells_more() -> None:
    question, other = vectors(1, 1), vectors(1, 2)
    right = Batch((row(0, [0], [1]),), question, torch.cat([question, other]))
    wrong = Batch((row(0, [1], [0]),), question, torch.cat([other, question]))
    assert loss(info_nce, right) < loss(info_nce, wrong)
    assert loss(info_nce, right, 0.05) < loss(info_nce, right, 0.5)


def test_a_small_temperature_does_not_overflow() -> None:
    of = batch(*(row(i, [i]) for i in range(4))).to(torch.float32)
    worst = Batch(of.rows, of.questions, -of.questions).leaves()
    for direction in (info_nce, reverse_info_nce):
        losses = direction(*worst.tensors(), torch.tensor(1e-3), None)
        losses.sum().backward()
        assert losses.dtype == torch.float32
        assert torch.isfinite(losses).all()
        assert worst.passages.grad is not None
        assert torch.isfinite(worst.passages.grad).all()


@pytest.mark.parametrize("apart", [-40.0, -21.0, 21.0, 40.0])
def test_far_from_the_positive_it_has_all_digits(apart: float) -> None:
    axis = torch.tensor([[1.0, 0.0]], dtype=torch.float64)
    of = Batch((row(0, [0], [1]),), axis, torch.tensor([[0.0, 1.0], [1.0, 0.0]], dtype=torch.float64))
    exact = max(apart, 0) + math.log1p(math.exp(-abs(apart)))
    assert loss(info_nce, of, 1 / apart).item() == pytest.approx(exact, rel=1e-14, abs=0)
