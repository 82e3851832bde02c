"""What training an encoder costs in floating point operations: arithmetic, no measurement."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

TRAINING = 3  # the backward pass costs two forward passes; what is computed a second time is not counted


def matmul_parameters(config: Any) -> int:
    """Weights of a BERT-like encoder that every token is multiplied with; embeddings are looked up, and not among them.

    A layer has four hidden × hidden (query, key, value, output) and two hidden × intermediate.
    """
    return int(
        config.num_hidden_layers * (4 * config.hidden_size**2 + 2 * config.hidden_size * config.intermediate_size)
    )


def forward_flops(config: Any, lengths: npt.NDArray[np.int64]) -> float:
    """Of embedding texts of so many real tokens each.

    A weight costs a multiplication and an addition a token. A token of a text of S tokens is compared with S others
    and averages S: twice 2 · hidden · S operations a layer (PaLM, arXiv 2204.02311, appendix B).
    """
    n = lengths.astype(np.float64)
    attention = 4 * config.num_hidden_layers * config.hidden_size * (n**2).sum()
    return float(2 * matmul_parameters(config) * n.sum() + attention)


def training_flops(config: Any, lengths: npt.NDArray[np.int64]) -> float:
    """Of a forward and a backward pass."""
    return TRAINING * forward_flops(config, lengths)


KINDS = {
    "attention": ("flash", "fmha", "attention", "softmax"),
    "matrix products": ("gemm", "nvjet", "cutlass", "cublas", "aten::mm", "aten::addmm", "aten::bmm", "xmma"),
    "optimizer": ("adam", "multi_tensor"),
    "layer norm": ("layer_norm", "layernorm"),
    "copies": ("memcpy", "memset", "copy", "catarray", "aten::cat", "aten::fill", "aten::zero"),
    "lookup and scatter": ("embedding", "index", "gather", "scatter", "sort"),
    "elementwise and sums": ("elementwise", "reduce", "dropout", "gelu", "aten::"),
}


def by_kind(kernels: Mapping[str, float]) -> dict[str, float]:
    """Times of kernels, added up by what they do, largest first. Names decide; the first kind that fits."""
    sums: dict[str, float] = {}
    for name, time in kernels.items():
        low = name.lower()
        kind = next((kind for kind, marks in KINDS.items() if any(mark in low for mark in marks)), "other")
        sums[kind] = sums.get(kind, 0.0) + time
    return dict(sorted(sums.items(), key=lambda item: -item[1]))
