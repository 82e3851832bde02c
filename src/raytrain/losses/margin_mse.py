"""MarginMSE: the difference of two cosines is to be that of the teacher's scores."""

import torch

from raytrain.losses.rows import Passages, Rows


def margin_mse(rows: Rows, passages: Passages, score_scale: float) -> torch.Tensor:
    """The loss of each row, shape (n,): the mean of (score_scale · (cos_p − cos_n) − (t_p − t_n))².

    It is taken over all pairs of a positive p and a negative n that the row brought and the teacher scored t_p and
    t_n (Hofstätter et al. 2020, arXiv 2010.02666). Without such a pair, loss and gradient are 0.
    """
    positive, negative = _scored(rows)
    error = score_scale * own_cosines(rows, passages) - known_scores(rows)
    # A pair's part is (error of p − error of n)². Its mean over all pairs, without the pairs:
    (mean_p, variance_p), (mean_n, variance_n) = _moments(error, positive), _moments(error, negative)
    losses = (mean_p - mean_n).square() + variance_p + variance_n
    return losses * has_margin(rows)


def has_margin(rows: Rows) -> torch.Tensor:
    """Which rows have a positive and a negative that the teacher scored; shape (n,), bool."""
    positive, negative = _scored(rows)
    return positive.any(1) & negative.any(1)


def scored(rows: Rows) -> torch.Tensor:
    """Which of the rows' own passages the teacher scored; shape (n, k), bool."""
    return (rows.candidates >= 0) & ~rows.scores.isnan()


def known_scores(rows: Rows) -> torch.Tensor:
    """The teacher's scores in the vectors' type, 0 where there is none; shape (n, k)."""
    return rows.scores.masked_fill(~scored(rows), 0).to(rows.questions.dtype)


def own_cosines(rows: Rows, passages: Passages) -> torch.Tensor:
    """The cosines of the rows' questions and own passages, 0 where the teacher has no score; shape (n, k)."""
    # One by one: rows have very different numbers of passages, and (n, k, d) would be mostly filling.
    places = scored(rows).nonzero(as_tuple=True)
    questions, own = rows.questions[places[0]], passages.vectors[rows.candidates[places]]
    cosines = rows.questions.new_zeros(rows.candidates.shape)
    return cosines.index_put(places, torch.linalg.vecdot(questions, own))


def _scored(rows: Rows) -> tuple[torch.Tensor, torch.Tensor]:
    known = scored(rows)
    return known & rows.positive, known & ~rows.positive


def _moments(values: torch.Tensor, chosen: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and variance of the chosen ones of each row, (n,) both; 0 where none is."""
    count = chosen.sum(1).clamp(min=1)
    mean = (values * chosen).sum(1) / count
    return mean, ((values - mean[:, None]).square() * chosen).sum(1) / count
