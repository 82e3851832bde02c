"""The memory of graphs: what is measured is what the allocator says."""

from typing import Literal

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from raytrain.config import FromScratch
from raytrain.model.encoder import BiEncoder, random_backbone
from raytrain.model.prepare import prepare_encoder
from raytrain.train.graph_memory import graph_bytes_per_token, kept_tokens

CPU = torch.device("cpu")
LENGTH, TOKENS = 32, 512


def encoder(
    dropout: float = 0.1,
    checkpointing: bool = False,
    attention: Literal["padded", "packed"] = "padded",
    layers: int = 4,
) -> BiEncoder:
    config = FromScratch(layers=layers, hidden=64, heads=4, dropout=dropout)
    made = BiEncoder(random_backbone(config, 300, 0, 64, seed=1), "mean")
    prepare_encoder(
        made, attention=attention, bf16=False, device=CPU, gradient_checkpointing=checkpointing, compile=False
    )
    return made


def allocated(model: BiEncoder) -> float:
    """Bytes a token that PyTorch's allocator gave out in a forward pass and has not got back."""
    ids = torch.full((TOKENS // LENGTH, LENGTH), 2)
    mask = torch.ones_like(ids)
    mask[0, -1] = 0
    model.train()
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as seen:
        vectors = model(ids, mask)
    assert vectors.requires_grad  # and so the graph is alive
    return float(sum(event.self_cpu_memory_usage for event in seen.key_averages())) / ids.numel()


@pytest.mark.parametrize("attention", ["padded", "packed"])
@pytest.mark.parametrize("checkpointing", [False, True])
@pytest.mark.parametrize("dropout", [0.0, 0.1])
def test_it_is_what_the_allocator_says(
    dropout: float, checkpointing: bool, attention: Literal["padded", "packed"]
) -> None:
    model = encoder(dropout, checkpointing, attention)
    found = graph_bytes_per_token(model, LENGTH, TOKENS, CPU)
    assert found == pytest.approx(allocated(model), rel=0.05)


def test_it_grows_with_layers_and_not_with_tokens() -> None:
    held = {layers: graph_bytes_per_token(encoder(layers=layers), LENGTH, TOKENS, CPU) for layers in (2, 4, 6)}
    assert held[6] - held[4] == pytest.approx(held[4] - held[2], rel=0.01)
    assert graph_bytes_per_token(encoder(), LENGTH, 4 * TOKENS, CPU) == pytest.approx(held[4], rel=0.01)


def test_with_gradient_checkpointing_it_is_a_fraction() -> None:
    plain, checkpointed = (graph_bytes_per_token(encoder(checkpointing=c), LENGTH, TOKENS, CPU) for c in (False, True))
    assert checkpointed < 0.15 * plain


def test_it_leaves_everything_as_it_was() -> None:
    model = encoder().eval()
    model.backbone.encoder.train()
    modes = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    with torch.no_grad():
        first = graph_bytes_per_token(model, LENGTH, TOKENS, CPU)
    assert torch.equal(torch.get_rng_state(), state)
    assert [part.training for part in model.modules()] == modes
    assert all(weight.grad is None for weight in model.parameters())
    torch.manual_seed(99)
    assert graph_bytes_per_token(model, LENGTH, TOKENS, CPU) == first


@pytest.mark.parametrize(("length", "tokens"), [(1, 1), (1, 40), (64, 8)])
def test_any_length_can_be_measured(length: int, tokens: int) -> None:
    assert graph_bytes_per_token(encoder(), length, tokens, CPU) > 0


def test_as_many_tokens_are_kept_as_fit() -> None:
    model = encoder()
    given = {"length": LENGTH, "tokens_per_chunk": TOKENS, "device": CPU}
    held = graph_bytes_per_token(model, LENGTH, TOKENS, CPU)
    kept = kept_tokens(model, graph_gib=0.5, bf16=False, **given)
    assert kept * held <= 2**29 < (kept + 1) * held
    assert kept_tokens(model, graph_gib=0.5, bf16=True, **given) == pytest.approx(2 * kept, abs=1)
    assert kept_tokens(model, graph_gib=0, bf16=False, **given) == 0
