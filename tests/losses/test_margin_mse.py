"""MarginMSE: against a plain loop, against sentence-transformers, and rows that lack scores."""

import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import MarginMSELoss
from torch.testing import assert_close

from losses.batches import Batch, Own, Row, batch, batches, row
from raytrain.losses.margin_mse import has_margin, margin_mse


def pairs(of: Batch, scale: float) -> list[list[float]]:
    """Of each row, what every pair with two scores has off the teacher's margin."""
    found = []
    for r, places, cosines in zip(of.rows, of.places, of.cosines(), strict=True):
        own = [(p, cosines[place]) for p, place in zip(r.passages, places, strict=True) if p.score is not None]
        found.append(
            [
                scale * (cosine_p - cosine_n) - (p.score - n.score)  # type: ignore[operator]
                for p, cosine_p in own
                for n, cosine_n in own
                if p.positive and not n.positive
            ]
        )
    return found


@settings(deadline=None, max_examples=100)
@given(batches(), st.sampled_from([0.5, 1.0, 10.0]))
def test_it_is_what_a_plain_loop_gives(of: Batch, scale: float) -> None:
    rows, passages, _ = of.tensors()
    errors = pairs(of, scale)
    expected = [sum(e**2 for e in row_errors) / max(len(row_errors), 1) for row_errors in errors]
    assert_close(margin_mse(rows, passages, scale), torch.tensor(expected, dtype=torch.float64))
    assert has_margin(rows).tolist() == [bool(row_errors) for row_errors in errors]


def test_it_is_the_loss_of_sentence_transformers() -> None:
    scores = [[3.0, 1.0, 0.5], [2.0, -1.0, 2.5], [0.25, 0.5, 1.0]]
    of = batch(*(Row(i, tuple(Own(3 * i + j, j == 0, s) for j, s in enumerate(of))) for i, of in enumerate(scores)))
    rows, passages, _ = of.tensors()
    columns = [of.questions, *(of.passages[[places[j] for places in of.places]] for j in range(3))]
    theirs = MarginMSELoss(None).compute_loss_from_embeddings(columns, torch.tensor(scores, dtype=torch.float64))
    assert_close(margin_mse(rows, passages, 1.0).mean(), theirs)


def test_the_gradient_is_that_of_finite_differences() -> None:
    of = batch(
        Row(0, (Own(0, True, 9.0), Own(1, True, 7.5), Own(2, True), Own(3, False, -2.0), Own(4, False, 1.0))),
        Row(1, (Own(5, True, 3.0), Own(6, False, 4.0), Own(7, False))),
        Row(2, (Own(8, True, 3.0),)),
    )

    def function(questions: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
        rows, columns, _ = Batch(of.rows, questions, passages).tensors()
        return margin_mse(rows, columns, 10.0)

    leaves = of.leaves()
    assert torch.autograd.gradcheck(function, (leaves.questions, leaves.passages))


def test_rows_that_lack_scores_have_neither_loss_nor_gradient() -> None:
    of = batch(
        row(0, [0], [1]),
        Row(1, (Own(2, True, 1.0), Own(3, True, 2.0), Own(4, False))),
        Row(2, (Own(5, True), Own(6, False, 1.0), Own(7, False, 2.0))),
        Row(3, (Own(8, True, 1.0),)),
    ).leaves()
    rows, passages, _ = of.tensors()
    losses = margin_mse(rows, passages, 10.0)
    losses.sum().backward()
    assert losses.tolist() == [0, 0, 0, 0]
    for leaf in (of.questions, of.passages):
        assert leaf.grad is not None
        assert not leaf.grad.any()  # NaN is something
    assert not has_margin(rows).any()


def test_a_block_without_rows_has_no_losses() -> None:
    rows, passages, _ = batch(row(0, [0], [1])).tensors()
    assert margin_mse(rows.part(1, 2), passages, 10.0).shape == has_margin(rows.part(1, 2)).shape == (0,)
