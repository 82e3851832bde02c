"""A term of the loss: which rows it speaks of, and what it says of them."""

import torch

from raytrain.losses.config import KL, InfoNCE, Loss, MarginMSE
from raytrain.losses.info_nce import info_nce, reverse_info_nce
from raytrain.losses.kl import has_distribution, kl
from raytrain.losses.margin_mse import has_margin, margin_mse
from raytrain.losses.rows import Passages, Questions, Rows


def counted(loss: Loss, rows: Rows) -> torch.Tensor:
    """Which rows the term speaks of; shape (n,), bool. A term's mean is over these."""
    match loss:
        case InfoNCE():
            return torch.ones_like(rows.number, dtype=torch.bool)
        case MarginMSE():
            return has_margin(rows)
        case KL():
            return has_distribution(rows)


def row_losses(
    loss: Loss, rows: Rows, passages: Passages, questions: Questions, temperature: torch.Tensor
) -> torch.Tensor:
    """The term of each row, shape (n,), in the vectors' type; 0 where it is not counted.

    ``temperature`` is that of InfoNCE, fixed or learned. Weights and Matryoshka are the caller's: vectors are taken as
    they come, at the width that is asked about. The memory is that of a few tensors (n, passages) or (n, questions).
    """
    match loss:
        case InfoNCE():
            forth = info_nce(rows, passages, questions, temperature, loss.false_negative_margin)
            if not loss.symmetric:
                return forth
            return (forth + reverse_info_nce(rows, passages, questions, temperature, loss.false_negative_margin)) / 2
        case MarginMSE():
            return margin_mse(rows, passages, loss.score_scale)
        case KL():
            return kl(rows, passages, loss.score_scale, loss.temperature)
