"""Small batches for the losses: as plain lists, which a plain loop reads, and as tensors."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from hypothesis import strategies as st
from torch.nn.functional import normalize

from raytrain.losses.rows import Passages, Questions, Rows


@dataclass(frozen=True)
class Own:
    """A passage that a row brought; equal passages have equal keys."""

    key: int
    positive: bool = True
    score: float | None = None


@dataclass(frozen=True)
class Row:
    """A row: the key of its question, and its passages, positives first."""

    question: int
    passages: tuple[Own, ...]


def row(question: int, positives: Sequence[int], negatives: Sequence[int] = ()) -> Row:
    """A row without scores."""
    return Row(question, (*(Own(key) for key in positives), *(Own(key, False) for key in negatives)))


@dataclass(frozen=True)
class Batch:
    """A batch of vectors drawn at random, those of equal passages too: so that nothing but keys says what is equal.

    Positives of all rows stand before negatives, as in a batch of several ranks they stand anywhere.
    """

    rows: tuple[Row, ...]
    questions: torch.Tensor  # (N, d)
    passages: torch.Tensor  # (m, d)

    @property
    def places(self) -> list[list[int]]:
        """Of each row, where its passages stand."""
        brought = [(i, j) for i, r in enumerate(self.rows) for j in range(len(r.passages))]
        order = sorted(brought, key=lambda ij: not self.rows[ij[0]].passages[ij[1]].positive)
        return [[order.index((i, j)) for j in range(len(r.passages))] for i, r in enumerate(self.rows)]

    def tensors(self) -> tuple[Rows, Passages, Questions]:
        """As losses take it."""
        width = max(len(r.passages) for r in self.rows)
        owner, keys, positive = ([0] * len(self.passages) for _ in range(3))
        for i, (r, places) in enumerate(zip(self.rows, self.places, strict=True)):
            for own, place in zip(r.passages, places, strict=True):
                owner[place], keys[place], positive[place] = i, own.key, own.positive

        def filled(values: list[list[float]], filling: float) -> torch.Tensor:
            return torch.tensor([v + [filling] * (width - len(v)) for v in values], dtype=torch.float64)

        scores = [[float("nan") if own.score is None else own.score for own in r.passages] for r in self.rows]
        rows = Rows(
            number=torch.arange(len(self.rows)),
            questions=self.questions,
            candidates=filled([list(map(float, places)) for places in self.places], -1).long(),
            positive=filled([[float(own.positive) for own in r.passages] for r in self.rows], 0).bool(),
            scores=filled(scores, float("nan")).float(),
        )
        passages = Passages(self.passages, torch.tensor(keys), torch.tensor(owner), torch.tensor(positive).bool())
        return rows, passages, Questions(self.questions, torch.tensor([r.question for r in self.rows]))

    def cosines(self) -> list[list[float]]:
        """Of every question with every passage."""
        return [
            [sum(a * b for a, b in zip(q, p, strict=True)) for p in self.passages.tolist()]
            for q in self.questions.tolist()
        ]

    def to(self, dtype: torch.dtype) -> "Batch":
        """The same with vectors of another type."""
        return replace(self, questions=self.questions.to(dtype), passages=self.passages.to(dtype))

    def leaves(self) -> "Batch":
        """The same with vectors that gather gradients."""
        fresh = [v.detach().clone().requires_grad_() for v in (self.questions, self.passages)]
        return replace(self, questions=fresh[0], passages=fresh[1])


def vectors(count: int, seed: int, width: int = 6) -> torch.Tensor:
    """Unit vectors in fp64."""
    generator = torch.Generator().manual_seed(seed)
    return normalize(torch.randn(count, width, generator=generator, dtype=torch.float64), dim=1)


def batch(*rows: Row, seed: int = 0) -> Batch:
    """A batch of these rows."""
    return Batch(rows, vectors(len(rows), seed), vectors(sum(len(r.passages) for r in rows), seed + 1))


def owns(positive: bool) -> st.SearchStrategy[Own]:
    return st.builds(Own, st.integers(0, 6), st.just(positive), st.none() | st.floats(-5, 15, width=32))


def rows_drawn() -> st.SearchStrategy[Row]:
    """Rows with one to three positives and up to four negatives; collisions are frequent."""
    lists = st.tuples(st.lists(owns(True), min_size=1, max_size=3), st.lists(owns(False), max_size=4))
    return st.builds(Row, st.integers(0, 4), lists.map(lambda both: (*both[0], *both[1])))


def batches() -> st.SearchStrategy[Batch]:
    """Batches of one to five rows."""
    drawn = st.lists(rows_drawn(), min_size=1, max_size=5)
    return st.builds(lambda rows, seed: batch(*rows, seed=seed), drawn, st.integers(0, 99))
