"""KL: the distribution over a row's own passages is to be the teacher's."""

import torch
from torch.nn.functional import kl_div, log_softmax

from raytrain.losses.margin_mse import known_scores, own_cosines, scored
from raytrain.losses.rows import Passages, Rows


def kl(rows: Rows, passages: Passages, score_scale: float, temperature: float) -> torch.Tensor:
    """The loss of each row, shape (n,): KL(softmax(t / T) ‖ softmax(score_scale · cos / T)) · T².

    Both are over the passages that the row brought and the teacher scored t, T is ``temperature``; its square keeps
    gradients in proportion (Hinton et al. 2015, arXiv 1503.02531, section 2). With fewer than two such passages, loss
    and gradient are 0.
    """
    teacher = _log_distribution(known_scores(rows) / temperature, rows)
    student = _log_distribution(own_cosines(rows, passages) * (score_scale / temperature), rows)
    return kl_div(student, teacher, reduction="none", log_target=True).sum(1) * temperature**2


def has_distribution(rows: Rows) -> torch.Tensor:
    """Which rows have at least two passages that the teacher scored; shape (n,), bool."""
    return scored(rows).sum(1) >= 2


def _log_distribution(scores: torch.Tensor, rows: Rows) -> torch.Tensor:
    # Finite, so that probability 0 times the difference of two logarithms is 0; alike in both distributions.
    return log_softmax(scores.masked_fill(~scored(rows), torch.finfo(scores.dtype).min / 2), 1)
