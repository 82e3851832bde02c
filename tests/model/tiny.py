"""Small backbones with random weights, drawn wide so that attention and positions count."""

from typing import Any

import torch
from transformers import (
    BertConfig,
    BertModel,
    ModernBertConfig,
    ModernBertModel,
    XLMRobertaConfig,
    XLMRobertaModel,
)

VOCAB, WIDTH = 50, 16
SHAPE = {"vocab_size": VOCAB, "hidden_size": WIDTH, "num_hidden_layers": 2, "num_attention_heads": 2}
SHAPE |= {"intermediate_size": 24, "initializer_range": 0.3}
FIRST_POSITION = {"bert": 0, "xlm-roberta": 2, "modernbert": 0}
WINDOW = 6  # tokens that ModernBERT's first layer sees on each side


def backbone(kind: str, **config: Any) -> Any:
    """In fp32 and training mode."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        if kind == "bert":
            return BertModel(BertConfig(**SHAPE | {"max_position_embeddings": 40} | config), add_pooling_layer=False)
        if kind == "xlm-roberta":
            given = SHAPE | {"max_position_embeddings": 40, "pad_token_id": 1} | config
            return XLMRobertaModel(XLMRobertaConfig(**given), add_pooling_layer=False)
        special = {f"{name}_token_id": 1 for name in ("bos", "eos", "cls", "sep")} | {"pad_token_id": 0}
        layers = {"local_attention": 2 * WINDOW, "layer_types": ["sliding_attention", "full_attention"]}
        return ModernBertModel(ModernBertConfig(**SHAPE | special | layers | config))


def texts(lengths: list[int], pad_id: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids and mask of random texts, both (n, longest)."""
    mask = (torch.arange(max(lengths)) < torch.tensor(lengths)[:, None]).long()
    ids = torch.randint(3, VOCAB, mask.shape, generator=torch.Generator().manual_seed(len(lengths)))
    return torch.where(mask == 1, ids, pad_id), mask
