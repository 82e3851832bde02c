"""The bi-encoder: one backbone, token vectors pooled into one vector of length 1."""

from pathlib import Path
from typing import Literal

import torch
from safetensors import SafetensorError
from torch import nn
from transformers import AutoConfig, AutoModel, BertConfig, BertModel, PreTrainedModel
from transformers.utils import logging as hf_logging

from raytrain.config import FromScratch
from raytrain.errors import UserError, one_line
from raytrain.model.attention import pack

Pooling = Literal["mean", "cls"]

# What it would tell (which weights are new) is checked below; its bars are not ours.
hf_logging.set_verbosity_error()
hf_logging.disable_progress_bar()


class BiEncoder(nn.Module):
    """Embeds questions and passages with the same weights.

    ``first_position`` is None while texts are padded. With packed attention it is the position of a text's first
    token as the backbone counts: BERT from 0, RoBERTa and XLM-R from the id of padding + 1 (``prepare_encoder``).
    """

    def __init__(self, backbone: PreTrainedModel, pooling: Pooling) -> None:
        super().__init__()
        self.backbone = backbone
        self.pooling = pooling
        self.first_position: int | None = None

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        """Token ids and mask, both (n, length), to unit vectors (n, d), at least float32.

        Every text has a token. A backbone in fp64 gives fp64; anything else gives float32.
        """
        if self.first_position is None:
            output = self.backbone(input_ids=input_ids, attention_mask=attention_mask)
            vectors = pool(widened(output.last_hidden_state), attention_mask, self.pooling)
        else:
            packed = pack(input_ids, attention_mask, self.first_position)
            output = self.backbone(
                input_ids=packed.input_ids,
                position_ids=packed.position_ids,
                cu_seq_lens_q=packed.bounds,
                max_length_q=packed.longest,
            )
            vectors = pool_packed(widened(output.last_hidden_state[0]), packed.bounds, self.pooling)
        return nn.functional.normalize(vectors, dim=-1)


def widened(values: torch.Tensor) -> torch.Tensor:
    """Half precision as float32; float32 and fp64 as they are."""
    return values.float() if values.element_size() < 4 else values


def pool(hidden: torch.Tensor, attention_mask: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Token vectors (n, length, d) to one vector a text (n, d): the first, or the mean over real tokens."""
    if pooling == "cls":
        return hidden[:, 0]
    mask = attention_mask.unsqueeze(-1).to(hidden.dtype)
    return (hidden * mask).sum(1) / mask.sum(1).clamp(min=1)


def pool_packed(hidden: torch.Tensor, bounds: torch.Tensor, pooling: Pooling) -> torch.Tensor:
    """Token vectors (total, d) of texts between ``bounds`` (n + 1,) to one vector a text (n, d), as ``pool`` does."""
    if pooling == "cls":
        return hidden[bounds[:-1]]
    return torch.segment_reduce(hidden, "mean", offsets=bounds.long())


def random_backbone(config: FromScratch, vocab_size: int, pad_id: int, max_len: int, seed: int) -> PreTrainedModel:
    """A BERT encoder with random weights that depend on ``seed`` alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return BertModel(
            BertConfig(
                vocab_size=vocab_size,
                hidden_size=config.hidden,
                num_hidden_layers=config.layers,
                num_attention_heads=config.heads,
                intermediate_size=config.intermediate or 4 * config.hidden,
                hidden_dropout_prob=config.dropout,
                # Dropout inside attention would keep PyTorch from its fused kernel.
                attention_probs_dropout_prob=0.0,
                max_position_embeddings=max_len,
                pad_token_id=pad_id,
            ),
            add_pooling_layer=False,
        )


ATTENTION_DROPOUT = ("attention_probs_dropout_prob", "attention_dropout")  # what configs call it


def load_backbone(
    name_or_path: str | Path, revision: str | None = None, attention_dropout: float | None = None
) -> PreTrainedModel:
    """A Hugging Face encoder in fp32, from safetensors only: nothing that is loaded can run code.

    The pooler head is left out: it takes no part in the embedding, and a weight without gradient trips ZeRO.
    Raises UserError if there is no such model.
    """
    try:
        config = AutoConfig.from_pretrained(str(name_or_path), revision=revision, trust_remote_code=False)
        for name in ATTENTION_DROPOUT if attention_dropout is not None else ():
            if hasattr(config, name):
                setattr(config, name, attention_dropout)
        backbone, loaded = AutoModel.from_pretrained(
            str(name_or_path),
            config=config,
            revision=revision,
            use_safetensors=True,
            trust_remote_code=False,
            dtype=torch.float32,
            output_loading_info=True,
        )
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        if "trust_remote_code" in str(error):
            raise UserError(
                f"model {name_or_path}: brings Python code of its own, which is not run: take a model whose "
                "architecture transformers has"
            ) from error
        raise UserError(f"model {name_or_path}: can't be loaded (from safetensors): {one_line(error)}") from error
    missing = sorted(key for key in loaded["missing_keys"] if not key.startswith("pooler."))
    if missing:
        raise UserError(f"model {name_or_path}: the weights lack {', '.join(missing[:5])}")
    if getattr(backbone, "pooler", None) is not None:
        backbone.pooler = None
    return backbone
