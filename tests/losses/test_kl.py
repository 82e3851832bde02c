"""KL distillation: against a plain loop, against sentence-transformers, and rows that lack scores."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from sentence_transformers.sentence_transformer.losses import DistillKLDivLoss
from torch.testing import assert_close

from losses.batches import Batch, Own, Row, batch, batches, row
from raytrain.losses.kl import has_distribution, kl


def softmax(values: list[float]) -> list[float]:
    powers = [math.exp(value - max(values)) for value in values]
    return [power / sum(powers) for power in powers]


def plain(of: Batch, scale: float, temperature: float) -> list[float]:
    losses = []
    for r, places, cosines in zip(of.rows, of.places, of.cosines(), strict=True):
        own = [(p.score, cosines[place]) for p, place in zip(r.passages, places, strict=True) if p.score is not None]
        if not own:
            losses.append(0.0)
            continue
        teacher = softmax([score / temperature for score, _ in own])
        student = softmax([scale * cosine / temperature for _, cosine in own])
        divergence = sum(t * math.log(t / s) for t, s in zip(teacher, student, strict=True) if t > 0)
        losses.append(divergence * temperature**2)
    return losses


@settings(deadline=None, max_examples=100)
@given(batches(), st.sampled_from([0.5, 1.0, 10.0]), st.sampled_from([0.5, 1.0, 3.0]))
def test_it_is_what_a_plain_loop_gives(of: Batch, scale: float, temperature: float) -> None:
    rows, passages, _ = of.tensors()
    expected = torch.tensor(plain(of, scale, temperature), dtype=torch.float64)
    assert_close(kl(rows, passages, scale, temperature), expected)
    assert has_distribution(rows).tolist() == [sum(p.score is not None for p in r.passages) > 1 for r in of.rows]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_it_is_the_loss_of_sentence_transformers(temperature: float) -> None:
    scores = [[3.0, 1.0, 0.5], [2.0, -1.0, 2.5], [0.25, 0.5, 1.0]]
    of = batch(*(Row(i, tuple(Own(3 * i + j, j == 0, s) for j, s in enumerate(of))) for i, of in enumerate(scores)))
    rows, passages, _ = of.tensors()
    columns = [of.questions, *(of.passages[[places[j] for places in of.places]] for j in range(3))]
    theirs = DistillKLDivLoss(None, temperature=temperature)
    expected = theirs.compute_loss_from_embeddings(columns, torch.tensor(scores, dtype=torch.float64))
    assert_close(kl(rows, passages, 1.0, temperature).mean(), expected)


def test_the_teacher_s_own_cosines_cost_nothing() -> None:
    of = batch(row(0, [0, 1], [2, 3]))
    rows, passages, _ = of.tensors()
    scores = 7 * torch.tensor(of.cosines())[:, of.places[0]] + 5  # a constant more changes no distribution
    taught = type(rows)(rows.number, rows.questions, rows.candidates, rows.positive, scores)
    assert kl(taught, passages, 7.0, 2.0).item() == pytest.approx(0, abs=1e-6)


def test_the_gradient_is_that_of_finite_differences() -> None:
    of = batch(
        Row(0, (Own(0, True, 9.0), Own(1, True, 7.5), Own(2, True), Own(3, False, -2.0), Own(4, False, 1.0))),
        Row(1, (Own(5, True), Own(6, False, 4.0), Own(7, False, 3.0))),
        Row(2, (Own(8, True, 3.0),)),
    )

    def function(questions: torch.Tensor, passages: torch.Tensor) -> torch.Tensor:
        rows, columns, _ = Batch(of.rows, questions, passages).tensors()
        return kl(rows, columns, 5.0, 2.0)

    leaves = of.leaves()
    assert torch.autograd.gradcheck(function, (leaves.questions, leaves.passages))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_rows_that_lack_scores_have_neither_loss_nor_gradient(dtype: torch.dtype) -> None:
    of = batch(row(0, [0], [1]), Row(1, (Own(2, True, 1.0), Own(3, False))), Row(2, (Own(4), Own(5, False, 3.0))))
    of = of.to(dtype).leaves()
    rows, passages, _ = of.tensors()
    losses = kl(rows, passages, 10.0, 0.5)
    losses.sum().backward()
    assert losses.tolist() == [0, 0, 0]
    for leaf in (of.questions, of.passages):
        assert leaf.grad is not None
        assert not leaf.grad.any()  # NaN is something
    assert not has_distribution(rows).any()


def test_a_teacher_that_is_certain_is_finite() -> None:
    of = batch(Row(0, (Own(0, True, 1e4), Own(1, False, -1e4), Own(2, False)))).to(torch.float32).leaves()
    rows, passages, _ = of.tensors()
    losses = kl(rows, passages, 20.0, 0.1)
    losses.sum().backward()
    assert torch.isfinite(losses).all()
    assert of.passages.grad is not None
    assert torch.isfinite(of.passages.grad).all()


def test_a_block_without_rows_has_no_losses() -> None:
    rows, passages, _ = batch(row(0, [0], [1])).tensors()
    assert kl(rows.part(1, 2), passages, 10.0, 1.0).shape == has_distribution(rows.part(1, 2)).shape == (0,)
