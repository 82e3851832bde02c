"""Matryoshka representations: the first dimensions of a vector as a vector of their own."""

import torch
from torch.nn.functional import normalize


def narrow(vectors: torch.Tensor, width: int | None) -> torch.Tensor:
    """The first ``width`` dimensions of vectors (…, d) at unit length, shape (…, width); None: the vectors as they are.

    Kusupati et al. 2022, arXiv 2205.13147. A vector that is 0 there stays 0.
    """
    return vectors if width is None else normalize(vectors[..., :width], dim=-1)
