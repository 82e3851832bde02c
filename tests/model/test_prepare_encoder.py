"""How an encoder computes is chosen, and refused where it would change what is computed."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.testing import assert_close
from transformers import (
    AlbertConfig,
    AlbertModel,
    DebertaV2Config,
    DebertaV2Model,
    FNetConfig,
    FNetModel,
    GPT2Config,
    GPT2Model,
)

from model.tiny import FIRST_POSITION, SHAPE, backbone, texts
from raytrain.errors import UserError
from raytrain.model import attention as attention_module
from raytrain.model.attention import PACKED, packed_attention
from raytrain.model.encoder import BiEncoder, load_backbone
from raytrain.model.prepare import Attention, _pack, prepare_encoder

CPU = torch.device("cpu")


def prepared(model: Any, attention: Attention = "padded", checkpointing: bool = False, bf16: bool = False) -> BiEncoder:
    encoder = BiEncoder(model, "mean")
    prepare_encoder(
        encoder, attention=attention, bf16=bf16, device=CPU, gradient_checkpointing=checkpointing, compile=False
    )
    return encoder


@pytest.mark.parametrize("kind", list(FIRST_POSITION))
def test_positions_are_counted_as_the_backbone_counts_them(kind: str) -> None:
    packed = prepared(backbone(kind), "packed")
    assert packed.first_position == FIRST_POSITION[kind]
    assert packed.backbone.config._attn_implementation == PACKED


@pytest.mark.parametrize("attention", ["padded", "auto"])
@pytest.mark.parametrize("bf16", [False, True])
def test_on_a_cpu_texts_are_padded_unless_asked_otherwise(attention: Attention, bf16: bool) -> None:
    encoder = prepared(backbone("bert"), attention, bf16=bf16)
    assert encoder.first_position is None
    assert encoder.backbone.config._attn_implementation == "sdpa"


def test_the_shortest_texts_that_a_model_may_have_can_be_packed() -> None:
    assert prepared(backbone("bert", max_position_embeddings=4), "packed").first_position == 0


OTHERS = {
    "causal": lambda: GPT2Model(GPT2Config(vocab_size=50, n_embd=16, n_layer=1, n_head=2, bos_token_id=1)),
    "attention of its own": lambda: DebertaV2Model(DebertaV2Config(**SHAPE)),
}


@pytest.mark.parametrize("other", OTHERS)
def test_a_backbone_that_can_not_be_packed_is_refused_in_one_line_and_left_as_it_was(other: str) -> None:
    model = OTHERS[other]()
    before = model.config._attn_implementation
    encoder = BiEncoder(model, "mean")
    with pytest.raises(UserError, match=r"^train.attention: \w+ can't be packed \(.+\): set it to padded$"):
        prepare_encoder(
            encoder, attention="packed", bf16=False, device=CPU, gradient_checkpointing=False, compile=False
        )
    assert encoder.first_position is None
    assert model.config._attn_implementation == before


class Mixing(torch.nn.Module):
    """Embeddings that let neighbours into each other, as those with a convolution do."""

    def __init__(self, inner: torch.nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, **given: Any) -> torch.Tensor:
        embedded = self.inner(**given)
        return embedded + 0.1 * torch.nn.functional.pad(embedded, (0, 0, 1, 0))[:, :-1]


def test_a_backbone_that_embeds_otherwise_when_packed_is_refused() -> None:
    model = backbone("bert")
    model.embeddings = Mixing(model.embeddings)
    with pytest.raises(UserError, match="away from the padded ones"):
        prepared(model, "packed")


def test_modes_and_random_state_stay_as_they_were() -> None:
    model = backbone("bert")
    model.encoder.layer[0].eval()
    before = [part.training for part in model.modules()]
    state = torch.get_rng_state()
    prepared(model, "packed", checkpointing=True)
    assert [part.training for part in model.modules()] == before
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.parametrize("attention", ["padded", "packed"])
@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_gradient_checkpointing_gives_the_same_gradients_with_dropout(kind: str, attention: Attention) -> None:
    gradients = []
    for checkpointing in (False, True):
        model = backbone(kind, hidden_dropout_prob=0.2, attention_probs_dropout_prob=0.2).double()
        encoder = prepared(model, attention, checkpointing).train()
        ids, mask = texts([3, 3, 9, 1, 7], model.config.pad_token_id)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(7)
            vectors = encoder(ids, mask)
            vectors.cumsum(1).square().sum().backward()
        named = {name: weight.grad for name, weight in encoder.named_parameters() if weight.grad is not None}
        gradients.append({"vectors": vectors.detach()} | named)
    assert_close(gradients[1], gradients[0], atol=1e-12, rtol=0)


def test_gradient_checkpointing_of_a_backbone_without_it_is_refused() -> None:
    model = AlbertModel(AlbertConfig(**SHAPE, embedding_size=16), add_pooling_layer=False)
    with pytest.raises(UserError, match=r"^train.gradient_checkpointing: AlbertModel"):
        prepared(model, checkpointing=True)


def test_without_a_compiler_compile_is_refused_before_training(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    encoder = BiEncoder(backbone("bert"), "mean")
    with pytest.raises(UserError, match=r"^train.compile: .* install a C\+\+ compiler .*: ") as caught:
        prepare_encoder(encoder, attention="auto", bf16=False, device=CPU, gradient_checkpointing=False, compile=True)
    assert "\n" not in str(caught.value)


def test_a_backbone_whose_vectors_depend_on_padding_is_refused() -> None:
    shape = {"vocab_size": 50, "hidden_size": 16, "num_hidden_layers": 1, "intermediate_size": 24}
    model = FNetModel(FNetConfig(**shape, max_position_embeddings=40, pad_token_id=0), add_pooling_layer=False)
    model.forward = _without_mask(model.forward)  # it takes none
    with pytest.raises(UserError, match=r"^model: FNetModel embeds a text otherwise if it is padded"):
        prepared(model)


def _without_mask(forward: Any) -> Any:
    return lambda input_ids, attention_mask: forward(input_ids=input_ids)


def test_what_training_computes_in_half_precision_is_compared_too() -> None:
    encoder = BiEncoder(backbone("bert"), "mean")
    assert _pack(encoder, CPU, half=True) == ""
    assert encoder.first_position == 0


def test_a_kernel_that_errs_in_half_precision_alone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def erring(module: Any, query: torch.Tensor, *rest: Any, **named: Any) -> Any:
        found, weights = packed_attention(module, query, *rest, **named)
        return (found * 0 if query.element_size() == 2 else found), weights

    monkeypatch.setitem(attention_module.AttentionInterface._global_mapping, PACKED, erring)
    encoder = BiEncoder(backbone("bert"), "mean")
    assert "away from the padded ones" in _pack(encoder, CPU, half=True)
    assert encoder.first_position is None


def test_dropout_inside_attention_is_what_the_job_says(tmp_path: Path) -> None:
    backbone("bert", attention_probs_dropout_prob=0.1).save_pretrained(tmp_path)
    assert load_backbone(tmp_path).config.attention_probs_dropout_prob == 0.1
    without = load_backbone(tmp_path, attention_dropout=0.0)
    assert without.encoder.layer[0].attention.self.dropout.p == 0.0
