"""InfoNCE: a question's passages against the other passages of the batch, and the reverse."""

import torch
from torch.nn.functional import logsigmoid

from raytrain.losses.rows import Passages, Questions, Rows


def info_nce(
    rows: Rows, passages: Passages, questions: Questions, temperature: torch.Tensor, margin: float | None
) -> torch.Tensor:
    """The loss of each row, shape (n,): the mean over its positives p of −log(e^s_p / (e^s_p + Σ e^s_n)).

    s is a cosine divided by ``temperature``, n runs over the row's negatives (van den Oord et al. 2018, arXiv
    1807.03748): all passages of the batch but those that equal a positive of the row, or of one that asks the same,
    and, if there is a ``margin``, those whose cosine is above that of the row's best positive less ``margin``. With
    no negative left, loss and gradient are 0. Of ``questions`` only the keys are read.
    """
    scores = (rows.questions / temperature) @ passages.vectors.T
    columns = max(1, int(rows.positive.any(0).sum()))  # positives come first; 1 if there are no rows
    positive, places = rows.positive[:, :columns], rows.candidates[:, :columns].clamp(min=0)
    own = scores.gather(1, places)
    # Own positives answer the row's own question, so that this leaves them out, too.
    asks = questions.keys[rows.number][:, None] == questions.keys[passages.rows]
    left_out = _equal_to_any(asks & passages.positive, passages.keys)
    if margin is not None:
        left_out |= _too_close(scores, own, positive, margin / temperature)
    return _contrast(scores, own, positive, left_out)


def reverse_info_nce(
    rows: Rows, passages: Passages, questions: Questions, temperature: torch.Tensor, margin: float | None
) -> torch.Tensor:
    """The loss of each row, shape (n,): its first passage against the questions of the batch.

    The row's own question is the only positive. Negatives are all questions but those that equal one that the passage
    answers in any row, the own one among them, and, if there is a ``margin``, those whose cosine is above the own
    one's less ``margin``. With no negative left, loss and gradient are 0.
    """
    answers = rows.candidates[:, 0]
    scores = (passages.vectors[answers] / temperature) @ questions.vectors.T
    own = scores.gather(1, rows.number[:, None])
    given = (passages.keys == passages.keys[answers][:, None]) & passages.positive
    row, place = given.nonzero(as_tuple=True)
    answered = torch.zeros_like(scores, dtype=torch.bool)
    answered[row, passages.rows[place]] = True
    left_out = _equal_to_any(answered, questions.keys)
    positive = torch.ones_like(own, dtype=torch.bool)
    if margin is not None:
        left_out |= _too_close(scores, own, positive, margin / temperature)
    return _contrast(scores, own, positive, left_out)


def _equal_to_any(chosen: torch.Tensor, keys: torch.Tensor) -> torch.Tensor:
    """Which of m texts equal one of those that a row chose; both (n, m). Texts with equal keys (m,) are equal."""
    different, number = torch.unique(keys, return_inverse=True)
    row, place = chosen.nonzero(as_tuple=True)
    found = torch.zeros(len(chosen), len(different), dtype=torch.bool, device=keys.device)
    found[row, number[place]] = True
    return found[:, number]


@torch.no_grad()
def _too_close(scores: torch.Tensor, own: torch.Tensor, positive: torch.Tensor, margin: torch.Tensor) -> torch.Tensor:
    """Which scores (n, m) are above the row's best positive less a margin, in units of scores; shape (n, m)."""
    best = own.masked_fill(~positive, -torch.inf).amax(1, keepdim=True)
    return scores > best - margin


def _contrast(scores: torch.Tensor, own: torch.Tensor, positive: torch.Tensor, left_out: torch.Tensor) -> torch.Tensor:
    """The mean over positives (n, p), whose scores are ``own``, of the loss against scores (n, m) not left out."""
    # Half of the least number: finite, and so is what is added to it or taken from it. The exponential is 0.
    negatives = scores.masked_fill(left_out, torch.finfo(scores.dtype).min / 2).logsumexp(1, keepdim=True)
    losses = -logsigmoid(own - negatives)  # = softplus(negatives − own); torch's softplus is linear above 20
    return (losses * positive).sum(1) / positive.sum(1)
