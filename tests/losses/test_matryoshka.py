"""Vectors cut to a width."""

import pytest
import torch
from torch.testing import assert_close

from losses.batches import vectors
from raytrain.losses.matryoshka import narrow


@pytest.mark.parametrize("width", [1, 3, 6])
def test_the_first_dimensions_have_unit_length_again(width: int) -> None:
    whole = vectors(5, 1)
    cut = narrow(whole, width)
    assert cut.shape == (5, width)
    assert_close(cut.norm(dim=1), torch.ones(5, dtype=torch.float64))
    assert_close(cut * whole[:, :width].norm(dim=1, keepdim=True), whole[:, :width])


def test_without_a_width_vectors_are_as_they_are() -> None:
    whole = vectors(5, 1)
    assert narrow(whole, None) is whole


def test_no_vectors_are_cut_to_no_vectors() -> None:
    assert narrow(torch.empty(0, 6), 2).shape == (0, 2)


def test_the_gradient_is_that_of_finite_differences() -> None:
    assert torch.autograd.gradcheck(lambda v: narrow(v, 3), vectors(4, 1).requires_grad_())


def test_a_vector_that_is_zero_there_stays_zero() -> None:
    whole = torch.tensor([[0.0, 0.0, 1.0], [0.6, 0.0, 0.8]], requires_grad=True)
    cut = narrow(whole, 2)
    assert cut.tolist() == [[0, 0], [1, 0]]
    cut.sum().backward()
    assert whole.grad is not None
    assert torch.isfinite(whole.grad).all()
