"""torch.compile changes speed, not values: not with dropout, nor between a pass with and one without a graph."""

import pytest
import torch
from torch.testing import assert_close

from model.tiny import backbone, texts
from raytrain.model.encoder import BiEncoder
from raytrain.model.prepare import Attention, prepare_encoder

pytestmark = [pytest.mark.system, pytest.mark.timeout(1800)]

CPU = torch.device("cpu")
SHAPES = [[3, 5, 9], [7] * 6, [4, 12], [11]]


def encoder(compile: bool, attention: Attention, checkpointing: bool) -> BiEncoder:
    made = BiEncoder(backbone("bert", hidden_dropout_prob=0.2), "mean").train()
    prepare_encoder(
        made, attention=attention, bf16=False, device=CPU, gradient_checkpointing=checkpointing, compile=compile
    )
    return made


def passes(model: BiEncoder, graph: bool) -> list[torch.Tensor]:
    """Vectors of several chunks, each seeded, and the gradient of all weights."""
    found = []
    for seed, lengths in enumerate(SHAPES):
        with torch.random.fork_rng(devices=[]), torch.set_grad_enabled(graph):
            torch.manual_seed(seed)
            vectors = model(*texts(lengths, 0))
        if graph:
            vectors.cumsum(1).square().sum().backward()
        found.append(vectors.detach())
    return found


@pytest.mark.parametrize(("attention", "checkpointing"), [("padded", False), ("padded", True), ("packed", False)])
def test_values_and_gradients_are_those_of_the_plain_encoder(attention: Attention, checkpointing: bool) -> None:
    torch.compiler.reset()
    plain, compiled = (encoder(compile, attention, checkpointing) for compile in (False, True))
    assert list(compiled.state_dict()) == list(plain.state_dict())
    expected = passes(plain, graph=True)
    found = passes(compiled, graph=True)
    assert_close(found, expected, atol=1e-5, rtol=0)
    for ours, theirs in zip(compiled.parameters(), plain.parameters(), strict=True):
        assert (ours.grad is None) == (theirs.grad is None)
        if ours.grad is not None and theirs.grad is not None:
            assert (ours.grad - theirs.grad).norm() <= 1e-5 * theirs.grad.norm().clamp(min=1.0)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_pass_without_a_graph_gives_what_one_with_a_graph_gives(dtype: torch.dtype) -> None:
    """GradCache embeds a chunk in both ways, and takes them for the same."""
    torch.compiler.reset()
    compiled = encoder(compile=True, attention="padded", checkpointing=False).to(dtype)
    assert all(map(torch.equal, passes(compiled, graph=False), passes(compiled, graph=True)))
