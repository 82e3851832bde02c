"""InfoNCE against a plain loop, and its gradient against finite differences."""

import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn.functional import normalize
from torch.testing import assert_close

from raytrain.losses import info_nce


def vectors(count: int, seed: int, width: int = 6) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, width, generator=generator, dtype=torch.float64), dim=1)


def plain(queries: torch.Tensor, passages: torch.Tensor, positives: list[int], temperature: float) -> list[float]:
    losses = []
    for query, own in zip(queries.tolist(), positives, strict=True):
        scores = [sum(a * b for a, b in zip(query, p, strict=True)) / temperature for p in passages.tolist()]
        losses.append(math.log(sum(math.exp(score) for score in scores)) - scores[own])
    return losses


@settings(deadline=None, max_examples=50)
@given(st.integers(1, 6), st.integers(0, 5), st.integers(0, 99), st.sampled_from([0.02, 0.05, 1.0]), st.data())
def test_it_is_what_a_plain_loop_gives(n: int, more: int, seed: int, temperature: float, data: st.DataObject) -> None:
    queries, passages = vectors(n, seed), vectors(n + more, seed + 1)
    positives = data.draw(st.lists(st.integers(0, n + more - 1), min_size=n, max_size=n))
    losses = info_nce(queries, passages, torch.tensor(positives), temperature)
    assert losses.shape == (n,)
    assert_close(losses, torch.tensor(plain(queries, passages, positives, temperature), dtype=torch.float64))


def test_a_lone_passage_costs_nothing_and_equal_ones_the_logarithm_of_their_number() -> None:
    query = vectors(1, 1)
    assert info_nce(query, vectors(1, 2), torch.tensor([0]), 0.05).item() == pytest.approx(0)
    same = vectors(1, 2).expand(8, -1)
    assert info_nce(query, same, torch.tensor([3]), 0.05).item() == pytest.approx(math.log(8))


def test_a_better_passage_costs_less_and_a_colder_softmax_tells_more() -> None:
    query, other = vectors(1, 1), vectors(1, 2)
    batch = torch.cat([query, other])
    assert info_nce(query, batch, torch.tensor([0]), 0.05) < info_nce(query, batch, torch.tensor([1]), 0.05)
    assert info_nce(query, batch, torch.tensor([0]), 0.05) < info_nce(query, batch, torch.tensor([0]), 0.5)


def test_a_small_temperature_does_not_overflow() -> None:
    queries = normalize(torch.randn(4, 8, generator=torch.Generator().manual_seed(1)), dim=1)
    losses = info_nce(queries, -queries, torch.arange(4), 0.001)
    assert torch.isfinite(losses).all()


def test_the_gradient_pulls_the_own_passage_and_pushes_the_others() -> None:
    query = vectors(1, 1)
    passages = vectors(5, 2).requires_grad_()
    info_nce(query, passages, torch.tensor([2]), 0.1).sum().backward()
    assert passages.grad is not None
    along = (passages.grad @ query.T).squeeze(1)  # > 0: a step down the gradient moves away from the question
    assert along[2] < 0
    assert (along[[0, 1, 3, 4]] > 0).all()
    # all the pull there is, is shared out as push
    assert_close(passages.grad.sum(0), torch.zeros(6, dtype=torch.float64), atol=1e-9, rtol=0)


def test_the_gradient_is_that_of_finite_differences() -> None:
    queries, passages = vectors(3, 1).requires_grad_(), vectors(5, 2).requires_grad_()
    positives = torch.tensor([4, 0, 0])
    assert torch.autograd.gradcheck(lambda q, p: info_nce(q, p, positives, 0.2), (queries, passages))


def test_the_loss_of_a_question_does_not_depend_on_other_questions() -> None:
    queries, passages, positives = vectors(4, 1), vectors(6, 2), torch.tensor([0, 5, 2, 2])
    together = info_nce(queries, passages, positives, 0.05)
    alone = torch.cat([info_nce(queries[i : i + 1], passages, positives[i : i + 1], 0.05) for i in range(4)])
    assert_close(together, alone)
