"""Packed attention: what padded texts get, without the padding."""

from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.testing import assert_close

from model.tiny import FIRST_POSITION, WIDTH, WINDOW, backbone, texts
from raytrain.model.attention import PACKED, by_kernel, by_length, pack, packed_attention
from raytrain.model.encoder import BiEncoder, Pooling

KINDS = list(FIRST_POSITION)
POOLINGS: list[Pooling] = ["mean", "cls"]
LENGTHS = [1, 5, 5, 5, 1, 30, 3, 12, 1]
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def encoders(kind: str, pooling: Pooling, dtype: torch.dtype, **config: Any) -> tuple[BiEncoder, BiEncoder]:
    """The same weights, padded and packed; in eval mode."""
    padded, packed = (BiEncoder(backbone(kind, **config).to(dtype), pooling).eval() for _ in range(2))
    packed.backbone.set_attn_implementation(PACKED)
    packed.first_position = FIRST_POSITION[kind]
    return padded, packed


def gradient(encoder: BiEncoder, ids: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Vectors, and the gradient of a weighted sum of them by all weights, flat."""
    vectors = encoder(ids, mask)
    weights = torch.randn(vectors.shape, generator=torch.Generator().manual_seed(5)).to(vectors)
    (vectors * weights).sum().backward()
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in encoder.parameters()]
    return vectors.detach(), torch.cat([grad.flatten() for grad in grads])


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize("kind", KINDS)
def test_packed_equals_padded(kind: str, pooling: Pooling, dtype: torch.dtype) -> None:
    padded, packed = encoders(kind, pooling, dtype)
    ids, mask = texts(LENGTHS, padded.backbone.config.pad_token_id)
    values, expected = gradient(padded, ids, mask)
    found_values, found = gradient(packed, ids, mask)
    assert found_values.dtype == dtype
    assert_close(found_values, values, atol=TOLERANCE[dtype], rtol=0)
    assert (found - expected).norm() <= TOLERANCE[dtype] * expected.norm()


@pytest.mark.parametrize("kind", KINDS)
def test_packed_equals_padded_whatever_the_lengths(kind: str) -> None:
    padded, packed = encoders(kind, "mean", torch.float64)

    @settings(deadline=None, max_examples=25)
    @given(st.lists(st.integers(1, 9), min_size=1, max_size=8))
    def check(lengths: list[int]) -> None:
        ids, mask = texts(lengths, padded.backbone.config.pad_token_id)
        with torch.no_grad():
            assert_close(packed(ids, mask), padded(ids, mask), atol=1e-10, rtol=0)

    check()


def test_the_window_of_local_attention_counts() -> None:
    """Or the comparison above would say nothing of it."""
    near, far = (BiEncoder(backbone("modernbert", local_attention=2 * reach).eval(), "mean") for reach in (WINDOW, 90))
    ids, mask = texts([30], 0)
    assert (near(ids, mask) - far(ids, mask)).abs().max() > 1e-2


@settings(deadline=None)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=6), st.integers(0, 3))
def test_texts_are_packed_one_after_the_other(lengths: list[int], first: int) -> None:
    ids, mask = texts(lengths, 0)
    packed = pack(ids, mask, first)
    plain = [token for row, n in zip(ids.tolist(), lengths, strict=True) for token in row[:n]]
    assert packed.input_ids.tolist() == [plain]
    assert packed.position_ids.tolist() == [[first + place for n in lengths for place in range(n)]]
    assert packed.bounds.tolist() == [sum(lengths[:i]) for i in range(len(lengths) + 1)]
    assert packed.bounds.dtype == torch.int32  # as the kernel wants it
    assert packed.longest >= max(lengths)


def states(total: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(total)
    return [torch.randn(1, 2, total, 8, generator=generator, dtype=torch.float64) for _ in range(3)]


@pytest.mark.parametrize("reach", [-1, 0, 2, 99])
def test_each_text_attends_to_itself_alone(reach: int) -> None:
    """Against the formula, softmax(scale · q kᵀ) v, text by text."""
    lengths = [3, 3, 1, 7]
    bounds = torch.tensor([0, 3, 6, 7, 14], dtype=torch.int32)
    query, key, value = states(14)
    found = by_length(query, key, value, bounds, 0.0, 0.3, reach)
    assert found.shape == (1, 14, 2, 8)
    for start, length in zip(bounds.tolist(), lengths, strict=False):
        part = slice(start, start + length)
        scores = 0.3 * query[0, :, part] @ key[0, :, part].transpose(1, 2)
        places = torch.arange(length)
        if reach >= 0:
            scores = scores.masked_fill((places[:, None] - places).abs() > reach, -torch.inf)
        expected = (scores.softmax(-1) @ value[0, :, part]).transpose(0, 1)
        assert_close(found[0, part], expected)


def test_attention_drops_out_in_training_alone_and_by_the_seed() -> None:
    _, packed = encoders("bert", "mean", torch.float32, attention_probs_dropout_prob=0.5, hidden_dropout_prob=0.0)
    ids, mask = texts(LENGTHS, 0)

    def vectors(seed: int) -> torch.Tensor:
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            torch.manual_seed(seed)
            return packed(ids, mask)

    assert torch.equal(vectors(1), vectors(2))
    packed.train()
    assert torch.equal(vectors(1), vectors(1))
    assert not torch.allclose(vectors(1), vectors(2), atol=1e-2)


@pytest.mark.parametrize(
    ("mask", "given"),
    [
        (torch.ones(1, 1, 4, 4), {}),
        (None, {"is_causal": True}),
        (None, {"softcap": 30.0}),
        (None, {"position_bias": torch.zeros(1, 2, 4, 4)}),
        (None, {"s_aux": torch.zeros(2)}),
    ],
)
def test_attention_of_another_kind_is_refused(mask: torch.Tensor | None, given: dict[str, Any]) -> None:
    bounds = torch.tensor([0, 4], dtype=torch.int32)
    with pytest.raises(ValueError, match="packed attention has no"):
        packed_attention(nn.Identity(), *states(4), mask, cu_seq_lens_q=bounds, max_length_q=4, **given)


def test_the_kernel_takes_what_it_is_given() -> None:
    """Shapes and types alone, so that no GPU is needed."""
    with FakeTensorMode():
        query, key, value = (torch.empty(1, 4, 37, 32, dtype=torch.bfloat16, requires_grad=True) for _ in range(3))
        bounds = torch.empty(6, dtype=torch.int32)
        attended = by_kernel(query, key, value, bounds, 12, 0.3, -1)
        assert attended.shape == (1, 37, 4, 32)
        attended.sum().backward()
        assert query.grad is not None
        assert query.grad.shape == query.shape


@pytest.mark.skipif(not torch.cuda.is_available(), reason="the kernel needs a GPU")
@pytest.mark.parametrize("reach", [-1, 4])
def test_the_kernel_gives_what_plain_attention_gives(reach: int) -> None:
    lengths = torch.tensor(LENGTHS)
    bounds = nn.functional.pad(lengths.cumsum(0), (1, 0)).int().cuda()
    total = int(lengths.sum())
    query, key, value = (
        torch.randn(1, 4, total, 64, device="cuda", dtype=torch.bfloat16, requires_grad=True) for _ in range(3)
    )
    results = []
    for attended in (
        by_kernel(query, key, value, bounds, 40, 0.125, reach),
        by_length(query, key, value, bounds, 0.0, 0.125, reach),
    ):
        grads = torch.autograd.grad((attended * torch.arange(64, device="cuda")).float().mean(), (query, key, value))
        results.append((attended, *grads))
    for found, expected in zip(*results, strict=True):
        assert_close(found, expected, atol=2e-2, rtol=2e-2)


def test_a_vector_does_not_depend_on_the_texts_beside_it() -> None:
    _, packed = encoders("bert", "cls", torch.float64)
    ids, mask = texts([4, 9, 4], 0)
    alone = packed(ids[:1, :4], mask[:1, :4])
    assert alone.shape == (1, WIDTH)
    assert_close(packed(ids, mask)[:1], alone, atol=1e-10, rtol=0)
