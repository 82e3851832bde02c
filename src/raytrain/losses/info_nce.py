"""InfoNCE: the passage of a question against all other passages of the batch."""

import torch
from torch.nn.functional import cross_entropy


def info_nce(
    queries: torch.Tensor, passages: torch.Tensor, positives: torch.Tensor, temperature: float
) -> torch.Tensor:
    """The loss of each question, shape (n,): −log softmax over all passages at its own passage.

    ``queries`` (n, d) and ``passages`` (m, d) are unit vectors, ``positives`` (n,) says which passage belongs to
    which question. Cosines are divided by ``temperature`` (van den Oord et al. 2018, arXiv 1807.03748).
    """
    return cross_entropy(queries @ passages.T / temperature, positives, reduction="none")
