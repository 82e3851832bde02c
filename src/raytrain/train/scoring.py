"""From the vectors of a batch to losses, and to the gradient of every vector. No rank is known here."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch

from raytrain.losses.config import InfoNCE, Loss, learned_temperatures
from raytrain.losses.matryoshka import narrow
from raytrain.losses.rows import Passages, Questions, Rows
from raytrain.losses.term import counted, row_losses

# Scores that are held at a time: (rows of a block) × (all passages), a few times over.
SCORES_AT_ONCE = {"cpu": 1 << 20, "cuda": 1 << 24}


@dataclass(frozen=True)
class Scored:
    """Losses of n rows by term, 0 where a term does not count the row; and the gradients of the weighted sum.

    A term with Matryoshka widths is there as a whole, and once as ``name@width`` for each.
    """

    losses: dict[str, torch.Tensor]  # (n,) each
    rows: torch.Tensor  # gradient of the rows' own questions as rows, (n, d)
    questions: torch.Tensor  # of all questions as columns, the shape of Questions.vectors
    passages: torch.Tensor  # of all passages, (m, d)
    temperatures: torch.Tensor  # (k,)


class _Narrowed:
    """Vectors cut to a width, as a leaf that gathers gradients block after block."""

    def __init__(self, vectors: torch.Tensor, width: int | None) -> None:
        self._whole = vectors.detach().requires_grad_()
        self._narrow = narrow(self._whole, width)
        self.leaf = self._narrow.detach().requires_grad_()
        self.leaf.grad = torch.zeros_like(self.leaf)

    def gradient(self) -> torch.Tensor:
        """Of the whole vectors."""
        self._narrow.backward(self.leaf.grad)  # type: ignore[no-untyped-call]
        assert self._whole.grad is not None
        return self._whole.grad


@dataclass(frozen=True)
class _Cut:
    """Rows, passages and questions at one width."""

    rows: _Narrowed
    passages: _Narrowed
    questions: _Narrowed


def score(
    rows: Rows,
    passages: Passages,
    questions: Questions,
    temperatures: torch.Tensor,
    losses: Mapping[str, Loss],
    counts: Mapping[str, int],
) -> Scored:
    """Losses of the rows against the whole batch, and gradients of Σ weight · Σ loss / counts[term].

    ``counts`` are the rows of all ranks that each term counts: so the parts of all ranks add up to the mean over the
    batch. ``temperatures`` (k,) are the learned ones, in the order of the terms that learn. Rows are taken in blocks,
    so that memory grows with the number of passages, not with its square.
    """
    learned = temperatures.detach().to(rows.questions.dtype).requires_grad_()
    learned.grad = torch.zeros_like(learned)
    found = {name: rows.questions.new_zeros(len(rows)) for name in names_of(losses)}
    # Each block adds a gradient of all passages, (m, d), so that its scores may be as large.
    block = max(rows.questions.shape[1], SCORES_AT_ONCE[rows.questions.device.type] // max(len(passages.keys), 1))
    of_rows, of_passages, of_questions = (
        torch.zeros_like(vectors) for vectors in (rows.questions, passages.vectors, questions.vectors)
    )
    for width in dict.fromkeys(width for loss in losses.values() for width in loss.widths):
        cut = _Cut(*(_Narrowed(v, width) for v in (rows.questions, passages.vectors, questions.vectors)))
        terms = {name: loss for name, loss in losses.items() if width in loss.widths and counts[name]}
        for start in range(0, len(rows), block):
            stop = min(start + block, len(rows))
            # A leaf of its own: the gradient of a slice would be as large as the whole, in every block.
            part = replace(rows.part(start, stop), questions=cut.rows.leaf[start:stop].detach().requires_grad_())
            columns = replace(passages, vectors=cut.passages.leaf), replace(questions, vectors=cut.questions.leaf)
            total = part.questions.sum() * 0
            for name, loss in terms.items():
                values = row_losses(loss, part, *columns, _temperature(name, losses, learned))
                share = loss.widths[width]
                total = total + loss.weight * share / counts[name] * values.sum()
                found[name][start:stop] += share * values.detach()
                if width is not None:
                    found[f"{name}@{width}"][start:stop] = values.detach()
            total.backward()  # type: ignore[no-untyped-call]
            assert cut.rows.leaf.grad is not None
            assert part.questions.grad is not None
            cut.rows.leaf.grad[start:stop] = part.questions.grad
        of_rows += cut.rows.gradient()
        of_passages += cut.passages.gradient()
        of_questions += cut.questions.gradient()
    return Scored(found, of_rows, of_questions, of_passages, learned.grad.to(temperatures.dtype))


def names_of(losses: Mapping[str, Loss]) -> list[str]:
    """What ``Scored.losses`` has: every term, and after it each of its widths."""
    return [
        full
        for name, loss in losses.items()
        for full in (name, *(f"{name}@{width}" for width in loss.widths if width is not None))
    ]


def count_rows(losses: Mapping[str, Loss], rows: Rows) -> dict[str, torch.Tensor]:
    """Which rows each term counts, (n,) bool."""
    return {name: counted(loss, rows) for name, loss in losses.items()}


def _temperature(name: str, losses: Mapping[str, Loss], learned: torch.Tensor) -> torch.Tensor:
    """A term's temperature, shape (); 1 for a term that has none here."""
    learning = list(learned_temperatures(losses))
    if name in learning:
        return learned[learning.index(name)]
    loss = losses[name]
    return learned.new_tensor(loss.temperature if isinstance(loss, InfoNCE) else 1.0)
