"""The losses once more: one process, the whole batch, row by row in plain loops. What the step is held against."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch.nn.functional import normalize

from raytrain.losses.config import KL, MIN_TEMPERATURE, InfoNCE, Loss, MarginMSE
from raytrain.model.encoder import BiEncoder
from train.ragged_batches import Row

Vectors = dict[tuple[int, ...], torch.Tensor]


def embedded(
    encoder: BiEncoder, rows: Sequence[Row]
) -> list[tuple[torch.Tensor, list[torch.Tensor], list[torch.Tensor]]]:
    """(question, positives, negatives) of each row; every text in a forward pass of its own, without padding."""

    def embed(text: list[int]) -> torch.Tensor:
        ids = torch.tensor([text])
        return encoder(ids, torch.ones_like(ids))[0]

    return [(embed(r.question), [embed(p) for p in r.positives], [embed(n) for n in r.negatives]) for r in rows]


def whole_loss(
    encoder: BiEncoder, rows: Sequence[Row], losses: Mapping[str, Loss], theta: torch.Tensor
) -> tuple[torch.Tensor, dict[str, float | None]]:
    """The weighted sum of the terms, and each term; ``theta`` are the parameters of learned temperatures."""
    vectors = embedded(encoder, rows)
    total, terms, learned = torch.zeros((), dtype=torch.float64), {}, iter(theta)
    for name, loss in losses.items():
        temperature: torch.Tensor | float = 1.0
        if isinstance(loss, InfoNCE):
            fixed = isinstance(loss.temperature, float)
            temperature = loss.temperature if fixed else MIN_TEMPERATURE + next(learned).exp()  # type: ignore[assignment]
        value: torch.Tensor | None = None
        for width, share in loss.widths.items():
            cut = [tuple(_cut(part, width) for part in row) for row in vectors]
            values = [v for v in _row_losses(loss, rows, cut, temperature) if v is not None]
            mean = torch.stack(values).mean() if values else None
            terms[name if width is None else f"{name}@{width}"] = None if mean is None else float(mean.detach())
            if mean is not None:
                value = share * mean if value is None else value + share * mean
        terms[name] = None if value is None else float(value.detach())
        if value is not None:
            total = total + loss.weight * value
    return total, terms


def _cut(part, width):  # type: ignore[no-untyped-def]
    if isinstance(part, list):
        return [_cut(vector, width) for vector in part]
    return part if width is None else normalize(part[:width], dim=0)


def _row_losses(loss, rows, vectors, temperature):  # type: ignore[no-untyped-def]
    for i, row in enumerate(rows):
        if isinstance(loss, InfoNCE):
            one = _info_nce(i, rows, vectors, temperature, loss.false_negative_margin)
            if loss.symmetric:
                one = (one + _reverse(i, rows, vectors, temperature, loss.false_negative_margin)) / 2
            yield one
        elif isinstance(loss, MarginMSE):
            yield _margin_mse(row, vectors[i], loss.score_scale)
        elif isinstance(loss, KL):
            yield _kl(row, vectors[i], loss.score_scale, loss.temperature)


def _info_nce(i, rows, vectors, temperature, margin):  # type: ignore[no-untyped-def]
    question, own, _ = vectors[i]
    answers = {tuple(p) for row in rows if row.question == rows[i].question for p in row.positives}
    best = max(float(question.detach() @ p.detach()) for p in own)
    against = []
    for row, (_, positives, negatives) in zip(rows, vectors, strict=True):
        for text, vector in zip([*row.positives, *row.negatives], [*positives, *negatives], strict=True):
            cosine = question @ vector
            near = margin is not None and float(cosine.detach()) > best - margin
            if tuple(text) not in answers and not near:
                against.append(cosine / temperature)
    losses = []
    for vector in own:
        scores = torch.stack([question @ vector / temperature, *against])
        losses.append(torch.logsumexp(scores, 0) - scores[0])
    return torch.stack(losses).mean()


def _reverse(i, rows, vectors, temperature, margin):  # type: ignore[no-untyped-def]
    passage = vectors[i][1][0]
    own = vectors[i][0] @ passage
    scores = [own / temperature]
    answered = {tuple(row.question) for row in rows if rows[i].positives[0] in row.positives}
    for j, row in enumerate(rows):
        cosine = vectors[j][0] @ passage
        near = margin is not None and float(cosine.detach()) > float(own.detach()) - margin
        if tuple(row.question) not in answered and not near:
            scores.append(cosine / temperature)
    return torch.logsumexp(torch.stack(scores), 0) - scores[0]


def _margin_mse(row, vectors, scale):  # type: ignore[no-untyped-def]
    question, positives, negatives = vectors
    losses = [
        (scale * (question @ p - question @ n) - (a - b)) ** 2
        for p, a in zip(positives, _fp32(row.positive_scores), strict=True)
        for n, b in zip(negatives, _fp32(row.negative_scores), strict=True)
        if not math.isnan(a) and not math.isnan(b)
    ]
    return torch.stack(losses).mean() if losses else None


def _kl(row, vectors, scale, temperature):  # type: ignore[no-untyped-def]
    question, positives, negatives = vectors
    scores = _fp32([*row.positive_scores, *row.negative_scores])
    known = [(s, v) for s, v in zip(scores, [*positives, *negatives], strict=True) if not math.isnan(s)]
    if len(known) < 2:
        return None
    teacher = torch.softmax(torch.tensor([s for s, _ in known], dtype=torch.float64) / temperature, 0)
    student = torch.log_softmax(torch.stack([scale * (question @ v) / temperature for _, v in known]), 0)
    return (teacher * (teacher.log() - student)).sum() * temperature**2


def _fp32(scores: list[float]) -> list[float]:
    """Scores travel in single precision."""
    return torch.tensor(scores, dtype=torch.float32).double().tolist()
