"""Terms by their config."""

import pytest
import torch
from hypothesis import given, settings
from torch.testing import assert_close

from losses.batches import Batch, batches
from raytrain.losses.config import KL, InfoNCE, MarginMSE
from raytrain.losses.info_nce import info_nce, reverse_info_nce
from raytrain.losses.kl import has_distribution, kl
from raytrain.losses.margin_mse import has_margin, margin_mse
from raytrain.losses.rows import Questions
from raytrain.losses.term import counted, row_losses

TEMPERATURE = torch.tensor(0.07)
LOSSES = [
    InfoNCE(),
    InfoNCE(symmetric=True, false_negative_margin=0.1),
    MarginMSE(score_scale=10.0),
    KL(score_scale=10.0, temperature=2.0),
]


@settings(deadline=None, max_examples=30)
@given(batches())
def test_each_kind_is_its_loss_with_the_settings_of_the_config(of: Batch) -> None:
    inputs = of.tensors()
    rows, passages, _ = inputs
    plain = row_losses(InfoNCE(), *inputs, TEMPERATURE)
    assert_close(plain, info_nce(*inputs, TEMPERATURE, None))
    both = row_losses(InfoNCE(symmetric=True, false_negative_margin=0.1), *inputs, TEMPERATURE)
    assert_close(both, (info_nce(*inputs, TEMPERATURE, 0.1) + reverse_info_nce(*inputs, TEMPERATURE, 0.1)) / 2)
    assert_close(row_losses(MarginMSE(score_scale=3.0), *inputs, TEMPERATURE), margin_mse(rows, passages, 3.0))
    assert_close(row_losses(KL(score_scale=3.0, temperature=2.0), *inputs, TEMPERATURE), kl(rows, passages, 3.0, 2.0))
    assert counted(InfoNCE(), rows).all()
    assert_close(counted(MarginMSE(score_scale=3.0), rows), has_margin(rows))
    assert_close(counted(KL(score_scale=3.0), rows), has_distribution(rows))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@settings(deadline=None, max_examples=30)
@given(of=batches())
def test_what_is_not_counted_is_zero_and_all_is_in_the_vectors_type(dtype: torch.dtype, of: Batch) -> None:
    rows, passages, questions = of.to(dtype).tensors()
    for loss in LOSSES:
        losses = row_losses(loss, rows, passages, questions, TEMPERATURE)
        assert losses.dtype == dtype
        assert torch.isfinite(losses).all()
        assert not losses[~counted(loss, rows)].any()


@settings(deadline=None, max_examples=20)
@given(batches())
def test_without_the_reverse_the_vectors_of_other_questions_are_not_needed(of: Batch) -> None:
    rows, passages, questions = of.tensors()
    without = Questions(questions.vectors[:0], questions.keys)
    for loss in (InfoNCE(), MarginMSE(score_scale=3.0), KL(score_scale=3.0)):
        with_all = row_losses(loss, rows, passages, questions, TEMPERATURE)
        assert_close(row_losses(loss, rows, passages, without, TEMPERATURE), with_all)
